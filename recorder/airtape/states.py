"""The state of a run, decided by reading: from its exit record, or from what is left without one.

Nothing here looks at a clock or at the machine; a `Vantage` says when and where one looks from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from airtape.txlog.format import Header

FinalState: TypeAlias = Literal["finished", "failed", "preempted", "killed"]
State: TypeAlias = Literal[
    "finished", "failed", "preempted", "killed", "crashed", "running", "unknown"
]

STALE_AFTER_S: Final = 86_400.0
"""Seconds of silence after which a run without an exit record is taken for crashed."""

_PREEMPTING_SIGNALS: Final = frozenset({"SIGTERM", "SIGXCPU"})
_KILLING_SIGNALS: Final = frozenset({"SIGINT", "SIGHUP"})
_UNITS: Final = ((86_400, "days"), (3600, "h"), (60, "min"), (1, "s"))


class RunState(NamedTuple):
    """The state of a run.

    Attributes:
        name: One word. ``unknown`` is a run whose log cannot be read.
        detail: Why, or since when; may be empty.
    """

    name: State
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.detail})" if self.detail else self.name


@dataclass(frozen=True, slots=True)
class Vantage:
    """When and where one looks at a run from.

    Attributes:
        now_ns: Wall clock in nanoseconds since 1970.
        host: Name of this host.
        boot_id: The kernel's id of this boot; empty if there is none.
        process_runs: Whether the process with this id and start time runs on this host; see
            `airtape.processes.process_runs`.
        stale_after_s: Seconds of silence after which a run is taken for crashed.
    """

    now_ns: int
    host: str
    boot_id: str
    process_runs: Callable[[int, int], bool]
    stale_after_s: float = STALE_AFTER_S


def final_state(exit_said: Mapping[str, Any] | None) -> FinalState | None:
    """Return the state that an exit record means, None if there is none.

    Args:
        exit_said: ``code`` and ``cause`` of the record, as in `Fold.exit`.
    """
    if exit_said is None:
        return None
    cause = _cause(exit_said)
    signal, how = cause.get("signal"), cause.get("how")
    if signal in _PREEMPTING_SIGNALS:
        return "preempted"
    if signal in _KILLING_SIGNALS or how == "stop" or cause.get("exception") == "KeyboardInterrupt":
        return "killed"
    code = exit_said.get("code")
    if code is None:
        return "finished" if how in {"finish", "exit"} else "failed"
    return "finished" if code == 0 else "failed"


def state_of(
    header: Header,
    exit_said: Mapping[str, Any] | None,
    heard_ns: int | None,
    vantage: Vantage,
    *,
    continued: bool = False,
) -> RunState:
    """Return the state of a run.

    A run without an exit record is crashed only with proof: its process is gone from this very
    machine, a later writer continues it, or nothing was heard of it for very long.

    Args:
        header: The header of its newest primary writer.
        exit_said: That writer's exit record, as in `Fold.exit`.
        heard_ns: Wall clock of its last record in nanoseconds since 1970.
        vantage: When and where one looks from.
        continued: Whether a later writer goes on with the run.
    """
    final = final_state(exit_said)
    if final is not None and exit_said is not None:
        return RunState(final, _why(final, exit_said))
    if continued:
        return RunState("crashed", "another process continues it")
    here = bool(header.boot_id) and header.boot_id == vantage.boot_id
    # Containers share a boot, but each has process ids, and a host name, of its own.
    here = here and header.host == vantage.host
    if here and not vantage.process_runs(header.pid, header.start_ticks):
        return RunState("crashed", f"process {header.pid} is gone")
    silence_s = 0.0 if heard_ns is None else max(0.0, (vantage.now_ns - heard_ns) / 1e9)
    heard = f"last heard {in_words(silence_s)} ago"
    if not here and silence_s > vantage.stale_after_s:
        return RunState("crashed", heard)
    return RunState("running", heard)


def in_words(seconds: float) -> str:
    """Return a time span in its largest unit: ``45 s``, ``3 min``, ``2 h``, ``5 days``."""
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count:
            return f"{count} {'day' if unit == 'days' and count == 1 else unit}"
    return "0 s"


def _cause(exit_said: Mapping[str, Any]) -> Mapping[str, Any]:
    cause = exit_said.get("cause")
    return cause if isinstance(cause, Mapping) else {}


def _why(state: FinalState, exit_said: Mapping[str, Any]) -> str:
    if state == "finished":
        return ""
    cause, code = _cause(exit_said), exit_said.get("code")
    said = [str(cause[name]) for name in ("signal", "exception") if cause.get(name)]
    if cause.get("how") == "stop":
        said.append("stopped on request")
    if state == "failed" and code is not None:
        said.append(f"exit code {code}")
    return ", ".join(said)
