"""What earlier writers of a run and a later one amount to together."""

from __future__ import annotations

from collections.abc import Iterator

from airtape.fold.fold import Fold
from airtape.fold.keys import Key, Tree, key_of, without


def config_over(earlier: Tree, fold: Fold) -> Tree:
    """Return the config that earlier writers and a later one amount to.

    Args:
        earlier: That of the earlier ones.
        fold: What the later one has said.
    """
    kept = {name: value for name, value in earlier.items() if name not in fold.removed_config}
    return {**kept, **fold.config}


def summary_over(earlier: Tree, fold: Fold, *, goes_on: bool) -> Tree:
    """Return the summary that earlier writers and a later one amount to.

    Args:
        earlier: That of the earlier ones.
        fold: What the later one has said.
        goes_on: Whether it goes on from them: a metric that has no value any more with it, because
            None was logged or its definition wants no summary, has none then.
    """
    kept = earlier
    for key in (*fold.removed_summary, *(_silenced(fold) if goes_on else ())):
        kept = without(kept, key)
    return {**kept, **fold.summary}


def _silenced(fold: Fold) -> Iterator[Key]:
    history = fold.history
    for path, last, *_ in history.state()["tallies"]:
        key = key_of(path)
        definition = history.metrics.find(key)
        if last is None or (definition is not None and "none" in definition.summary):
            yield key
