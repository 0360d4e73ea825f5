"""Reading a file of a recorded run for `airtape.restore`: here, or else in the target."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from airtape.backends.base import Backend
from airtape.backends.contents import KeepsFiles, is_digest
from airtape.backends.listing import cursors_of
from airtape.backends.registry import open_backend
from airtape.below import open_below
from airtape.errors import CommError, TargetError, UsageError
from airtape.file_copy import Digest, chunks_of
from airtape.names import NO_ENTITY, NO_PROJECT
from airtape.query.api import RUN_FORM, RUN_PARTS, Api, RunNotFoundError, path_parts
from airtape.restoring import Places
from airtape.targets import target_url, without_password

_USUAL_STORE: Final = "tracker.db"


def fetch_file(
    run_path: str, name: str, places: Places, take: Callable[[Iterable[bytes]], None]
) -> bool:
    """Hand over the content of a file of a run; see `airtape.restoring.Fetch`."""
    path_parts(run_path, RUN_PARTS, RUN_FORM)
    is_known = False
    if places.folder.is_dir():
        with suppress(RunNotFoundError):
            place = _place_here(run_path, name, places.folder)
            is_known = True
            if place is not None:
                _hand_over(place, name, take)
                return True
    url = _url_of(places)
    if url is not None:
        try:
            with closing(open_backend(url)) as backend:
                found = _find_there(run_path, name, backend)
                is_known = is_known or found is not None
                if found:
                    _fetch_from(backend, found[-1], name, take)
                    return True
        except TargetError as error:
            raise CommError(
                "the target of the runs cannot be read",
                where=without_password(url),
                because=str(error).partition("\n")[0],
            ) from error
    if not is_known:
        raise RunNotFoundError(
            f"Could not find run <Run {run_path} (not found)>",
            hint=f"Looked for in {places.folder}"
            + (f" and in {without_password(url)}" if url else ""),
        )
    return False


def _place_here(run_path: str, name: str, folder: Path) -> Path | None:
    """Return the directory that holds a file of a run, None if none does.

    Raises:
        RunNotFoundError: There is no such run.
    """
    run = Api(folder).run(run_path)
    files = {file.name: file.path for file in run.files([name])}
    return files.get(name)


def _hand_over(place: Path, name: str, take: Callable[[Iterable[bytes]], None]) -> None:
    # The way to it may have become another since it was listed.
    top = Path(str(place).removesuffix(f"{os.sep}{name}"))
    fd = open_below(top, name)
    try:
        take(chunks_of(fd))
    finally:
        os.close(fd)


def _url_of(places: Places) -> str | None:
    """Return the URL of the target; of the usual one only if it is there."""
    if places.target is not None:
        return target_url(places.target, environ=os.environ, cwd=Path.cwd(), folder=places.folder)
    usual = places.folder / _USUAL_STORE
    return f"sqlite:{usual}" if usual.exists() else None


def _find_there(run_path: str, name: str, backend: Backend) -> list[Any] | None:
    """Return what was last said of a file of a run, or nothing; None if there is no such run."""
    *where, run_id = path_parts(run_path, RUN_PARTS, RUN_FORM)
    entity, project = ([None, None, *where])[-2:]
    found: list[tuple[int, Any]] | None = None
    for run, _, cursor in cursors_of(backend):
        if run.run_id != run_id:
            continue
        fold = cursor.fold()
        of_entity = run.entity or fold.run.get("entity") or NO_ENTITY
        of_project = run.project or fold.run.get("project") or NO_PROJECT
        if entity in {None, of_entity} and project in {None, of_project}:
            said = [(fold.heard_ns or 0, fold.files[name])] if name in fold.files else []
            found = [*(found or []), *said]
    return None if found is None else [said for _, said in sorted(found, key=itemgetter(0))]


def _fetch_from(
    backend: Backend, said: dict[str, Any], name: str, take: Callable[[Iterable[bytes]], None]
) -> None:
    size, sha256 = said.get("size"), said.get("sha256")
    if isinstance(backend, KeepsFiles) and isinstance(size, int) and is_digest(sha256):
        file = Digest(size, sha256)
        if not backend.missing_files([file]):
            take(backend.read_file(file))
            return
    raise UsageError(
        f"the target knows of {name}, and does not have its content",
        hint="Sync the run again from its directory.",
    )
