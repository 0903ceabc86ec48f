"""Packages whose names are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType


class LazyPackage(ModuleType):
    """A package whose stub says which module each of its names comes from.

    Where a name is also that of a submodule (`fnn.audit`, `fnn.spec.numbers`), the stub's stands:
    the import system would bind the submodule in its place.
    """

    _sources: Mapping[str, tuple[str, str]]
    _aliases: Mapping[str, str]

    def __getattr__(self, name: str) -> object:
        if name in self._sources:
            module, symbol = self._sources[name]
            if module == self.__name__:
                return importlib.import_module(f"{module}.{symbol}")
            value = getattr(importlib.import_module(module), symbol)
            super().__setattr__(name, value)
            return value
        alias = self._aliases.get(name)
        hint = "" if alias is None else f": write {self.__name__}.{alias}"
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}{hint}")

    def __setattr__(self, name: str, value: object) -> None:
        is_submodule = isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}"
        if is_submodule and self._sources.get(name, (self.__name__,))[0] != self.__name__:
            return
        super().__setattr__(name, value)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self._sources})


def attach(package: str, aliases: Mapping[str, str] | None = None) -> list[str]:
    """Make a package lazy, and give its public names.

    They are those that `__init__.pyi` beside it imports (`from fnn.training import fit as fit`; of
    `from fnn.layers import *`, those that the package's `__init__.py` imports): one list for type
    checkers and for the import. `aliases` are names that other packages use for some of them, for
    the message of the `AttributeError`.
    """
    module = sys.modules[package]
    assert module.__file__ is not None
    stub = Path(module.__file__).with_suffix(".pyi")
    root = stub.parents[package.count(".") + 1]
    sources = {name: (source or package, symbol) for name, source, symbol in _names(stub, root)}
    for name in sources.keys() & vars(module).keys():
        del vars(module)[name]  # a submodule that has been imported already
    vars(module).update(_sources=sources, _aliases=aliases or {})
    module.__class__ = LazyPackage
    return sorted(sources)


def _names(file: Path, root: Path) -> Iterator[tuple[str, str | None, str]]:
    """What a file imports from other modules: the name here, the module, and the name there."""
    body = ast.parse(file.read_text()).body
    for node in (node for node in body if isinstance(node, ast.ImportFrom)):
        for alias in node.names:
            if alias.name == "*":
                assert node.module is not None
                init = root.joinpath(*node.module.split("."), "__init__.py")
                yield from ((name, node.module, name) for name, _, _ in _names(init, root))
            else:
                yield alias.asname or alias.name, node.module, alias.name
