"""airtape beside the yardstick and wandb, in turns, in one go: ``make bench`` runs it.

Absolute times differ from machine to machine and from minute to minute, so what counts is the
ratio to the yardstick of the same round. ``--write`` puts the table into docs/BENCHMARKS.md.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANDB = "wandb==0.31.0"
CALLS = 20_000
FEW_CALLS = 10
"""Calls of the script whose CPU time is taken for that of starting and ending."""
ROUNDS = 5
PAGE = ROOT / "docs" / "BENCHMARKS.md"
MARKS = ("<!-- measured: side by side -->", "<!-- end -->")
RECORDERS = ("yardstick", "airtape", "wandb")


def python_with_wandb() -> str:
    """Return a Python that has wandb, in an environment of its own below ``build/``."""
    folder = ROOT / "build" / "bench" / "wandb"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", WANDB], check=True)  # noqa: S603 - ours
    return str(python)


def measure(
    python: str, recorder: str, calls: int, *options: str
) -> tuple[dict[str, float], float]:
    """Return the figures of one recorder, and the CPU seconds of all its processes."""
    command = [python, str(ROOT / "bench" / "calls.py"), recorder, str(calls), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - ours
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{recorder} failed")
    figures: dict[str, float] = json.loads(printed.splitlines()[-1])
    return figures, usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure in turns and print the table."""
    pythons = dict.fromkeys(RECORDERS, sys.executable) | {"wandb": python_with_wandb()}
    taken: dict[str, dict[str, list[float]]] = {recorder: {} for recorder in RECORDERS}
    for number in range(ROUNDS):
        for recorder in RECORDERS if number % 2 else reversed(RECORDERS):
            python = pythons[recorder]
            figures, _ = measure(python, recorder, CALLS)
            _, cpu = measure(python, recorder, CALLS, "--cpu")
            _, start = measure(python, recorder, FEW_CALLS, "--cpu")
            figures["cpu"] = (cpu - start) / (CALLS - FEW_CALLS) * 1e6
            beside, _ = measure(python, recorder, 2000, "--beside")
            for name, figure in {**figures, **{k: beside[k] for k in ("alone", "beside")}}.items():
                taken[recorder].setdefault(name, []).append(figure)
    lines = table(taken)
    print("\n".join(lines))
    if "--write" in sys.argv:
        write(lines)


def table(taken: dict[str, dict[str, list[float]]]) -> list[str]:
    """Return the table in Markdown: medians of the rounds, and medians of the rounds' ratios."""
    least = taken["yardstick"]
    lines = [
        "| recorder | p50 µs | p99 µs | CPU µs/call | bytes/scalar | mean µs alone | beside |",
        "|---|---|---|---|---|---|---|",
    ]
    for recorder, figures in taken.items():
        cells = []
        for name in ("p50", "p99", "cpu", "bytes", "alone", "beside"):
            ratio = statistics.median(
                ours / theirs for ours, theirs in zip(figures[name], least[name], strict=True)
            )
            cell = f"{statistics.median(figures[name]):.1f}"
            cells.append(cell if recorder == "yardstick" else f"{cell} ({ratio:.2f} x)")
        lines.append(f"| {recorder} | {' | '.join(cells)} |")
    ours = taken["airtape"]
    grows = statistics.median(b / a for a, b in zip(ours["alone"], ours["beside"], strict=True))
    lines += ["", f"airtape beside a busy thread: {grows:.2f} x its own time alone."]
    system = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    return [*lines, "", f"{CALLS:,} calls, {ROUNDS} rounds in turns; {system}."]


def write(lines: list[str]) -> None:
    """Put the table into the page."""
    text = PAGE.read_text("utf-8")
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    PAGE.write_text(before + "\n".join([MARKS[0], "", *lines, "", MARKS[1]]) + after, "utf-8")


if __name__ == "__main__":
    main()
