from __future__ import annotations

import pickle

import pytest

from airtape.errors import (
    AuthenticationError,
    CommError,
    ConfigError,
    Error,
    InvalidDataError,
    LogFormatError,
    NotAvailableYetError,
    TargetError,
    UsageError,
)

BUILT_IN = [
    (UsageError, ValueError),
    (InvalidDataError, ValueError),
    (InvalidDataError, TypeError),
    (NotAvailableYetError, NotImplementedError),
    (AuthenticationError, CommError),
]
ALL = [
    AuthenticationError,
    CommError,
    ConfigError,
    InvalidDataError,
    LogFormatError,
    NotAvailableYetError,
    TargetError,
    UsageError,
]


def test_error_says_what_where_why_and_what_to_try() -> None:
    """The text holds all four parts, the hint on a line of its own."""
    error = Error("cannot write", where="/data", because="disk full", hint="free some space")
    assert str(error) == "cannot write (/data): disk full\nfree some space"


def test_error_leaves_out_what_is_not_said() -> None:
    """An error with a sentence alone is that sentence."""
    assert str(Error("cannot write")) == "cannot write"


def test_error_without_anything_has_an_empty_text() -> None:
    """Users raise errors of the W&B API without arguments."""
    assert str(Error()) == ""


@pytest.mark.parametrize(("error", "base"), BUILT_IN)
def test_errors_are_caught_as_what_python_would_raise(
    error: type[Error], base: type[Exception]
) -> None:
    """Code that catches the built-in exception catches ours."""
    assert issubclass(error, base)


@pytest.mark.parametrize("error", ALL)
def test_every_error_is_caught_as_error(error: type[Error]) -> None:
    """One except clause is enough for all of them."""
    with pytest.raises(Error, match="what"):
        raise error("what", hint="try")


def test_error_survives_the_way_to_another_process() -> None:
    """Pickling keeps every part of the text."""
    error = TargetError("cannot open", where="db", because="locked", hint="wait")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - made right here
