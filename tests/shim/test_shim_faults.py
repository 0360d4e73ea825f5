"""Calls that kill, fail, fall short or take long."""

from __future__ import annotations

import errno
import signal
from pathlib import Path

import pytest

from tests.shim.build import (
    Kind,
    count_in,
    delay_at,
    each_kill,
    errno_at,
    errno_from,
    kill_after,
    kill_at,
    short_write_at,
    short_writes,
)
from tests.shim.process import FIVE_LINES, Run
from tests.shim.watch import read_counts


def test_kill_at_dies_before_the_call(run: Run, data: Path) -> None:
    """Call 1 creates the file, calls 2 to 6 write: the third line is the fourth call."""
    assert run(FIVE_LINES, kill_at(4)).returncode == -signal.SIGKILL
    assert (data / "log").read_text() == "0\n1\n"


def test_kill_after_dies_after_the_call(run: Run, data: Path) -> None:
    """The same call, but done."""
    assert run(FIVE_LINES, kill_after(4)).returncode == -signal.SIGKILL
    assert (data / "log").read_text() == "0\n1\n2\n"


def test_each_kill_reaches_every_state(run: Run, tmp_path: Path, data: Path) -> None:
    """Counting once and then dying everywhere shows each prefix of the work, and the whole."""
    counted = tmp_path / "counted"
    run(FIVE_LINES, count_in(counted))
    sizes = []
    for death in each_kill(read_counts(counted).total):
        (data / "log").unlink()
        assert run(FIVE_LINES + "else:\n    raise SystemExit('lived')", death).returncode == -9
        sizes.append((data / "log").stat().st_size if (data / "log").exists() else None)
        (data / "log").touch()
    assert sizes == [None, 0, 2, 4, 6, 8, 10]


def test_errno_holds_for_the_calls_asked(run: Run, data: Path) -> None:
    """The second and third write fail and leave nothing; the others are whole."""
    code = """
fd = create("log")
print([attempt(os.write, fd, b"%d" % i) for i in range(5)])
"""
    done = run(code, errno_at("write", errno.ENOSPC, 2, 3))
    assert done.stdout == "[1, 'ENOSPC', 'ENOSPC', 1, 1]\n"
    assert (data / "log").read_text() == "034"


def test_errno_from_holds_until_the_end(run: Run) -> None:
    """An open range has no last call."""
    code = """
fd = create("log")
print([attempt(os.fsync, fd) for i in range(4)])
"""
    assert run(code, errno_from("fsync", errno.EIO, 3)).stdout == "[None, None, 'EIO', 'EIO']\n"


def test_rules_add_up(run: Run) -> None:
    """Several faults in one process, each at its own call."""
    code = """
fd = create("log")
print([attempt(os.write, fd, b"xyz") for i in range(3)], attempt(os.fsync, fd))
"""
    faults = errno_at("write", errno.EIO, 1), short_write_at(2, 1), errno_at("fsync", errno.EIO, 1)
    assert run(code, *faults).stdout == "['EIO', 1, 3] EIO\n"


CALLS: list[tuple[Kind, str]] = [
    ("write", "os.write(fd, b'x')"),
    ("write", "os.pwrite(fd, b'x', 0)"),
    ("write", "os.writev(fd, [b'x', b'y'])"),
    ("write", "os.sendfile(fd, source, 0, 1)"),
    ("write", "checked(ctypes.PyDLL(None, use_errno=True).write(fd, b'x', 1))"),
    ("write", "checked(ctypes.CDLL(None, use_errno=True).pwrite(fd, b'x', 1, 0))"),
    ("write", "checked(ctypes.CDLL(None, use_errno=True).pwrite64(fd, b'x', 1, 0))"),
    ("fsync", "os.fsync(fd)"),
    ("fsync", "os.fdatasync(fd)"),
    ("truncate", "os.ftruncate(fd, 0)"),
    ("rename", "os.rename('log', 'other')"),
    ("rename", "os.replace('log', 'other')"),
    ("rename", "os.rename('log', 'other', src_dir_fd=here, dst_dir_fd=here)"),
    ("link", "os.link('log', 'other')"),
    ("link", "os.link('log', 'other', src_dir_fd=here, dst_dir_fd=here)"),
    ("unlink", "os.unlink('log')"),
    ("unlink", "os.unlink('log', dir_fd=here)"),
    ("unlink", "os.rmdir('folder')"),
    ("open", "os.open('log', os.O_RDWR | os.O_CREAT)"),
    ("open", "os.open('other', os.O_WRONLY | os.O_CREAT, dir_fd=here)"),
    ("open", "open('other', 'w')"),
    ("mkdir", "os.mkdir('other')"),
    ("mkdir", "os.mkdir('other', dir_fd=here)"),
]


@pytest.mark.parametrize(("kind", "call"), CALLS, ids=[call for _, call in CALLS])
def test_each_call_is_counted_and_can_fail(
    run: Run, tmp_path: Path, data: Path, kind: Kind, call: str
) -> None:
    """Whatever way Python changes a file, it is one call of its kind, and undone when refused."""
    (data / "log").write_text("before")
    (data / "folder").mkdir()
    code = f"""
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
fd = os.open("log", os.O_RDWR)
here = os.open(".", os.O_RDONLY)
source = os.open(sys.executable, os.O_RDONLY)
print(attempt(lambda: {call}))
"""
    counted = tmp_path / "counted"
    assert run(code, errno_at(kind, errno.ESTALE, 1), count_in(counted)).stdout == "ESTALE\n"
    assert read_counts(counted).of == {kind: 1}
    assert {path.name for path in data.iterdir()} == {"log", "folder"}
    assert (data / "log").read_text() == "before"


def test_a_short_write_says_so(run: Run, data: Path) -> None:
    """The call returns the fewer bytes that it wrote."""
    code = """
fd = create("log")
print([os.write(fd, b"0123456789") for i in range(3)])
"""
    assert run(code, short_write_at(2, 4)).stdout == "[10, 4, 10]\n"
    assert (data / "log").read_text() == "0123456789" + "0123" + "0123456789"


def test_a_short_write_ends_inside_a_vector(run: Run, data: Path) -> None:
    """The parts of a vector are one run of bytes."""
    code = """
fd = create("log")
print(os.writev(fd, [b"01", b"", b"234", b"56"]))
"""
    assert run(code, short_write_at(1, 4)).stdout == "4\n"
    assert (data / "log").read_text() == "0123"


def test_a_file_object_survives_short_writes(run: Run, data: Path) -> None:
    """Who writes on until all is written loses nothing: the file is as without the fault."""
    run("open('log', 'wb').write(b'0123456789' * 10)", short_writes(7))
    assert (data / "log").read_text() == "0123456789" * 10


def test_a_delay_comes_before_the_call(run: Run) -> None:
    """The one call takes the time, no other."""
    code = """
fd = create("log")
times = [time.monotonic()]
for i in range(3):
    os.write(fd, b"x")
    times.append(time.monotonic())
print([b - a >= 0.2 for a, b in zip(times, times[1:])])
"""
    assert run(code, delay_at("write", 0.2, 2)).stdout == "[False, True, False]\n"
