"""Names of entries: only those that lead to a file of a run are taken."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.bundles.names import FOLDERS, Names, why_not

GOOD = [
    "run-a/run-a.txlog",
    "run-20261120_101112-ab12cd34/run-ab12cd34.host-1-2.txlog",
    "run-a/files/config.yaml",
    "run-a/files/media/é/…/.hidden",
    "run-a/blobs/" + "0" * 64,
    "run-a/logs/debug.log",
]
BAD = {
    "": "elsewhere",
    "/etc/passwd": "absolute",
    "//etc/passwd": "absolute",
    "../x.txlog": "elsewhere",
    "run-a/../../x": "elsewhere",
    "run-a/files/../../../x": "elsewhere",
    "run-a/./run-a.txlog": "elsewhere",
    "run-a//x.txlog": "elsewhere",
    "run-a/files/": "elsewhere",
    "run-a/files/a\0b": "no file's",
    "run-a/files/\udc80": "no file's",
    "run-a/files/" + "a" * 256: "too long",
    "run-a/files" + "/a" * 40: "too long",
    "run-a/files/" + "a/" * 2100 + "a": "no file's",
    "run-a": "neither",
    "run-a.txlog": "neither",
    "run-a/x.txt": "neither",
    "run-a/files": "neither",
    "run-a/elsewhere/x.txlog": "neither",
    "wandb/run-a.txlog": "neither",
    ".bundles/lock": "neither",
    ".bundles/files/x": "neither",
    "settings": "neither",
    "tracker.db": "neither",
    "receipts/lab.receipt": "neither",
    "latest-run/run-a.txlog": "neither",
    "C:\\run-a\\x.txlog": "neither",
}


@pytest.mark.parametrize("name", GOOD)
def test_files_of_runs_are_taken(name: str) -> None:
    """Logs, files, large values, and what the recorder says of itself."""
    assert why_not(name) is None


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused(name: str) -> None:
    """For the reason that it leads elsewhere, or is no file of a run."""
    assert BAD[name] in str(why_not(name))


def hostile_name(random: Random) -> str:
    """Return a name that somebody hostile may have made."""
    parts = [
        "..",
        ".",
        "",
        "run-a",
        "run-a",
        "files",
        "blobs",
        "x",
        "a.txlog",
        "~",
        "\0",
        "\n",
        "C:",
    ]
    parts += [
        "\udc80",
        "é",
        "…",
        " ",
        "*",
        "-rf",
        "$(reboot)",
        "a" * 300,
        "%2e%2e",
        "..\\..",
        "con",
    ]
    return "/".join(random.choices(parts, k=random.randint(1, 8)))


def test_no_name_leads_out_of_a_run() -> None:
    """Of 10,000 that try; those that are taken stand where they say."""
    random = Random(7)
    names = [hostile_name(random) for _ in range(10_000)]
    taken = [name for name in names if why_not(name) is None]
    assert 10 < len(taken) < 5000
    for name in taken:
        assert os.path.normpath(f"/far/{name}") == f"/far/{name}"
        top, second, *_ = PurePosixPath(name).parts
        assert top.startswith("run-")
        assert second in FOLDERS or second.endswith(".txlog")


@given(st.text(st.sampled_from("./ab-\0é"), max_size=20).map(lambda text: f"run-a/{text}"))
def test_a_name_that_is_taken_is_a_path_as_it_stands(name: str) -> None:
    """Nothing in it is resolved away."""
    if why_not(name) is None:
        assert os.path.normpath(name) == name


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["run-a/a.txlog", "run-a/a.txlog"], "twice"),
        (["run-a/files/a", "run-a/files/a/b"], "folder"),
        (["run-a/files/a/b", "run-a/files/a"], "folder"),
        (["run-a/a.txlog", "run-b/a.txlog", "run-a/b.txlog"], "come before"),
        (
            ["run-a/files/a/b", "run-a/files/a/c", "run-a/files/d", "run-b/files/a/b", "x"],
            "neither",
        ),
    ],
)
def test_names_that_do_not_go_together(names: list[str], reason: str) -> None:
    """The last one is refused."""
    known = Names()
    *before, last = names
    assert [known.why_not(name) for name in before] == [None] * len(before)
    assert reason in str(known.why_not(last))
