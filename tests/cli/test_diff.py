from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import logs
from tests.cli.conftest import Tracker

Pair = tuple[Path, Path]


@pytest.fixture
def pair(wandb: Path) -> Pair:
    """Two runs that differ in something of every kind."""
    made = []
    for number, run_id in enumerate(("aaaa1111", "bbbb2222")):
        run_dir = logs.run_dir_of(wandb, run_id)
        logs.write_log(
            run_dir,
            logs.describe(name=f"run-{run_id[0]}", entity="me", project="digits"),
            logs.machine(
                host="node1",
                python=f"3.1{number}.0",
                git={"remote": "git@host:me/digits", "commit": f"c0ffe{number}"},
            ),
            logs.config(lr=0.1, seed=number, opt={"name": ("adam", "sgd")[number], "decay": 0}),
            logs.config(**({"only": "b"} if number else {})),
            logs.summary(loss=(float("nan"), 1)[number], same=float("nan"), _runtime=number),
            logs.ended(0),
            run_id=run_id,
            writer=run_id.encode().ljust(16),
        )
        code = run_dir / "files/code"
        code.mkdir(parents=True)
        (code / "train.py").write_text(f"import airtape\nseed = {number}\n")
        (code / "same.py").write_text("pass\n")
        (run_dir / "files/requirements.txt").write_text(f"# pip\nnumpy==1.{number}\nrich==13\n")
        (run_dir / "files/output.log").write_text(str(number))
        made.append(run_dir)
    return made[0], made[1]


def test_what_differs_stands_in_columns(tracker: Tracker, pair: Pair) -> None:
    """Each section has the values of both runs side by side; what is equal is left out."""
    assert len(pair) == 2
    output = tracker("diff", "aaaa1111", "bbbb2222").stdout
    assert output.splitlines() == [
        "                 run-a   run-b",
        "",
        "Config",
        "  seed           0       1",
        "  opt.name       adam    sgd",
        "  only           -       b",
        "",
        "Summary",
        "  loss           nan     1",
        "",
        "Metadata",
        "  python         3.10.0  3.11.0",
        "",
        "Git",
        "  commit         c0ffe0  c0ffe1",
        "",
        "Requirements",
        "  numpy          1.0     1.1",
        "",
        "Code",
        "  code/train.py  24 B    24 B",
        "",
        "--- a/code/train.py",
        "+++ b/code/train.py",
        "@@ -1,2 +1,2 @@",
        " import airtape",
        "-seed = 0",
        "+seed = 1",
    ]


def test_json_has_the_values_exactly(tracker_json: Callable[..., Any], pair: Pair) -> None:
    """Scripts tell a value that is null from one that is missing."""
    said = tracker_json("diff", *map(str, pair))
    assert [run["path"] for run in said["runs"]] == ["me/digits/aaaa1111", "me/digits/bbbb2222"]
    assert said["differ"] is True
    assert {"name": "only", "values": [[], ["b"]]} in said["config"]
    assert said["summary"] == [{"name": "loss", "values": [[{"$float": "NaN"}], [1]]}]
    (file,) = said["code"]
    assert (file["path"], file["bytes"]) == ("code/train.py", [24, 24])
    assert "+seed = 1" in file["diff"]


def test_a_run_does_not_differ_from_itself(tracker: Tracker, pair: Pair) -> None:
    """Nothing to show is said."""
    assert tracker("diff", "aaaa1111", str(pair[0])).stdout == "The runs do not differ.\n"


def test_the_exit_code_tells_if_it_is_asked_for(tracker: Tracker, pair: Pair) -> None:
    """As with git: 0 unless asked, then 1 for runs that differ."""
    assert len(pair) == 2
    tracker("diff", "aaaa1111", "bbbb2222")
    tracker("diff", "aaaa1111", "bbbb2222", "--exit-code", exit_code=1)
    tracker("diff", "aaaa1111", "aaaa1111", "--exit-code")


def test_a_number_that_changed_its_kind_differs(
    tracker_json: Callable[..., Any], wandb: Path
) -> None:
    """An integer is no float and no truth, though Python calls them equal."""
    for value, run_id in ((1, "int"), (1.0, "float"), (True, "bool")):
        logs.write_log(logs.run_dir_of(wandb, run_id), logs.config(x=value), run_id=run_id)
    assert tracker_json("diff", "int", "float")["config"] == [{"name": "x", "values": [[1], [1.0]]}]
    assert tracker_json("diff", "int", "bool")["differ"] is True


def test_files_that_only_one_run_has_or_that_are_no_text(
    tracker_json: Callable[..., Any], pair: Pair
) -> None:
    """An empty file is not a missing one; bytes are only told to differ."""
    first, second = (run_dir / "files" for run_dir in pair)
    (first / "code/empty.py").touch()
    (first / "diff.patch").write_bytes(b"\xff")
    (second / "diff.patch").write_bytes(b"\xfe")
    (second / "code/large.py").write_bytes(b"#" * (2 << 20))
    code = {file["path"]: file for file in tracker_json("diff", "aaaa1111", "bbbb2222")["code"]}
    assert code["code/empty.py"] == {"path": "code/empty.py", "bytes": [0, None], "diff": []}
    assert code["diff.patch"] == {"path": "diff.patch", "bytes": [1, 1], "diff": None}
    assert code["code/large.py"]["bytes"] == [None, 2 << 20]
    assert code["code/large.py"]["diff"] is None


def test_runs_without_files_or_metadata_can_be_compared(tracker: Tracker, wandb: Path) -> None:
    """The barest logs have nothing that could differ."""
    for run_id in ("a1", "b2"):
        logs.write_log(logs.run_dir_of(wandb, run_id), run_id=run_id)
    assert tracker("diff", "a1", "b2").stdout == "The runs do not differ.\n"
