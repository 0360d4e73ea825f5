"""Write the run directories beside this file anew, byte for byte: python regenerate.py [FOLDER].

Clocks, uuids and process ids are fixed. README.md says what each directory is.
"""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgpack

from airtape.fold.fold import Fold
from airtape.records import HistoryFlag, Kind, Record, pack_big_ints
from airtape.txlog.format import UNSALTED, Header, encode_frame, salt_of

BEGAN_NS = 1_767_323_045_000_000_000
"""2026-01-02 03:04:05 UTC."""
STAMP = "20260102_030405"
SECOND = 1_000_000_000
COMMITTED = int(HistoryFlag.COMMIT_GIVEN | HistoryFlag.COMMIT_TRUE)
STEP = int(HistoryFlag.STEP_GIVEN)


class Log:
    """A log in the making: each record comes a second after the one before.

    Args:
        run_id: The run.
        name: Tells this writer from others; its uuid is made from it.
        began_ns: Wall clock of the header.
        before: The log that this one continues.
        said: Further fields of the header.

    Attributes:
        header: What the log says of itself.
        frames: Its frames.
        fold: What its records amount to.
        next_seq: What the next record will be numbered.
    """

    def __init__(
        self,
        run_id: str,
        name: str = "",
        *,
        began_ns: int = BEGAN_NS,
        before: Log | None = None,
        **said: Any,
    ) -> None:
        writer = uuid_of(run_id + name)
        usual = {"root": writer, "host": "node1", "pid": 4711, "start_ticks": 123_456}
        usual |= {"boot_id": "6fd1f0a5-7a2b-4c11-9d0e-1b2c3d4e5f60", "heartbeat_s": 30.0}
        self.header = Header(run_id, writer, **{**usual, "library": "0.1.0", **said})
        self.frames: list[bytes] = []
        self.fold: Fold = Fold() if before is None else before.fold
        self.next_seq = self.header.first_seq
        self._wall_ns = began_ns - SECOND
        self.say(Kind.HEADER, self.header.to_fields())

    def say(self, kind: int, *fields: Any) -> None:
        """Add a record."""
        self._wall_ns += SECOND
        seq, self.next_seq = self.next_seq, self.next_seq + 1
        self.fold.apply(Record(seq, int(kind), self._wall_ns, fields))
        body = msgpack.packb([int(kind), self._wall_ns, *fields], default=pack_big_ints)
        is_salted = kind not in {Kind.HEADER, Kind.CHECKPOINT}
        salt = salt_of(self.header.writer) if is_salted else UNSALTED
        self.frames.append(encode_frame(seq, body, salt))

    def checkpoint(self) -> None:
        """Add a checkpoint of all records and itself."""
        state = self.fold.state()
        state |= {"records": state["records"] + 1, "heard_ns": self._wall_ns + SECOND}
        self.say(Kind.CHECKPOINT, self.header.writer, state, self.header.to_fields(), None)

    def begin(self, name: str, **config: Any) -> None:
        """Add what every run says first."""
        about = {"name": name, "project": "demo", "entity": "ada", "tags": ["fixture"]}
        self.say(Kind.RUN, about)
        self.say(Kind.CONFIG, config, [])
        self.say(Kind.METADATA, {"host": "node1", "python": "3.11.7", "program": "train.py"})

    def rows(self, first: int, end: int) -> None:
        """Add rows of a loss that falls, one for each step."""
        for step in range(first, end):
            self.say(Kind.HISTORY, step, 0, {"loss": 1 / (step + 1), "acc": step / 10})

    def end(self, code: int | None = 0, **cause: Any) -> None:
        """Add the last checkpoint and the end of the run."""
        self.checkpoint()
        self.say(Kind.EXIT, code, cause or {"how": "finish"})

    @property
    def data(self) -> bytes:
        """The file."""
        return b"".join(self.frames)


def uuid_of(name: str) -> bytes:
    """Return 16 bytes that are always the same for a name."""
    return sha256(name.encode()).digest()[:16]


Files = dict[str, bytes]
"""The files of one run directory by their path in it."""


def one_log(log: Log) -> Files:
    """Return the files of a run with one log."""
    return {f"run-{log.header.run_id}.txlog": log.data}


def finished() -> Files:
    """A run that says a bit of everything and ends well."""
    log = Log("finished")
    log.begin("likely-lion-1", lr=0.1, batch_size=32, net={"depth": 3, "act": "relu"})
    log.say(Kind.METRIC, {"name": "epoch", "hidden": True})
    log.say(Kind.METRIC, {"glob": "val/", "step_metric": "epoch", "summary": ["min", "last"]})
    for step in range(4):
        log.say(Kind.HISTORY, step, 0, {"loss": 1 / (step + 1), "grad": {"norm": step / 3}})
    log.say(Kind.HISTORY, 4, int(HistoryFlag.COMMIT_GIVEN), {"loss": 0.2})
    log.say(Kind.HISTORY, 4, COMMITTED, {"epoch": 1, "val/loss": 0.25})
    log.say(Kind.HISTORY, 5, 0, {"loss": math.nan, "huge": 2**70, "low": -0.0, "note": "Ünïcode"})
    log.say(Kind.HISTORY, 9, STEP, {"val/loss": 0.125, "list": [1, 2.5, None, True]})
    log.say(Kind.HISTORY, 2, int(STEP | HistoryFlag.DROPPED), {"loss": 7.0})
    log.say(Kind.SUMMARY, [[["best"], 0.125], [["by", "hand"], "yes"]], [])
    log.say(Kind.HEARTBEAT, log.next_seq - 1)
    log.end()
    return one_log(log) | {
        "files/output.log": b"epoch 1\n",
        "files/requirements.txt": b"msgpack==1.1.0\n",
        "logs/debug.log": b"",
    }


def failed() -> Files:
    """A run that an exception ended."""
    log = Log("failed00")
    log.begin("modest-wren-2", lr=10.0)
    log.rows(0, 3)
    log.end(1, how="exception", exception="ZeroDivisionError")
    return one_log(log)


def torn_tail() -> Files:
    """A run that was killed in the middle of a write."""
    log = Log("torntail")
    log.begin("brisk-crane-3", lr=0.1)
    log.rows(0, 5)
    data = log.data
    return {"run-torntail.txlog": data[: len(data) - 20]}


def damaged() -> Files:
    """A finished run with one flipped bit in the row of step 2."""
    log = Log("damaged1")
    log.begin("eager-heron-4", lr=0.1)
    log.rows(0, 5)
    log.end()
    data = bytearray(log.data)
    row = 6
    data[sum(map(len, log.frames[:row])) + 40] ^= 0x10
    return {"run-damaged1.txlog": bytes(data)}


def two_files() -> Files:
    """A run whose first file was lost to a bad disk; a second one repeats its end and goes on."""
    first = Log("twofiles")
    first.begin("calm-otter-5", lr=0.1)
    first.rows(0, 4)
    second = Log(
        "twofiles",
        began_ns=BEGAN_NS + 60 * SECOND,
        before=first,
        first_seq=first.next_seq,
        continues="run-twofiles.txlog",
    )
    second.frames += first.frames[-2:]
    second.rows(4, 6)
    second.end()
    return one_log(first) | {"run-twofiles.node1-4711-1.txlog": second.data}


def running() -> Files:
    """A run that has not ended, with a row that is not complete."""
    log = Log("running1", heartbeat_s=30.0)
    log.begin("quick-finch-6", lr=0.1)
    log.rows(0, 3)
    log.checkpoint()
    log.rows(3, 4)
    log.say(Kind.HISTORY, 4, int(HistoryFlag.COMMIT_GIVEN), {"loss": 0.2})
    log.say(Kind.HEARTBEAT, log.next_seq - 1)
    return one_log(log)


def empty() -> Files:
    """A run that was killed before its first record."""
    return {"run-emptylog.txlog": b""}


def no_log() -> Files:
    """A directory that has lost its log."""
    return {"files/output.log": b"hello\n"}


def foreign() -> Files:
    """A log that is none, among files of somebody else."""
    return {
        "run-foreign1.txlog": b"epoch,loss\n1,0.5\n",
        "run-foreign1.wandb": b":W&B\xe1\xbe\x00",
        "notes.md": b"to do: tidy up\n",
    }


def new_kinds() -> Files:
    """A run of a later version: kinds, fields and values that this one does not know."""
    log = Log("newkinds", library="1.7.0", version=(1, 7))
    log.begin("keen-lynx-7", lr=0.1)
    log.rows(0, 2)
    log.say(999, "a kind of a later version", {"x": [1, b"\x00"]})
    log.say(Kind.HISTORY, 2, 0, {"loss": 0.1}, "a field of a later version")
    log.say(Kind.METRIC, {"name": "loss", "summary": ["min", "median"], "later": True})
    log.end()
    return one_log(log)


def version_2() -> Files:
    """A log of the next major version."""
    log = Log("version2", library="2.0.0", version=(2, 0))
    log.begin("solid-raven-8", lr=0.1)
    log.rows(0, 2)
    log.end()
    return one_log(log)


def clash(name: str) -> Files:
    """One of two runs that took the same id and know nothing of each other."""
    log = Log("clashed1", name)
    log.begin(f"the {name} one", lr=0.1)
    log.rows(0, 3 if name == "first" else 2)
    log.end()
    return one_log(log)


def resumed(part: int) -> Files:
    """A run that was preempted, and the one that resumed it the day after."""
    first = Log("resumed1")
    first.begin("sunny-plum-9", lr=0.1)
    first.rows(0, 3)
    first.say(Kind.PREEMPTING)
    first.end(143, how="signal", signal="SIGTERM")
    if part == 1:
        return one_log(first)
    second = Log(
        "resumed1",
        "again",
        began_ns=BEGAN_NS + 86_400 * SECOND,
        root=first.header.writer,
        parents=[(first.header.writer, first.next_seq - 1)],
        resumed=True,
        start_step=3,
        pid=4712,
    )
    history = first.fold.state()["history"]
    second.say(Kind.RUN, first.fold.run)
    second.say(Kind.CONFIG, first.fold.config, [])
    second.say(Kind.INHERITED, history["last_step"], history["tallies"])
    second.rows(3, 6)
    second.end()
    return one_log(second)


def gap() -> Files:
    """A run whose disk was full for a while: it says itself which records it had to drop."""
    log = Log("diskfull")
    log.begin("rapid-moss-10", lr=0.1)
    log.rows(0, 2)
    first = log.next_seq
    log.next_seq = last = first + 2
    log.say(Kind.GAP, first, last, "No space left on device")
    log.rows(5, 7)
    log.end()
    return one_log(log)


DIRECTORIES: dict[str, Callable[[], Files]] = {
    f"run-{STAMP}-finished": finished,
    f"run-{STAMP}-failed00": failed,
    f"run-{STAMP}-torntail": torn_tail,
    f"run-{STAMP}-damaged1": damaged,
    f"run-{STAMP}-twofiles": two_files,
    f"run-{STAMP}-running1": running,
    f"run-{STAMP}-emptylog": empty,
    f"run-{STAMP}-nolog000": no_log,
    f"run-{STAMP}-foreign1": foreign,
    f"run-{STAMP}-newkinds": new_kinds,
    f"run-{STAMP}-version2": version_2,
    f"run-{STAMP}-clashed1": lambda: clash("first"),
    "run-20260103_030405-clashed1": lambda: clash("second"),
    f"run-{STAMP}-resumed1": lambda: resumed(1),
    "run-20260103_030405-resumed1": lambda: resumed(2),
    f"run-{STAMP}-diskfull": gap,
}


def regenerate(folder: Path) -> None:
    """Write every directory below a folder, and nothing else into them."""
    for name, files in DIRECTORIES.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        for path, data in files().items():
            file = folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    regenerate(target)
    print(f"{len(DIRECTORIES)} run directories are written in {target}")
