"""Installing where there is no network: wheels in a folder, and the command as a single file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import logs
from tests.processes import RunTracker
from tests.sync.runs import A_RUN

ROOT = Path(__file__).parent.parent
NATIVE = ("msgpack._cmsgpack", "psutil", "pynvml", "psycopg", "yaml._yaml")
"""What `tracker` does without, as a single file holds nothing that is compiled."""

WITHOUT = f"""\
import sys
for name in {NATIVE!r}:
    sys.modules[name] = None
from airtape_cli.main import main
main()
"""
LONGEST_BUILD = 600
"""Seconds; packages are fetched."""


def _write_runs(folder: Path) -> None:
    for run_id in ("ab12cd34", "other"):
        logs.write_log(
            logs.run_dir_of(folder, run_id),
            *A_RUN,
            logs.ended(),
            run_id=run_id,
            writer=run_id.encode().ljust(16),
        )


def test_the_command_does_without_anything_compiled(workdir: Path, run_tracker: RunTracker) -> None:
    """What it syncs is what it always syncs, to the last bit; nor do the other commands fail."""
    _write_runs(workdir / "wandb")
    environment = os.environ | {"MSGPACK_PUREPYTHON": "1"}
    for arguments in (["sync", "--to", "sqlite:pure.db"], ["ls"], ["doctor"], ["verify"]):
        subprocess.run(
            [sys.executable, "-c", WITHOUT, *arguments],
            check=True,
            env=environment,
            capture_output=True,
        )
    run_tracker("verify", "wandb", "--against", "sqlite:pure.db")


def _copy_of_repository(place: Path) -> Path:
    """Copy what is in the repository to another machine, as it were."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / name)
    return place


def _make(place: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["make", *arguments, f"PYTHON={sys.base_prefix}/bin/python3"],
        cwd=place,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.soak
@pytest.mark.timeout(LONGEST_BUILD)
def test_wheels_are_all_that_another_machine_needs(tmp_path: Path) -> None:
    """`make demo` runs there, with pip told that there is no index."""
    here, there = (_copy_of_repository(tmp_path / name) for name in ("here", "there"))
    said = _make(here, "wheelhouse")
    assert "pip install --no-index" in said
    wheels = here / "build/wheelhouse"
    wheels.rename(tmp_path / "wheelhouse")
    shutil.rmtree(here)
    alone = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    said = _make(there, "demo", f"WHEELHOUSE={tmp_path}/wheelhouse", **alone)
    assert "$ tracker sync ./wandb/run-*\nSynced" in said
    assert "All of it is in " in said


@pytest.mark.soak
@pytest.mark.timeout(LONGEST_BUILD)
def test_a_single_file_runs_on_any_python(
    tmp_path: Path, workdir: Path, run_tracker: RunTracker
) -> None:
    """Without a package installed, and without anything compiled in it; it syncs exactly."""
    place = _copy_of_repository(tmp_path / "here")
    _make(place, "pyz")
    program = place / "build/tracker.pyz"
    with zipfile.ZipFile(program) as archive:
        assert [name for name in archive.namelist() if name.endswith((".so", ".pyd"))] == []
    _write_runs(workdir / "wandb")
    pythons = {Path(sys.base_prefix, "bin/python3"), Path("/usr/bin/python3")}
    for number, python in enumerate(python for python in pythons if python.exists()):
        alone = [str(python), "-I", "-S", str(program)]
        store = f"sqlite:{number}.db"
        subprocess.run([*alone, "sync", "--to", store], check=True, capture_output=True)
        run_tracker("verify", "wandb", "--against", store)
        bundled = [*alone, "bundle", "create", "-o", "runs.bundle"]
        subprocess.run(bundled, check=True, capture_output=True)
        subprocess.run(
            [*alone, "bundle", "apply", "runs.bundle", "far"], check=True, capture_output=True
        )
        line = subprocess.run(
            [*alone, "cron", "--to", store], check=True, capture_output=True, text=True
        )
        assert f"{program} sync --to {store} " in line.stdout
