from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.fold.fold import Fold
from airtape.fold.merge import Part, hidden_after, in_order, merge
from airtape.records import Kind
from airtape.txlog.format import Header
from tests.fold.said import folded, log
from tests.logs import config, describe, log_row, machine, metric, summary

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.dictionaries(NAMES, st.integers(), max_size=3)
PIECES = st.lists(
    st.builds(lambda said, gone: (Kind.CONFIG, [said, gone]), VALUES, st.lists(NAMES))
    | st.builds(
        lambda said, gone: (
            Kind.SUMMARY,
            [[[[key], value] for key, value in said.items()], [[key] for key in gone]],
        ),
        VALUES,
        st.lists(NAMES),
    ),
    max_size=5,
)
A, B, C, D, E = (bytes([number]) * 16 for number in range(1, 6))


def header(writer: bytes, *parents: bytes, **said: Any) -> Header:
    """Return a writer of the run."""
    return Header("ab12cd34", writer, parents=tuple((parent, 9) for parent in parents), **said)


def order(*headers: Header) -> list[bytes]:
    """Return the writers in the order in which they count."""
    return [header.writer for header in in_order(headers)]


def test_parents_come_first() -> None:
    """Whatever their uuids and clocks."""
    assert order(header(A, B), header(B, C), header(C)) == [C, B, A]


def test_writers_without_a_word_on_each_other_are_ordered_by_step_and_uuid() -> None:
    """Everybody who reads them agrees."""
    assert order(header(B), header(C, start_step=5), header(A, start_step=5)) == [B, A, C]


def test_parents_that_are_not_there_hold_up_nobody() -> None:
    """Their directory may be on another machine."""
    assert order(header(B, D), header(A, D)) == [A, B]


@pytest.mark.parametrize("parents", [(A,), (A, B)])
def test_a_circle_is_cut_at_its_first_writer(parents: tuple[bytes, ...]) -> None:
    """Nobody writes one, but a log can be anybody's."""
    assert order(header(A, B), header(B, *parents), header(C)) == [C, A, B]


def test_roles_come_before_everything() -> None:
    """Ranks and children are gone over by primary writers, all of them by amendments."""
    roles = [header(A, role="amend"), header(B), header(C, role="child"), header(D, role="shared")]
    assert order(*roles) == [C, D, B, A]


def test_what_has_read_an_amendment_counts_over_it() -> None:
    """And one that nobody has read over that, wherever the chain of readers leads."""
    read, unread = header(A, B, role="amend"), header(E, B, role="amend")
    headers = [unread, header(D, C), header(C, A, B), read, header(B)]
    assert order(*headers) == [B, A, C, D, E]


@given(st.permutations([header(A), header(B, A), header(C, A), header(D, C, role="child")]))
def test_the_order_does_not_depend_on_how_directories_arrive(headers: list[Header]) -> None:
    """The same for whoever reads."""
    assert order(*headers) == [D, A, B, C]


def test_a_rewind_hides_what_came_after_it() -> None:
    """Of all writers that it goes on from, near and far, also those that are not here."""
    headers = [header(A, D), header(B, A), header(C, B, rewind_to=5)]
    assert hidden_after(headers) == {A: 5, B: 5, D: 5}


def test_the_earliest_rewind_counts() -> None:
    """Each hides what it hides."""
    headers = [header(A), header(B, A, rewind_to=7), header(C, B, rewind_to=3)]
    assert hidden_after(headers) == {A: 3, B: 3}


def test_only_a_rewind_hides() -> None:
    """Those that resume do not."""
    assert hidden_after([header(A), header(B, A)]) == {}


def test_ancestors_in_a_circle_are_found_once() -> None:
    """And a writer does not hide itself."""
    headers = [header(A, B, C), header(B, A, C), header(C, A, A, rewind_to=2)]
    assert hidden_after(headers) == {A: 2, B: 2}


def test_later_writers_go_over_earlier_ones() -> None:
    """Name, metadata, config, summary and definitions, each by itself."""
    first = folded(
        *(describe(name="one", notes="n"), machine(host="a"), config(lr=1, net={"x": 1})),
        *(summary(best=1, s=1), metric(name="m", hidden=True), metric(glob="m")),
        log({"loss": 1.0}),
    )
    second = folded(
        *(describe(name="two"), machine(host="b"), config(lr=2), summary(best=2)),
        *(metric(name="m", summary=["max"]), log_row(1, loss=0.5)),
    )
    whole = merge([Part(header(B, A), second), Part(header(A), first)])
    assert whole.newest.header.writer == B
    assert (whole.run, whole.metadata) == ({"name": "two", "notes": "n"}, {"host": "b"})
    assert whole.config == {"lr": 2, "net": {"x": 1}}
    assert (whole.summary["best"], whole.summary["s"], whole.summary["loss"]) == (2, 1, 0.5)
    assert whole.definitions["m", False].summary == ("max",)
    assert whole.definitions["m", True].glob
    assert whole.traces == {"loss": [0.5]}


def test_rows_steps_and_alerts_add_up() -> None:
    """Over all writers."""
    first = folded(log_row(0, a=1), log_row(8, a=1), (14, []))
    second = folded(log_row(4, a=1), (14, []))
    whole = merge([Part(header(A), first), Part(header(B, A), second), Part(header(C), folded())])
    assert (whole.rows, whole.last_step, whole.alerts, whole.dropped) == (3, 8, 2, 0)


def test_steps_that_were_rewound_do_not_count() -> None:
    """The highest step is one that is still there."""
    first, second = folded(log_row(0, a=1), log_row(8, a=1)), folded(log_row(4, a=1))
    whole = merge([Part(header(A), first), Part(header(B, A, rewind_to=3), second)])
    assert whole.last_step == 4


@pytest.mark.parametrize(("roles", "newest"), [(("primary", "amend"), A), (("shared", "child"), B)])
def test_the_newest_primary_writer_says_how_the_run_is(
    roles: tuple[Any, Any], newest: bytes
) -> None:
    """Without a primary one, the last of the others."""
    parts = [Part(header(w, role=role), folded()) for w, role in zip((A, B), roles, strict=True)]
    assert merge(parts).newest.header.writer == newest


def test_what_a_later_writer_takes_out_is_gone() -> None:
    """Of what the earlier ones said; what it says itself stands, whatever was first."""
    first = folded(config(lr=1, net={"x": 1}, seed=3), summary(best={"a": 1, "b": 2}, s=1, t=2))
    second = folded(
        *((Kind.CONFIG, [{}, ["lr", "seed", "none"]]), config(seed=4)),
        *((Kind.SUMMARY, [[], [["s"], ["t"], ["best", "a"], ["none", "x"]]]), summary(t=3)),
    )
    whole = merge([Part(header(A), first), Part(header(B, A), second)])
    assert whole.config == {"net": {"x": 1}, "seed": 4}
    assert whole.summary == {"best": {"b": 2}, "t": 3}
    assert first.summary["best"] == {"a": 1, "b": 2}


def test_what_an_earlier_writer_takes_out_can_be_said_again() -> None:
    """By the later ones."""
    first = folded(config(lr=1), (Kind.CONFIG, [{}, ["lr"]]), (Kind.SUMMARY, [[], [["s"]]]))
    second = folded(config(lr=2), summary(s=2))
    whole = merge([Part(header(A), first), Part(header(B, A), second)])
    assert (whole.config, whole.summary) == ({"lr": 2}, {"s": 2})


def test_a_metric_that_ends_without_a_value_has_none() -> None:
    """When the writer goes on from those that had one; a rank of its own takes nothing away."""
    first = folded(log({"loss": 1.0, "acc": 1.0, "deep": {"x": 1, "y": 2}}))
    said = log({"loss": None, "deep": {"x": None}}), metric(name="acc", summary=["none"])
    inherited = [[["acc"], 1.0, 1.0, 1, 1.0, 1.0, 1.0, 1, []]]
    second = folded((Kind.INHERITED, [0, inherited]), *said)
    resumed = merge([Part(header(A), first), Part(header(B, A), second)]).summary
    assert {key: value for key, value in resumed.items() if key[0] != "_"} == {"deep": {"y": 2}}
    ranks = merge([Part(header(A), first), Part(header(B), second)]).summary
    assert (ranks["loss"], ranks["acc"], ranks["deep"]) == (1.0, 1.0, {"x": 1, "y": 2})


@given(PIECES, PIECES)
def test_two_writers_are_as_one(first: list[Any], second: list[Any]) -> None:
    """What the second sets and takes out counts as if the first had gone on."""
    one = folded(*first, *second)
    parts = [Part(header(A), folded(*first)), Part(header(B, A), folded(*second))]
    whole = merge(parts)
    assert whole.config == one.config
    assert whole.summary == one.summary
    restored = [Part(said, Fold(fold.state())) for said, fold in parts]
    assert merge(restored).summary == one.summary
    assert merge(restored).config == one.config
