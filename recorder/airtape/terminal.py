"""What a run says on the terminal when it starts and when it ends.

The lines are made by pure functions; `Terminal` writes them to stderr and never fails, because a
closed terminal is no reason to end a training.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TextIO, TypeVar

from airtape.own_lines import own_lines
from airtape.sparkline import BARS, sparkline

PREFIX: Final = "airtape:"
MAX_METRICS: Final = 10
MAX_DEPTH: Final = 5
MAX_TEXT: Final = 60
MAX_KEY: Final = 40

T = TypeVar("T")
Leaf = bool | int | float | str

# Controls could move the cursor or recolour the screen, and these others reorder what is read.
_CONTROLS: Final = dict.fromkeys(
    (
        *range(0x20),
        *range(0x7F, 0xA0),
        *(0x200E, 0x200F, 0x2028, 0x2029),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
)
# For terminals whose encoding knows neither bars nor pictures.
_PLAIN: Final = str.maketrans(
    {**dict(zip(BARS, "_.:-=+*#", strict=True)), "⭐": "*", "🚀": ">", "\ufe0f": ""}
)


class FileCounts(NamedTuple):
    """How many files of each sort a run has."""

    run: int = 0
    media: int = 0
    artifact: int = 0
    other: int = 0

    def __str__(self) -> str:
        return (
            f"{self.run} file(s), {self.media} media file(s), "
            f"{self.artifact} artifact file(s) and {self.other} other file(s)"
        )


class Place(NamedTuple):
    """Where a run can be seen.

    Attributes:
        name: The run's display name.
        run_dir: Its directory.
        cwd: The working directory; paths below it are shown relative.
        run_url: Its address at the target, if that has addresses.
        project_url: The address of its project there.
    """

    name: str
    run_dir: Path
    cwd: Path
    run_url: str | None = None
    project_url: str | None = None

    def shown(self, path: Path) -> str:
        """Return `path` as the user would type it: `./wandb/…` below the working directory."""
        try:
            return clean(f"./{path.relative_to(self.cwd)}")
        except ValueError:
            return clean(str(path))


def start_lines(place: Place, *, mode: str, resumed: bool = False) -> list[str]:
    """Return what a run says when it starts in `mode`; nothing when that is "disabled"."""
    if mode == "disabled":
        return []
    name = clean(place.name)
    verb = "Resuming" if resumed else "Syncing" if mode == "online" else "Recording"
    lines = [f"{verb} run {name}" if mode == "online" else f"{verb} run {name} (mode: {mode})"]
    if place.project_url is not None:
        lines.append(f"⭐️ View project at {clean(place.project_url)}")
    if place.run_url is not None:
        lines.append(f"🚀 View run at {clean(place.run_url)}")
    if mode != "online" or place.run_url is None:
        lines.append(f"Run data is saved in {place.shown(place.run_dir)}")
    return lines


def end_lines(
    place: Place,
    *,
    history: Mapping[str | tuple[str, ...], Sequence[float]],
    summary: Mapping[str, object],
    files: FileCounts,
    synced: bool = False,
) -> list[str]:
    """Return what a run says when it ends.

    Args:
        place: Which run, and where it can be seen.
        history: Each metric's values in order of steps; drawn as sparklines.
        summary: The run's summary; numbers and texts are shown, nested ones with a dotted key.
        files: What was recorded or synced.
        synced: The target has everything.
    """
    series = {_dotted(key): values for key, values in history.items() if len(values)}
    lines = _table("Run history:", series, sparkline)
    lines += _table("Run summary:", dict(_leaves(summary)), _shown_value)
    if lines:
        lines.append("")
    if place.run_url is not None:
        lines.append(f"🚀 View run {clean(place.name)} at: {clean(place.run_url)}")
    if place.project_url is not None:
        lines.append(f"⭐️ View project at: {clean(place.project_url)}")
    if not synced:
        from shlex import join  # noqa: PLC0415 - loaded for the last lines of all

        command = join(["tracker", "sync", place.shown(place.run_dir)])
        lines += ["You can sync this run by running:", command]
    lines.append(f"{'Synced' if synced else 'Recorded'} {files}")
    lines.append(f"Find logs at: {place.shown(place.run_dir / 'logs')}")
    return lines


def format_number(value: float) -> str:
    """Return an int as it is, unless it is enormous, and a float with six significant digits."""
    if isinstance(value, int):
        if abs(value) < 10**15:
            return str(value)
        try:
            return f"{value:.5e}"
        except OverflowError:
            digits = int(value.bit_length() * math.log10(2))
            return f"{'-' if value < 0 else ''}~1e+{digits}"
    return f"{value:.6g}"


def clean(text: str) -> str:
    """Return `text` without the characters that a terminal obeys instead of showing."""
    return text.translate(_CONTROLS)


class Terminal:
    """Writes the recorder's lines to stderr.

    Args:
        stream: Where to write instead of `sys.stderr`, which is looked up at each write because
            programs replace it.
        quiet: Warnings and errors only.
        silent: Nothing at all.
    """

    def __init__(
        self, stream: TextIO | None = None, *, quiet: bool = False, silent: bool = False
    ) -> None:
        self._stream = stream
        self._quiet = quiet
        self._silent = silent
        self._warned: set[Hashable] = set()

    def info(self, lines: str | Iterable[str]) -> None:
        """Write one line, or several in one piece."""
        if not self._quiet:
            self._write([lines] if isinstance(lines, str) else lines)

    def warn(self, text: str) -> None:
        """Write a warning."""
        self._write([f"WARNING {text}"])

    def warn_once(self, key: Hashable, text: str) -> bool:
        """Write a warning unless one with `key` was written before; tell whether it was new."""
        if key in self._warned:
            return False
        self._warned.add(key)
        self.warn(text)
        return True

    def error(self, text: str) -> None:
        """Write an error."""
        self._write([f"ERROR {text}"])

    def _write(self, lines: Iterable[str]) -> None:
        if self._silent:
            return
        single = (line for text in lines for line in text.split("\n"))
        text = "".join(f"{PREFIX} {clean(line)}".rstrip() + "\n" for line in single)
        stream = self._stream or sys.stderr
        # Closed, a broken pipe, none at all, busy below a signal handler, or a user's own object
        # that lacks half of a file: there is nobody to tell.
        try:
            with own_lines():
                stream.write(_encodable(text, getattr(stream, "encoding", None) or "utf-8"))
                stream.flush()
        except (OSError, ValueError, RuntimeError, AttributeError, TypeError, LookupError):
            return


def _encodable(text: str, encoding: str) -> str:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
    return text


def _table(title: str, rows: Mapping[str, T], show: Callable[[T], str]) -> list[str]:
    """Return `rows` aligned below `title`, the first ten in order; `_names` are the recorder's."""
    keys = sorted(key for key in rows if not key.startswith("_"))
    if not keys:
        return []
    names = {key: _shortened(clean(key), MAX_KEY) for key in keys[:MAX_METRICS]}
    width = max(map(len, names.values()))
    lines = ["", title, *(f"  {name:<{width}} {show(rows[key])}" for key, name in names.items())]
    if len(keys) > MAX_METRICS:
        lines.append(f"  +{len(keys) - MAX_METRICS} ...")
    return lines


def _leaves(
    summary: Mapping[str, object], above: str = "", depth: int = 1
) -> Iterator[tuple[str, Leaf]]:
    """Yield dotted keys with numbers and texts; media, lists and deep nests have no short form."""
    for key, value in summary.items():
        if isinstance(value, Mapping):
            if "_type" not in value and depth < MAX_DEPTH:
                yield from _leaves(value, f"{above}{key}.", depth + 1)
        elif isinstance(value, (bool, int, float, str)):
            yield above + key, value


def _shown_value(value: Leaf) -> str:
    if isinstance(value, str):
        return _shortened(clean(value), MAX_TEXT)
    return str(value) if isinstance(value, bool) else format_number(value)


def _dotted(key: str | tuple[str, ...]) -> str:
    return key if isinstance(key, str) else ".".join(key)


def _shortened(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 3] + "..."
