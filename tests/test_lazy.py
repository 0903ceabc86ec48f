"""Packages whose names are imported when they are first asked for."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAZY = ["spec", "data"]
JAX_FREE = [
    "fnn.files",
    "fnn.spec",
    "fnn.spec.errors",
    "fnn.data",
    "fnn.data.describe",
    "fnn.data.loading",
    "fnn.data.preprocessing.preprocessing",
    "fnn.data.sources.catalog",
    "fnn.data.sources.download",
]
WITHOUT_FNN = """
import sys, types
package = types.ModuleType("fnn")
package.__path__ = [sys.argv[1]]
sys.modules["fnn"] = package
__import__(sys.argv[2])
print(*sorted(name for name in sys.modules if "." not in name))
"""
"""imports a module beneath a package `fnn` that imports nothing itself"""
SLOW = {"jax", "jaxlib", "matplotlib", "optax", "pandas", "pooch", "requests", "scipy", "sklearn"}


@pytest.mark.parametrize("module", JAX_FREE)
def test_what_needs_no_jax_does_not_import_it(module: str) -> None:
    command = [sys.executable, "-c", WITHOUT_FNN, str(ROOT / "fnn"), module]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert SLOW.isdisjoint(loaded)


@pytest.mark.parametrize("room", LAZY)
def test_each_name_of_a_lazy_package_is_that_of_its_module(room: str) -> None:
    package = importlib.import_module(f"fnn.{room}")
    stub = ast.parse((ROOT / "fnn" / room / "__init__.pyi").read_text())
    origins = {
        alias.name: node.module or ""
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(origins) == sorted(package.__all__)
    for name, module in origins.items():
        value = getattr(importlib.import_module(module), name)
        assert getattr(package, name) is value  # not a module of that name, imported just now
    with pytest.raises(AttributeError, match=f"module 'fnn.{room}' has no attribute 'nowhere'"):
        package.nowhere  # noqa: B018
