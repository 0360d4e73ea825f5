"""What starting and stopping cost, and what is recorded beside the training; beside their targets.

``make bench`` runs it. Each figure is the least of several processes, for whatever else the machine
does can only add to it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench import programs

PROCESSES = 9
OFF = {
    f"TRACKER_DISABLE_{what}": "true" for what in ("STATS", "METADATA", "GIT", "CODE", "CONSOLE")
}
INTERVAL_S = 15.0


class Line(NamedTuple):
    """A line of the table.

    Attributes:
        what: What was measured.
        figure: The figure.
        unit: Its unit.
        most: The target; None where there is none.
        places: Digits behind the point.
    """

    what: str
    figure: float
    unit: str
    most: float | None = None
    places: int = 1

    def __str__(self) -> str:
        line = f"{self.what:<52}{self.figure:>10.{self.places}f} {self.unit:<4}"
        if self.most is None:
            return line.rstrip()
        return f"{line} at most {self.most:g}{'' if self.figure <= self.most else ', missed'}"


def least(program: str, folder: Path, **environ: str) -> dict[str, float]:
    """Return the least of each figure that a program prints, and of its processor time as ``cpu``.

    Args:
        program: The program, run several times in a process of its own.
        folder: The working directory.
        environ: Variables that are set for it.
    """
    found: dict[str, float] = {}
    # Once more, so that the first one compiles what the others load.
    for _ in range(PROCESSES + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**os.environ, **environ},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        for name, figure in {**json.loads(done.stdout), "cpu": cpu}.items():
            found[name] = min(figure, found.get(name, figure))
    return found


def repository(folder: Path) -> None:
    """Make a repository with a changed file, where there is git to make one."""
    program = folder / "train.py"
    program.write_text("print(1)\n")
    if (git := shutil.which("git")) is None:
        return
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run([git, *command], check=True, cwd=folder)  # noqa: S603 - ours
    program.write_text("print(2)\n")


def measured(folder: Path) -> list[Line]:
    """Measure everything, in a folder."""
    compared = least(programs.COMPARED, folder)
    imported = least(programs.IMPORT, folder)
    off = least(programs.SCRIPT, folder, **OFF)
    on = least(programs.SCRIPT, folder)
    gpu = least(programs.WITH_GPU, folder)
    start = least(programs.START_AND_STOP, folder)
    steps = least(programs.STEPS, folder)
    sample = least(programs.SAMPLE, folder)
    return [
        Line("import asyncio, CPU, for comparison", compared["compared"], "ms"),
        Line("import airtape, CPU", imported["import"], "ms", 40),
        Line("init(), everything on, its fsync included", start["init"], "ms", 10),
        Line("  of that fsync", start["init_synced"], "ms"),
        Line("finish(), metadata complete, without fsync", start["finish"], "ms", 10),
        Line("  its fsync", start["finish_synced"], "ms"),
        Line("script of 10 log() calls, all off, CPU", off["cpu"], "s", 0.12, 3),
        Line("script of 10 log() calls, all on, CPU", on["cpu"], "s", 0.25, 3),
        Line("its memory, all off", off["rss"], "MiB", 30),
        Line("its memory, with psutil", on["rss"], "MiB", 45),
        Line("its memory, with psutil and pynvml", gpu["rss"], "MiB", 45),
        Line("log() of 5 scalars in a step of 2 ms, all on", steps["added"], "%", 1, 2),
        Line("a sample of the machine, CPU", sample["sample"], "ms"),
        Line("  every 15 s, of a processor", sample["sample"] / INTERVAL_S / 10, "%", 0.1, 4),
    ]


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "work")
        folder.mkdir()
        repository(folder)
        os.environ.update(
            TRACKER_SILENT="true",
            TRACKER_MODE="offline",
            PYTHONDONTWRITEBYTECODE="",
            PYTHONPYCACHEPREFIX=str(Path(place, "bytecode")),
        )
        print(*measured(folder), sep="\n")


if __name__ == "__main__":
    main()
