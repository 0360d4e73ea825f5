from __future__ import annotations

import random
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airtape.errors import UsageError
from airtape.names import (
    ADJECTIVES,
    ID_ALPHABET,
    MAX_ID_BYTES,
    NOUNS,
    check_entity,
    check_id,
    check_project,
    check_tags,
    check_text,
    generate_id,
    generate_name,
    has_control,
)

TAG_SIZES = "Tags must be between 1 and 64 characters"
SIGNS_NO_ID_HOLDS = "/\\#?%:;,'"


def _accepts(run_id: str) -> bool:
    try:
        check_id(run_id)
    except UsageError:
        return False
    return True


def test_a_generated_id_has_eight_small_letters_and_digits() -> None:
    """A new id is eight characters of a-z and 0-9, which the check accepts."""
    run_id = generate_id()
    assert len(run_id) == 8
    assert set(run_id) <= set(ID_ALPHABET)
    assert check_id(run_id) == run_id


def test_generated_ids_differ_under_one_seed() -> None:
    """A program that seeds `random` does not get the same ids again."""
    random.seed(1)
    first = {generate_id() for _ in range(200)}
    random.seed(1)
    assert not first & {generate_id() for _ in range(200)}


def test_every_character_of_the_alphabet_turns_up() -> None:
    """All 36 characters are used: 4,000 of them miss one with a chance below 1e-47."""
    assert set(generate_id(4000)) == set(ID_ALPHABET)


def test_a_default_name_is_two_words_and_the_number() -> None:
    """The name reads like likely-lion-9."""
    adjective, noun, number = generate_name(9).split("-")
    assert adjective in ADJECTIVES
    assert noun in NOUNS
    assert number == "9"


@pytest.mark.parametrize("words", [ADJECTIVES, NOUNS], ids=["adjectives", "nouns"])
def test_the_words_are_plain_and_there_are_enough(words: tuple[str, ...]) -> None:
    """At least 120 different words of small ASCII letters."""
    assert len(words) == len(set(words)) >= 120
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)


@pytest.mark.parametrize("sign", SIGNS_NO_ID_HOLDS)
def test_an_id_with_a_forbidden_sign_is_refused(sign: str) -> None:
    """Each of the signs that addresses and paths give a meaning to is named in the message."""
    with pytest.raises(UsageError, match=r"^Run ID cannot contain the characters: ") as caught:
        check_id(f"a{sign}b")
    assert sign in str(caught.value)


@pytest.mark.parametrize("run_id", [" x", "x ", "\tx", "x\u3000"])
def test_an_id_with_an_outer_blank_is_refused(run_id: str) -> None:
    """Blanks at either end would be lost when the id is copied."""
    with pytest.raises(UsageError, match=r"^Run ID cannot start or end with whitespace$"):
        check_id(run_id)


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x9b", "\u2028"])
def test_an_id_with_a_control_character_is_refused(character: str) -> None:
    """Controls do harm in file names and on terminals."""
    with pytest.raises(UsageError, match=r"^Run ID cannot contain control characters$"):
        check_id(f"a{character}b")


def test_an_empty_id_is_refused() -> None:
    """The empty text names nothing."""
    with pytest.raises(UsageError, match=r"^Run ID cannot be empty$"):
        check_id("")


@pytest.mark.parametrize("run_id", [".", ".."])
def test_an_id_that_names_a_directory_is_refused(run_id: str) -> None:
    """A backend may use the id as a file name."""
    with pytest.raises(UsageError, match=r"^Run ID cannot be '"):
        check_id(run_id)


def test_an_id_is_measured_in_bytes() -> None:
    """The limit is what file names leave room for: 160 bytes of UTF-8."""
    assert check_id("i" * MAX_ID_BYTES)
    with pytest.raises(UsageError, match=r"^Run ID is too long: 161 bytes, at most 160"):
        check_id("i" * (MAX_ID_BYTES + 1))
    with pytest.raises(UsageError, match=r"^Run ID is too long: 162 bytes"):
        check_id("é" * 81)


@pytest.mark.parametrize(
    ("run_id", "kind"), [(5, "int 5"), (None, "NoneType"), (True, "bool True"), (b"a", "bytes")]
)
def test_an_id_that_is_no_text_is_refused(run_id: object, kind: str) -> None:
    """The message names the type that was given."""
    with pytest.raises(UsageError, match=f"^Run ID must be text, not {kind}$"):
        check_id(run_id)


def test_a_refused_id_says_where_it_was_given() -> None:
    """The source of the value stands in the message."""
    with pytest.raises(UsageError, match=r"cannot be empty \(WANDB_RUN_ID\)"):
        check_id("", where="WANDB_RUN_ID")


@pytest.mark.parametrize("run_id", ["a b", "a.b", "a!b", "a@b", "aéb", "実験1", "-x", "..."])
def test_an_unusual_but_harmless_id_is_accepted(run_id: str) -> None:
    """Inner blanks, dots and letters of any script are allowed."""
    assert check_id(run_id) == run_id


@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(st.sampled_from(["..", ".", "/", "\\", "~", "\0", "a", " "])).map("".join),
    )
)
@example("../../etc/passwd")
@example("..\\..")
@example("\ud800")
def test_no_accepted_id_leaves_its_directory(run_id: str) -> None:
    """An id becomes exactly one name in its directory, on POSIX and on Windows."""
    if not _accepts(run_id):
        assert (
            run_id in {"", ".", ".."}
            or run_id != run_id.strip()
            or set(run_id) & set(SIGNS_NO_ID_HOLDS)
            or has_control(run_id)
            or len(run_id.encode(errors="surrogatepass")) > MAX_ID_BYTES
            or any("\ud800" <= character <= "\udfff" for character in run_id)
        )
        return
    for flavour in (PurePosixPath, PureWindowsPath):
        for name in (run_id, f"run-{run_id}.txlog", f"run-20260101_000000-{run_id}-1"):
            assert flavour("base", name).parent == flavour("base")
            assert flavour("base", name).parts == ("base", name)


@given(st.text(min_size=1, max_size=80).filter(_accepts))
@example("i" * MAX_ID_BYTES)
@example("é" * (MAX_ID_BYTES // 2))
def test_every_accepted_id_can_name_a_file(run_id: str) -> None:
    """The name fits in the 255 bytes that file systems take, with the longest affixes."""
    name = f"run-20260101_000000-{run_id}-10000"
    assert len(name.encode()) <= 255
    assert Path("/", name).name == name


@pytest.mark.parametrize("sign", "/\\#?%:")
def test_a_project_with_a_forbidden_sign_is_refused(sign: str) -> None:
    """The message names the project, what is forbidden and what was found."""
    with pytest.raises(UsageError) as caught:
        check_project(f"a{sign}b")
    assert str(caught.value) == (
        f"Invalid project name {f'a{sign}b'!r}: "
        f"cannot contain characters '/,\\,#,?,%,:', found {sign!r}"
    )


def test_a_project_of_more_than_128_characters_is_refused() -> None:
    """128 characters are allowed, 129 are not."""
    assert check_project("p" * 128)
    with pytest.raises(UsageError, match=r"^Invalid project name 'p+': exceeded 128 characters$"):
        check_project("p" * 129)


def test_a_project_with_a_control_character_is_refused() -> None:
    """Project names are printed and become part of paths."""
    with pytest.raises(UsageError, match="cannot contain control characters"):
        check_project("a\x1b[2Jb")


def test_a_project_that_is_no_text_is_refused() -> None:
    """A number is no project name."""
    with pytest.raises(UsageError, match=r"^Project name must be text, not int 5$"):
        check_project(5)


@pytest.mark.parametrize("project", ["", "a.b", "a b", "dígits"])
def test_other_projects_are_accepted(project: str) -> None:
    """Dots, blanks, letters of any script and the empty text are allowed."""
    assert check_project(project) == project


@pytest.mark.parametrize("entity", ["a/b", "a\nb"])
def test_an_entity_that_would_break_a_run_path_is_refused(entity: str) -> None:
    """A run's path has three parts: neither slashes nor controls stand in the first."""
    with pytest.raises(UsageError, match=r"^Invalid entity "):
        check_entity(entity)


def test_an_ordinary_entity_is_accepted() -> None:
    """Names of users and teams pass."""
    assert check_entity("vision-team") == "vision-team"


def test_a_lone_surrogate_is_no_text() -> None:
    """Bytes of a variable that were no UTF-8 are refused, because no log could hold them."""
    with pytest.raises(UsageError, match=r"^notes is not valid Unicode text \(WANDB_NOTES\)$"):
        check_text("\udcff", "notes", where="WANDB_NOTES")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("single", ("single",)),
        (["a", "b"], ("a", "b")),
        (("a", "a", "b"), ("a", "a", "b")),
        (iter("ab"), ("a", "b")),
        (["a,b"], ("a,b",)),
        ([], ()),
        (["t" * 64], ("t" * 64,)),
    ],
    ids=["text", "list", "doubles", "iterator", "comma", "none", "longest"],
)
def test_tags_become_a_tuple(tags: object, expected: tuple[str, ...]) -> None:
    """A text is one tag, any other collection keeps its order and its doubles."""
    assert check_tags(tags) == expected


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (["a", "b", ""], f"Tag at index 2 is empty. {TAG_SIZES}"),
        ("", f"Tag at index 0 is empty. {TAG_SIZES}"),
        (
            ["t" * 65],
            f"Tag '{'t' * 20}...{'t' * 20}' is 65 characters. {TAG_SIZES}",
        ),
        ([1], "Tag at index 0 must be text, not int 1"),
        ({"a": 1}, "Tags must be a list of texts, not dict"),
        (b"ab", "Tags must be a list of texts, not bytes"),
        (5, "Tags must be a list of texts, not int 5"),
    ],
)
def test_a_bad_tag_is_named(tags: object, message: str) -> None:
    """The message says which tag is wrong and how."""
    with pytest.raises(UsageError) as caught:
        check_tags(tags)
    assert str(caught.value) == message
