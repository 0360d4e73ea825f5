"""Ids, names, projects and tags: making them, and refusing those that would do harm.

An id becomes part of file names and of addresses, so what it may hold is narrow; a run's
display name is free text.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from airtape.errors import UsageError

ID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_FORBIDDEN: Final = ":;,#?/'\\%"
# A segment's file name is `run-<id>.<host>-<pid>-<n>.txlog`, and a file system takes 255 bytes.
MAX_ID_BYTES: Final = 160
PROJECT_FORBIDDEN: Final = "/\\#?%:"
MAX_TEXT_BYTES: Final = 500_000
MAX_PROJECT: Final = 128
MAX_TAG: Final = 64
NO_ENTITY: Final = "unknown"
"""Stands in the path of a run that belongs to nobody."""
NO_PROJECT: Final = "uncategorized"
"""Stands in the path of a run without a project."""

# Control characters, line and paragraph separators.
_CONTROL: Final = frozenset({"Cc", "Zl", "Zp"})

ADJECTIVES: Final = tuple(
    """
    able agile airy amber ample ancient apt autumn azure bold brave breezy bright brisk bronze
    calm candid careful cheerful clear clever cobalt coral cosmic cozy crimson crisp curious
    daring dawn deep deft devoted distant dry eager early earnest easy elder electric emerald
    exalted fair faithful fancy fearless fine firm fleet fluent fond fresh frosty gallant gentle
    genial gilded glad glowing golden graceful grand happy hardy hazel hearty hidden honest humble
    icy indigo ivory jade jolly jovial keen kind laced lasting lavish leafy light likely lively
    lofty loyal lucid lucky lunar mellow merry mighty mild misty modest neat noble northern olive
    opal patient placid polished proud quick quiet rapid rare robust rosy ruby rustic scarlet
    serene silent silver sincere smooth snowy solar solid spring stellar still sturdy summer sunny
    swift tidy true upbeat valiant velvet vivid warm wise witty young zesty
    """.split()  # noqa: SIM905 -- a list would take a line each
)
NOUNS: Final = tuple(
    """
    acorn anchor arbor aspen aurora badger bay beacon birch bird bloom bluff breeze bridge brook
    butterfly cabin canyon capybara cedar cherry cliff cloud clover comet coral cove crane creek
    crow cypress dawn deer delta dew dolphin dove dragonfly dream dune eagle elm ember falcon fern
    field finch fire firefly fjord flame flower fog forest fox frog galaxy garden glacier glade
    glen grass grove harbor hare hawk haze heron hill horizon island ivy jay juniper kestrel kite
    lagoon lake lantern lark leaf lily lion lotus lynx maple marsh meadow meteor moon moss
    mountain nebula oak oasis ocean orchid osprey otter owl palm panda pebble penguin pine planet
    plateau pond poplar prairie puffin quail rain raven reef river robin rose salmon sea shadow
    shore sky snow sound sparrow spruce star stone storm stream sun sunset surf swallow thicket
    thunder tide trail tree tulip valley violet water wave willow wind wolf wood wren yew zephyr
    """.split()  # noqa: SIM905 -- as above
)


def generate_id(length: int = 8) -> str:
    """Return a new random run id of `length` characters a-z and 0-9.

    The randomness is the system's: a seed that training code sets changes nothing here.
    """
    return "".join(ID_ALPHABET[_random_below(len(ID_ALPHABET))] for _ in range(length))


def generate_uuid() -> bytes:
    """Return a new random uuid, of version 4 as RFC 9562 has it."""
    # `uuid` would load `platform` with every import of the library.
    drawn = bytearray(os.urandom(16))
    drawn[6] = drawn[6] & 0x0F | 0x40
    drawn[8] = drawn[8] & 0x3F | 0x80
    return bytes(drawn)


def generate_name(number: int) -> str:
    """Return two random words and `number`, the running number of the run: `likely-lion-9`."""
    adjective = ADJECTIVES[_random_below(len(ADJECTIVES))]
    noun = NOUNS[_random_below(len(NOUNS))]
    return f"{adjective}-{noun}-{number}"


def check_id(run_id: object, *, where: str | None = None) -> str:
    r"""Return `run_id` when it may name a run.

    Args:
        run_id: What the user gave.
        where: Where it was given, for the message.

    Raises:
        UsageError: It is no text, empty, too long, begins or ends with a blank, holds one of
            `/ \ # ? % : ; , '` or a control character, or is `.` or `..`.
    """
    run_id = check_text(run_id, "Run ID", where=where)
    if not run_id:
        raise UsageError("Run ID cannot be empty", where=where)
    if run_id != run_id.strip():
        raise UsageError("Run ID cannot start or end with whitespace", where=where)
    if any(character in ID_FORBIDDEN for character in run_id):
        raise UsageError(f"Run ID cannot contain the characters: {ID_FORBIDDEN}", where=where)
    if has_control(run_id):
        raise UsageError("Run ID cannot contain control characters", where=where)
    if run_id in {".", ".."}:
        raise UsageError(f"Run ID cannot be {run_id!r}", where=where)
    size = len(run_id.encode())
    if size > MAX_ID_BYTES:
        raise UsageError(
            f"Run ID is too long: {size} bytes, at most {MAX_ID_BYTES}",
            where=where,
            hint="Use name= for a long description; an id becomes part of file names.",
        )
    return run_id


def check_project(project: object, *, where: str | None = None) -> str:
    r"""Return `project` when it may name a project; the empty text may.

    Raises:
        UsageError: It is no text, longer than 128 characters, or holds one of `/ \ # ? % :` or a
            control character.
    """
    project = check_text(project, "Project name", where=where)
    for character in project:
        if character in PROJECT_FORBIDDEN:
            raise UsageError(
                f"Invalid project name {project!r}: cannot contain characters "
                f"'{','.join(PROJECT_FORBIDDEN)}', found {character!r}",
                where=where,
            )
    if has_control(project):
        raise UsageError(
            f"Invalid project name {project!r}: cannot contain control characters", where=where
        )
    if len(project) > MAX_PROJECT:
        raise UsageError(
            f"Invalid project name {project!r}: exceeded {MAX_PROJECT} characters", where=where
        )
    return project


def check_text(text: object, what: str, *, where: str | None = None) -> str:
    """Return `text` when it is text that UTF-8 can hold; `what` names it in the message.

    Raises:
        UsageError: It is no text, holds a lone surrogate (bytes that were no UTF-8), or has more
            than `MAX_TEXT_BYTES` bytes.
    """
    if not isinstance(text, str):
        raise UsageError(f"{what} must be text, not {_kind(text)}", where=where)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not valid Unicode text", where=where) from error
    if size > MAX_TEXT_BYTES:
        raise UsageError(
            f"{what} has {size:,} bytes; the limit is {MAX_TEXT_BYTES:,}",
            where=where,
            hint="write long texts to a file of the run",
        )
    return text


def check_entity(entity: object, *, where: str | None = None) -> str:
    """Return `entity` when it may stand in a run's path, `entity/project/run_id`.

    Raises:
        UsageError: It is no text, or holds a slash or a control character.
    """
    entity = check_text(entity, "Entity", where=where)
    if "/" in entity or has_control(entity):
        raise UsageError(
            f"Invalid entity {entity!r}: cannot contain slashes or control characters", where=where
        )
    return entity


def check_tags(tags: object, *, where: str | None = None) -> tuple[str, ...]:
    """Return `tags` as a tuple, in the order given, doubles kept; a single text is one tag.

    Raises:
        UsageError: `tags` is no collection of texts, or a tag has not 1 to 64 characters.
    """
    if isinstance(tags, str):
        tags = (tags,)
    if not isinstance(tags, Iterable) or isinstance(tags, (bytes, bytearray, Mapping)):
        raise UsageError(f"Tags must be a list of texts, not {_kind(tags)}", where=where)
    checked = []
    for index, given in enumerate(tags):
        tag = check_text(given, f"Tag at index {index}", where=where)
        problem = None
        if not tag:
            problem = f"Tag at index {index} is empty"
        elif len(tag) > MAX_TAG:
            problem = f"Tag '{tag[:20]}...{tag[-20:]}' is {len(tag)} characters"
        if problem:
            raise UsageError(
                f"{problem}. Tags must be between 1 and {MAX_TAG} characters", where=where
            )
        checked.append(tag)
    return tuple(checked)


def has_control(text: str) -> bool:
    """Tell whether `text` holds a control character or a line separator."""
    return any(unicodedata.category(character) in _CONTROL for character in text)


def _random_below(limit: int) -> int:
    # `secrets` would load hashlib and OpenSSL with every import of the library; the bias of a
    # 64-bit remainder is nothing.
    return int.from_bytes(os.urandom(8), "little") % limit


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{name} {value!r}" if isinstance(value, (bool, int, float)) else name
