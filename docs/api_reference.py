"""Writes the reference of the library from its code: signatures, docstrings, and a table below."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import airtape
from airtape import errors
from airtape.run_later import LaterMethods
from airtape.settings import SETTINGS, variables

DIFFERENCES: Mapping[str, str] = {
    "init": (
        "With nothing said the mode is `offline`. Default names and entities are made here: two "
        "words and a number, the login name. `resume` looks at the local run directories, so "
        "`must` and `never` raise offline as well; `resume_from` and `fork_from` begin behind the "
        "step with the values of then. A run of the same id that is open in the process is "
        "refused. Variables are read at each call. `force=True` asks for a target, for there is "
        "no login. `sync_tensorboard` reads the event files that the process writes and changes no "
        "library. Arguments that W&B has retired (`magic`, `quiet`, `start_method`, `sync`) are "
        "accepted with one warning."
    ),
    "Run.log": (
        "The call returns when the record is written: a killed process loses nothing. Values are "
        "kept exactly: not-a-numbers, integers of any size, `0.0` apart from `0`. An empty key is "
        "a key. Invalid data raise an error that is both a ValueError and a TypeError."
    ),
    "Run.finish": "It waits for the disk, never for a network.",
    "Run.define_metric": (
        "`best` with `goal` is there, as in the documentation of W&B. Not-a-numbers do not stick "
        "to a minimum, texts have none, a metric keeps its summary when it is set by hand once, "
        "and a step metric that was never logged is not put into rows as 0."
    ),
    "Run.alert": "Nobody is notified by mail; the terminal says it once.",
    "Run.write_logs": "Escape sequences in the text are carried out when it is shown.",
    "Run.status": "It has three fields more, and can be asked for after the end.",
    "Run.to_html": "The page is made here and shows the run; nothing is loaded from a network.",
    "Run.log_code": (
        "It returns the name and the files, in `manifest.entries`, and is no artifact yet. The "
        "run's own directory is left out whatever `exclude_fn` says. Secrets are taken out of the "
        "copies."
    ),
    "Run.save": (
        "The file is copied, at once and whatever the policy, never linked: so the call takes as "
        "long as a copy does. A file that lies in the run's directory is kept where it is. A "
        "folder is refused by name."
    ),
    "Run.restore": (
        "It reads run directories, then the target that is set or `wandb/tracker.db`. A file that "
        "the run does not have is None."
    ),
    "Run.detach": "No process stands behind a run, so there is nothing to leave.",
    "Run.join": "Accepted with one warning.",
    "Run.tags": "Lists can be added as well as tuples; a single text is one tag.",
    "Run.name": "Without a name a run gets one of two words and a number, offline too.",
    "Run.entity": "The login name by default, so that a path always has three parts.",
    "Run.path": "It always has three parts.",
    "Run.url": "None as long as nothing is sent; no warning.",
    "Run.step": "It can be read after the end.",
    "Run.summary": (
        "It shows what is recorded, also after the end: deleted values are gone, `None` is kept. "
        "`in`, `iter`, `len` and `items` work."
    ),
    "Run.config": (
        "Values that are changed in place are recorded when the run ends. Iteration leaves out "
        "hidden names, as `keys()` does. Keys with a period are kept as they are, with one warning."
    ),
    "login": "It always returns False, without a warning: nothing here needs a login.",
    "require": "It does nothing, and refuses nothing.",
    "setup": "It starts nothing.",
    "Run.settings": "Few, all of them below; `run.settings` is frozen.",
    "Config.update": "All values are set or none.",
    "Summary.update": "It takes a dictionary, and raises InvalidDataError for anything else in it.",
    "Api": "It reads run directories and stores, and asks no server: [API_LOCAL](API_LOCAL.md).",
}
"""What a call does otherwise than W&B's, by its name."""

ATTRIBUTES = [
    name
    for name, value in inspect.getmembers(airtape.Run)
    if isinstance(value, property) and not name.startswith("_")
]
INTERNAL = frozenset({"made_of", "note_returned", "warn", "when_ended_well"})
"""Methods that the library itself calls."""

METHODS = [
    name
    for name, value in inspect.getmembers(airtape.Run, inspect.isfunction)
    if not name.startswith("_") and name not in {*INTERNAL, *vars(LaterMethods)}
]
AROUND = ("login", "require", "setup", "teardown", "termerror", "termlog", "termwarn")
"""What scripts call before and after their runs."""

LATER = [name for name in vars(LaterMethods) if not name.startswith("_")]

OF_VALUES = {
    "Config": [
        *("as_dict", "get", "items", "keys", "merge_locked", "setdefaults"),
        *("update", "update_locked"),
    ],
    "Summary": ["get", "items", "keys", "update"],
}
"""Methods of what holds the values of a run."""
LONGEST = 80
"""Characters that a signature may have on one line."""

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$")
_ENTRY = re.compile(r"^    (\w+): (.*)$")


def api_reference() -> str:
    """Return everything that the library offers, as Markdown."""
    unknown = DIFFERENCES.keys() - _calls()
    if unknown:
        raise LookupError(f"differences of what is not there: {sorted(unknown)}")
    return "\n".join(_lines()) + "\n\n"


def _calls() -> set[str]:
    of_values = {f"{kind}.{name}" for kind, names in OF_VALUES.items() for name in names}
    of_runs = {f"Run.{name}" for name in (*ATTRIBUTES, *METHODS)}
    return {"init", "Api", *AROUND} | of_runs | of_values


def _lines() -> Iterator[str]:
    yield "\n## Starting a run\n"
    yield from _call("init", airtape.init)
    yield "\n## What a run can do\n"
    on_module = [f"`{name}`" for name in (*METHODS, *LATER) if name in airtape.__all__]
    yield f"The module has {', '.join(on_module)} too: they act on the current run.\n"
    for name in METHODS:
        yield from _call(f"Run.{name}", getattr(airtape.Run, name))
    yield "\n## Around a run\n"
    for name in AROUND:
        yield from _call(name, getattr(airtape, name))
    yield "\n## What a run says of itself\n"
    yield "| attribute | what it is | other than with W&B |"
    yield "|---|---|---|"
    for name in ATTRIBUTES:
        meaning = inspect.getdoc(getattr(airtape.Run, name)) or ""
        differs = DIFFERENCES.get(f"Run.{name}", "")
        yield f"| `{name}` | {_text(meaning.splitlines()[0])} | {differs} |"
    yield "\n## Config and summary\n"
    yield "Both also take and give values as attributes and as items: `run.config.lr`.\n"
    for kind, names in OF_VALUES.items():
        for method in names:
            yield from _call(f"{kind}.{method}", getattr(getattr(airtape, kind), method))
    yield "\n## What comes later\n"
    yield (
        "Each of these raises `NotAvailableYetError`, but of a disabled run, which does nothing "
        "with any call. Names of media types raise it too, in such a way that `hasattr` works.\n"
    )
    for name in LATER:
        yield f"- `{name}{_one_line(getattr(airtape.Run, name))}`"
    yield "\n## Reading what was recorded\n"
    yield from _call("Api", airtape.Api)
    yield "\n## Settings\n"
    yield "| setting | variables | what it says | default |"
    yield "|---|---|---|---|"
    for name, field in SETTINGS.items():
        said = ", ".join(f"`{variable}`" for variable in variables(name))
        yield f"| `{name}` | {said} | {field.meaning} | `{field.default!r}` |"
    yield "\n## Errors\n"
    yield "```text"
    tree = (inspect.getdoc(errors) or "").partition("\n\n")[2]
    yield tree.rstrip()
    yield "```"


def _call(name: str, call: Callable[..., Any]) -> Iterator[str]:
    doc = inspect.getdoc(call) or ""
    parts = _sections(doc)
    yield f"### {name}\n"
    yield f"```python\n{name}{_signature(call)}\n```\n"
    yield _text(parts.pop("")) + "\n"
    for title, lines in parts.items():
        if title in {"Args", "Raises", "Attributes"}:
            yield f"{title}:\n"
            yield from (f"- `{entry}`: {_text(text)}" for entry, text in _entries(lines))
            yield ""
        elif title == "Returns":
            yield f"Returns: {_text(' '.join(lines.split()))}\n"
    if name in DIFFERENCES:
        yield f"Other than with W&B: {DIFFERENCES[name]}\n"


def _sections(doc: str) -> dict[str, str]:
    """Return a docstring by its headings; what stands above the first has none."""
    parts = {"": ""}
    title = ""
    for line in doc.splitlines():
        if found := _SECTION.match(line):
            title = found[1]
            parts[title] = ""
        else:
            parts[title] += line + "\n"
    return {title: text.strip("\n") for title, text in parts.items()}


def _entries(lines: str) -> Iterator[tuple[str, str]]:
    found: list[tuple[str, list[str]]] = []
    for line in lines.splitlines():
        if entry := _ENTRY.match(line):
            found.append((entry[1], [entry[2]]))
        elif found:
            found[-1][1].append(line.strip())
    return ((name, " ".join(text)) for name, text in found)


def _signature(call: Callable[..., Any]) -> str:
    """Return names and defaults, on lines of their own where there are many."""
    text = _one_line(call)
    if len(text) <= LONGEST:
        return text
    return "(\n" + "".join(f"    {part},\n" for part in text[1:-1].split(", ")) + ")"


def _one_line(call: Callable[..., Any]) -> str:
    """Return names and defaults; the types stand in the code, for editors."""
    signature = inspect.signature(call)
    bare = [
        one.replace(annotation=one.empty)
        for one in signature.parameters.values()
        if one.name != "self"
    ]
    bare = [
        one.replace(default=_Shown(one.default)) if one.default is not one.empty else one
        for one in bare
    ]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


class _Shown:
    """Shows a default as code has it: a function by its name, a text in double quotes."""

    def __init__(self, default: object) -> None:
        self._default = default

    def __repr__(self) -> str:
        if inspect.isfunction(self._default):
            return self._default.__name__
        return json.dumps(self._default) if isinstance(self._default, str) else repr(self._default)


def _text(text: str) -> str:
    return text.replace("``", "`")
