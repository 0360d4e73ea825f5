"""Shapes of calls that stand for others, with the names and types of these."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType, MethodType
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from airtape.errors import UnknownArgumentError
from airtape.run import Run
from airtape.session import no_run_error, session

P = ParamSpec("P")
R = TypeVar("R")


def of_current_run(method: Callable[Concatenate[Run, P], R]) -> Callable[P, R]:
    """Return a function that calls a method of the current run; UsageError if there is none."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if session.run is None:
            raise no_run_error(f"wandb.{method.__name__}()")
        # By name: a disabled run, or a test, may have something else there.
        return cast("R", getattr(session.run, method.__name__)(*args, **kwargs))

    # What is wrapped is a method of something: `inspect.signature` leaves its first argument out.
    vars(call)["__wrapped__"] = MethodType(method, session)
    return call


def retires(*retired: str) -> Callable[[Callable[P, Run]], Callable[P, Run]]:
    """Let a function that starts a run take arguments that it no longer has, with one warning each.

    They are no part of its signature, so that editors and type checkers do not offer them. Any
    other unknown argument is a usage error, and a TypeError as usual.

    Args:
        retired: Their names.
    """

    def decorate(function: Callable[P, Run]) -> Callable[P, Run]:
        code = cast("FunctionType", function).__code__
        known = code.co_varnames[: code.co_argcount]

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Run:
            given: dict[str, Any] = kwargs
            unknown = given.keys() - {*known}
            if wrong := sorted(unknown.difference(retired)):
                raise UnknownArgumentError(
                    f"{function.__name__}() got an unexpected keyword argument {wrong[0]!r}",
                    hint=f"It takes {', '.join(known)}",
                )
            for name in unknown:
                del given[name]
            run = function(*args, **kwargs)
            for name in sorted(unknown):
                run.warn(f"{function.__name__}({name}=...) is retired and has no effect")
            return run

        return call

    return decorate
