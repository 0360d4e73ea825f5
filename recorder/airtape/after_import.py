"""Being told when a module has been imported that a program may import later, or never."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TypeAlias

Hook: TypeAlias = Callable[[ModuleType], None]


class AfterImport(MetaPathFinder):
    """Calls functions with modules, each once: now if it is loaded, else when it has been.

    Args:
        hooks: The functions by the names of the modules; they raise nothing.
    """

    def __init__(self, hooks: dict[str, Hook]) -> None:
        self._hooks = hooks

    def begin(self) -> None:
        """Call the functions of modules that are loaded, and wait for the others."""
        for name in [name for name in self._hooks if name in sys.modules]:
            self._hooks.pop(name)(sys.modules[name])
        if self._hooks:
            sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Wait no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders say of a module that is waited for."""
        if fullname not in self._hooks:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = None if finder is self or find is None else find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Telling(spec.loader, self._hooks.pop(fullname))
                return spec  # type: ignore[no-any-return]  # whatever kind of finder it is
        return None


class _Telling(Loader):
    """Loads a module as its own loader does, then tells."""

    def __init__(self, loader: Loader, hook: Hook) -> None:
        self._loader = loader
        self._hook = hook

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run it, leave no trace of this on it, and tell."""
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._hook(module)
