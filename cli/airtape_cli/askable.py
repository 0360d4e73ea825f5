"""Targets that can be asked what they hold: those that answer, and those that left a receipt."""

from __future__ import annotations

import os
from pathlib import Path

from airtape.backends.base import Backend
from airtape.backends.registry import open_backend
from airtape.receipts.backend import ReceiptBackend
from airtape.receipts.kept import FOLDER, SCHEME, KeptReceipts, receipt_for
from airtape.settings_sources import load_settings
from airtape.targets import named_targets
from airtape_cli.options import default_folder, named_target


def kept_receipts(folder: Path | None = None) -> KeptReceipts:
    """Return the receipts that were brought to a folder of runs, or where a setting says.

    Args:
        folder: The folder; that of the runs recorded from here if unsaid.

    Raises:
        UsageError: A setting is wrong.
    """
    settings = load_settings({}, environ=os.environ, cwd=Path.cwd())
    if settings.receipt_dir is not None:
        return KeptReceipts(Path(settings.receipt_dir))
    return KeptReceipts((default_folder() if folder is None else folder) / FOLDER)


def askable_target(said: str) -> str:
    """Return the URL of a target that is given by name or URL; ``receipt:NAME`` for a receipt.

    A name that settings give counts before that of a receipt.

    Raises:
        UsageError: Nothing has this name.
    """
    if ":" in said:
        return said
    settings_names, _ = named_targets(os.environ, Path.cwd(), default_folder())
    if said.lower() not in settings_names and said in kept_receipts().names():
        return f"{SCHEME}{said}"
    return named_target(said)


def open_askable(url: str) -> Backend:
    """Open a target that is only asked.

    Raises:
        UsageError: There is no such kind of target, or no such receipt.
        LogFormatError: The receipt was changed.
        TargetError: The target cannot be opened, or the receipt not be read.
    """
    if url.startswith(SCHEME):
        return ReceiptBackend(receipt_for(url.removeprefix(SCHEME), kept_receipts()))
    return open_backend(url)
