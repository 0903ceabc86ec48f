"""User-defined kinds in a model: the modules that declare them are named, never imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fnn.spec import FnnError, kinds
from fnn.spec.json import Json


def modules_of(spec: Json) -> dict[str, str]:
    """The module of every kind in a spec's JSON that does not come with fnn."""
    modules = {kind: kinds()[kind].__module__ for kind in _kinds(spec)}
    return {kind: module for kind, module in modules.items() if not module.startswith("fnn.")}


def check_kinds(spec: Json, modules: object, path: Path) -> None:
    """Every kind is declared. Raises `FnnError` with the module to import first.

    An unknown version of a known kind is left to `from_json`, which says what it reads.
    """
    known = {kind.split(".")[0] for kind in kinds()}
    for kind in _kinds(spec):
        if kind.split(".")[0] not in known:
            module = modules.get(kind) if isinstance(modules, dict) else None
            message = f"holds a {kind!r}, which nothing declares so far: {_advice(module)}"
            raise FnnError(message, str(path))


def _advice(module: object) -> str:
    if module == "__main__":
        return (
            "it was defined in __main__, a script or a notebook; move its class into a module, "
            "with the same kind, and import that first (--import MODULE on the command line)"
        )
    if isinstance(module, str):
        return f"import {module} first (--import {module} on the command line)"
    return "import the module that declares it first (--import MODULE on the command line)"


def _kinds(spec: Json) -> Iterator[str]:
    if isinstance(spec, dict):
        kind = spec.get("kind")
        if isinstance(kind, str):
            yield kind
        spec = list(spec.values())
    if isinstance(spec, list):
        for item in spec:
            yield from _kinds(item)
