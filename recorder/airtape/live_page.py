"""The page of a run that this process records."""

from __future__ import annotations

from airtape.disabled import DisabledLifecycle, DisabledLog
from airtape.lifecycle import Lifecycle
from airtape.overview import Overview
from airtape.page_reader import page_of_directory
from airtape.run_page import PageData, page
from airtape.runlog import RunLog
from airtape.states import RunState


def live_page(log: RunLog | DisabledLog, lifecycle: Lifecycle | DisabledLifecycle) -> str:
    """Return the page of a run as it is at this moment; of a disabled one, what it shows itself."""
    if isinstance(lifecycle, Lifecycle):
        return page_of_directory(lifecycle.run_dir.root)
    name = log.described.get("name")
    run = Overview(
        lifecycle.run_dir.root,
        RunState("unknown"),
        run_id=lifecycle.run_id,
        name=name if isinstance(name, str) else None,
        config=log.fold.config,
        summary=log.summary,
    )
    return page(PageData(run))
