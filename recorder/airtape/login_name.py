"""The name of the user whose program this is."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

from airtape.names import has_control


def login_name(environ: Mapping[str, str], uid: int | None = None) -> str:
    """Return the user's login name, as an entity may be called; "unknown" when there is none.

    Args:
        environ: The environment, asked first.
        uid: The number of the user to look up otherwise; this process's by default.
    """
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if name := environ.get(variable):
            break
    else:
        try:
            name = pwd.getpwuid(os.getuid() if uid is None else uid).pw_name
        except KeyError:  # usual in containers
            return "unknown"
    name = name.encode(errors="replace").decode()
    return "".join("_" if char == "/" or has_control(char) else char for char in name)
