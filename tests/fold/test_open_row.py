from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airtape.fold.keys import Key, key_of, leaves, nested
from airtape.fold.open_row import OpenRow
from airtape.records import Plain
from tests.fold.said import DATA, LEAVES, exact

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)
PUTS: st.SearchStrategy[list[tuple[list[str], Plain]]] = st.lists(
    st.tuples(PATHS, LEAVES | st.builds(dict)), max_size=20
)


def put_into(tree: dict[str, Plain], path: list[str], value: Plain) -> None:
    """Merge a value into nested dictionaries, one way of many to write it."""
    name, *rest = path
    below = tree.get(name)
    if rest:
        if not isinstance(below, dict):
            below = tree[name] = {}
        put_into(below, rest, value)
    elif not (value == {} and isinstance(below, dict)):
        tree[name] = value


@given(PUTS)
def test_a_row_is_what_merged_dictionaries_are(puts: list[tuple[list[str], Plain]]) -> None:
    """A value replaces a dictionary and the reverse; dictionaries are merged."""
    row, model = OpenRow(0), dict[str, Plain]()
    for path, value in puts:
        row.put(key_of(path), value)
        put_into(model, path, value)
        assert exact(nested(row.values)) == exact(model)


@given(PUTS)
def test_putting_tells_what_had_to_go(puts: list[tuple[list[str], Plain]]) -> None:
    """Exactly the keys that are gone from the row are returned, each once."""
    row = OpenRow(0)
    for path, value in puts:
        before = set(row.values)
        gone = row.put(key_of(path), value)
        assert sorted(map(str, gone)) == sorted(map(str, before - set(row.values)))


@given(PUTS)
def test_a_dictionary_is_where_values_are_below(puts: list[tuple[list[str], Plain]]) -> None:
    """It is there as long as something is in it."""
    row = OpenRow(0)
    for path, value in puts:
        row.put(key_of(path), value)
    for path, _ in puts:
        for end in range(1, 5):
            inside = [key for key in row.values if isinstance(key, tuple) and len(key) > end]
            is_there = any(list(key[:end]) == path[:end] for key in inside)
            assert row.has_dictionary(key_of(path[:end])) == is_there or end > len(path)


@given(DATA, DATA)
def test_partial_rows_merge(first: dict[str, Plain], second: dict[str, Plain]) -> None:
    """Two calls of one step are one dictionary merged into the other."""
    row, model = OpenRow(3), dict[str, Plain]()
    for data in (first, second):
        for key, value in leaves(data):
            row.put(key, value)
            put_into(model, [key] if isinstance(key, str) else list(key), value)
    assert exact(nested(row.values)) == exact(model)


def test_values_keep_the_order_they_came_in() -> None:
    """A value that is replaced stays where it was; what comes anew goes to the end."""
    row = OpenRow(0)
    puts: list[tuple[Key, Plain]] = [("a", 1), ("b", 2), (("n", "x"), 3), ("a", 4), ("n", 5)]
    for key, value in puts:
        row.put(key, value)
    assert list(row.values.items()) == [("a", 4), ("b", 2), ("n", 5)]


def test_a_wide_dictionary_takes_linear_time() -> None:
    """Twenty thousand nested values are put in and replaced within the time of a test."""
    row = OpenRow(0)
    for number in range(20_000):
        row.put(("n", str(number)), number)
    assert len(row.put("n", 1)) == 20_000


def test_a_deep_dictionary_takes_linear_time() -> None:
    """A thousand values at the end of one long path share what leads to them."""
    row = OpenRow(0)
    path = tuple(str(depth) for depth in range(100))
    for number in range(1000):
        row.put((*path, str(number)), number)
    assert len(row.put("0", 1)) == 1000
