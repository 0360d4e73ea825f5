"""Receipts that were brought here: kept beside the runs, one for each target, the newest."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Final, Literal, TypeAlias

from airtape.cleaned import read_cleaned
from airtape.errors import Error, LogFormatError, TargetError, UsageError
from airtape.receipts.document import (
    BEGINNING,
    SUFFIX,
    ReceiptDocument,
    encode_receipt,
    is_receipt_name,
    read_receipt,
)
from airtape.receipts.order import is_later
from airtape.run_search import Found
from airtape.rundir import log_files, stub_in
from airtape.sync.log_file import header_of
from airtape.sync.renames import Renames
from airtape.whole_file import whole_file

FOLDER: Final = "receipts"
SCHEME: Final = "receipt:"

Imported: TypeAlias = Literal["new", "newer", "same", "older"]
"""What a receipt is to the one that was kept; ``older`` ones are not kept."""


@dataclass(frozen=True, slots=True)
class KeptReceipts:
    """The receipts that were brought to a place.

    Attributes:
        folder: Where they are; it may be missing.
    """

    folder: Path

    def path_of(self, name: str) -> Path:
        """Return where the receipt of a target is kept."""
        return self.folder / f"{name}{SUFFIX}"

    def names(self) -> list[str]:
        """Return the names of targets of which there are receipts, sorted."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"[!.]*{SUFFIX}"))

    def find(self, name: str) -> ReceiptDocument | None:
        """Return the receipt of a target, None if there is none.

        Raises:
            LogFormatError: It was changed since it was brought here.
            TargetError: It cannot be read.
        """
        path = self.path_of(name)
        if not is_receipt_name(name):
            return None
        try:
            return read_receipt(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TargetError(
                "the receipt cannot be read", where=str(path), because=error.strerror
            ) from error

    def keep(self, document: ReceiptDocument, *, now_ns: int) -> Imported:
        """Keep a receipt in place of an older one of the same target.

        Args:
            document: The receipt.
            now_ns: The wall clock here, in nanoseconds since 1970.

        Raises:
            UsageError: The one that is kept under its name is of another target.
            LogFormatError: The one that is kept was changed.
            TargetError: It cannot be kept.
        """
        kept = self.find(document.name)
        if kept is not None:
            if kept.target != document.target:
                raise UsageError(
                    "the receipt is of another target",
                    where=document.name,
                    because=f"it is of {document.target}, and what is kept is of {kept.target}",
                    hint="Keep it under another name with --as, or remove "
                    f"{self.path_of(document.name)} if the target has moved.",
                )
            if kept == document:
                return "same"
            if not is_later(document, kept, now_ns=now_ns):
                return "older"
        write_whole(self.path_of(document.name), encode_receipt(document))
        return "new" if kept is None else "newer"


def write_whole(path: Path, data: bytes, *, by: str = "") -> None:
    """Write a file, all of it or nothing, and onto its disk; its folder is made if need be.

    Args:
        path: The file.
        data: What it is to hold.
        by: Who writes it; see `whole_file`.

    Raises:
        TargetError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, by=by) as file:
            file.write(data)
    except OSError as error:
        raise TargetError(
            "the file cannot be written", where=str(path), because=error.strerror or str(error)
        ) from error


def check_may_replace(path: Path) -> None:
    """Make sure that a receipt does not take the place of anything but an older one.

    Args:
        path: Where it is to be written; an empty file may stand there, or one that was cut.

    Raises:
        UsageError: Something else stands there.
    """
    try:
        why = _why_to_keep(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        why = error.strerror or type(error).__name__
    if why is not None:
        raise UsageError(
            "what stands there is no receipt, and stays",
            where=str(path),
            because=why,
            hint="Name another file, or remove this one first.",
        )


def _why_to_keep(path: Path) -> str | None:
    mode = path.stat().st_mode
    if S_ISDIR(mode):
        return None  # whoever writes there is told
    if not S_ISREG(mode):
        return "it is no regular file"
    with path.open("rb") as file:
        start = file.read(len(BEGINNING))
    return None if BEGINNING.startswith(start) else "it does not begin like one"


def check_is_of_these(document: ReceiptDocument, found: Found) -> None:
    """Make sure that a receipt says something of runs that stand here, unless it says nothing.

    Args:
        document: The receipt.
        found: The runs, those that were cleaned among them.

    Raises:
        UsageError: It is of other runs.
    """
    said = {(run.run_id, run.root) for run in document.runs}
    if not said or any(_is_of(run_dir, said) for run_dir in found.run_dirs):
        return
    for run_dir in found.cleaned:
        with suppress(OSError, Error):
            cleaned = read_cleaned(stub_in(run_dir) or run_dir)
            if any(Renames().key_of(header)[:2] in said for header, _ in cleaned.parts):
                return
    raise UsageError(
        "the receipt is of other runs",
        where=document.target,
        because=f"none of its {len(said)} runs stands here",
        hint="Name the folder of the runs with --in.",
    )


def _is_of(run_dir: Path, said: Collection[tuple[str, bytes]]) -> bool:
    with suppress(OSError):
        for path in log_files(run_dir):
            with suppress(OSError, Error):
                header = header_of(path)
                if header is not None and Renames().key_of(header)[:2] in said:
                    return True
    return False


def receipt_for(name: str, receipts: KeptReceipts) -> ReceiptDocument:
    """Return the receipt that stands for a target, by name.

    Raises:
        UsageError: There is none.
        LogFormatError: It was changed.
        TargetError: It cannot be read.
    """
    found = receipts.find(name)
    if found is None:
        known = ", ".join(receipts.names()) or "none"
        raise UsageError(
            f"no receipt of {name!r} was brought here",
            where=str(receipts.folder),
            because=f"there are receipts of: {known}",
            hint="`tracker receipt import FILE` brings one.",
        )
    if found.name != name:
        raise LogFormatError(
            "the receipt is of another target",
            where=str(receipts.path_of(name)),
            because=f"it says that it is of {found.name!r}",
        )
    return found
