"""The fault shim as tests use it: built once, then told by the environment what to do.

    env = shim_env(build_shim(cache), kill_at(7), on_path(str(tmp_path)))
    subprocess.run([sys.executable, "-c", code], env=env)

`faultshim.h` says what each setting means. Only what goes through the C library's symbols is seen:
Python, `ctypes.PyDLL(None)` and SQLite do; `ctypes.CDLL("libc.so.6")` and static programs do not.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["write", "fsync", "rename", "link", "unlink", "open", "truncate", "mkdir", "send"]
Kinds = Kind | Literal["disk", "files"]

_SOURCES = Path(__file__).parent
_COMPILE = ["gcc", "-shared", "-fPIC", "-O2", "-U_FORTIFY_SOURCE", "-Wall", "-Wextra"]


@dataclass(frozen=True)
class Setting:
    """One environment variable of the shim; those that hold rules may be given several times."""

    name: str
    value: str

    @property
    def is_rule(self) -> bool:
        """Whether several of them add up."""
        return self.name in {"FAULT_ERRNO", "FAULT_SHORT", "FAULT_DELAY"}


def build_shim(cache_dir: Path) -> Path:
    """Compile the shim, unless `cache_dir` has it from the same sources; safe for several at once.

    Returns:
        The shared library, for `LD_PRELOAD`.

    Raises:
        RuntimeError: no gcc, or it refused.
    """
    sources = sorted(_SOURCES.glob("*.c"))
    digest = hashlib.sha256(" ".join(_COMPILE).encode())
    for source in [*sources, _SOURCES / "faultshim.h"]:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    library = cache_dir / f"faultshim-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_dir) as scratch:
            fresh = Path(scratch) / library.name
            _compile(sources, fresh)
            fresh.replace(library)
    return library


def _compile(sources: list[Path], library: Path) -> None:
    try:
        subprocess.run(
            [*_COMPILE, "-o", library, *sources], check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise RuntimeError("the fault shim needs gcc, which is not on PATH") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"gcc cannot compile the fault shim:\n{error.stderr}") from None


def shim_env(shim: Path, *settings: Setting) -> dict[str, str]:
    """Make the environment of a process under the shim: this one's, with these settings.

    Raises:
        ValueError: a setting other than a rule is given twice.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("FAULT_")}
    env["LD_PRELOAD"] = f"{shim} {env.get('LD_PRELOAD', '')}".strip()
    for setting in settings:
        if setting.name not in env:
            env[setting.name] = setting.value
        elif setting.is_rule:
            env[setting.name] += f",{setting.value}"
        else:
            raise ValueError(f"{setting.name} is given twice")
    return env


def on_path(part: str | Path) -> Setting:
    """Count only files whose absolute path, without symbolic links, contains `part`."""
    return Setting("FAULT_PATH", str(part))


def only_kinds(*kinds: Kinds) -> Setting:
    """Count only these kinds of calls."""
    return Setting("FAULT_KINDS", ",".join(kinds))


def kill_at(call: int) -> Setting:
    """SIGKILL the process just before its `call`-th counted call, from 1."""
    return Setting("FAULT_KILL", _range(call, call))


def kill_after(call: int) -> Setting:
    """SIGKILL the process just after its `call`-th counted call, from 1."""
    return Setting("FAULT_KILL_AFTER", _range(call, call))


def errno_at(kind: Kinds, error: int, first: int, last: int | None = None) -> Setting:
    """Fail the `first` to `last` call of a kind with `error`, undone; without `last` just one."""
    return Setting("FAULT_ERRNO", f"{kind}:{_range(first, last or first)}:{error}")


def errno_from(kind: Kinds, error: int, first: int = 1) -> Setting:
    """Fail every call of a kind from the `first` on."""
    return Setting("FAULT_ERRNO", f"{kind}:{_range(first, None)}:{error}")


def short_write_at(call: int, size: int) -> Setting:
    """Let the `call`-th write take no more than `size` bytes."""
    return Setting("FAULT_SHORT", f"write:{_range(call, call)}:{size}")


def short_writes(size: int) -> Setting:
    """Let no write take more than `size` bytes."""
    return Setting("FAULT_SHORT", f"write:{_range(1, None)}:{size}")


def delay_at(kind: Kinds, seconds: float, first: int, last: int | None = None) -> Setting:
    """Sleep before the `first` to `last` call of a kind; without `last` just one."""
    return Setting("FAULT_DELAY", f"{kind}:{_range(first, last or first)}:{seconds}")


def clock_ahead(seconds: float) -> Setting:
    """Move the wall clock; a negative number puts it back."""
    return Setting("FAULT_CLOCK", str(seconds))


def no_locks() -> Setting:
    """Refuse every file lock, as NFS without a lock daemon does."""
    return Setting("FAULT_NOLOCK", "1")


def count_in(path: Path) -> Setting:
    """Keep the counts in this file, for `read_counts`; other processes add theirs as `path.PID`.

    Raises:
        FileExistsError: it is there: the counts would go to another file, and old ones be read.
    """
    if path.exists():
        raise FileExistsError(f"a count file belongs to its first process, but {path} is there")
    return Setting("FAULT_COUNT_FILE", str(path))


def controlled_by(path: Path) -> Setting:
    """Let a `Control` of this path make and end faults while the process runs."""
    return Setting("FAULT_CONTROL", str(path))


def _range(first: int, last: int | None) -> str:
    if first < 1 or (last is not None and last < first):
        raise ValueError(f"calls are counted from 1: {first} to {last} are none")
    if last is None:
        return f"{first}-"
    return str(first) if first == last else f"{first}-{last}"


def each_kill(operations: int) -> Iterator[Setting]:
    """Give every place to die: before each of the counted calls, and after the last."""
    for call in range(1, operations + 1):
        yield kill_at(call)
    yield kill_after(operations)
