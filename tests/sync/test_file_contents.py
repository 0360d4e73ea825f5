"""The content of files: what of it arrives in a target, and what is said of the rest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest

from airtape.backends.base import Backend
from airtape.backends.contents import KeepsFiles
from airtape.backends.lease import Lease
from airtape.backends.memory import MemoryBackend
from airtape.errors import TransientError
from airtape.file_copy import Digest
from airtape.records import Kind
from airtape.sync.brake import Brake, Halted
from airtape.sync.compare import compare
from airtape.sync.engine import sync
from airtape.sync.file_contents import MOST_TOLD, FileContents
from airtape.sync.glance import SETTLED_NS
from airtape.sync.options import SyncOptions
from airtape.sync.report import ExitCode, RunReport
from airtape.sync.retry import Retry
from airtape.sync.target import Target
from tests.logs import ended, log_row, write_log
from tests.sync.runs import files_said

OpenTarget = Callable[[], Backend]
MODEL = b"weights" * 100


def digest(data: bytes) -> Digest:
    """Return what is in a file."""
    return Digest(len(data), sha256(data).hexdigest())


def put(run_dir: Path, **contents: bytes) -> None:
    """Put files into a run directory."""
    for path, data in contents.items():
        place = run_dir / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def held(backend: Backend, data: bytes) -> bool:
    """Tell whether a target holds a content."""
    assert isinstance(backend, KeepsFiles)
    return not backend.missing_files([digest(data)])


def synced(run_dir: Path, backend: Backend, **options: Any) -> RunReport:
    """Sync a directory, and return what became of it."""
    (report,) = sync([run_dir], backend, SyncOptions(**options)).runs
    return report


@pytest.fixture
def a_run(run_dir: Path) -> Path:
    """The directory of a run that has ended and has two files."""
    write_log(run_dir, log_row(0, a=1), files_said(model=MODEL, note=b"n"), ended())
    put(run_dir, model=MODEL, note=b"n")
    return run_dir


def test_the_content_of_files_arrives(a_run: Path, open_target: OpenTarget) -> None:
    """Once; the report counts it, and a second sync has nothing to do."""
    later = SyncOptions(now_ns=lambda: time.time_ns() + 2 * SETTLED_NS)
    report = sync([a_run], open_target(), later)
    (run,) = report.runs
    assert report.exit_code == ExitCode.OK
    assert run.files.to_json() == {
        "named": 2,
        "held": 2,
        "sent": 2,
        "bytes": len(MODEL) + 1,
        "missing": [],
        "accepted": [],
    }
    assert run.to_json()["files"] == run.files.to_json()
    assert held(open_target(), MODEL)
    # Where nothing has changed, it need not even be looked at.
    assert synced(a_run, open_target()).files.named == 0
    again = synced(a_run, open_target(), check=True)
    assert (again.status, again.files.held, again.files.sent) == ("nothing_new", 2, 0)


def test_a_content_arrives_once(run_dir: Path, memory: MemoryBackend) -> None:
    """However many files have it."""
    write_log(run_dir, files_said(a=b"same", b=b"same"), ended())
    put(run_dir, a=b"same", b=b"same")
    files = synced(run_dir, memory).files
    assert (files.named, files.held, files.sent) == (2, 2, 1)


@pytest.mark.parametrize("spoil", ["removed", "changed", "longer"])
def test_what_is_missing_is_said_and_sent_later(
    spoil: str, a_run: Path, open_target: OpenTarget
) -> None:
    """Each sync says it and ends with 3, until the file is there; the rest has arrived."""
    model = a_run / "files/model"
    if spoil == "removed":
        model.unlink()
    else:
        model.write_bytes(MODEL[::-1] if spoil == "changed" else MODEL + b"x")
    for _ in range(2):
        report = sync([a_run], open_target())
        (run,) = report.runs
        assert report.exit_code == ExitCode.INCOMPLETE
        assert (run.files.named, run.files.held, [*run.files.missing]) == (2, 1, ["model"])
        (sentence,) = run.files.told()
        assert sentence.startswith("files/model is missing in the target: ")
    assert not held(open_target(), MODEL)
    put(a_run, model=MODEL)
    report = sync([a_run], open_target())
    assert (report.exit_code, report.runs[0].status) == (ExitCode.OK, "synced")
    assert held(open_target(), MODEL)


def test_the_files_of_a_run_that_goes_on_may_change(run_dir: Path, memory: MemoryBackend) -> None:
    """What is recorded of it now comes with the next sync; nothing has gone wrong."""
    write_log(run_dir, files_said(live=b"first"))
    put(run_dir, live=b"second")
    report = sync([run_dir], memory)
    assert (report.exit_code, report.runs[0].lacks_content) == (ExitCode.OK, False)
    assert [*report.runs[0].files.missing] == ["live"]
    write_log(run_dir, files_said(live=b"first"), files_said(live=b"second"), ended())
    assert sync([run_dir], memory).exit_code == ExitCode.OK
    assert held(memory, b"second")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("link", "it is a link"),
        ("folder/secret", "Not a directory"),
        ("pipe", "it is no regular file"),
        ("sub", "it is no regular file"),
        ("../secret", "no path below"),
        ("/secret", "No such file"),
        ("missing", "No such file"),
    ],
)
def test_nothing_from_outside_is_sent(
    path: str, reason: str, run_dir: Path, memory: MemoryBackend
) -> None:
    """Whatever a log says and lies in the directory; a pipe does not block."""
    secret = b"secret"
    (run_dir / "files/sub").mkdir(parents=True)
    (run_dir.parent / "outside").mkdir()
    (run_dir.parent / "outside/secret").write_bytes(secret)
    (run_dir / "secret").write_bytes(secret)
    (run_dir / "files/link").symlink_to(run_dir.parent / "outside/secret")
    (run_dir / "files/folder").symlink_to(run_dir.parent / "outside")
    os.mkfifo(run_dir / "files/pipe")
    write_log(run_dir, files_said(**{path: secret}), ended())
    files = synced(run_dir, memory).files
    assert reason in files.missing[path]
    assert not held(memory, secret)


def test_a_hard_link_sends_nothing_but_what_is_recorded(
    run_dir: Path, memory: MemoryBackend
) -> None:
    """Who does not know a file's digest cannot have it sent."""
    write_log(run_dir, files_said(mine=b"mine"), ended())
    (run_dir / "files").mkdir()
    (run_dir.parent / "secret").write_bytes(b"hers")
    (run_dir / "files/mine").hardlink_to(run_dir.parent / "secret")
    assert synced(run_dir, memory).files.missing == {"mine": "it is not what was recorded"}
    assert not held(memory, b"hers")


def test_a_file_that_is_swapped_while_it_is_sent_sends_nothing_else(run_dir: Path) -> None:
    """Again and again, at the last moment: the target never gets a byte of the other."""
    got: set[bytes] = set()

    class Swapping(MemoryBackend):
        def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
            put(run_dir, aside=file.sha256.encode())
            (run_dir / "files/aside").replace(run_dir / "files/model")
            got.add(b"".join(content))
            return False

    target = Target(Swapping(str(run_dir)), Retry(), Brake())
    for _ in range(200):
        put(run_dir, model=MODEL)
        contents = FileContents(run_dir, target, [])
        contents.send({"model": digest(MODEL)})
        assert contents.counts.missing == {"model": "it is not what was recorded"}
    assert got == {MODEL}
    MemoryBackend.forget(str(run_dir))


def test_a_file_that_changes_while_it_is_sent_is_missing(run_dir: Path) -> None:
    """The target finds out; nothing of it stays."""
    write_log(run_dir, files_said(model=MODEL), ended())
    put(run_dir, model=MODEL)

    class Changing(MemoryBackend):
        def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
            (run_dir / "files/model").write_bytes(MODEL[::-1])
            return super().put_file(file, content)

    backend = Changing(str(run_dir))
    assert synced(run_dir, backend).files.missing == {"model": "it is not what was recorded"}
    assert not held(backend, MODEL)
    MemoryBackend.forget(str(run_dir))


@pytest.mark.parametrize("at", ["look", "send"])
def test_a_file_that_cannot_be_read_is_missing(
    at: str, a_run: Path, memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is looked at or sent; that is no failure of the target."""

    def refuse(*_: object, **__: object) -> Any:  # noqa: ANN401 - never returns
        raise OSError(5, "Input/output error")

    name = "digest_of" if at == "look" else "chunks_of"
    monkeypatch.setattr(f"airtape.sync.file_contents.{name}", refuse)
    report = sync([a_run], memory)
    assert report.target_error is None
    assert set(report.runs[0].files.missing.values()) == {"Input/output error"}


def test_what_has_no_digest_is_a_name_only(run_dir: Path, memory: MemoryBackend) -> None:
    """As logs of other programs may have it."""
    said: list[dict[str, Any]] = [
        {"path": "a"},
        {"path": "b", "size": 1, "sha256": "../x"},
        {"path": "c", "size": "1", "sha256": "ab" * 32},
    ]
    write_log(run_dir, (Kind.FILES, [said]), ended())
    report = sync([run_dir], memory)
    assert (report.exit_code, report.runs[0].files.named) == (ExitCode.OK, 0)


def test_a_dry_run_says_that_content_is_left(a_run: Path, memory: MemoryBackend) -> None:
    """And sends none."""
    sync([a_run], memory)
    memory._store.contents.clear()  # noqa: SLF001 - as if somebody had removed it
    run = synced(a_run, memory, dry_run=True, check=True)
    assert (run.status, run.files.named, run.files.held) == ("pending", 2, 0)
    assert not held(memory, MODEL)
    assert synced(a_run, memory, check=True).files.sent == 2
    assert synced(a_run, memory, dry_run=True, check=True).status == "nothing_new"


def test_a_target_that_answers_later_is_asked_again(a_run: Path) -> None:
    """The content is handed over from its start."""

    class Busy(MemoryBackend):
        refusals = 0

        def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
            if self.refusals < 2:
                self.refusals += 1
                next(iter(content))
                raise TransientError("503")
            return super().put_file(file, content)

    backend = Busy(str(a_run))
    retry = Retry(chance=lambda: 0.0)
    assert synced(a_run, backend, retry=retry).files.sent == 2
    assert held(backend, MODEL)
    MemoryBackend.forget(str(a_run))


def test_a_sync_that_is_to_end_sends_no_more(a_run: Path) -> None:
    """In the middle of a file; the next one begins with it."""
    brake = Brake()

    class Stopping(MemoryBackend):
        def put_file(self, file: Digest, content: Iterable[bytes]) -> bool:
            brake.stop()
            return super().put_file(file, content)

    backend = Stopping(str(a_run))
    report = sync([a_run], backend, SyncOptions(brake=brake))
    assert (report.halted, report.runs[0].files.sent) == ("stopped", 0)
    assert synced(a_run, MemoryBackend(str(a_run))).files.sent == 2
    MemoryBackend.forget(str(a_run))


def test_a_run_that_another_sync_takes_is_left_to_it(a_run: Path) -> None:
    """Also between its records and its files."""

    class Taken(MemoryBackend):
        asked = 0

        def take_lease(self, run: Any, lease: Lease) -> Lease | None:  # noqa: ANN401 - as is
            self.asked += 1
            return lease if self.asked > 1 else super().take_lease(run, lease)

    clock = iter(range(0, 100_000, 1000))
    backend = Taken(str(a_run))
    report = sync([a_run], backend, SyncOptions(clock=lambda: float(next(clock))))
    assert report.runs[0].status == "held"
    assert not held(backend, MODEL)
    MemoryBackend.forget(str(a_run))


def test_many_missing_files_are_counted(run_dir: Path, memory: MemoryBackend) -> None:
    """The first of them are named."""
    write_log(run_dir, files_said(**{f"f{n}": str(n).encode() for n in range(25)}), ended())
    told = list(synced(run_dir, memory).files.told())
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == "and 5 more files"


def test_content_is_sent_no_faster_than_may_be(a_run: Path, memory: MemoryBackend) -> None:
    """It counts like the bytes of logs."""
    pauses: list[float] = []
    brake = Brake(sleep=pauses.append)
    assert synced(a_run, memory, rate=100.0, brake=brake).files.sent == 2
    assert sum(pauses) > len(MODEL) / 100 / 2


def test_comparing_finds_content_that_is_missing(a_run: Path, memory: MemoryBackend) -> None:
    """The target is behind the logs, though it has all of their records."""
    sync([a_run], memory)
    (found,) = compare([a_run], memory)
    assert found.verdict == "equal"
    memory._store.contents.pop(digest(MODEL))  # noqa: SLF001 - as if somebody had removed it
    (found,) = compare([a_run], memory)
    assert (found.verdict, found.missing) == ("behind", 0)
    assert found.told == ["it lacks the content of 1 files: model"]


def test_a_target_that_keeps_no_content_lacks_none(a_run: Path, memory: MemoryBackend) -> None:
    """Its runs are whole without; nothing is sent, nothing compared."""

    class NamesOnly:
        def __getattr__(self, name: str) -> object:
            if name.endswith(("_file", "_files")):
                raise AttributeError(name)
            return getattr(memory, name)

    backend = cast("Backend", NamesOnly())
    report = sync([a_run], backend)
    assert (report.exit_code, report.runs[0].files.named) == (ExitCode.OK, 0)
    assert [found.verdict for found in compare([a_run], backend)] == ["equal"]
    assert not held(memory, MODEL)


@pytest.mark.parametrize(
    ("most", "sent"),
    [("FILES", [2, 2, 1]), ("BYTES", [2, 2, 1]), ("S", [1, 1, 1, 1, 1])],
)
def test_files_are_sent_together_up_to_a_limit(
    most: str, sent: list[int], run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of number, of bytes and of time: what a batch loses when one is killed is little."""
    batches: list[int] = []

    class Together(MemoryBackend):
        def put_files(self, files: Iterable[tuple[Digest, Iterable[bytes]]]) -> set[Digest]:
            taken = {file for file, content in files if self.put_file(file, content)}
            batches.append(len(taken))
            return taken

    limit = {"FILES": 2, "BYTES": 7, "S": 1.0}[most]
    monkeypatch.setattr(f"airtape.sync.file_contents.MOST_{most}", limit)
    datas = {name: name.encode() * 3 for name in "abcde"}
    put(run_dir, **datas)
    clock = iter(range(1000))
    target = Target(Together(str(run_dir)), Retry(), Brake())
    contents = FileContents(run_dir, target, [], clock=lambda: float(next(clock)))
    contents.send({name: digest(data) for name, data in datas.items()})
    assert (batches, contents.counts.sent) == (sent, 5)
    MemoryBackend.forget(str(run_dir))


def test_a_large_file_is_sent_alone(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little fits into a batch."""
    monkeypatch.setattr("airtape.sync.file_contents.MOST_BYTES", 5)
    put(run_dir, model=MODEL, note=b"n")
    target = Target(MemoryBackend(str(run_dir)), Retry(), Brake())
    contents = FileContents(run_dir, target, [])
    contents.send({"model": digest(MODEL), "note": digest(b"n")})
    assert contents.counts.sent == 2
    MemoryBackend.forget(str(run_dir))


def test_one_of_two_files_with_a_content_is_enough(run_dir: Path, memory: MemoryBackend) -> None:
    """When the first of them is not what was recorded, the second is sent."""
    write_log(run_dir, files_said(a=b"same", b=b"same", c=b"same"), ended())
    put(run_dir, a=b"emas", b=b"same")
    files = synced(run_dir, memory).files
    assert (files.sent, files.held, files.missing) == (1, 2, {"a": "it is not what was recorded"})
    assert held(memory, b"same")


def test_a_stop_is_heeded_while_a_file_is_looked_at(a_run: Path, memory: MemoryBackend) -> None:
    """It may be large; what came before it is kept."""
    brake = Brake()
    target = Target(memory, Retry(), brake)
    contents = FileContents(a_run, target, [])
    real = brake.check
    looks = iter(range(100))

    def check() -> None:
        if next(looks) == 5:
            brake.stop()
        real()

    brake.check = check  # type: ignore[method-assign]
    with pytest.raises(Halted):
        contents.send({"model": digest(MODEL), "note": digest(b"n")})
    assert held(memory, MODEL)
    assert not held(memory, b"n")


class Counted(dict[str, Digest]):
    """Files by path that count how often one of them is looked up."""

    looks = 0

    def __getitem__(self, path: str) -> Digest:
        """Look one up."""
        self.looks += 1
        return super().__getitem__(path)


def test_many_batches_look_at_each_file_a_few_times(run_dir: Path) -> None:
    """A log may name a huge file behind each small one, so that none go together."""
    small = {f"{number:03}": b"%d" % number for number in range(300)}
    put(run_dir, **small)
    huge = {f"{name}-huge": Digest(1 << 40, f"{name:0>64}") for name in small}
    files = Counted({name: digest(data) for name, data in small.items()} | huge)
    contents = FileContents(run_dir, Target(MemoryBackend(str(run_dir)), Retry(), Brake()), [])
    contents.send(files)
    assert (contents.counts.sent, len(contents.counts.missing)) == (300, 300)
    assert files.looks < 10 * len(files)
    MemoryBackend.forget(str(run_dir))
