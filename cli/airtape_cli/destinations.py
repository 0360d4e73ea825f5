"""The targets of one command, brought up to date at once: none waits for another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeAlias

from airtape.backends.registry import check_url, open_backend
from airtape.errors import UsageError
from airtape.run_search import Found
from airtape.sync.brake import Brake
from airtape.sync.engine import sync_to
from airtape.sync.options import SyncOptions
from airtape.sync.report import SyncReport
from airtape.targets import without_password
from airtape_cli.following import Teller, follow
from airtape_cli.render.progress import ForTarget
from airtape_cli.stopping import stopped_by_signals

Reports: TypeAlias = dict[str, SyncReport]
"""What came of each target, by its URL."""


class Destinations:
    """Targets, each with a brake of its own, as a sync that fails may pull it.

    Args:
        urls: The targets, each once, at least one.
        options: How to sync to each; they share the memory that batches take.
        deadline_s: Seconds from now after which to end; None for no limit.

    Raises:
        UsageError: No backend serves one of them.
    """

    def __init__(
        self, urls: Sequence[str], options: SyncOptions, deadline_s: float | None = None
    ) -> None:
        for url in urls:
            check_url(url)
        self._options = {
            url: replace(
                options,
                brake=Brake(deadline_s),
                max_points=options.max_points // len(urls),
                max_bytes=options.max_bytes // len(urls),
            )
            for url in urls
        }
        self._names = {url: without_password(url) if len(urls) > 1 else None for url in urls}

    def sync(self, paths: Sequence[str] | Found, shows: ForTarget) -> Reports:
        """Bring runs to each target.

        Args:
            paths: As for `airtape.sync.engine.sync_to`.
            shows: Returns who is told how it goes on.
        """

        def bring(url: str) -> SyncReport:
            show = shows(self._names[url])
            options = self._options[url]
            return sync_to(paths, lambda: open_backend(url, patient=False), options, show)

        return self._at_once(bring)

    def follow(
        self,
        paths: Sequence[str],
        audience_of: Callable[[str | None], Teller],
        *,
        until_finished: bool,
    ) -> Reports:
        """Bring runs to each target while they go on.

        Args:
            paths: Run directories, folders of them, or patterns.
            audience_of: Returns who is told how it goes on; the target is named where there are
                several.
            until_finished: Whether to stop once all runs are over.
        """

        def bring(url: str) -> SyncReport:
            audience = audience_of(self._names[url])
            return follow(paths, url, self._options[url], audience, until_finished=until_finished)

        return self._at_once(bring)

    def _at_once(self, bring: Callable[[str], SyncReport]) -> Reports:
        def bring_each(url: str) -> SyncReport:
            try:
                return bring(url)
            except UsageError as error:
                return SyncReport(target_error=error)

        with stopped_by_signals(*(options.brake.stop for options in self._options.values())):
            if len(self._options) == 1:
                return {url: bring_each(url) for url in self._options}
            with ThreadPoolExecutor(len(self._options), thread_name_prefix="target") as pool:
                futures = {url: pool.submit(bring_each, url) for url in self._options}
            return {url: future.result() for url, future in futures.items()}
