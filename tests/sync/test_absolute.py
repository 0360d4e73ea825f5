"""The absolute paths under which a target knows run directories."""

from __future__ import annotations

import os
from pathlib import Path

from airtape.sync.absolute import Absolute


def test_it_says_what_path_says(workdir: Path) -> None:
    """Relative and absolute paths become what `Path.absolute` makes of them."""
    absolute = Absolute()
    for path in (Path("wandb/run-1"), Path(), Path("../x"), workdir / "wandb"):
        assert absolute(path) == str(path.absolute())


def test_where_one_is_is_asked_once(workdir: Path) -> None:
    """Thousands of relative paths cost one call to the system, and an absolute one none."""
    (workdir / "below").mkdir()
    absolute = Absolute()
    assert absolute(Path("run-1")) == f"{workdir}/run-1"
    os.chdir("below")
    assert absolute(Path("run-2")) == f"{workdir}/run-2"


def test_an_absolute_path_needs_no_current_directory(workdir: Path) -> None:
    """A sync goes on in a directory that somebody has removed meanwhile."""
    (workdir / "gone").mkdir()
    os.chdir("gone")
    (workdir / "gone").rmdir()
    assert Absolute()(workdir) == str(workdir)
