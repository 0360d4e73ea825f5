"""A run that somebody takes out of the target while it is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from airtape.backends.cursor import RunKey
from airtape.backends.memory import MemoryBackend
from airtape.errors import UsageError
from airtape.sync.engine import sync
from airtape.sync.fetch import find_in_target
from tests.logs import ended, write_log
from tests.sync.runs import A_RUN


class Retracting(MemoryBackend):
    """A target whose runs are taken out of it as soon as somebody has asked for them."""

    def runs(self, run_id: str | None = None) -> list[RunKey]:
        """Return the runs that were there."""
        found = super().runs(run_id)
        for run in found:
            self.retract(run)
        return found


def test_a_run_that_was_taken_out_meanwhile_is_unknown(run_dir: Path) -> None:
    """It is refused as one that never was there."""
    write_log(run_dir, *A_RUN, ended())
    target = Retracting("vanishing")
    sync([run_dir], target)
    MemoryBackend.forget("vanishing")
    with pytest.raises(UsageError, match="the target has no run 'ab12cd34'") as refused:
        find_in_target(target, "ab12cd34", where="memory:vanishing")
    assert "The target has no runs." in str(refused.value)
