from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airtape.records import Kind
from tests.flow.test_console_seen import seen_on_terminal
from tests.processes import RunPython
from tests.recording import only_log, read_back

BEGIN = """\
import os, signal, subprocess, sys, time
import airtape
def start(**more):
    settings = {"console": "redirect", "silent": True, "disable_metadata": True}
    return airtape.init(project="p", settings=settings, **more)
run = start()
"""


def _output(log: Path, stream: str = "stdout") -> bytes:
    said = [record.fields for record in read_back(log).of(Kind.CONSOLE)]
    parts = [fields[1] for fields in said if fields[0] == stream]
    return b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)


def test_whatever_is_written_to_the_descriptors_is_heard(
    run_python: RunPython, workdir: Path
) -> None:
    """By Python, past it, by a child, by a forked one; and it arrives where it should."""
    program = BEGIN + (
        "print('python')\n"
        "os.write(1, b'caf\\xe9\\n')\n"
        "subprocess.run(['sh', '-c', 'echo process; echo error >&2'], check=True)\n"
        "sys.stdout.flush()\n"
        "child = os.fork()\n"
        "if not child: print('forked', flush=True); os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "run.finish()\n"
        "os.write(1, b'after\\n')\n"
    )
    done = run_python(program, encoding="latin-1")
    assert sorted(done.stdout.splitlines()) == ["after", "caf\xe9", "forked", "process", "python"]
    assert done.stderr == "error\n"
    log = only_log(workdir)
    assert sorted(_output(log).splitlines()) == [b"caf\xe9", b"forked", b"process", b"python"]
    assert _output(log, "stderr") == b"error\n"


def test_programs_still_find_a_terminal(workdir: Path) -> None:
    """Of the same size, and with line ends as they were written."""
    program = BEGIN + (
        "print(sys.stdout.isatty(), os.get_terminal_size() == os.get_terminal_size(0))\n"
        "subprocess.run(['sh', '-c', 'test -t 1 && echo yes'], check=True)\n"
    )
    assert sorted(seen_on_terminal(program, workdir).split()) == ["True", "True", "yes"]
    assert sorted(_output(only_log(workdir)).splitlines()) == [b"True True", b"yes"]


def test_descriptors_are_what_they_were_after_the_end(run_python: RunPython, workdir: Path) -> None:
    """However runs overlap; nothing is lost in between."""
    program = BEGIN + (
        "def same(): return os.fstat(1).st_ino == before\n"
        "run.finish()\n"
        "before = os.fstat(1).st_ino\n"
        "fds = len(os.listdir('/proc/self/fd'))\n"
        "first, second = start(), start(reinit='create_new')\n"
        "os.write(1, b'both\\n')\n"
        "first.finish()\n"
        "os.write(1, b'second\\n')\n"
        "assert not same()\n"
        "second.finish()\n"
        "assert same()\n"
        "os.write(1, b'nobody\\n')\n"
        "deadline = time.monotonic() + 5\n"
        "while len(os.listdir('/proc/self/fd')) > fds and time.monotonic() < deadline: pass\n"
        "assert len(os.listdir('/proc/self/fd')) == fds\n"
    )
    assert run_python(program).stdout == "both\nsecond\nnobody\n"
    said = sorted(map(_output, workdir.glob("wandb/run-*/*.txlog")))
    assert said == [b"", b"both\n", b"both\nsecond\n"]


def test_a_descriptor_that_somebody_else_has_taken_is_left_to_him(
    run_python: RunPython, workdir: Path
) -> None:
    """A program may send its output elsewhere meanwhile, and goes on to do so."""
    program = BEGIN + (
        "os.dup2(os.open('mine', os.O_WRONLY | os.O_CREAT), 1)\n"
        "run.finish()\n"
        "os.write(1, b'mine\\n')\n"
    )
    assert run_python(program).stdout == ""
    assert (workdir / "mine").read_text() == "mine\n"


def test_much_output_comes_through(run_python: RunPython, workdir: Path) -> None:
    """More than a pipe holds, byte by byte."""
    program = BEGIN + "for n in range(100_000): print('line', n)\n"
    whole = "".join(f"line {n}\n" for n in range(100_000))
    assert run_python(program).stdout == whole
    assert _output(only_log(workdir)) == whole.encode()


def test_what_was_written_before_a_signal_is_passed_on(
    run_python: RunPython, workdir: Path
) -> None:
    """To the terminal and to the log, though the process dies of it."""
    program = BEGIN + (
        "os.write(1, b'last words')\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)\n"
    )
    done = run_python(program, returncode=-signal.SIGTERM)
    assert done.stdout == "last words"
    assert _output(only_log(workdir)) == b"last words"


def test_a_reader_that_has_gone_is_an_error_as_ever(
    python: Callable[[str], list[str]], workdir: Path
) -> None:
    """A program whose output nobody takes gets a broken pipe, and its run goes on."""
    program = BEGIN + (
        "sys.stdin.read()\n"
        "for n in range(1000):\n"
        "    try: os.write(1, b'x' * 1000)\n"
        "    except BrokenPipeError: break\n"
        "    time.sleep(0.005)\n"
        "else: sys.exit('nothing happened')\n"
        "run.log({'a': 1})\n"
    )
    with subprocess.Popen(
        python(program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=workdir
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.close()
        assert process.wait(30) == 0
    assert read_back(only_log(workdir)).data == [(0, {"a": 1})]


@pytest.mark.parametrize("fd", [1, 2])
def test_a_closed_descriptor_is_no_reason_to_fail(
    run_python: RunPython, workdir: Path, fd: int
) -> None:
    """Output is then not recorded, which is noted; the rest is as ever."""
    program = f"import os\nos.close({fd})\n{BEGIN}run.log({{'a': 1}})\nrun.finish()\nos._exit(0)\n"
    run_python(program)
    log = only_log(workdir)
    assert read_back(log).data == [(0, {"a": 1})]
    assert "cannot be redirected" in (log.parent / "logs/debug.log").read_text()


def test_a_child_that_goes_on_after_the_run_is_still_heard_on_the_terminal(
    run_python: RunPython, workdir: Path
) -> None:
    """As long as the program goes on, too."""
    program = BEGIN + (
        "child = subprocess.Popen(['sh', '-c', 'read x; echo late'], stdin=subprocess.PIPE)\n"
        "run.finish()\n"
        "child.communicate(b'go\\n')\n"
        "assert child.returncode == 0\n"
        "time.sleep(0.5)\n"
    )
    assert run_python(program).stdout == "late\n"
    assert _output(only_log(workdir)) == b""


def test_a_program_that_takes_the_place_of_this_one_has_its_descriptors(
    run_python: RunPython, workdir: Path
) -> None:
    """As when a job starts itself anew; the pipes of this one would have nobody to read them."""
    program = BEGIN + (
        "print('before', flush=True)\n"
        "os.execv('/bin/sh', ['sh', '-c', 'echo after && echo error >&2'])\n"
    )
    done = run_python(program)
    assert (done.stdout, done.stderr) == ("before\nafter\n", "error\n")
    assert only_log(workdir).exists()


def test_a_program_that_a_forked_child_becomes_is_heard(
    run_python: RunPython, workdir: Path
) -> None:
    """As each child is, however it was started."""
    program = BEGIN + (
        "child = os.fork()\n"
        "if not child: os.execv('/bin/sh', ['sh', '-c', 'echo child'])\n"
        "os.waitpid(child, 0)\n"
        "run.finish()\n"
    )
    assert run_python(program).stdout == "child\n"
    assert _output(only_log(workdir)) == b"child\n"
