from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airtape.errors import UsageError
from airtape.query.filters import MAX_DEPTH, parse
from airtape.query.tokens import MAX_TEXT

RUN: dict[str, Any] = {
    "state": "finished",
    "name": "likely-lion-9",
    "id": "12345678",
    "names": ("12345678", "likely-lion-9"),
    "project": "digits",
    "entity": "me",
    "group": None,
    "job_type": "train",
    "tags": ("best", "to do"),
    "user": "ada",
    "created_at": 1_795_169_472_000_000_000,  # 2026-11-20T10:11:12Z
    "duration": 7200.0,
    "step": 9,
    "config": {
        "lr": 0.1,
        "a.b": 1,
        "a": {"b": 2, "c": None},
        "optimizer": {"name": "adam", "betas": [0.9, 0.999]},
        "flag": True,
        "version": "1.10",
        "big": 10**30,
    },
    "summary": {"val/acc": 0.93, "loss": float("nan"), "odd name": 3, "g": {"max": 2}},
}

TRUE = [
    "state = finished",
    "State = FINISHED",
    "state != failed",
    "state in (failed, finished)",
    "state not in (failed, crashed)",
    "name = likely-lion-9",
    "display_name = 'likely-lion-9'",
    'name > "likely"',
    "id = 12345678",
    "project = digits and entity = me",
    "author = ada",
    "tag = best",
    "tags = 'to do'",
    "tags in (worst, best)",
    "tags != worst",
    "tags not in (worst, draft)",
    "group = null",
    "group in (null, baseline)",
    "not group = baseline",
    "job_type != null",
    "config.lr = 0.1",
    "config.lr=1e-1",
    "config.lr<.2",
    "config.lr ≤ 0.1",
    "config.lr ≥ 0.1",
    "config.lr ≠ 0.2",
    "config.lr == 0.1",
    "config.lr in (0.3, 0.1)",
    "config.lr not in (0.3, text)",
    "config.lr.value = 0.1",
    "config.a.b = 1",
    "config.a.c = null",
    "config.missing = null",
    "config.optimizer.name = adam",
    "config.optimizer.name != null",
    "config.optimizer.betas = 0.9",
    "config.optimizer.betas > 0.99",
    "config.flag = true",
    "config.flag = TRUE",
    "config.version = 1.10",
    "config.version = '1.10'",
    "config.big = 1000000000000000000000000000000",
    "config.big < inf",
    "summary.val/acc >= 0.93",
    "summary_metrics.g.max = 2",
    "summary.loss = nan",
    'summary."odd name" = 3',
    '"summary.odd name" = 3',
    "summary.`odd name` = 3",
    "step = 9",
    "last_step > 8.5",
    "duration = 2h",
    "duration >= 7200",
    "duration < 2.5h",
    "duration > 119m",
    "created_at = 2026-11-20T10:11:12Z",
    "created_at = 2026-11-20T11:11+01:00",
    "start_time = '2026-11-20 10:11:12.000Z'",
    "created_at > 2026-11-19Z",
    "created_at < 2026-11-21Z",
    "created_at <= 2026-11-20Z",
    "created_at >= 2026-11-20Z",
    "created_at in (2026-11-20Z, 2026-11-22Z)",
    "state = failed or step = 9",
    "state = finished or step = 1 and step = 2",
    "not state = failed and not (step = 1 or step = 2)",
    "NOT state = failed AND step IN (9)",
    "",
    "  ",
]

FALSE = [
    "state = failed",
    "not state = finished",
    "tags != best",
    "tags = worst",
    "tags = null",
    "group != baseline",
    "group not in (baseline)",
    "group not in (null)",
    "group != null",
    "config.missing != 1",
    "config.missing < 1",
    "config.lr = '0.1'",
    "config.lr = null",
    "config.lr > text",
    "config.a.b = 2",
    "config.flag = 1",
    "config.flag > 0",
    "config.version = 1.1",
    "config.version > 1",
    "config.optimizer = adam",
    "summary.loss < 1",
    "summary.loss >= nan",
    "summary.loss != nan",
    "created_at < 2026-11-20Z",
    "created_at > 2026-11-20Z",
    "created_at != 2026-11-20Z",
    "duration > 1d",
    "(state = finished or step = 1) and step = 2",
]


@pytest.mark.parametrize("text", TRUE)
def test_a_filter_holds(text: str) -> None:
    """What is true of a run is found, under every spelling."""
    assert parse(text).matches(RUN)


@pytest.mark.parametrize("text", FALSE)
def test_a_filter_does_not_hold(text: str) -> None:
    """What is not true of a run, or not known of it, is not found."""
    assert not parse(text).matches(RUN)


def test_no_tags_are_null_and_unlike_every_tag() -> None:
    """A run without tags has none of those asked about, and null ones."""
    run = {"tags": ()}
    assert parse("tags = null and tags != best").matches(run)
    assert not parse("tags != null or tags = best").matches(run)


def test_a_run_without_columns_has_nothing_but_nulls() -> None:
    """A mapping that lacks columns, config and summary is a run of which nothing is known."""
    assert parse("name = null and config.lr = null and summary.a.b = null").matches({})
    assert not parse("created_at > 2026-11-20 or step >= 0 or name < z").matches({})


WRONG = [
    ("state = finshed", 9, "expected a known word for state, found 'finshed'", "finished"),
    ("state = null2", 9, "expected a known word", "States are finished, failed"),
    ("loss < 3", 1, "there is no column 'loss'", "config.loss and summary.loss"),
    ("nmae = x", 1, "there is no column 'nmae'", "Did you mean name?"),
    ("conig.lr = 3", 1, "there is no column 'conig.lr'", "Did you mean config.lr?"),
    ("zzz.lr = 3", 1, "there is no column 'zzz.lr'", ""),
    ("config. = 3", 1, "there is no column 'config.'", ""),
    ("state finished", 7, "expected one of = != < <= > >= in, not in, found 'finished'", ""),
    ("(state = finished", 18, "expected 'and', 'or' or ')', found the end", ""),
    ("state = finished)", 17, "expected 'and', 'or' or the end, found ')'", ""),
    ("name = my run", 11, "expected 'and', 'or' or the end, found 'run'", "in quotes"),
    ("name = 'x", 8, "the quote ' is not closed", ""),
    ('name = x"y', 9, 'the quote " is not closed', ""),
    ("config.lr =< 3", 12, "expected a value, found '<'", ""),
    ("config.lr =", 12, "expected a value, found the end", ""),
    ("name = and", 8, "expected a value, found 'and'", "in quotes"),
    ("created_at > yesterday", 14, "expected a time such as 2026-11-20", ""),
    ("created_at > 2026-02-30", 14, "expected a time such as 2026-11-20", ""),
    ("created_at > 9999-12-31Z", 14, "expected a time", ""),
    ("duration > long", 12, "expected a time span such as 90, 15m or 2h", ""),
    ("step = 2h", 8, "expected a number for step", ""),
    ("tags < b", 6, "as tags has no order, found '<'", ""),
    ("state >= finished", 7, "as state has no order, found '>='", ""),
    ("step < null", 8, "expected a value that has an order, found 'null'", ""),
    ("state in finished", 10, "expected '(', found 'finished'", "state in (this, that)"),
    ("state in ()", 11, "expected a value, found ')'", ""),
    ("state in (failed", 17, "expected ',' or ')', found the end", ""),
    ("state not failed", 11, "expected 'in', found 'failed'", ""),
    ("and", 1, "expected a column, found 'and'", "Columns: state, name"),
    ("not", 4, "expected a column, found the end", ""),
    ("name = x!", 9, "'!' is no sign", ""),
]


@pytest.mark.parametrize(("text", "character", "because", "hint"), WRONG)
def test_what_cannot_be_understood_is_pointed_at(
    text: str, character: int, because: str, hint: str
) -> None:
    """The error names the character, what was expected there, and what may have been meant."""
    with pytest.raises(UsageError) as refused:
        parse(text)
    error = refused.value
    assert error.where == f"character {character}"
    assert because in str(error.because)
    pointed = str(error.hint).splitlines()
    assert pointed[0] == f"  {text}"
    assert pointed[1].index("^") == character + 1
    assert hint in str(error)


def test_a_place_in_a_long_filter_is_shown_with_what_is_around_it() -> None:
    """The error shows a part of the filter, on one line, and points at the right place in it."""
    text = "name = x or\n" * 50 + "nmae = y"
    with pytest.raises(UsageError) as refused:
        parse(text)
    line, pointer, _ = str(refused.value.hint).splitlines()
    assert line[pointer.index("^") :] == "nmae = y"
    assert len(line) < 70


def test_nesting_and_length_have_bounds() -> None:
    """Brackets, nots and texts beyond any use are refused, not followed until the stack is full."""
    fine = "(" * (MAX_DEPTH - 1) + "step = 9" + ")" * (MAX_DEPTH - 1)
    assert parse(fine).matches(RUN)
    for text in ("(" * 5000, "not " * 2000, "x" * (MAX_TEXT + 1)):
        with pytest.raises(UsageError):
            parse(text)
    assert parse(" or ".join(["step = 1"] * 800 + ["step = 9"])).matches(RUN)
    assert not parse(f"config.big = {'9' * 5000}").matches(RUN)


QUOTES = st.sampled_from("\"'")


def _quoted(text: str, quote: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{escaped}{quote}"


@given(st.text(), QUOTES, st.text())
def test_a_quoted_text_is_just_that_text(text: str, quote: str, other: str) -> None:
    """Whatever a text holds, it can be written in quotes, and only the same text equals it."""
    wanted = parse(f"name = {_quoted(text, quote)} or config.x in ({_quoted(text, quote)})")
    assert wanted.matches({"name": text})
    assert wanted.matches({"config": {"x": text}})
    assert wanted.matches({"name": other}) == (text == other)


RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -1.5, 2.25])
Model = Callable[[dict[str, Any]], bool]
"""What a filter means, said in Python."""


def _compared(name: str, relation: str, number: float) -> tuple[str, Model]:
    def holds(config: dict[str, Any]) -> bool:
        value = config.get(name)
        return value is not None and RELATIONS[relation](value, number)

    return f"config.{name} {relation} {number}", holds


def _listed(name: str, numbers: list[float], is_in: bool) -> tuple[str, Model]:  # noqa: FBT001 - a parameter of the test
    def holds(config: dict[str, Any]) -> bool:
        value = config.get(name)
        return value is not None and (value in numbers) == is_in

    values = ", ".join(map(str, numbers))
    return f"config.{name} {'in' if is_in else 'not in'} ({values})", holds


def _joined(inner: st.SearchStrategy[tuple[str, Model]]) -> st.SearchStrategy[tuple[str, Model]]:
    def join(one: tuple[str, Model], other: tuple[str, Model], word: str) -> tuple[str, Model]:
        fold = all if word == "and" else any
        text = f"({one[0]}) {word} ({other[0]})"
        return text, lambda config: fold((one[1](config), other[1](config)))

    negated = inner.map(lambda one: (f"not ({one[0]})", lambda config: not one[1](config)))
    return negated | st.builds(join, inner, inner, st.sampled_from(["and", "or"]))


NAMES = st.sampled_from(["a", "b"])
FILTERS = st.recursive(
    st.builds(_compared, NAMES, st.sampled_from(sorted(RELATIONS)), NUMBERS)
    | st.builds(_listed, NAMES, st.lists(NUMBERS, min_size=1, max_size=3), st.booleans()),
    _joined,
    max_leaves=8,
)


@given(FILTERS, st.dictionaries(NAMES, NUMBERS | st.none()))
def test_a_filter_means_what_it_says(said: tuple[str, Model], config: dict[str, Any]) -> None:
    """A filter holds just when the same said in Python does; what is missing fits nothing."""
    text, holds = said
    assert parse(text).matches({"config": config}) == holds(config)


@given(st.text(alphabet="ab=<>!()'\"`,. \\ñ\n") | st.text())
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    """Nothing that is typed raises anything but the error that says where it is wrong."""
    where = "character 1"
    try:
        wanted = parse(text)
    except UsageError as error:
        where = error.where or ""
    else:
        wanted.matches(RUN)
    assert where.startswith("character ")


def test_and_binds_closer_than_or_and_not_closest() -> None:
    """The usual precedence, without brackets."""
    wanted = parse("step = 9 or step = 1 and not step = 9 and step = 2")
    assert wanted.matches({"step": 9})
    assert not wanted.matches({"step": 1})
