"""What scripts call around their runs because W&B has a service and a server; here is neither.

The calls are taken, with their names and arguments, and there is nothing to log in to or to start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from airtape.session import session, settings_for
from airtape.settings import Settings


class Setup(NamedTuple):
    """What `setup` returns.

    Attributes:
        settings: The settings that a run would have if it were started now without arguments.
    """

    settings: Settings


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = True,
    referrer: str | None = None,
    prompt: bool = True,
    anonymous: Literal["must", "allow", "never"] | None = None,
) -> bool:
    """Tell whether somebody is logged in: never, for there is no server; the key is not kept."""
    return False


def require(requirement: str | Iterable[str] | None = None) -> None:
    """Do nothing: what scripts ask W&B for beforehand is there in any case, or not at all."""


def setup(settings: Settings | Mapping[str, Any] | None = None) -> Setup:
    """Return the settings of this process; there is no service to start.

    Args:
        settings: Settings as for `airtape.init`.

    Raises:
        UsageError: One of them is wrong.
    """
    return Setup(settings_for({}, settings))


def teardown(exit_code: int | None = None) -> None:
    """Finish all runs of this process.

    Args:
        exit_code: As for `Run.finish`.

    Raises:
        InvalidDataError: The exit code is no integer; the runs go on.
    """
    session.finish_all(exit_code)
