from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Timer
from time import monotonic

import pytest

from airtape.git_state import Git, GitFailed

RunGit = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunGit:
    """The command ``git`` in the directory ``repo``, without the user's configuration."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "ada")
        monkeypatch.setenv(f"{name}_EMAIL", "ada@example.org")
    (tmp_path / "repo").mkdir()

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=tmp_path / "repo",
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout.strip()

    return run


@pytest.fixture
def repo(git: RunGit, tmp_path: Path) -> Path:
    """A repository with one commit of ``tracked.txt`` on the branch ``main``."""
    git("init", "--initial-branch=main")
    path = tmp_path / "repo" / "tracked.txt"
    path.write_text("v1\n")
    git("add", "tracked.txt")
    git("commit", "--message=first")
    return path.parent


def ask(place: Path, environ: Mapping[str, str] = os.environ) -> Git:
    """Ask git in a directory, as a run there would."""
    return Git(place, environ)


def test_the_state_of_a_repository_is_told(repo: Path, git: RunGit) -> None:
    """Top, commit, branch and remote, from a folder inside of it too."""
    git("remote", "add", "origin", "https://example.org/r.git")
    (repo / "src").mkdir()
    state = ask(repo / "src").state()
    assert state is not None
    assert (state.root, state.commit) == (repo, git("rev-parse", "HEAD"))
    assert (state.branch, state.remote) == ("main", "https://example.org/r.git")


def test_the_remote_is_that_of_the_branch(repo: Path, git: RunGit) -> None:
    """A branch that follows another remote than ``origin`` has that one."""
    git("remote", "add", "origin", "https://example.org/r.git")
    git("remote", "add", "team", "https://example.org/team.git")
    git("config", "branch.main.remote", "team")
    state = ask(repo).state()
    assert state is not None
    assert state.remote == "https://example.org/team.git"


def test_what_git_does_not_say_is_none(repo: Path, git: RunGit) -> None:
    """A commit without a branch has none, and no remote is none."""
    git("checkout", "--detach")
    state = ask(repo).state()
    assert state is not None
    assert state.commit is not None
    assert (state.branch, state.remote) == (None, None)


def test_a_repository_without_commits_has_a_state(git: RunGit, tmp_path: Path) -> None:
    """Its branch is there already, a commit is not."""
    git("init", "--initial-branch=main")
    state = ask(tmp_path / "repo").state()
    assert state is not None
    assert (state.commit, state.branch) == (None, "main")


@pytest.mark.usefixtures("git")
def test_outside_of_a_repository_there_is_no_state(tmp_path: Path) -> None:
    """Nor where there is no git, or no directory any more."""
    place = tmp_path / "repo"
    assert ask(place).state() is None
    assert ask(place, {"PATH": str(tmp_path)}).state() is None
    assert ask(tmp_path / "missing").state() is None


def test_changes_of_tracked_files_are_a_patch(repo: Path, git: RunGit) -> None:
    """It can be applied to the commit; what is staged is in it, what is not tracked is not."""
    (repo / "tracked.txt").write_text("v2\n")
    (repo / "staged.txt").write_text("new\n")
    (repo / "untracked.txt").write_text("u")
    git("add", "staged.txt")
    asked = ask(repo)
    patch, is_whole = asked.diff(repo, 1 << 20)
    assert is_whole
    assert asked.is_dirty(repo)
    git("reset", "--hard")
    (repo / "p").write_bytes(patch)
    git("apply", "p")
    assert (repo / "tracked.txt").read_text() == "v2\n"
    assert (repo / "staged.txt").read_text() == "new\n"


def test_a_clean_tree_has_no_patch(repo: Path) -> None:
    """Files that are not tracked make no difference."""
    (repo / "untracked.txt").write_text("u")
    assert ask(repo).diff(repo, 1 << 20) == (b"", True)
    assert not ask(repo).is_dirty(repo)


def test_a_long_patch_ends_with_a_whole_line(repo: Path) -> None:
    """No more than the limit is kept, and it says so."""
    (repo / "tracked.txt").write_text("changed\n" * 100_000)
    patch, is_whole = ask(repo).diff(repo, 10_000)
    assert not is_whole
    assert 9_900 < len(patch) <= 10_000
    assert patch.endswith(b"+changed\n")


def test_nothing_of_the_repository_is_locked_or_run(repo: Path, git: RunGit) -> None:
    """A held lock, a pager, and a program for differences make no difference."""
    git("config", "diff.external", "false")
    git("config", "core.pager", "false")
    git("config", "core.fsmonitor", "false")
    (repo / ".git/index.lock").touch()
    (repo / "tracked.txt").write_text("v2\n")
    before = (repo / ".git/index").read_bytes()
    patch, _ = ask(repo).diff(repo, 1 << 20)
    assert b"-v1\n+v2\n" in patch
    assert (repo / ".git/index").read_bytes() == before


def slow_git(folder: Path) -> dict[str, str]:
    """Return an environment whose ``git`` answers only after a minute."""
    command = folder / "git"
    command.write_text("#!/bin/sh\nexec sleep 60\n")
    command.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_git_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is up after the limit, and the process is gone."""
    monkeypatch.setattr("airtape.git_state.COMMAND_S", 0.2)
    with pytest.raises(GitFailed, match=r"git rev-parse took more than 0\.2 s"):
        ask(tmp_path, slow_git(tmp_path)).state()


def test_git_ends_with_the_run(tmp_path: Path) -> None:
    """What runs is ended at once, and nothing is asked any more."""
    asked = ask(tmp_path, slow_git(tmp_path))
    began = monotonic()
    timer = Timer(0.2, asked.end)
    timer.start()
    assert asked.state() is None
    timer.join()
    assert monotonic() - began < 5
    with pytest.raises(GitFailed, match="the run has ended"):
        asked.state()


def test_git_that_cannot_answer_is_an_error(repo: Path) -> None:
    """A damaged repository has no patch, and that is said."""
    (repo / ".git/index").write_bytes(b"damaged")
    with pytest.raises(GitFailed, match="git diff ended with 128"):
        ask(repo).diff(repo, 1 << 20)
    with pytest.raises(GitFailed, match="git diff ended with 128"):
        ask(repo).is_dirty(repo)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("owner", "detected dubious ownership in repository at '{repo}' .* --add safe.directory"),
        ("config", "bad config line"),
        ("link", "invalid gitfile format"),
    ],
)
def test_a_repository_that_git_refuses_is_an_error(repo: Path, spoil: str, words: str) -> None:
    """In the words of git, on one line, with what it says of a way out: as of another user's."""
    environ = dict(os.environ)
    if spoil == "owner":
        environ["GIT_TEST_ASSUME_DIFFERENT_OWNER"] = "1"
    elif spoil == "config":
        (repo / ".git/config").write_text("[")
    else:
        (repo / "src").mkdir()
        (repo / "src/.git").write_text("no link")
    place = repo / "src" if spoil == "link" else repo
    with pytest.raises(GitFailed, match=words.format(repo=repo)) as caught:
        ask(place, environ).state()
    assert "\n" not in str(caught.value)


def test_where_git_keeps_its_own_files_there_is_no_state(repo: Path, git: RunGit) -> None:
    """Nor in a repository without a working tree."""
    git("init", "--bare", "bare")
    assert ask(repo / ".git").state() is None
    assert ask(repo / "bare").state() is None
