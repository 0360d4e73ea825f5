"""Who may write what a run leaves behind."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from tests.processes import RunPython, RunTracker

RECORD = """
import os
import airtape

run = airtape.init(project="tests", mode="offline", config={"token": "hf_" + "Ab3dEf6h" * 5})
run.log({"text": "x" * 2_000_000})
child = os.fork()
if child == 0:
    run.log({"child": 1})
    os._exit(0)
os.waitpid(child, 0)
run.log_code(os.path.dirname(airtape.__file__), include_fn=lambda path: path.endswith("tags.py"))
run.finish()
"""


def test_nothing_is_writable_for_everybody(
    workdir: Path, run_python: RunPython, run_tracker: RunTracker
) -> None:
    """Also where the umask would let it: of a run, its log of itself, a target, a tombstone."""
    run_python(RECORD, cwd=workdir, umask=0)
    run_tracker("sync", cwd=workdir, umask=0)
    kept = [path for path in (workdir / "wandb").rglob("*") if not path.is_symlink()]
    assert {"debug.log", "tracker.db", "tags.py", "config.yaml"} <= {path.name for path in kept}
    [run_dir] = (workdir / "wandb").glob("run-*")
    assert _open_to_all([workdir / "wandb", *kept]) == []
    run_tracker("delete", "--yes", str(run_dir), cwd=workdir, umask=0)
    assert _open_to_all((workdir / "wandb").rglob("*")) == []


def _open_to_all(paths: Iterable[Path]) -> list[str]:
    """Return what everybody may write; a link's own permissions mean nothing."""
    return [
        f"{path} {stat.filemode(path.lstat().st_mode)}"
        for path in paths
        if not path.is_symlink() and path.lstat().st_mode & stat.S_IWOTH
    ]
