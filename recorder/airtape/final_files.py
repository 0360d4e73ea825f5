"""The files that are written when a run ends: its config and its summary, as W&B writes them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import Any

from airtape.exactjson import LONGEST_INT_BITS
from airtape.fold.keys import Tree
from airtape.records import Plain
from airtape.run_files import RunFiles
from airtape.yaml_text import yaml_text

CONFIG_FILE = "config.yaml"
SUMMARY_FILE = "wandb-summary.json"


def write_final(
    files: RunFiles, config: Tree, summary: Tree, whole: Callable[[Plain], Plain]
) -> list[dict[str, Plain]]:
    """Write the config and the summary of a run that ends, and return what is to be recorded.

    A file of the same name that the program has put there stays as it is.

    Args:
        files: Where they go.
        config: The config.
        summary: The summary.
        whole: Returns what a reference to a large value stands for.

    Raises:
        OSError: They cannot be written.
    """
    told: dict[str, Plain] = {key: {"value": _whole(value, whole)} for key, value in config.items()}
    values = {key: _named(_whole(value, whole)) for key, value in summary.items()}
    written = {
        CONFIG_FILE: yaml_text(told),
        SUMMARY_FILE: json.dumps(values, ensure_ascii=False) + "\n",
    }
    return [
        files.write(path, text.encode("utf-8", "backslashreplace"), "run")
        for path, text in written.items()
        if not os.path.lexists(files.folder / path)
    ]


def _whole(value: Plain, whole: Callable[[Plain], Plain]) -> Plain:
    value = whole(value)
    if isinstance(value, dict):
        return {key: _whole(below, whole) for key, below in value.items()}
    return value


def _named(value: Any) -> Any:  # noqa: ANN401 - whatever a summary holds
    """Return a copy with numbers that JSON has no words for as texts, as W&B writes them."""
    if isinstance(value, dict):
        return {key: _named(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_named(item) for item in value]
    if isinstance(value, int) and value.bit_length() > LONGEST_INT_BITS:
        return hex(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
