"""Finding the backend of a target's URL."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from airtape.backends.base import Backend
from airtape.backends.replacement import Replacement
from airtape.errors import TargetError, UsageError
from airtape.targets import without_password

GROUP = "airtape.backends"
"""The entry-point group that backends register under, by the scheme of their URLs."""


def known_schemes() -> list[str]:
    """Return the schemes that are installed, sorted."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def open_backend(url: str, *, patient: bool = True) -> Backend:
    """Open the target of a URL: ``sqlite:runs.db``, ``jsonl:folder``, ``memory:name``.

    Args:
        url: The URL.
        patient: Whether it may wait a while by itself for others who use it; not for a caller who
            asks again as long as he likes. A backend that makes a difference has a class method
            ``impatient``.

    Raises:
        UsageError: The URL has no scheme, or one that no installed backend serves.
        TargetError: The backend cannot be loaded, or the target cannot be opened.
    """
    factory, location = _factory_of(url)
    impatient: Callable[[str], Backend] = getattr(factory, "impatient", factory)
    try:
        return factory(location) if patient else impatient(location)
    except OSError as error:
        # Whatever a backend has not foreseen: it is the target's fault, not one of the command.
        raise TargetError(
            "the target cannot be opened",
            where=without_password(url),
            because=error.strerror or str(error),
        ) from error


def replacement_of(url: str) -> Replacement | None:
    """Return the way to make the target of a URL anew; None where that takes place in the target.

    Raises:
        UsageError: The URL has no scheme, or one that no installed backend serves.
        TargetError: The backend cannot be loaded.
    """
    factory, location = _factory_of(url)
    replacement: Callable[[str], Replacement] | None = getattr(factory, "replacement", None)
    return None if replacement is None else replacement(location)


def check_url(url: str) -> None:
    """Make sure that some backend serves a URL.

    Raises:
        UsageError: The URL has no scheme, one that no installed backend serves, or no place.
    """
    _entry_and_location(url)


def _factory_of(url: str) -> tuple[Callable[[str], Backend], str]:
    """Return what opens the targets of a URL's scheme, and what stands behind the scheme."""
    entry, location = _entry_and_location(url)
    return _load(entry, url), location


def _entry_and_location(url: str) -> tuple[EntryPoint, str]:
    scheme, colon, location = url.partition(":")
    entry = _entry_of(scheme) if colon else None
    if entry is None:
        what = f"no backend serves targets of the kind {scheme!r}" if colon else "no kind of target"
        raise UsageError(
            what,
            where=without_password(url),
            hint=f"A target is written KIND:PLACE. Known kinds: {', '.join(known_schemes())}.",
        )
    if not location:
        raise UsageError(
            "the target has no place",
            where=without_password(url),
            hint=f"Try {scheme}:./wandb/NAME instead.",
        )
    return entry, location


def _entry_of(scheme: str) -> EntryPoint | None:
    return next(iter(entry_points(group=GROUP, name=scheme)), None)


def _load(entry: EntryPoint, url: str) -> Callable[[str], Backend]:
    try:
        factory: Callable[[str], Backend] = entry.load()
    except (ImportError, AttributeError) as error:
        package = entry.module if entry.dist is None else entry.dist.name
        raise TargetError(
            f"the backend {entry.name!r} cannot be loaded",
            where=without_password(url),
            because=str(error),
            hint=f"Install {package} with all that it needs.",
        ) from error
    return factory
