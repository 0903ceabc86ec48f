"""A new layer is its file and one re-export: tests and audits take its examples from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYER = '''"""y = 2 x."""

from fnn.layer import Example, Layer
from fnn.shapes import shape
from fnn.spec import spec


@spec("twice.v1")
class Twice(Layer):
    """y = 2 x; dx = 2 dy."""

    def forward(self, params, state, x, *, train, key):
        return 2 * x, state, None

    def backward(self, params, tape, dy):
        return 2 * dy, {}


def examples():
    """Cases that tests and audits are derived from."""
    return (Example("twice", Twice(), shape(5)),)
'''
SHOW = """
import json
from fnn.layer import Example
from fnn.spec import examples
from tests.cases import CASES, SPECS
from tests.test_gates import kinds_in, test_every_kind_has_a_row
test_every_kind_has_a_row()
import fnn
assert fnn.Twice().kind == "twice.v1" and "Twice" in fnn.__all__
names = [e.name for e in examples(Example)], [case.name for case in CASES], [repr(s) for s in SPECS]
print(json.dumps(names))
"""


def copy(folder: Path) -> None:
    for room in ("fnn", "tests"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, folder / room, ignore=ignore)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)


def test_a_new_layer_is_its_file_and_one_line(tmp_path: Path) -> None:
    copy(tmp_path)
    layers = tmp_path / "fnn" / "layers"
    (layers / "twice.py").write_text(LAYER)
    with (layers / "__init__.py").open("a") as file:
        file.write("from fnn.layers.twice import Twice as Twice\n")
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    declared, cases, specs = json.loads(done.stdout)
    assert "twice" in declared
    assert "twice" in cases
    assert "Twice()" in specs


def test_a_layer_without_an_example_fails(tmp_path: Path) -> None:
    copy(tmp_path)
    layers = tmp_path / "fnn" / "layers"
    (layers / "twice.py").write_text(LAYER.partition("def examples")[0])
    with (layers / "__init__.py").open("a") as file:
        file.write("from fnn.layers.twice import Twice as Twice\n")
    done = run(tmp_path)
    assert done.returncode != 0
    assert "in test_every_kind_has_a_row" in done.stderr


def test_places_that_the_newest_layers_took() -> None:
    """Their files and one line in fnn/layers."""
    for name in ("RMSNorm", "GroupNorm"):
        files = [*(ROOT / "fnn").rglob("*.py"), *(ROOT / "fnn").rglob("*.pyi")]
        places = {str(path.relative_to(ROOT)) for path in files if name in path.read_text()}
        assert len(places) == 2, places
