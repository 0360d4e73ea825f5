"""`airtape.Api`: recorded runs, read where they are, without a server."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from glob import has_magic
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import urlsplit

from airtape.errors import CommError, NotAvailableYetError, UsageError
from airtape.names import NO_ENTITY, NO_PROJECT
from airtape.query.directories import Directories
from airtape.query.filters import parse
from airtape.query.kept import KeptRun, Place
from airtape.query.mappings import filter_of
from airtape.query.order import parse_order
from airtape.query.run import RecordedRun
from airtape.query.runs import Runs
from airtape.query.store import StoreFile
from airtape.rundir import wandb_dir
from airtape.settings_sources import load_settings

PathLike: TypeAlias = str | os.PathLike[str]

_STORE_SCHEME: Final = "sqlite:"
_DATABASE: Final = b"SQLite format 3\0"
_ENDINGS: Final = frozenset({".db", ".sqlite", ".sqlite3"})
RUN_PARTS: Final = 3
RUN_FORM: Final = "entity/project/id"
_PROJECT_PARTS: Final = 2


class RunNotFoundError(CommError, UsageError):
    """There is no such run; a CommError and a ValueError, as scripts expect either."""


class Api:
    """Reads recorded runs, from run directories or from a store.

    Args:
        path: A run directory, a folder of them such as ``./wandb``, the folder above it, a pattern,
            a list of such, or a store: ``sqlite:runs.db`` or just ``runs.db``. The runs recorded
            from here if nothing is said.
        overrides: ``entity`` and ``project`` for paths that do not name them; the rest is ignored.
        timeout: Has no effect: no server is asked.
        api_key: Has no effect.

    Raises:
        UsageError: There is nothing at the path, or a setting is wrong.
    """

    api_key = None
    """None: no server is asked."""

    def __init__(
        self,
        path: PathLike | Sequence[PathLike] | Mapping[str, Any] | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        timeout: int | None = None,  # noqa: ARG002 - W&B's
        api_key: str | None = None,  # noqa: ARG002 - W&B's
    ) -> None:
        if isinstance(path, Mapping):
            # W&B's first argument are the overrides.
            path, overrides = None, path
        defaults = dict(overrides or {})
        self._entity: str | None = defaults.get("entity")
        self._project: str | None = defaults.get("project")
        self._place = _place_at(path)

    @property
    def default_entity(self) -> str | None:
        """The entity that is meant where a path names none, None for any."""
        return self._entity

    def run(self, path: str) -> RecordedRun:
        """Return a run.

        When its id was used for several runs, the one that was heard last.

        Args:
            path: ``entity/project/id``, ``project/id`` or ``id``.

        Raises:
            RunNotFoundError: There is no such run.
            UsageError: The path has another form.
            TargetError: The store cannot be read.
        """
        *where, run_id = path_parts(path, RUN_PARTS, RUN_FORM)
        kept, _ = self._place.find(run_id)
        fitting = [one for one in kept if self._wants(where, one)]
        if not fitting:
            self._refuse_unknown(path, run_id)
        return RecordedRun(max(fitting, key=lambda one: one.overview.heard_ns or 0))

    def runs(  # noqa: PLR0913, PLR0917 - W&B's
        self,
        path: str | None = None,
        filters: str | Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,  # noqa: ARG002 - there are no pages
        include_sweeps: bool = True,  # noqa: ARG002, FBT001, FBT002 - W&B's
        lazy: bool = True,  # noqa: ARG002, FBT001, FBT002 - W&B's
    ) -> Runs:
        """Return the runs that fit, read when they are first looked at.

        Args:
            path: ``entity/project`` or ``project``; all runs if nothing is said.
            filters: Which runs, as ``docs/FILTERS.md`` describes it, or W&B's dictionaries.
            order: A column, with ``-`` before it the greatest first: ``-summary.loss``.
            per_page: Has no effect.
            include_sweeps: Has no effect.
            lazy: Has no effect.

        Raises:
            UsageError: Path, filter or order cannot be understood.
        """
        where = path_parts(path, _PROJECT_PARTS, "entity/project") if path else []
        if isinstance(filters, str):
            chosen = parse(filters)
        elif filters is None or isinstance(filters, Mapping):
            chosen = filter_of(filters or {})
        else:
            raise UsageError(f"filters must be a text or a dictionary, not {filters!r}")
        return Runs(self._place, lambda one: self._wants(where, one), chosen, parse_order(order))

    def _wants(self, where: Sequence[str], kept: KeptRun) -> bool:
        """Tell whether a run belongs to the project and entity that a path names."""
        entity, project = ([None, None, *where])[-2:]
        overview = kept.overview
        return (entity or self._entity) in {None, overview.entity or NO_ENTITY} and (
            project or self._project
        ) in {None, overview.project or NO_PROJECT}

    def _refuse_unknown(self, path: str, run_id: str) -> NoReturn:
        kept, _ = self._place.find()
        ids = {one.overview.run_id or "" for one in kept}
        near = get_close_matches(run_id, sorted(ids), n=3)
        elsewhere = [one.overview.path for one in kept if one.overview.run_id == run_id]
        hint = f"Did you mean {' or '.join(elsewhere or near)}?" if elsewhere or near else None
        raise RunNotFoundError(f"Could not find run <Run {path} (not found)>", hint=hint)

    def artifact(self, *arguments: object, **named: object) -> NoReturn:  # noqa: ARG002 - W&B's
        """Refuse, until there are artifacts.

        Raises:
            NotAvailableYetError: Always.
        """
        raise NotAvailableYetError("Api.artifact() is not available in this version")

    def flush(self) -> None:
        """Do nothing: each call reads anew."""


def _place_at(path: PathLike | Sequence[PathLike] | None) -> Place:
    if path is None:
        settings = load_settings({}, environ=os.environ, cwd=Path.cwd())
        return Directories([wandb_dir(Path(settings.dir or "").absolute())])
    if not isinstance(path, str | os.PathLike):
        return Directories([Path(one).absolute() for one in path])
    place = os.fspath(path)
    is_store = place.startswith(_STORE_SCHEME)
    # Absolute, as nothing is read yet and a script may change its directory.
    file = Path(place.removeprefix(_STORE_SCHEME)).absolute()
    if not file.exists() and (is_store or not has_magic(place)):
        hint = "`tracker sync` makes a store." if is_store or file.suffix in _ENDINGS else None
        raise UsageError("there is nothing at this path", where=place, hint=hint)
    return StoreFile(file) if is_store or _is_database(file) else Directories([file])


def _is_database(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(_DATABASE)) == _DATABASE


def path_parts(path: str, most: int, form: str) -> list[str]:
    """Return the parts of a path; W&B's addresses, with `runs` before the id, are paths too.

    Args:
        path: The path.
        most: How many parts it has at most.
        form: What it looks like, for the error.

    Raises:
        UsageError: It is none.
    """
    parts = urlsplit(path).path.strip("/").split("/")
    if len(parts) == RUN_PARTS + 1 and parts[2] == "runs":
        del parts[2]
    if not 0 < len(parts) <= most or not all(parts):
        raise UsageError(f"{path!r} is no path of this kind", hint=f"Write {form}.")
    return parts
