"""Going on with a run, or branching off one, from what is on this machine of it.

Nothing here opens a socket: a run that another machine recorded is brought here beforehand, by
copying its run directories or with ``tracker fetch``.
"""

from __future__ import annotations

import re

from airtape.errors import UsageError
from airtape.fold.fold import Fold
from airtape.fold.merge import Part, hidden_after, in_order, merge
from airtape.inheritance import Inheritance
from airtape.predecessors import Predecessor, root_of
from airtape.records import Kind, Record

_MOMENT = re.compile(r"(?P<run_id>.+)\?_step=(?P<step>\d+)")
_ENDINGS = frozenset({int(Kind.EXIT), int(Kind.INHERITED), int(Kind.PREEMPTING)})


def moment(said: str, argument: str) -> tuple[str, int]:
    """Return run id and step of ``resume_from`` or ``fork_from``.

    Raises:
        UsageError: It is not of the form ``id?_step=number``.
    """
    match = _MOMENT.fullmatch(said)
    if match is None:
        raise UsageError(
            f"init() got {argument}={said!r}", hint=f"write {argument}='<run id>?_step=<number>'"
        )
    return match["run_id"], int(match["step"])


def inherit(writers: list[Predecessor]) -> Inheritance:
    """Return what a writer that resumes a run takes over.

    Args:
        writers: All writers of the run, at least one.
    """
    whole = merge([Part(writer.header, writer.fold()) for writer in writers])
    last_step = whole.last_step
    return Inheritance(
        parents=tuple((writer.header.writer, writer.last_seq) for writer in writers),
        root=root_of(whole.newest.header),
        start_step=0 if last_step is None else last_step + 1,
        rewind_to=None,
        run=whole.run,
        config=whole.config,
        summary=whole.summary,
        metrics=[definition.to_fields() for definition in whole.definitions.values()],
        tallies=whole.newest.fold.history.state()["tallies"],
        last_step=last_step,
    )


def inherit_until(writers: list[Predecessor], step: int) -> Inheritance:
    """Return what a writer takes over that goes back to a step, or branches off there.

    Args:
        writers: All writers of the run, at least one.
        step: The last step that counts.
    """
    by_writer = {writer.header.writer: writer for writer in writers}
    ordered = in_order([writer.header for writer in writers])
    hidden = hidden_after(ordered)
    fold = Fold()
    for header in ordered:
        # One that began behind the step says nothing of the run as it was then. The first one does:
        # what it branched off from is another run.
        if header.role != "primary" or (fold.records and header.start_step > step):
            continue
        last = min(step, hidden.get(header.writer, step))
        for _, item in by_writer[header.writer].records():
            if isinstance(item, Record) and _counts(item, last):
                fold.apply(item)
        fold.close_row()
    state = fold.history.state()
    return Inheritance(
        parents=tuple((writer.header.writer, writer.last_seq) for writer in writers),
        root=root_of(ordered[-1]),
        start_step=step + 1,
        rewind_to=step,
        run=fold.run,
        config=fold.config,
        summary=fold.summary,
        metrics=state["metrics"],
        tallies=state["tallies"],
        last_step=state["last_step"],
    )


def _counts(record: Record, step: int) -> bool:
    if record.kind == Kind.HISTORY:
        said = record.fields[0]
        return isinstance(said, int) and said <= step
    return record.kind not in _ENDINGS
