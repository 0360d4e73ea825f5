"""Holding a run in the targets that have it, so that nobody takes it out of them meanwhile.

A sync that sends a run again drops it first. Were the logs removed then, nobody would have it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from airtape.backends.cursor import RunKey
from airtape.backends.lease import Lease
from airtape.cleaning.proof import Proof
from airtape.errors import TargetError
from airtape.process import this_process
from airtape.sync.lease import LASTS_S
from airtape.writers import WriterFiles


@contextmanager
def held_in(proofs: Sequence[Proof], writers: Sequence[WriterFiles]) -> Iterator[str | None]:
    """Hold a run in each target while something is done; give who else has it, None if nobody.

    A target that cannot be written keeps no leases, and neither does a receipt.
    """
    process = this_process()
    owner = f"clean-{os.urandom(8).hex()}"
    lease = Lease(owner, *process, time.time_ns(), LASTS_S * 10**9)
    holder = None
    with ExitStack() as stack:
        for proof in proofs:
            for run in proof.runs_of(writers):
                stack.callback(_let_go, proof, run, owner)
                with suppress(TargetError):
                    holder = holder or proof.backend.take_lease(run, lease)
        yield None if holder is None else str(holder)


def _let_go(proof: Proof, run: RunKey, owner: str) -> None:
    with suppress(TargetError):
        proof.backend.drop_lease(run, owner)
