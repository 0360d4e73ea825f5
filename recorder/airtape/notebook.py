"""Whether this process is a notebook, and showing things in one."""

from __future__ import annotations

import sys
from importlib import import_module


def in_notebook() -> bool:
    """Tell whether the program is the cells of a notebook; IPython on a terminal is none.

    IPython is asked only where it is loaded already: it takes long to import, and a program that
    does without it is no notebook.
    """
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = ask() if callable(ask) else None
    return shell is not None and "terminal" not in type(shell).__module__


def executed_cells() -> list[str]:
    """Return the code of the cells that were executed so far, in order; none outside a notebook."""
    if not in_notebook():
        return []
    shell = sys.modules["IPython"].get_ipython()
    # The first one stands for nothing, so that cells count from one.
    said = getattr(shell, "user_ns", {}).get("In")
    return [str(cell) for cell in said[1:]] if isinstance(said, list) else []


def show_html(html: str) -> bool:
    """Show HTML below the cell that is running; tell whether there is one."""
    if not in_notebook():
        return False
    # Not as an object of class HTML, which warns of frames.
    bundle = {"text/html": html, "text/plain": "a run, as HTML"}
    import_module("IPython.display").display(bundle, raw=True)
    return True
