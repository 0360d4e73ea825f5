"""What a run says of itself: its attributes, of which name, notes and tags may be set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airtape.config import Config
from airtape.config_static import ConfigStatic
from airtape.disabled import DisabledLifecycle, DisabledLog
from airtape.errors import UsageError
from airtape.lifecycle import Lifecycle
from airtape.names import NO_ENTITY, check_tags, check_text
from airtape.records import Kind, Plain
from airtape.runlog import RunLog
from airtape.settings import Settings
from airtape.summary import Summary
from airtape.tags import Tags

if TYPE_CHECKING:
    from typing_extensions import Self


class RunFacts:
    """The attributes of a `Run`."""

    _log: RunLog | DisabledLog
    _lifecycle: Lifecycle | DisabledLifecycle
    _settings: Settings
    _config: Config
    _summary: Summary

    if not TYPE_CHECKING:
        # Type checkers know the attributes, and would take this as leave to set any other.
        def __setattr__(self, name: str, value: object) -> None:
            if not hasattr(type(self), name):
                raise AttributeError(f"Attribute {name} is not supported on Run object.")
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<Run {self.path} in {Path(self.sync_dir).name}>"

    # Libraries keep a run in what they copy; with W&B, too, the copy is the same run.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "a run cannot be handed to another process, unless that one is forked",
            where=self.path,
            hint="let both processes be writers of one run: init(id=..., mode='shared')",
        )

    @property
    def config(self) -> Config:
        """The run's config."""
        return self._config

    @property
    def summary(self) -> Summary:
        """The run's summary, kept up to date by `Run.log`."""
        return self._summary

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._lifecycle.run_id

    @property
    def name(self) -> str | None:
        """The display name; may be set."""
        return self._said_text("name")

    @name.setter
    def name(self, value: str | None) -> None:
        self._say("name", None if value is None else check_text(value, "name"))

    @property
    def notes(self) -> str | None:
        """A longer description; may be set."""
        return self._said_text("notes")

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._say("notes", None if value is None else check_text(value, "notes"))

    @property
    def tags(self) -> Tags:
        """The labels of the run; may be set, and lists and tuples may be added."""
        return Tags(self._log.described.get("tags", ()))

    @tags.setter
    def tags(self, value: Sequence[str]) -> None:
        self._say("tags", list(check_tags(value)))

    @property
    def project(self) -> str:
        """The project that the run belongs to."""
        return self._said_text("project") or ""

    @property
    def entity(self) -> str:
        """The user or team that the run belongs to."""
        return self._said_text("entity") or ""

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity or NO_ENTITY}/{self.project}/{self.id}"

    @property
    def group(self) -> str:
        """The group that the run belongs to; empty if none."""
        return self._said_text("group") or ""

    @property
    def job_type(self) -> str:
        """The run's part in its group; empty if none."""
        return self._said_text("job_type") or ""

    @property
    def step(self) -> int:
        """The current step: where the next `log` without a step goes."""
        return self._log.step

    @property
    def starting_step(self) -> int:
        """The first step of this run."""
        return self._log.header.start_step

    @property
    def start_time(self) -> float:
        """When the run began, in seconds since 1970."""
        return (self._log.fold.began_ns or 0) / 1e9

    @property
    def dir(self) -> str:
        """The directory for files that belong to the run."""
        return str(self._lifecycle.run_dir.files)

    @property
    def sync_dir(self) -> str:
        """The run directory: what ``tracker sync`` takes."""
        return str(self._lifecycle.run_dir.root)

    @property
    def config_static(self) -> ConfigStatic:
        """The config as it is at this moment; it cannot be changed."""
        return ConfigStatic(self.config)

    @property
    def settings(self) -> Settings:
        """The settings of the run, frozen."""
        return self._settings

    @property
    def mode(self) -> str:
        """``offline``, ``online`` or ``shared``."""
        return self._settings.mode or "offline"

    @property
    def resumed(self) -> bool:
        """Whether the run goes on with an earlier one."""
        return self._log.header.resumed

    @property
    def offline(self) -> bool:
        """Whether nothing is sent while the run goes on."""
        return self.mode in {"offline", "shared"}

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        return self.mode == "disabled"

    @property
    def url(self) -> str | None:
        """The run's address at its target; None without one."""
        return None

    @property
    def project_url(self) -> str | None:
        """The address of the run's project at its target; None without one."""
        return None

    @property
    def sweep_id(self) -> str | None:
        """The id of the sweep that the run belongs to; None if it belongs to none."""
        return self._said_text("sweep_id")

    @property
    def sweep_url(self) -> str | None:
        """The address of the run's sweep; None, for no server has it."""
        return None

    def project_name(self) -> str:
        """Return the project that the run belongs to."""
        return self.project

    def get_url(self) -> str | None:
        """Return the run's address at its target; None without one."""
        return self.url

    def get_project_url(self) -> str | None:
        """Return the address of the run's project at its target; None without one."""
        return self.project_url

    def get_sweep_url(self) -> str | None:
        """Return the address of the run's sweep; None, for no server has it."""
        return self.sweep_url

    def _said_text(self, key: str) -> str | None:
        said = self._log.described.get(key)
        return said if isinstance(said, str) else None

    def _say(self, key: str, value: Plain) -> None:
        self._log.record(Kind.RUN, {key: value}, call=key)
