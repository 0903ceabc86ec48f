"""Names of a package that are imported when they are first asked for.

A package that offers both quick things (errors, a list of files) and things that need JAX, whose
import takes most of a second, declares its names here and imports none of them itself.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping


def lazy_names(
    package: str, modules: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package (PEP 562): `modules` says which module has which.

    Modules are named relative to the package. A name must not be that of a module beside it:
    importing the module would take the name's place.
    """
    origin = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> object:
        if name not in origin:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{package}.{origin[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origin})

    return get, names
