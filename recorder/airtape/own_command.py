"""How the command ``tracker`` is started where its own file is not known."""

from typing import Final

WITHOUT_FILE: Final = (
    "-c",
    "import sys; sys.path[:] = filter(None, sys.path); from airtape_cli.main import main; main()",
)
"""Arguments of Python. Nothing is imported from the working directory, as ``-m`` would do, where a
module of the user may have the name of one of ours or of Python's."""
