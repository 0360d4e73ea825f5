from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.names import MAX_ID_BYTES
from airtape.run_search import MAKING_S, NO_LOG, Found, Problem, find_run_dirs
from airtape.rundir import RunDir, count_runs, log_files, segment_name

NAME = "run-20261120_101112-ab12cd34"


def _make_run(folder: Path, name: str = NAME, log: str | None = "run-ab12cd34.txlog") -> Path:
    root = folder / name
    root.mkdir(parents=True)
    if log is not None:
        (root / log).touch()
    return root


def test_the_places_of_a_run_dir() -> None:
    """Log, segments, files, blobs and logs have fixed names below the root."""
    run_dir = RunDir(Path("r"), "x1")
    assert run_dir.log_path == Path("r/run-x1.txlog")
    assert run_dir.segment_path("node7", 42, 1) == Path("r/run-x1.node7-42-1.txlog")
    assert (run_dir.files, run_dir.blobs, run_dir.logs) == (
        Path("r/files"),
        Path("r/blobs"),
        Path("r/logs"),
    )


def test_a_segment_is_named_by_run_and_process() -> None:
    """Host, process and number make the name; a host's odd characters do no harm."""
    assert segment_name("x1", "node-7.cluster", 42, 3) == "run-x1.node-7.cluster-42-3.txlog"
    assert segment_name("x1", "../a b", 1, 1) == "run-x1..._a_b-1-1.txlog"


@given(
    st.text(min_size=1, max_size=MAX_ID_BYTES).filter(
        lambda text: len(text.encode(errors="replace")) <= MAX_ID_BYTES and "/" not in text
    ),
    st.text(max_size=300),
    st.integers(0, 2**22),
    st.integers(0, 10**6),
)
def test_a_segment_name_fits_in_a_directory(run_id: str, host: str, pid: int, number: int) -> None:
    """However long id and host are, the name has at most 255 bytes and keeps process and number."""
    name = segment_name(run_id, host, pid, number)
    assert len(name.encode(errors="replace")) <= 255
    assert name.startswith(f"run-{run_id}.")
    assert name.endswith(f"-{pid}-{number}.txlog")
    assert "/" not in name


def test_log_files_begin_with_the_first_writers(tmp_path: Path) -> None:
    """The first writer's log, then segments, numbers in order."""
    names = [
        "run-a.b.h-9-1.txlog",
        "run-a.b.h-10-10.txlog",
        "run-a.b.h-10-2.txlog",
        "run-a.b.txlog",
    ]
    for name in [*names, "run-a.b.txlog.tmp", "notes.txt"]:
        (tmp_path / name).touch()
    assert log_files(tmp_path) == [
        tmp_path / name
        for name in (
            "run-a.b.txlog",
            "run-a.b.h-9-1.txlog",
            "run-a.b.h-10-2.txlog",
            "run-a.b.h-10-10.txlog",
        )
    ]


def test_log_files_are_regular_files(tmp_path: Path) -> None:
    """Links, pipes and directories with a log's name are no logs."""
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "outside.txlog").touch()
    (run / "run-link.txlog").symlink_to(tmp_path / "outside.txlog")
    (run / "run-dir.txlog").mkdir()
    os.mkfifo(run / "run-pipe.txlog")
    assert log_files(run) == []


def test_log_files_of_a_missing_directory_are_an_error(tmp_path: Path) -> None:
    """No directory is not the same as no logs."""
    with pytest.raises(FileNotFoundError):
        log_files(tmp_path / "gone")


def test_odd_digits_in_names_can_be_sorted(tmp_path: Path) -> None:
    """A superscript two is a digit to Unicode and no number to Python."""
    for name in ("run-x.1²2.txlog", "run-x.1a2.txlog", "run-x.txlog"):
        (tmp_path / name).touch()
    assert [path.name for path in log_files(tmp_path)] == [
        "run-x.txlog",
        "run-x.1a2.txlog",
        "run-x.1²2.txlog",
    ]


def test_a_run_dir_is_found(tmp_path: Path) -> None:
    """The plain case: a run directory by its path, as text or as Path."""
    root = _make_run(tmp_path / "wandb")
    assert find_run_dirs([root]) == find_run_dirs([str(root)]) == Found([root], [], [])


@pytest.mark.parametrize("inside", ["wandb", ".wandb"])
def test_runs_are_found_in_a_wandb_folder_and_above_it(tmp_path: Path, inside: str) -> None:
    """A wandb directory stands for its runs, and so does the directory that holds it."""
    runs = [_make_run(tmp_path / inside, f"run-20261120_10111{i}-x{i}") for i in (3, 1, 2)]
    assert find_run_dirs([tmp_path / inside]).run_dirs == sorted(runs)
    assert find_run_dirs([tmp_path]) == Found(sorted(runs), [], [])


def test_a_log_stands_for_its_directory(tmp_path: Path) -> None:
    """Naming the log names the run."""
    root = _make_run(tmp_path)
    assert find_run_dirs([root / "run-ab12cd34.txlog"]) == Found([root], [], [])


def test_a_renamed_run_dir_is_found_by_its_path(tmp_path: Path) -> None:
    """A run directory that was moved to another name is one because it holds a log."""
    root = _make_run(tmp_path, "best-model")
    assert find_run_dirs([root]).run_dirs == [root]


@pytest.mark.parametrize("name", [f"{NAME}-1", "run-damaged"])
def test_a_run_dir_with_another_log_name_is_found(tmp_path: Path, name: str) -> None:
    """A number after the id, or a name of one's own, does not hide the log."""
    root = _make_run(tmp_path, name)
    assert find_run_dirs([tmp_path]) == Found([root], [], [])


def test_a_run_that_has_only_segments_is_found(tmp_path: Path) -> None:
    """One log of any writer is enough."""
    root = _make_run(tmp_path, log="run-ab12cd34.node-1-1.txlog")
    assert find_run_dirs([tmp_path]).run_dirs == [root]


def test_the_working_directory_may_be_a_run_dir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.` is shown under its real name."""
    root = _make_run(tmp_path)
    monkeypatch.chdir(root)
    assert find_run_dirs(["."]).run_dirs == [root]


def test_paths_are_shown_as_they_were_given(workdir: Path) -> None:
    """Relative paths stay relative."""
    _make_run(workdir / "wandb")
    assert find_run_dirs(["wandb"]).run_dirs == [Path("wandb") / NAME]


def test_a_run_is_found_once(workdir: Path) -> None:
    """Its path, its log, a link to it, its folder and a pattern name one run."""
    root = _make_run(workdir / "wandb")
    (workdir / "wandb" / "latest-run").symlink_to(NAME)
    paths: list[str | Path] = [
        "wandb/latest-run",
        f"wandb/{NAME}",
        f"wandb/{NAME}/run-ab12cd34.txlog",
        "wandb",
        "wandb/run-*",
        root,
    ]
    assert find_run_dirs(paths) == Found([Path("wandb") / NAME], [], [])


def test_a_link_alone_is_shown_as_the_run_it_leads_to(tmp_path: Path) -> None:
    """`latest-run` is no name of a run."""
    root = _make_run(tmp_path / "wandb")
    link = tmp_path / "wandb" / "latest-run"
    link.symlink_to(NAME)
    assert find_run_dirs([link, link]).run_dirs == [root]


def test_a_linked_run_dir_in_a_folder_is_found(tmp_path: Path) -> None:
    """A folder may hold links to run directories elsewhere."""
    root = _make_run(tmp_path / "elsewhere")
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "run-linked").symlink_to(root)
    assert find_run_dirs([tmp_path / "wandb"]).run_dirs == [root]


def test_a_pattern_is_expanded(tmp_path: Path) -> None:
    """A pattern that the shell left alone finds run directories and skips what is foreign."""
    root = _make_run(tmp_path)
    _make_run(tmp_path, "run-20260101_000000-zz")
    (tmp_path / "run-2026112.txt").touch()
    assert find_run_dirs([f"{tmp_path}/run-2026112*"]) == Found([root], [], [])


@pytest.mark.parametrize("path", ["gone", "gone/run-*", "", "a\0b", "file/below"])
def test_what_does_not_exist_is_not_found(workdir: Path, path: str) -> None:
    """A missing path or a pattern without a match is given back as it was."""
    (workdir / "file").touch()
    assert find_run_dirs([path]) == Found([], [], [path])


def test_a_folder_without_runs_is_no_problem(tmp_path: Path) -> None:
    """An empty folder, and one with other people's things, simply have no runs."""
    (tmp_path / "run-scripts").mkdir()
    (tmp_path / "run-all.sh").touch()
    (tmp_path / "tracker.db").touch()
    (tmp_path / "wandb").touch()
    assert find_run_dirs([tmp_path]) == Found([], [], [])


def test_folders_named_wandb_are_not_followed_in_circles(tmp_path: Path) -> None:
    """A link from wandb to itself ends the search."""
    (tmp_path / "wandb").symlink_to(".")
    root = _make_run(tmp_path)
    assert find_run_dirs([tmp_path]) == Found([root], [], [])


@pytest.mark.parametrize("within", [True, False], ids=["in its folder", "by its path"])
def test_a_run_dir_without_a_log_is_a_problem(tmp_path: Path, within: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """It has the name of a run and no transaction log."""
    root = _make_run(tmp_path, log=None)
    found = find_run_dirs([tmp_path if within else root])
    assert found == Found([], [Problem(root, "no transaction log")], [])


def test_runs_of_wandb_are_passed_over(tmp_path: Path) -> None:
    """They may lie in the same folder, and only who names one is told what it is."""
    root = tmp_path / "run-20261120_101112-ab12cd34"
    root.mkdir()
    (root / "run-ab12cd34.wandb").touch()
    for place in (tmp_path, tmp_path / "run-*"):
        assert find_run_dirs([place]) == Found([], [], [])
    reason = "a run that W&B itself has recorded"
    assert find_run_dirs([root]) == Found([], [Problem(root, reason)], [])


def test_a_foreign_file_is_a_problem_when_it_is_named(tmp_path: Path) -> None:
    """A file that is no log was given by mistake."""
    path = tmp_path / "model.pt"
    path.touch()
    assert find_run_dirs([path]).problems == [Problem(path, "neither a run directory nor a log")]


def test_pipes_and_sockets_are_problems_and_do_not_hang(tmp_path: Path) -> None:
    """Nothing but directories is opened, not even under a log's name."""
    pipe, plug = tmp_path / "run-x.txlog", tmp_path / "plug"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(plug))
        found = find_run_dirs([pipe, plug])
    assert [problem.path for problem in found.problems] == [pipe, plug]


def test_a_dangling_link_is_a_problem(tmp_path: Path) -> None:
    """`latest-run` after its run was deleted."""
    link = tmp_path / "latest-run"
    link.symlink_to("gone")
    assert find_run_dirs([link]).problems == [Problem(link, "a link that leads nowhere")]


def test_one_bad_entry_does_not_hide_the_others(tmp_path: Path) -> None:
    """Beside a loop of links, a pipe and an empty run, the good run is found."""
    root = _make_run(tmp_path)
    empty = _make_run(tmp_path, "run-20261120_101113-empty", log=None)
    loop = tmp_path / "run-20261120_101114-loop"
    loop.symlink_to(loop.name)
    os.mkfifo(tmp_path / "run-20261120_101115-pipe")
    found = find_run_dirs([tmp_path])
    assert found.run_dirs == [root]
    assert {problem.path: problem.reason for problem in found.problems} == {
        empty: "no transaction log",
        loop: os.strerror(errno.ELOOP),
    }


def test_a_loop_of_links_is_a_problem(tmp_path: Path) -> None:
    """The system's words say what is wrong."""
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    assert find_run_dirs([loop]).problems == [Problem(loop, os.strerror(errno.ELOOP))]


def test_a_directory_that_cannot_be_listed_is_a_problem(tmp_path: Path) -> None:
    """The system's words say why, here because no more files may be open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        found = find_run_dirs([tmp_path])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found == Found([], [Problem(tmp_path, os.strerror(errno.EMFILE))], [])


def test_runs_are_counted(tmp_path: Path) -> None:
    """Run directories count, other entries do not."""
    for number in range(3):
        _make_run(tmp_path / "wandb", f"run-{number}")
    (tmp_path / "wandb" / "settings").touch()
    assert count_runs(tmp_path) == 3


def test_counting_gives_up(tmp_path: Path) -> None:
    """After so many entries, or so long, the number so far is enough."""
    for number in range(9):
        _make_run(tmp_path / "wandb", f"run-{number}")
    assert count_runs(tmp_path, limit=4) == 4
    assert count_runs(tmp_path, seconds=0) == 1


def test_no_folder_has_no_runs(tmp_path: Path) -> None:
    """Before the first run the count is zero."""
    assert count_runs(tmp_path) == 0


def test_a_directory_without_a_log_may_be_one_that_is_being_made(tmp_path: Path) -> None:
    """For a minute after its last change; not when something else stands in the log's place."""
    root = tmp_path / "run-20261120_101112-a"
    root.mkdir()
    problem = Problem(root, NO_LOG)
    assert problem.may_pass
    assert not Problem(root, "Permission denied").may_pass
    for off in (-MAKING_S - 5, MAKING_S + 5):
        at = time.time() + off
        os.utime(root, (at, at))
        assert not problem.may_pass
    (root / "run-a.txlog").mkdir()
    assert not problem.may_pass
    (root / "run-a.txlog").rmdir()
    assert problem.may_pass
    (root / "run-a.txlog").touch()
    assert problem.may_pass
    shutil.rmtree(root)
    assert not problem.may_pass
