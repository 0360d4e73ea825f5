"""Which run directories must be synced one after the other: those that have a run in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import TypeAlias

from airtape.errors import Error
from airtape.sync.glance import Glance
from airtape.sync.log_file import header_of

Lane: TypeAlias = list[tuple[int, Glance]]
"""Run directories with their numbers."""


def lanes_of(glances: Iterable[tuple[int, Glance]]) -> list[Lane]:
    """Return numbered directories in lanes, in order within each.

    Files of one writer may stand in several directories, and each of these needs to know what has
    become of the others.
    """
    lanes: list[Lane] = []
    lane_of: dict[str, Lane] = {}
    for number, seen in glances:
        run_ids = set(_run_ids(seen))
        joined = {id(lane): lane for run_id in run_ids if (lane := lane_of.get(run_id))}
        lane = _one_of(list(joined.values()))
        if len(joined) > 1:
            run_ids |= {run_id for run_id, one in lane_of.items() if id(one) in joined}
            lanes = [one for one in lanes if id(one) not in joined]
        if len(joined) != 1:
            lanes.append(lane)
        lane.append((number, seen))
        lane_of.update(dict.fromkeys(run_ids, lane))
    return lanes


def _one_of(lanes: list[Lane]) -> Lane:
    """Return several lanes as one."""
    if len(lanes) == 1:
        return lanes[0]
    return sorted((pair for lane in lanes for pair in lane), key=itemgetter(0))


def _run_ids(seen: Glance) -> Iterator[str]:
    for path in seen.logs:
        try:
            header = header_of(path)
        except (OSError, Error):
            continue  # what is wrong with it is said where it is sent
        if header is not None:
            yield header.run_id
