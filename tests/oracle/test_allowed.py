from __future__ import annotations

import pytest

from tests.oracle.allowed import ANY, Allowance, Allowed, Reason, Verdict
from tests.oracle.comparison import differences

WANDB = {"obs": {"a": [1, 2], "a/b": 3}, "runs": [{"name": None}]}


def judged(airtape: object, *allowances: Allowance) -> Verdict:
    """Judge a result of the one scenario there is."""
    everywhere = [Allowance("/runs[*]/name", ANY, ("promise",))]
    reasons = {"promise": Reason("promised", "…"), "gap": Reason("later", "…")}
    return Allowed(reasons, everywhere, {"one": list(allowances)}, {}).judge("one", WANDB, airtape)


def result(a: object = (1, 2), **more: object) -> dict[str, object]:
    """What airtape did: the same as wandb but for what is given, and for the name of its run."""
    kept = list(a) if isinstance(a, tuple) else a
    return {"obs": {"a": kept, "a/b": 3, **more}, "runs": [{"name": "calm-lion-1"}]}


def test_what_every_run_has_is_allowed_for() -> None:
    """A difference that the list has for every run is neither reported nor counted."""
    assert judged(result()) == Verdict()


def test_difference_that_nothing_allows_for_is_reported() -> None:
    """A difference that is not listed is reported with its place and both values."""
    assert judged(result((1, 5))).unlisted == ["/obs/a[1]: 2 with wandb, 5 with airtape"]


@pytest.mark.parametrize("path", ["/obs/a", "/obs"])
def test_allowance_covers_what_is_below_its_place(path: str) -> None:
    """An allowance for a list or dictionary covers every difference inside."""
    ours = {"a": [1], "a/b": 3} if path == "/obs" else [1]
    assert judged(result((1,)), Allowance(path, ours, ("promise",))) == Verdict(deliberate=1)


def test_allowance_does_not_cover_names_that_begin_alike() -> None:
    """An allowance for ``a`` says nothing of ``ab``."""
    verdict = judged(result((1,), ab=1), Allowance("/obs/a", [1], ("promise",)))
    assert verdict.unlisted == ['/obs/ab: "<absent>" with wandb, 1 with airtape']


def test_allowance_holds_for_one_value_only() -> None:
    """When something else stands at a listed place by now, that is reported."""
    verdict = judged(result((1, 6)), Allowance("/obs/a[1]", 5, ("promise",)))
    assert (verdict.unlisted, verdict.changed) == ([], ["/obs/a[1]: 6"])


def test_allowance_may_leave_a_value_open() -> None:
    """A part of a value that is another one each time may be left open."""
    allowance = Allowance("/obs/a", [1, ANY, 3], ("promise",))
    assert judged(result((1, 8.5, 3)), allowance) == Verdict(deliberate=1)


def test_allowance_that_is_not_needed_is_reported() -> None:
    """A listed place where nothing differs any more is reported."""
    assert judged(result(), Allowance("/obs/a", [1, 2], ("promise",))).gone == ["/obs/a"]


@pytest.mark.parametrize(("value", "fits"), [([5, 6], True), ([7, 8], True), ([5, 8], False)])
def test_several_allowances_of_a_path_say_what_it_may_be(value: list[int], *, fits: bool) -> None:
    """Each of them, and nothing else."""
    allowances = [
        Allowance("/obs/a", said, ("promise",), sometimes=True) for said in ([5, 6], [7, 8])
    ]
    verdict = judged(result(a=value), *allowances)
    assert (not verdict.changed) is fits


def test_allowance_may_hold_sometimes_only() -> None:
    """What depends on the time, or on what a scenario says itself, need not differ."""
    assert judged(result(), Allowance("/obs/a", [1, 2], ("promise",), sometimes=True)).gone == []


def test_what_comes_later_is_counted_apart() -> None:
    """An allowance until something exists is not one for good."""
    assert judged(result((1, 5)), Allowance("/obs/a[1]", 5, ("gap",))).later == [["gap"]]


def test_numbers_differ_by_type_and_beyond_rounding() -> None:
    """An integer is no float, and floats are equal up to rounding; not-a-numbers are equal."""
    ours = [1.0, 0.1, 0.3, float("nan")]
    found = list(differences([1, 0.1 + 1e-12, 0.31, float("nan")], ours))
    assert [difference.path for difference in found] == ["[0]", "[2]"]
