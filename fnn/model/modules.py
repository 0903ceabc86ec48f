"""Kinds of one's own in a model: the modules that declare them are named, never imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fnn.spec import FnnError, kinds


def modules_of(spec: Any) -> dict[str, str]:
    """The module of every kind in a spec's JSON that does not come with fnn."""
    found = {kind: kinds()[kind].__module__ for kind in _kinds(spec)}
    return {kind: module for kind, module in found.items() if not module.startswith("fnn.")}


def check_kinds(spec: Any, modules: Any, path: Path) -> None:
    """Every kind is declared. Raises `FnnError` with the module to import first.

    An unknown version of a known kind is left to `from_json`, which says what it reads.
    """
    known = {kind.split(".")[0] for kind in kinds()}
    for kind in _kinds(spec):
        if kind.split(".")[0] not in known:
            module = modules.get(kind) if isinstance(modules, dict) else None
            hint = f"import {module}" if module else "import the module that declares it"
            words = f"holds a {kind!r}, which nothing declares so far: {hint} first"
            raise FnnError(words, str(path))


def _kinds(spec: Any) -> Iterator[str]:
    if isinstance(spec, dict):
        if isinstance(spec.get("kind"), str):
            yield spec["kind"]
        spec = list(spec.values())
    if isinstance(spec, list):
        for item in spec:
            yield from _kinds(item)
