"""Makes ten thousand run directories, some of them damaged: ``python many.py FOLDER [COUNT]``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.damaged import FLIP
from tests.logs import config, describe, ended, frames_of, header, log_row, run_dir_of

COUNT = 10_000
ONE_DAMAGED_IN = 100
ONE_OPEN_IN = 1000
ROWS = 5


def make(folder: Path, count: int = COUNT) -> tuple[list[Path], list[Path], list[Path]]:
    """Make run directories; return the logs of the whole, the damaged and the open ones."""
    whole, damaged, still_open = [], [], []
    for number in range(count):
        run_id = f"{number:08x}"
        run_dir = run_dir_of(folder, run_id)
        run_dir.mkdir(parents=True)
        log = run_dir / f"run-{run_id}.txlog"
        frames = frames_of(
            describe(project="many", name=f"run {number}"),
            config(lr=number / 1000),
            *(log_row(step, loss=1 / (step + number + 1)) for step in range(ROWS)),
            ended(),
            of=header(run_id, writer=number.to_bytes(16, "big")),
        )
        if number % ONE_DAMAGED_IN == 1:
            frames[4] = frames[4][:FLIP] + bytes([frames[4][FLIP] ^ 1]) + frames[4][FLIP + 1 :]
            damaged.append(log)
        elif number % ONE_OPEN_IN == 2:
            frames.pop()
            still_open.append(log)
        else:
            whole.append(log)
        log.write_bytes(b"".join(frames))
    return whole, damaged, still_open


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else COUNT)
