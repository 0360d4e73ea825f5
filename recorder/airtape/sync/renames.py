"""What runs are called in a target, in place of what their logs say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from airtape.backends.cursor import RunKey
from airtape.errors import UsageError
from airtape.names import check_entity, check_id, check_project, check_tags, check_text
from airtape.records import Kind, Record
from airtape.txlog.format import Header


@dataclass(frozen=True, slots=True)
class Names:
    """What a run is called; empty where its logs decide.

    Attributes:
        run_id: Its id.
        entity: Whom it belongs to.
        project: Its project.
        job_type: What kind of job it was.
        tags: New tags by the old ones; other tags stay.
    """

    run_id: str = ""
    entity: str = ""
    project: str = ""
    job_type: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def over(self, others: Names) -> Names:
        """Return these names, and others where these say nothing."""
        return Names(
            self.run_id or others.run_id,
            self.entity or others.entity,
            self.project or others.project,
            self.job_type or others.job_type,
            {**others.tags, **self.tags},
        )

    def applied(self, record: Record) -> Record:
        """Return what a record says with the new tags, each once."""
        if record.kind != Kind.RUN or not record.fields or not isinstance(record.fields[0], dict):
            return record
        tags = record.fields[0].get("tags")
        if not isinstance(tags, list):
            return record
        new = [self.tags.get(tag, tag) if isinstance(tag, str) else tag for tag in tags]
        once = [tag for place, tag in enumerate(new) if tag not in new[:place]]
        return record._replace(fields=({**record.fields[0], "tags": once}, *record.fields[1:]))


@dataclass(frozen=True, slots=True)
class Renames:
    """What the runs of a sync are called.

    Attributes:
        everywhere: For all of them.
        by_id: For those with an id in their logs, over what is for all.
        known: What the runs that some writers began are in the target; counts over all names.
    """

    everywhere: Names = field(default_factory=Names)
    by_id: Mapping[str, Names] = field(default_factory=dict)
    known: Mapping[bytes, RunKey] = field(default_factory=dict)

    def names_of(self, run_id: str) -> Names:
        """Return what a run with this id in its logs is called."""
        said = self.by_id.get(run_id)
        return self.everywhere if said is None else said.over(self.everywhere)

    def key_of(self, header: Header) -> RunKey:
        """Return the run that a writer belongs to in the target."""
        return self.renamed(RunKey(header.run_id, header.root or header.writer))

    def renamed(self, run: RunKey) -> RunKey:
        """Return what a run of the logs is in the target."""
        if run.root in self.known:
            return self.known[run.root]
        names = self.names_of(run.run_id)
        return RunKey(names.run_id or run.run_id, run.root, names.entity, names.project)

    def given_to(self, entity: str, project: str) -> Renames:
        """Return the same with an entity and a project for all runs that have none of their own."""
        return replace(self, everywhere=self.everywhere.over(Names("", entity, project)))


def read_renames(path: Path) -> dict[str, Names]:
    """Return what a mapping file says of runs, by the ids in their logs.

    It is a JSON object such as ``{"ab12cd34": {"id": "new", "entity": "me", "project": "vision",
    "job_type": "train", "tags": {"old": "new"}}}``; every name may be missing.

    Raises:
        UsageError: The file cannot be read, or says something else.
    """
    where = str(path)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            "the mapping file cannot be read", where=where, because=error.strerror
        ) from error
    except ValueError as error:
        raise UsageError(
            "the mapping file is no JSON", where=where, because=str(error), hint=_EXAMPLE
        ) from error
    if not isinstance(said, dict):
        raise UsageError("the mapping file is no JSON object", where=where, hint=_EXAMPLE)
    return {run_id: _names(run_id, names, where) for run_id, names in said.items()}


_EXAMPLE: Final = 'Write {"ab12cd34": {"project": "vision"}}.'
_CHECKS: Final[Mapping[str, Callable[..., Any]]] = {
    "id": check_id,
    "entity": check_entity,
    "project": check_project,
    "job_type": lambda said, where: check_text(said, "job_type", where=where),
}


def _names(run_id: str, said: object, where: str) -> Names:
    where = f"{where}, {run_id}"
    if not isinstance(said, dict):
        raise UsageError("what a run is called is no JSON object", where=where, hint=_EXAMPLE)
    names: dict[str, Any] = {}
    for name, value in said.items():
        if name == "tags":
            names["tags"] = _tags(value, where)
        elif name in _CHECKS:
            names["run_id" if name == "id" else name] = _CHECKS[name](value, where=where)
        else:
            known = ", ".join((*_CHECKS, "tags"))
            raise UsageError(
                f"{name!r} cannot be changed", where=where, hint=f"What can be: {known}."
            )
    return Names(**names)


def _tags(said: object, where: str) -> dict[str, str]:
    if not isinstance(said, dict):
        raise UsageError(
            "tags are given as old and new ones", where=where, hint='Write {"old": "new"}.'
        )
    return {old: check_tags([new], where=where)[0] for old, new in said.items()}
