from __future__ import annotations

from typing import Any

import pytest

from airtape.states import RunState, Vantage, final_state, in_words, state_of
from airtape.txlog.format import Header

HEARD_NS = 1_000_000_000_000_000_000
SECOND = 1_000_000_000
HEADER = Header("ab12cd34", bytes(16), host="node1", boot_id="boot", pid=71, start_ticks=8)


def _seen(
    after_s: float = 0, *, host: str = "elsewhere", boot_id: str = "boot", runs: bool = True
) -> Vantage:
    def process_runs(pid: int, ticks: int) -> bool:
        assert (pid, ticks) == (71, 8)
        return runs

    return Vantage(HEARD_NS + int(after_s * SECOND), host, boot_id, process_runs)


def _said(code: int | None, how: str = "exit", **cause: Any) -> dict[str, Any]:
    return {"code": code, "cause": {"how": how, **cause}}


@pytest.mark.parametrize(
    ("exit_said", "state"),
    [
        (None, None),
        (_said(0, "finish"), "finished"),
        (_said(0), "finished"),
        (_said(None, "finish"), "finished"),
        (_said(3), "failed"),
        (_said(1, "exception", exception="ValueError"), "failed"),
        (_said(None, "exception", exception="ValueError"), "failed"),
        (_said(139, "signal", signal="SIGSEGV"), "failed"),
        (_said(143, "signal", signal="SIGTERM"), "preempted"),
        (_said(152, "signal", signal="SIGXCPU"), "preempted"),
        (_said(0, "finish", signal="SIGTERM"), "preempted"),
        (_said(255, "signal", signal="SIGINT"), "killed"),
        (_said(129, "signal", signal="SIGHUP"), "killed"),
        (_said(255, "exception", exception="KeyboardInterrupt"), "killed"),
        (_said(0, "stop"), "killed"),
        ({"code": 0, "cause": None}, "finished"),
        ({}, "failed"),
    ],
)
def test_an_exit_record_means_a_state(exit_said: dict[str, Any] | None, state: str | None) -> None:
    """The signal or the request to stop decides, else the exit code."""
    assert final_state(exit_said) == state


@pytest.mark.parametrize(
    ("exit_said", "text"),
    [
        (_said(0, "finish"), "finished"),
        (_said(3), "failed (exit code 3)"),
        (_said(1, "exception", exception="ValueError"), "failed (ValueError, exit code 1)"),
        (_said(None, "exception", exception="ValueError"), "failed (ValueError)"),
        (_said(143, "signal", signal="SIGTERM"), "preempted (SIGTERM)"),
        (_said(0, "stop"), "killed (stopped on request)"),
    ],
)
def test_the_detail_of_a_final_state_says_why(exit_said: dict[str, Any], text: str) -> None:
    """A final state names the signal, the exception and the exit code that led to it."""
    assert str(state_of(HEADER, exit_said, HEARD_NS, _seen(1e9))) == text


def test_a_run_whose_process_is_gone_has_crashed() -> None:
    """On the same host and boot, a process that is gone proves a crash."""
    state = state_of(HEADER, None, HEARD_NS, _seen(1, host="node1", runs=False))
    assert state == RunState("crashed", "process 71 is gone")


def test_a_run_whose_process_lives_is_running_however_silent() -> None:
    """A process that is there is proof of the contrary, after any silence."""
    state = state_of(HEADER, None, HEARD_NS, _seen(90 * 86_400, host="node1"))
    assert state == RunState("running", "last heard 90 days ago")


@pytest.mark.parametrize(
    "place", [{"host": "node2"}, {"host": "node1", "boot_id": "other"}, {"boot_id": ""}]
)
def test_a_process_of_another_machine_proves_nothing(place: dict[str, str]) -> None:
    """Host or boot differ, as in another container: the process ids there mean nothing here."""
    state = state_of(HEADER, None, HEARD_NS, _seen(180, runs=False, **place))
    assert state == RunState("running", "last heard 3 min ago")


def test_a_log_without_boot_id_has_no_process_to_look_for() -> None:
    """Two machines without a boot id are not taken for the same boot."""
    header = Header("ab12cd34", bytes(16), host="node1", pid=71, start_ticks=8)
    state = state_of(header, None, HEARD_NS, _seen(host="node1", boot_id="", runs=False))
    assert state.name == "running"


@pytest.mark.parametrize(("silence_s", "name"), [(86_400, "running"), (86_401, "crashed")])
def test_a_long_silence_counts_as_a_crash(silence_s: int, name: str) -> None:
    """Nothing heard for more than a day, and nobody to ask: crashed."""
    assert state_of(HEADER, None, HEARD_NS, _seen(silence_s)).name == name


def test_a_run_that_another_writer_continues_has_crashed() -> None:
    """A writer without an end that was gone on from did not end by itself."""
    state = state_of(HEADER, None, HEARD_NS, _seen(), continued=True)
    assert state == RunState("crashed", "another process continues it")


def test_a_clock_that_is_behind_makes_no_negative_silence() -> None:
    """A writer whose clock is ahead of ours was heard just now."""
    assert state_of(HEADER, None, HEARD_NS, _seen(-500)).detail == "last heard 0 s ago"


def test_a_log_without_a_time_was_heard_just_now() -> None:
    """Silence is counted from a record; without one there is none."""
    assert state_of(HEADER, None, None, _seen()).detail == "last heard 0 s ago"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (7_199, "1 h"),
        (86_400, "1 day"),
        (200_000, "2 days"),
    ],
)
def test_a_time_span_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    """Only the largest unit is said, rounded down."""
    assert in_words(seconds) == words
