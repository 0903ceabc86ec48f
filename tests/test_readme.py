"""The README is true word for word: its Python prints what it says, its commands exist."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fnn

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MARK = "-- end of block --"


def python_blocks() -> list[tuple[str, str]]:
    """Each block of Python with the output that follows it, if any."""
    found = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", README, re.DOTALL)
    assert len(found) >= 4
    return found


def test_python_blocks_print_what_follows_them(tmp_path) -> None:
    """As one script, in a process of its own, as a reader would paste it."""
    blocks = python_blocks()
    script = "".join(f"{code}\nprint({MARK!r})\n" for code, _ in blocks)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(f"{MARK}\n")
    for output, (_, promised) in zip(printed, blocks, strict=False):
        assert output == promised


def test_what_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:fnn|tests|experiments)/[\w/]*(?:\.py)?)`", README):
        assert (ROOT / path).exists(), path
    for command in re.findall(r"\./scripts/python (experiments/\w+\.py)", README):
        assert (ROOT / command).exists(), command
    for name in re.findall(r"\./scripts/bench (\w+)", README):
        assert (ROOT / "experiments" / "benchmarks" / f"{name}.py").exists(), name


MODULES = [module.name for module in pkgutil.walk_packages(fnn.__path__, "fnn.")]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_in_docstrings(name: str) -> None:
    failures, _ = doctest.testmod(importlib.import_module(name))
    assert failures == 0
