from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import RunPython, RunTracker

SHADOWS = ("cli.py", "recorder.py", "tracker.py")
"""What users call their own modules; airtape's folders and command bear the same names."""

RECORD_ONE_RUN = """\
import airtape

airtape.init(project="shadows", mode="offline")
airtape.log({"loss": 0.5})
airtape.finish()
"""

PRINT_WHAT_IMPORT_LOADS = """
    import sys

    before = set(sys.modules)
    import airtape
    loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
    print(*sorted(loaded - set(sys.stdlib_module_names)))
"""


# What the standard library is made of is its own affair: whatever these load may be loaded.
ALLOWED = """
    array atexit bisect collections contextlib ctypes datetime enum errno fcntl functools importlib
    itertools math msgpack operator os pathlib pwd re signal stat struct sys threading time types
    typing unicodedata warnings weakref zlib
""".split()  # noqa: SIM905 - a list would take a line each

MOST_MODULES = 110
"""Modules of airtape that its import loads at most; each takes a tenth of a millisecond or more."""

PRINT_WHAT_ELSE_IMPORT_LOADS = f"""
    import {", ".join(ALLOWED)}

    before = set(sys.modules)
    import airtape
    print(*sorted(name for name in set(sys.modules) - before if not name.startswith("_")))
"""


@pytest.fixture
def shadowed(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory on PYTHONPATH whose modules would break whoever imports them."""
    for name in SHADOWS:
        (workdir / name).write_text(f"raise RuntimeError('{name} is not yours')\n")
    monkeypatch.setenv("PYTHONPATH", ".")
    return workdir


def test_importing_airtape_loads_msgpack_and_the_standard_library_only(
    run_python: RunPython,
) -> None:
    """A bare import of the library loads itself, msgpack and the standard library."""
    loaded = run_python(PRINT_WHAT_IMPORT_LOADS).stdout.split()
    # What msgpack is compiled with brings modules of its own.
    ours = [name for name in loaded if not name.startswith(("cython_runtime", "_cython_"))]
    assert ours == ["airtape", "msgpack"]


def test_importing_airtape_loads_few_modules(run_python: RunPython) -> None:
    """What takes long, such as dataclasses, json or subprocess, is loaded when it is needed."""
    loaded = run_python(PRINT_WHAT_ELSE_IMPORT_LOADS).stdout.split()
    ours = [name for name in loaded if name.partition(".")[0] == "airtape"]
    assert loaded == ours
    assert len(ours) <= MOST_MODULES


@pytest.mark.usefixtures("shadowed")
def test_a_run_is_recorded_beside_modules_named_like_ours(
    run_python: RunPython, workdir: Path
) -> None:
    """A user's own cli.py, recorder.py and tracker.py do not break recording."""
    program = workdir / "train.py"
    program.write_text(RECORD_ONE_RUN)
    run_python(program)
    assert len(list(workdir.glob("wandb/run-*/run-*.txlog"))) == 1


@pytest.mark.usefixtures("shadowed")
def test_the_command_starts_beside_modules_named_like_ours(run_tracker: RunTracker) -> None:
    """A user's own cli.py, recorder.py and tracker.py do not break the command."""
    assert run_tracker("--help").stdout.startswith("Usage: tracker")
