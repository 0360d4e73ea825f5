from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import airtape
from airtape.collectors import console as console_module
from airtape.own_lines import own_lines
from airtape.records import Kind
from airtape.runlog import RunLog
from airtape.txlog.writer import LogWriter
from tests.ended import wait_until
from tests.recording import StartRun, recorded

StartHeard = Callable[..., airtape.Run]


class Terminal(NamedTuple):
    """What stands for a terminal."""

    stdout: io.StringIO
    stderr: io.StringIO

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the program write to it, unless the test has put something else there already."""
        for name, stream in self._asdict().items():
            if isinstance(getattr(sys, name), io.TextIOWrapper):
                monkeypatch.setattr(sys, name, stream)


@pytest.fixture
def terminal() -> Terminal:
    """A terminal."""
    return Terminal(io.StringIO(), io.StringIO())


@pytest.fixture
def start(start_run: StartRun, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> StartHeard:
    """Start a run that records what is written to `terminal`."""

    def begin(**settings: Any) -> airtape.Run:
        terminal.put_in(monkeypatch)
        return start_run(settings={"disable_console": False, "silent": True, **settings})

    return begin


def _said(run: airtape.Run) -> list[tuple[Any, ...]]:
    return [record.fields for record in recorded(run).of(Kind.CONSOLE)]


def _text(run: airtape.Run, stream: str = "stdout") -> str:
    return "".join(said[1] for said in _said(run) if said[0] == stream)


def _shown(run: airtape.Run) -> str:
    path = Path(run.dir, "output.log")
    return path.read_text() if path.exists() else ""


def _notes(run: airtape.Run) -> str:
    return Path(run.sync_dir, "logs/debug.log").read_text()


def test_a_line_is_in_the_log_when_print_returns(start: StartHeard, terminal: Terminal) -> None:
    """It is written to the stream, as ever, and recorded as one chunk."""
    run = start()
    print("epoch", 1)
    print("oh", file=sys.stderr)
    assert _said(run) == [("stdout", "epoch 1\n"), ("stderr", "oh\n")]
    assert terminal.stdout.getvalue() == "epoch 1\n"


def test_what_two_streams_say_in_turn_stays_in_order(start: StartHeard) -> None:
    """A line that is complete brings along what was said before it, each piece in its place."""
    run = start()
    sys.stdout.write("a")
    sys.stderr.write("b")
    sys.stdout.write("c")
    sys.stdout.write("d\n")
    run.finish()
    assert "".join(said[1] for said in _said(run)) == "abcd\n"
    assert (_text(run), _text(run, "stderr")) == ("acd\n", "b")


def test_a_line_that_is_not_complete_is_recorded_soon(start: StartHeard) -> None:
    """A thread takes care of it, and of the file."""
    run = start()
    sys.stdout.write("10%")
    sys.stdout.write("\r20%")
    wait_until(lambda: _text(run) == "10%\r20%", "it is recorded")
    wait_until(lambda: _shown(run) == "20%\n", "it is in the file")
    sys.stdout.write("\r100%\ndone")
    run.finish()
    assert _text(run) == "10%\r20%\r100%\ndone"
    assert _shown(run) == "100%\ndone\n"


def test_the_file_is_one_of_the_runs_files(start: StartHeard) -> None:
    """Its record tells size and digest of what is there in the end."""
    run = start()
    for number in range(200):
        print(number)
    sys.stdout.write("\x1b[A\x1b[2Klast\n")
    run.finish()
    data = Path(run.dir, "output.log").read_bytes()
    assert data.splitlines()[-2:] == [b"198", b"last"]
    assert recorded(run).fold.files["output.log"] == {
        "path": "output.log",
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
        "type": "run",
    }


def test_output_is_no_history(start: StartHeard) -> None:
    """Printing moves no step and makes no row; a reader and the run count alike."""
    run = start()
    for step in range(300):
        run.log({"loss": step})
        print("step", step)
    assert run.step == 300
    run.finish()
    live, said = run._log.fold, recorded(run)  # noqa: SLF001 - what a checkpoint would say
    assert (live.records, live.heard_ns) == (said.fold.records, said.fold.heard_ns)
    assert [step for step, _ in said.data] == list(range(300))


def test_what_the_recorder_says_meanwhile_is_output_too(
    start: StartHeard, terminal: Terminal
) -> None:
    """Somebody saw it; how the run begins and ends is no part of it."""
    run = start(silent=False)
    run.log({"a": 1}, step=5)
    run.log({"a": 1}, step=2)
    run.finish()
    (said,) = _text(run, "stderr").splitlines()
    assert said.startswith("airtape: WARNING ")
    assert said in terminal.stderr.getvalue()


def test_a_warning_about_a_record_goes_round_in_no_circle(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recording a line may make the recorder say something, once; that is recorded later."""
    run = start(silent=False)
    append = LogWriter.append

    def complain(writer: LogWriter, body: bytes) -> int:
        with own_lines():
            print("airtape: WARNING writes take long", file=sys.stderr)
        return append(writer, body)

    with monkeypatch.context() as patch:
        patch.setattr(LogWriter, "append", complain)
        print("hello")
    run.finish()
    assert ("stdout", "hello\n") in _said(run)
    assert _text(run, "stderr") == "airtape: WARNING writes take long\n"


def test_streams_are_what_they_were_after_the_end(start: StartHeard, terminal: Terminal) -> None:
    """Nothing stays in front of a stream, however runs overlap."""
    first, second = start(), start()
    print("both")
    first.finish()
    print("second")
    second.finish()
    print("nobody")
    assert (_text(first), _text(second)) == ("both\n", "both\nsecond\n")
    assert all("write" not in vars(stream) for stream in terminal)


def test_what_somebody_else_puts_in_front_of_a_stream_stays(
    start: StartHeard, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put there before the run it is put back; put there meanwhile it goes on to work."""
    heard: list[str] = []

    def listen_in() -> None:
        before = sys.stdout.write

        def write(text: str) -> int:
            heard.append(text)
            return before(text)

        sys.stdout.write = write  # type: ignore[method-assign]

    terminal.put_in(monkeypatch)
    listen_in()
    before = sys.stdout.write
    run = start()
    print("one")
    run.finish()
    assert sys.stdout.write == before
    run = start()
    listen_in()
    sys.stdout = io.TextIOWrapper(io.BytesIO())
    print("elsewhere")
    sys.stdout = terminal.stdout
    print("two")
    run.finish()
    print("three")
    assert _text(run) == "two\n"
    assert terminal.stdout.getvalue() == "one\ntwo\nthree\n"
    assert heard.count("three") == 2


def test_what_a_stream_refuses_is_refused_as_ever(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own error comes out, and what nobody saw is not recorded."""

    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, f"gone: {len(text)}")

    monkeypatch.setattr(sys, "stdout", Broken())
    run = start()
    with pytest.raises(BrokenPipeError, match="gone"):
        print("hello")
    with pytest.raises(TypeError):
        sys.stderr.write(b"bytes")  # type: ignore[arg-type]
    run.finish()
    assert _said(run) == []


def test_streams_that_cannot_be_heard_are_left_alone(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No stdout at all, or an object that does not let itself be changed, is noted."""

    class Closed:
        __slots__ = ()

        def write(self, text: str) -> int:
            return len(text)

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", Closed())
    run = start()
    print("hello", file=sys.stderr)
    run.finish()
    assert "what is written to stdout is not recorded" in _notes(run)
    assert "what is written to stderr is not recorded" in _notes(run)


def test_one_stream_under_two_names_is_heard_once(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that sends stderr to stdout has one stream."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    run = start()
    print("once", file=sys.stderr)
    run.finish()
    assert _said(run) == [("stdout", "once\n")]


def test_threads_lose_nothing(start: StartHeard) -> None:
    """What several threads print is all there, each thread's lines in order."""
    run = start()

    def speak(name: int) -> None:
        for number in range(500):
            sys.stdout.write(f"{name} {number}\n")

    threads = [threading.Thread(target=speak, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    lines = _text(run).splitlines()
    assert len(lines) == 2000
    for name in range(4):
        own = [line for line in lines if line.startswith(f"{name} ")]
        assert own == [f"{name} {number}" for number in range(500)]


def test_print_does_not_wait_for_whoever_is_recording(start: StartHeard) -> None:
    """While another thread holds the log, a line is left to the thread that comes by."""
    run = start()
    assert isinstance(run._log, RunLog)  # noqa: SLF001 - for the type checker
    lock = run._log.lock  # noqa: SLF001 - as somebody who records
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            let_go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    print("line")
    let_go.set()
    holder.join()
    wait_until(lambda: _text(run) == "line\n", "it is recorded")


def test_too_much_output_is_cut_and_counted(
    start: StartHeard,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole lines are recorded up to a limit; what is missing is said in log, file and footer."""
    monkeypatch.setattr(console_module, "MOST_RECORDED", (1000, 0))
    run = start(silent=False)
    for number in range(300):
        print(f"line {number}")
    print("error", file=sys.stderr)
    run.finish()
    whole = "".join(f"line {number}\n" for number in range(300))
    assert whole.startswith(_text(run))
    assert _text(run).endswith("\n")
    *_, last = [said for said in _said(run) if said[0] == "stdout"]
    assert last == ("stdout", "", len(whole) - len(_text(run)))
    assert f"[airtape: {last[2]} characters of output are not recorded here]\n" in _shown(run)
    assert ("stderr", "error\n") in _said(run)
    assert f"{last[2]} character(s) of output came too fast" in terminal.stderr.getvalue()


def test_what_cannot_wait_is_counted_too(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory for what waits is bounded."""
    monkeypatch.setattr(console_module, "MOST_WAITING", 100)
    run = start()
    print("x" * 200)
    run.finish()
    assert _said(run) == [("stdout", "\n"), ("stdout", "", 200)]


def test_a_large_text_is_recorded_in_parts(start: StartHeard) -> None:
    """No record gets larger than a frame may be."""
    run = start()
    print("é" * 200_000)
    run.finish()
    assert len(_said(run)) > 1
    assert _text(run) == "é" * 200_000 + "\n"


def test_what_is_no_text_is_recorded_as_bytes(start: StartHeard) -> None:
    """A name of a file that is no UTF-8 is kept byte by byte; other surrogates are spelled out."""
    run = start()
    print("caf\udce9")
    print("\ud83d")
    run.finish()
    assert _said(run) == [("stdout", b"caf\xe9\n"), ("stdout", "\\ud83d\n")]
    assert _shown(run) == "caf\ufffd\n\\ud83d\n"


def test_secrets_in_output_reach_no_file(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values of variables, tokens, and a private key that is printed line by line."""
    monkeypatch.setenv("MY_API_TOKEN", "C0rrect-horse-8attery")
    run = start()
    print("with C0rrect-horse-8attery and ghp_" + "a1B2" * 9)
    for line in (
        "-----BEGIN RSA PRIVATE KEY-----",
        "MIIEsecretsecret",
        "-----END RSA PRIVATE KEY-----",
    ):
        print(line)
    print("after", "x" * 20_000, "ghp_" + "a1B2" * 9)
    run.finish()
    everything = b"".join(
        path.read_bytes() for path in Path(run.sync_dir).rglob("*") if path.is_file()
    )
    assert not [
        secret for secret in (b"C0rrect-horse", b"ghp_a1B2", b"MIIEsecret") if secret in everything
    ]
    assert "with [redacted: " in _text(run)
    assert "after x" in _text(run)
    assert recorded(run).fold.metadata["redacted"]["console.stdout"]


def test_secrets_stay_where_nothing_is_to_be_taken_out(start: StartHeard) -> None:
    """Whoever switches it off gets what was printed."""
    run = start(disable_redaction=True)
    print("-----BEGIN RSA PRIVATE KEY-----")
    print("MIIE")
    run.finish()
    assert _text(run) == "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"


def test_an_error_that_ends_a_block_is_output(start: StartHeard) -> None:
    """Python says it when the run has ended; so it is recorded before."""
    run = start()
    with contextlib.suppress(ZeroDivisionError), run:
        1 / 0  # noqa: B018 - it is the error that matters
    assert _text(run, "stderr").startswith("Traceback (most recent call last):\n")
    assert _shown(run).endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    "settings",
    [{"console": "off"}, {"disable_console": True}, {"anonymous": "must"}],
    ids=lambda settings: next(iter(settings)),
)
def test_output_can_be_left_alone(
    start: StartHeard, terminal: Terminal, settings: dict[str, Any]
) -> None:
    """By either setting, or because names may stand in it; then streams are not touched."""
    run = start(**settings)
    assert "write" not in vars(terminal.stdout)
    print("hello")
    run.finish()
    assert _said(run) == []
    assert not Path(run.dir, "output.log").exists()


def test_a_run_without_names_records_output_when_told_to(start: StartHeard) -> None:
    """Whoever asks for both gets both."""
    run = start(anonymous="must", console="wrap")
    print("hello")
    run.finish()
    assert _text(run) == "hello\n"


def test_a_file_of_the_programs_own_stays(start: StartHeard) -> None:
    """A program that writes output.log itself keeps it; the log has the output."""
    run = start()
    Path(run.dir, "output.log").write_text("mine")
    print("hello")
    run.finish()
    assert (_shown(run), _text(run)) == ("mine", "hello\n")
    assert "output.log is not written" in _notes(run)


def test_permissions_of_the_file_are_those_of_the_setting(start: StartHeard) -> None:
    """Whatever the umask says."""
    run = start(file_mode="600")
    print("hello")
    run.finish()
    assert Path(run.dir, "output.log").stat().st_mode & 0o777 == 0o600


def test_whatever_goes_wrong_is_counted_and_noted(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program does not notice; the run ends all the same."""
    run = start()

    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError("no luck")

    monkeypatch.setattr(type(run._log), "output", fail)  # noqa: SLF001 - a log that fails
    print("hello")
    print("world")
    run.finish()
    assert _said(run) == []
    assert _notes(run).count("output is not recorded as it should be: RuntimeError: no luck") == 1


def test_where_no_thread_can_be_had_output_is_recorded_at_the_end(
    start: StartHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines are recorded at once anyway."""
    run = start()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        print("line")
        sys.stdout.write("rest")
    run.finish()
    assert _shown(run) == "line\nrest\n"
    assert "no thread records output" in _notes(run)


def test_an_end_does_not_wait_for_ever(start: StartHeard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that does not come to an end is passed over."""
    monkeypatch.setattr(console_module, "PATIENCE_S", 0.01)
    run = start()
    sys.stdout.write("hello")
    console = run._lifecycle.console  # type: ignore[union-attr]  # noqa: SLF001 - as its thread
    assert console is not None
    with console._recording:  # noqa: SLF001 - see above
        run.finish()
    assert "another thread is still at it" in _notes(run)


def test_print_returns_what_the_stream_returns(start: StartHeard) -> None:
    """The number of characters, for those who look at it; nothing is nothing."""
    run = start()
    assert sys.stdout.write("four") == 4
    assert sys.stdout.write("") == 0
    sys.stdout.writelines(["a\n", "b\n"])
    run.finish()
    assert _text(run) == "foura\nb\n"
