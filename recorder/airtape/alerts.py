"""What a run tells people about: alerts, kept in the log and said once on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from time import monotonic
from typing import Final

from airtape.errors import InvalidDataError, UsageError
from airtape.names import check_text
from airtape.terminal import Terminal

MAX_TITLE: Final = 63
WAIT_S: Final = 60.0
"""Seconds in which an alert of the same title is not said again, unless the call says."""


class AlertLevel(Enum):
    """How urgent an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Alerts:
    """The alerts of one run.

    Args:
        record: Takes title, text, level, seconds to wait, and whether it is said on the terminal;
            raises UsageError when the run is finished.
        redaction: Takes secrets out of a text; told what the text belongs to.
        terminal: Where they are said.
    """

    def __init__(
        self,
        record: Callable[[str, str, str, float, bool], None],
        redaction: Callable[[str, str], str],
        terminal: Terminal,
    ) -> None:
        self._record = record
        self._redaction = redaction
        self._terminal = terminal
        self._said: dict[str, float] = {}

    def send(self, title: str, text: str, level: object, wait_duration: object) -> None:
        """Record an alert, and say it unless one of this title was said a short while ago.

        Raises:
            UsageError: The level is none of the three, title or text is no text, or the run is
                finished.
            InvalidDataError: The duration is no duration.
        """
        urgency = _level(level)
        wait_s = _seconds(wait_duration)
        title = check_text(title, "The title of an alert")
        text = check_text(text, "The text of an alert")
        if len(title) > MAX_TITLE:
            self._terminal.warn(f"The title of an alert has at most {MAX_TITLE} characters")
            # First, for what is left of a secret that is cut looks like none.
            title = self._redaction(title, "alert")[:MAX_TITLE]
        now = monotonic()
        is_news = title not in self._said or now - self._said[title] >= wait_s
        self._record(title, text, urgency.value, wait_s, is_news)
        if is_news:
            self._said[title] = now
            self._say(urgency, f"{title}: {text}" if text else title)

    def _say(self, urgency: AlertLevel, line: str) -> None:
        if urgency is AlertLevel.INFO:
            self._terminal.info(line)
        elif urgency is AlertLevel.WARN:
            self._terminal.warn(line)
        else:
            self._terminal.error(line)


def _level(said: object) -> AlertLevel:
    if said is None:
        return AlertLevel.INFO
    if isinstance(said, AlertLevel):
        return said
    try:
        return AlertLevel[str(said).upper()]
    except KeyError:
        raise UsageError("level must be one of 'INFO', 'WARN', or 'ERROR'") from None


def _seconds(said: object) -> float:
    if said is None:
        return WAIT_S
    if isinstance(said, timedelta):
        return said.total_seconds()
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        return float(said)
    raise InvalidDataError(
        f"wait_duration must be an int, a float or a timedelta, not {type(said).__name__}",
        hint="give seconds",
    )
