"""The cells that a notebook has executed, as a notebook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from airtape.code_files import FOLDER

SESSION_FILE: Final = f"{FOLDER}/_session_history.ipynb"
"""Where it lies among the files of a run; W&B puts it there."""


def session_notebook(cells: Sequence[str]) -> str:
    """Return a notebook of these cells, each line of them on a line of its own.

    Args:
        cells: The code of each cell, in the order in which they were executed.
    """
    told = [
        {
            "cell_type": "code",
            "execution_count": number,
            "metadata": {},
            "outputs": [],
            "source": cell.splitlines(keepends=True),
        }
        for number, cell in enumerate(cells, start=1)
    ]
    language = {"language_info": {"name": "python"}}
    whole = {"cells": told, "metadata": language, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
