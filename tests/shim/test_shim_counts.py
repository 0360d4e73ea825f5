"""Which calls count, and who counts them."""

from __future__ import annotations

import errno
from pathlib import Path

from tests.shim.build import count_in, errno_from, kill_at, only_kinds
from tests.shim.process import FIVE_LINES, Run
from tests.shim.watch import read_counts, read_other_counts


def test_reading_does_not_count(run: Run, tmp_path: Path, data: Path) -> None:
    """Opening without creating changes nothing, so there is no place to die."""
    (data / "log").write_text("x")
    counted = tmp_path / "counted"
    run("print(open('log').read(), os.listdir())", count_in(counted))
    assert read_counts(counted).total == 0


def test_counts_tell_the_kinds(run: Run, tmp_path: Path) -> None:
    """Every kind has its number, and together they are the total."""
    code = FIVE_LINES + "os.fsync(fd); os.rename('log', 'done'); os.unlink('done')"
    run(code, count_in(tmp_path / "counted"))
    counts = read_counts(tmp_path / "counted")
    assert counts.of == {"open": 1, "write": 5, "fsync": 1, "rename": 1, "unlink": 1}
    assert counts.total == 9


def test_counts_outlive_a_kill(run: Run, tmp_path: Path) -> None:
    """The call that killed is the last one counted."""
    run(FIVE_LINES, kill_at(4), count_in(tmp_path / "counted"))
    assert read_counts(tmp_path / "counted").of == {"open": 1, "write": 3}


def test_output_never_counts(run: Run, tmp_path: Path, data: Path) -> None:
    """Not even where it goes to a file that does."""
    code = """
os.write(1, b"out"); os.write(2, b"err")
read, write = os.pipe()
os.write(write, b"x")
"""
    with (data / "out").open("w") as out:
        run(code, kill_at(1), count_in(tmp_path / "counted"), stdout=out)
    assert (data / "out").read_text() == "out"
    assert read_counts(tmp_path / "counted").total == 0


def test_other_paths_do_not_count(run: Run) -> None:
    """A rule leaves alone what the path does not name."""
    code = "os.chdir('..'); print(attempt(os.write, create('beside'), b'x'))"
    assert run(code, errno_from("files", errno.EIO)).stdout == "1\n"


def test_a_link_counts_by_either_end(run: Run, tmp_path: Path) -> None:
    """What leaves the folder counts like what enters it."""
    code = """
create("log")
os.chdir("..")
os.link("data/log", "outside")
os.link("outside", "data/inside")
"""
    run(code, count_in(tmp_path / "counted"))
    assert read_counts(tmp_path / "counted").of == {"open": 1, "link": 2}


def test_only_kinds_leaves_the_others_out(run: Run, tmp_path: Path, data: Path) -> None:
    """The third counted call is then the third write."""
    counted = tmp_path / "counted"
    run(FIVE_LINES, only_kinds("write"), kill_at(3), count_in(counted))
    assert (data / "log").read_text() == "0\n1\n"
    assert read_counts(counted).of == {"write": 3}


def test_a_forked_child_counts_on_for_itself(run: Run, tmp_path: Path) -> None:
    """It starts from its parent's number, and neither changes the other's."""
    code = """
fd = create("log")
os.write(fd, b"x")
if os.fork() == 0:
    for i in range(3):
        os.write(fd, b"x")
    os._exit(0)
os.wait()
os.write(fd, b"x")
"""
    run(code, count_in(tmp_path / "counted"))
    assert read_counts(tmp_path / "counted").of == {"open": 1, "write": 2}
    (child,) = read_other_counts(tmp_path / "counted")
    assert child.of == {"open": 1, "write": 4}


def test_a_forked_child_dies_alone(run: Run) -> None:
    """Its own counter reaches the number; the parent lives and stays below."""
    code = """
fd = create("log")
pid = os.fork()
if pid == 0:
    os.write(fd, b"x"); os.write(fd, b"x")
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.write(fd, b"x"))
"""
    done = run(code, kill_at(3))
    assert (done.stdout, done.returncode) == ("-9 1\n", 0)


def test_a_new_program_counts_from_zero(run: Run, tmp_path: Path) -> None:
    """A process that is started, not forked, has nothing to go on from."""
    code = """
import subprocess
create("log")
subprocess.run([sys.executable, "-c", "open('other', 'w').write('x')"], check=True)
"""
    run(code, count_in(tmp_path / "counted"))
    assert read_counts(tmp_path / "counted").of == {"open": 1}
    (child,) = read_other_counts(tmp_path / "counted")
    assert child.of == {"open": 1, "write": 1}


def test_threads_count_together(run: Run, tmp_path: Path) -> None:
    """No call of eight threads is missed or counted twice."""
    code = """
fd = create("log")
threads = [
    threading.Thread(target=lambda: [os.write(fd, b"x") for i in range(15000)]) for i in range(8)
]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    run(code, count_in(tmp_path / "counted"))
    assert read_counts(tmp_path / "counted").of == {"open": 1, "write": 120_000}


def test_calls_inside_a_signal_handler_count(run: Run, tmp_path: Path, data: Path) -> None:
    """CPython's C handler writes to the wakeup descriptor while the program is inside write()."""
    code = """
woken = os.open("woken", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK)
fd = create("log")
signal.signal(signal.SIGALRM, lambda *_: None)
signal.set_wakeup_fd(woken)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
while os.stat(woken).st_size < 50:
    os.write(fd, b"x")
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    assert run(code, count_in(tmp_path / "counted")).returncode == 0
    written = (data / "woken").stat().st_size + (data / "log").stat().st_size
    assert read_counts(tmp_path / "counted").of == {"open": 2, "write": written}
