"""airtape: record experiments to an append-only log, sync the log later.

``import airtape`` or ``import airtape as wandb``; then `init`, `log`, `finish`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airtape import helper
from airtape.alerts import AlertLevel
from airtape.api import (
    alert,
    current_attribute,
    define_metric,
    finish,
    finish_artifact,
    init,
    join,
    link_artifact,
    link_model,
    log,
    log_artifact,
    log_code,
    log_model,
    mark_preempting,
    pin_config_keys,
    restore,
    save,
    unwatch,
    upsert_artifact,
    use_artifact,
    use_model,
    watch,
)
from airtape.config import Config
from airtape.errors import (
    AuthenticationError,
    CommError,
    ConfigError,
    Error,
    InvalidDataError,
    LogFormatError,
    NotAvailableYetError,
    TargetError,
    UsageError,
)
from airtape.later import LATER_MODULES, LaterModule, missing_name
from airtape.login import login, require, setup, teardown
from airtape.metric import Metric
from airtape.restoring import reads_with
from airtape.run import Run
from airtape.settings import Settings
from airtape.summary import Summary
from airtape.term import termerror, termlog, termwarn
from airtape.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airtape.query.api import Api
    from airtape.restoring import Places

    run: Run | None
    config: Config
    summary: Summary

__all__ = (
    "AlertLevel",
    "Api",
    "AuthenticationError",
    "CommError",
    "Config",
    "ConfigError",
    "Error",
    "InvalidDataError",
    "LogFormatError",
    "Metric",
    "NotAvailableYetError",
    "Run",
    "Settings",
    "Summary",
    "TargetError",
    "UsageError",
    "__version__",
    "alert",
    "config",
    "define_metric",
    "finish",
    "finish_artifact",
    "helper",
    "init",
    "join",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "pin_config_keys",
    "require",
    "restore",
    "run",
    "save",
    "setup",
    "summary",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "upsert_artifact",
    "use_artifact",
    "use_model",
    "watch",
)


def _fetch_file(
    run_path: str, name: str, places: Places, take: Callable[[Iterable[bytes]], None]
) -> bool:
    from airtape.query.restore import fetch_file  # noqa: PLC0415 - see `__getattr__`

    return fetch_file(run_path, name, places, take)


reads_with(_fetch_file)


def __getattr__(name: str) -> object:
    if name in {"run", "config", "summary"}:
        return current_attribute(name)
    if name == "Api":
        from airtape.query.api import Api  # noqa: PLC0415 - reads what recording does without

        return Api
    if name in LATER_MODULES:
        return LaterModule(f"{__name__}.{name}")
    raise missing_name(__name__, name)


def __dir__() -> list[str]:
    return sorted(__all__)


# An imported submodule becomes an attribute of its package; these three would hide the current run.
for _name in ("run", "config", "summary"):
    del globals()[_name]
