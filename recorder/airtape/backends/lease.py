"""Who is bringing a run to a target at the moment, so that others need not do the same work."""

from __future__ import annotations

from dataclasses import dataclass

from airtape.process import process_runs


@dataclass(frozen=True, slots=True)
class Lease:
    """A run in somebody's hands.

    It saves work and decides nothing else: whoever holds one that is out of date, or none, can
    neither lose a record nor bring it twice.

    Attributes:
        owner: Names the sync that has it; another text for each.
        host: The machine that the sync runs on.
        boot_id: The machine's boot id; empty where there is none.
        pid: The sync's process.
        start_ticks: When that process started, in clock ticks since boot; 0 where it is not known.
        renewed_ns: The wall clock when it was taken or renewed, in nanoseconds since 1970.
        lasts_ns: For how long it is good after that, in nanoseconds.
    """

    owner: str
    host: str
    boot_id: str
    pid: int
    start_ticks: int
    renewed_ns: int
    lasts_ns: int

    def gives_way_to(self, other: Lease) -> bool:
        """Tell whether another one may take its place; called in the process that asks for it.

        It does so if it is older than it lasts, by the clock of whoever asks, or comes from the
        future by more than that; and at once if its process is known to be gone.
        """
        if self.owner == other.owner:
            return True
        if abs(other.renewed_ns - self.renewed_ns) > self.lasts_ns:
            return True
        is_here = self.boot_id and (self.host, self.boot_id) == (other.host, other.boot_id)
        return bool(is_here) and not process_runs(self.pid, self.start_ticks)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"
