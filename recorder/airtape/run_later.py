"""The methods of a run that come later, under the names and with the arguments they will have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")
Artifact: TypeAlias = Any
"""Stands for a type that comes with artifacts."""

StrPath: TypeAlias = str | os.PathLike[str]
Watched: TypeAlias = Literal["gradients", "parameters", "all"]


class Nothing:
    """Stands for an artifact of a disabled run: each attribute, item and call of it is itself."""

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Nothing:
        """Do nothing."""
        return self

    def __getitem__(self, key: object) -> Nothing:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> Literal[False]:
        return False


class LaterMethods:
    """What `Run` has by name only: each raises `NotAvailableYetError`.

    Only a disabled run takes these calls, for it would do nothing with them later either.
    """

    def _later(self, call: str, of_disabled: T) -> T:
        """Raise the one error of all of these; of a disabled run return what the call returns.

        Raises:
            UsageError: The run is finished.
            NotAvailableYetError: It is not.
        """
        raise NotImplementedError

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> Artifact:
        """Declare an artifact as an output of the run. Not available yet."""
        return self._later("log_artifact", Nothing())

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,
        aliases: list[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Declare an artifact as an input of the run. Not available yet."""
        return self._later("use_artifact", Nothing())

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: list[str] | None = None
    ) -> Artifact:
        """Link an artifact to a collection. Not available yet."""
        return self._later("link_artifact", Nothing())

    def upsert_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Add to an artifact that several processes make together. Not available yet."""
        return self._later("upsert_artifact", Nothing())

    def finish_artifact(
        self,
        artifact_or_path: Artifact | str,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        distributed_id: str | None = None,
    ) -> Artifact:
        """Finish an artifact that several processes make together. Not available yet."""
        return self._later("finish_artifact", Nothing())

    def log_model(
        self, path: StrPath, name: str | None = None, aliases: list[str] | None = None
    ) -> None:
        """Declare a model as an output of the run. Not available yet."""
        self._later("log_model", None)

    def use_model(self, name: str) -> str:
        """Return the path of a model's files. Not available yet."""
        return self._later("use_model", "")

    def link_model(
        self,
        path: StrPath,
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> Artifact | None:
        """Log a model and link it to a registered one. Not available yet."""
        return self._later("link_model", None)

    def watch(
        self,
        models: object,
        criterion: object = None,
        log: Watched | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Record gradients and parameters of PyTorch models. Not available yet."""
        self._later("watch", None)

    def unwatch(self, models: object = None) -> None:
        """Stop what `watch` began. Not available yet."""
        self._later("unwatch", None)

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Show config values first. Not available yet."""
        self._later("pin_config_keys", None)
