"""Lines that scripts and libraries write among those of the recorder, under W&B's names."""

from __future__ import annotations

from airtape.session import session
from airtape.terminal import Terminal

_without_run = Terminal()
_said: set[tuple[str, str]] = set()


def termlog(string: str = "", newline: bool = True, repeat: bool = True) -> None:
    """Write a line where runs write theirs, unless the current run is quiet.

    Args:
        string: The text; characters that a terminal obeys are left out.
        newline: Without effect: a line is a line.
        repeat: Whether it is written also when a call with False has written it before.
    """
    if _is_due("info", string, repeat):
        _terminal().info(string)


def termwarn(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Write a warning, unless the current run is silent; arguments as for `termlog`."""
    if _is_due("warning", string, repeat):
        _terminal().warn(string)


def termerror(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Write an error, unless the current run is silent; arguments as for `termlog`."""
    if _is_due("error", string, repeat):
        _terminal().error(string)


def _is_due(sort: str, text: str, repeat: bool) -> bool:
    if repeat:
        return True
    is_new = (sort, text) not in _said
    _said.add((sort, text))
    return is_new


def _terminal() -> Terminal:
    return _without_run if session.run is None else session.run._terminal  # noqa: SLF001 - ours
