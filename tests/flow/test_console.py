from __future__ import annotations

import signal
from pathlib import Path

from airtape.records import Kind
from tests.processes import RunPython
from tests.recording import only_log, read_back

BEGIN = """\
import os, signal, sys, threading, time
import airtape
run = airtape.init(project="p", settings={"silent": True, "disable_metadata": True})
"""


def _output(log: Path) -> str:
    return "".join(record.fields[1] for record in read_back(log).of(Kind.CONSOLE))


def _shown(folder: Path) -> str:
    (path,) = folder.glob("wandb/run-*/files/output.log")
    return path.read_text()


def test_lines_survive_a_kill(run_python: RunPython, workdir: Path) -> None:
    """What was printed before SIGKILL is in the log, whatever became of Python's own buffer."""
    program = BEGIN + "for n in range(50): print('line', n)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    run_python(program, returncode=-signal.SIGKILL)
    assert _output(only_log(workdir)) == "".join(f"line {n}\n" for n in range(50))


def test_a_line_that_is_not_complete_survives_a_signal(
    run_python: RunPython, workdir: Path
) -> None:
    """A program that is told to end records what it has written last."""
    program = BEGIN + (
        "sys.stdout.write('half a line')\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)\n"
    )
    run_python(program, returncode=-signal.SIGTERM)
    assert _output(only_log(workdir)) == "half a line"
    assert _shown(workdir) == "half a line\n"


def test_the_error_that_ends_a_program_is_output(run_python: RunPython, workdir: Path) -> None:
    """Its traceback is on the terminal, in the log and in the file."""
    done = run_python(BEGIN + "print('start')\n1 / 0\n", returncode=1)
    assert _shown(workdir).startswith("start\nTraceback (most recent call last):\n")
    assert _shown(workdir).endswith("ZeroDivisionError: division by zero\n")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_a_forked_child_records_what_it_says_itself(run_python: RunPython, workdir: Path) -> None:
    """In a log of its own, when it says something; nothing is recorded twice."""
    program = BEGIN + (
        "print('parent')\n"
        "sys.stdout.write('unfinished ')\n"
        "sys.stdout.flush()\n"
        "for name in ('one', 'two', ''):\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        if name: print('child', name, flush=True)\n"
        "        os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "print('parent again')\n"
    )
    run_python(program)
    said = sorted(map(_output, workdir.glob("wandb/run-*/*.txlog")))
    assert said == ["child one\n", "child two\n", "parent\nunfinished parent again\n"]
    assert _shown(workdir) == "parent\nunfinished parent again\n"


def test_streams_can_do_all_that_they_could(run_python: RunPython, workdir: Path) -> None:
    """Their other methods, other processes that are given them, and `faulthandler`."""
    program = BEGIN + (
        "import faulthandler, logging, subprocess\n"
        "assert sys.stdout is sys.__stdout__ and sys.stdout.fileno() == 1\n"
        "assert not sys.stdout.isatty() and sys.stdout.encoding.lower() == 'utf-8'\n"
        "sys.stdout.reconfigure(line_buffering=True, errors='replace')\n"
        "print('text')\n"
        "sys.stdout.buffer.write(b'bytes\\n')\n"
        "sys.stdout.flush()\n"
        "subprocess.run(['echo', 'process'], stdout=sys.stdout, check=True)\n"
        "faulthandler.enable()\n"
        "faulthandler.dump_traceback(sys.stderr)\n"
        "logging.warning('logged')\n"
        "print(sys.stdout.write('x'), file=sys.stderr)\n"
    )
    done = run_python(program)
    assert done.stdout == "text\nbytes\nprocess\nx"
    assert "most recent call first" in done.stderr
    assert _output(only_log(workdir)) == "text\nWARNING:root:logged\nx1\n"


def test_a_handler_of_logging_that_was_there_before_is_heard(
    run_python: RunPython, workdir: Path
) -> None:
    """It has kept the stream itself, which is heard all the same."""
    program = f"import logging\nlogging.basicConfig()\n{BEGIN}logging.warning('early')\n"
    run_python(program)
    assert _output(only_log(workdir)) == "WARNING:root:early\n"


def test_a_process_that_is_spawned_prints_for_itself(run_python: RunPython, workdir: Path) -> None:
    """Nothing of the recorder is carried into it."""
    program = workdir / "main.py"
    program.write_text(
        "import multiprocessing, sys\n"
        "def work():\n    print('spawned', flush=True)\n"
        "if __name__ == '__main__':\n"
        "    import airtape\n"
        "    airtape.init(project='p', settings={'silent': True, 'disable_metadata': True})\n"
        "    process = multiprocessing.get_context('spawn').Process(target=work)\n"
        "    process.start()\n"
        "    process.join()\n"
        "    print('done', process.exitcode)\n"
    )
    assert run_python(program).stdout == "spawned\ndone 0\n"
    assert _output(only_log(workdir)) == "done 0\n"


def test_a_signal_handler_may_print(run_python: RunPython, workdir: Path) -> None:
    """In the middle of a line that is being recorded too; nothing hangs, nothing is lost."""
    program = BEGIN + (
        "signal.signal(signal.SIGALRM, lambda *_: print('tick'))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        "for n in range(3000): print('line', n); run.log({'n': n})\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "run.finish()\n"
    )
    run_python(program)
    lines = _output(only_log(workdir)).splitlines()
    assert sorted(n for line in lines for n in map(int, _numbers(line))) == list(range(3000))
    assert any("tick" in line for line in lines)


def _numbers(line: str) -> list[str]:
    return [word for word in line.replace("tick", " ").split() if word.isdecimal()]


def test_the_variable_switches_it_off(run_python: RunPython, workdir: Path) -> None:
    """TRACKER_DISABLE_CONSOLE and WANDB_CONSOLE=off say so from outside."""
    for variable in ("TRACKER_DISABLE_CONSOLE=true", "WANDB_CONSOLE=off"):
        name, _, value = variable.partition("=")
        run_python(f"import os\nos.environ[{name!r}] = {value!r}\n{BEGIN}print('hello')\n")
    assert [_output(log) for log in workdir.glob("wandb/run-*/*.txlog")] == ["", ""]
