"""Which room may import which, what `import fnn` loads, and that what is public has a docstring."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS = """
host, lazy, random
spec
files, xla
checkpoint
figures, shapes
ops
layer
initializers, activations
layers, losses
combinators
networks
objective
metrics, schedules
gradients, optimizers
audit
data
training
sweeps
ensembles, search
model
network_summary
runs
api
estimators
__init__
cli
__main__
"""
"""From top to bottom: a room may import itself and whatever stands in a row above its own.

`estimators` has its place before it is built.
"""

ROWS = [row.split(", ") for row in ROOMS.split("\n") if row]
RANK = {room: rank for rank, row in enumerate(ROWS) for room in row}
"""The table that docs/architecture.md shows and the tests below hold."""
OUTSIDE = {"experiments", "scripts", "tests"}
HEAVY = ["chex", "matplotlib", "optuna", "orbax", "pandas", "pooch", "requests", "sklearn"]
HEAVY += ["torch", "tqdm", "tyro"]

SOURCES = sorted((ROOT / "fnn").rglob("*.py"))
assert len(SOURCES) > 50


def wrong_imports(root: Path) -> list[str]:
    """Every import in root/fnn that goes against the table, as `file:line: words`."""
    found = []
    for path in sorted((root / "fnn").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        room = parts[1]
        place = "/".join(path.relative_to(root).parts)
        if room not in RANK:
            found.append(f"{place}: the room {room} has no row in the table")
            continue
        for line, target in imports(ast.parse(path.read_text()), parts[:-1]):
            other = room_of(target, root)
            if target[0] in OUTSIDE:
                found.append(f"{place}:{line}: fnn imports {target[0]}")
            elif target[0] == "fnn" and other != room and RANK.get(other, 99) >= RANK[room]:
                found.append(f"{place}:{line}: {room} imports {other}")
    return found


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """The dotted names that a module in `package` imports, at its top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield node.lineno, [*base, alias.name]
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node.lineno, argument.value.split(".")


def room_of(target: list[str], root: Path) -> str:
    """`fnn.layers.Dense` is in `layers`; what is no file of fnn comes from `__init__`."""
    if len(target) > 1:
        at = root / "fnn" / target[1]
        if at.is_dir() or at.with_suffix(".py").exists():
            return target[1]
    return "__init__"


def test_imports_run_one_way() -> None:
    assert wrong_imports(ROOT) == []


def test_the_table_is_the_designs() -> None:
    """Every room has one row, the peers are where DESIGN.md has them.

    All but `checkpoint`: sweeps are kept in its format too, so it stands above training.
    """
    assert len(RANK) == sum(map(len, ROWS))
    assert ["layers", "losses"] in ROWS
    order = (
        "spec ops layer activations layers combinators networks objective optimizers data training"
    )
    order += " sweeps network_summary cli"
    ranks = [RANK[room] for room in order.split()]
    assert ranks == sorted(set(ranks))


PLANTED = [
    ("layers/dense.py", "from fnn.training import Run", "layers imports training"),
    ("layers/dense.py", "from fnn.training.run import Run", "layers imports training"),
    ("layers/dense.py", "import fnn.training.run", "layers imports training"),
    ("layers/dense.py", "import json, fnn.training as t", "layers imports training"),
    ("layers/dense.py", "from fnn import spec, training", "layers imports training"),
    ("layers/dense.py", "from ..training import Run", "layers imports training"),
    ("layers/dense.py", "from .. import training", "layers imports training"),
    ("layers/dense.py", "def f():\n    from fnn.training import Run", "layers imports training"),
    ("layers/dense.py", "if TYPE_CHECKING:\n    import fnn.training", "layers imports training"),
    ("layers/dense.py", "importlib.import_module('fnn.training')", "layers imports training"),
    ("layers/dense.py", "from fnn.combinators import Serial", "layers imports combinators"),
    ("losses/huber.py", "from fnn.layers import Dense", "losses imports layers"),
    ("layers/dense.py", "from fnn import Dense", "layers imports __init__"),
    ("layers/dense.py", "import fnn", "layers imports __init__"),
    ("spec/json.py", "from fnn.shapes import shape", "spec imports shapes"),
    ("shapes.py", "from fnn.layer import Layer", "shapes imports layer"),
    ("shapes.py", "from .layer import Layer", "shapes imports layer"),
    ("objective.py", "from fnn.metrics import Metrics", "objective imports metrics"),
    ("training/run.py", "from fnn.cli import main", "training imports cli"),
    ("__init__.py", "from fnn.cli import main", "__init__ imports cli"),
    ("layers/dense.py", "from tests.cases import CASES", "fnn imports tests"),
    ("layers/dense.py", "from fnn.spec import spec", None),
    ("layers/dense.py", "from fnn.layer import Layer", None),
    ("layers/dense.py", "from fnn.layers.softmax import Softmax", None),
    ("layers/dense.py", "from . import softmax", None),
    ("layers/dense.py", "from fnn import spec, shapes", None),
    ("combinators/serial.py", "from fnn.layers import Dense", None),
    ("layers/dense.py", "import numpy.training, fnnx.training", None),
    ("layers/dense.py", "# from fnn.training import Run", None),
    ("training/run.py", "from fnn.layers import Dense", None),
    ("cli/__init__.py", "from fnn import Dense, training", None),
    ("__init__.py", "from fnn.training import train", None),
]


@pytest.mark.parametrize(("path", "source", "complaint"), PLANTED)
def test_a_planted_import_is_seen(
    tmp_path: Path, path: str, source: str, complaint: str | None
) -> None:
    for room in ("spec", "layers", "combinators", "losses", "training", "cli"):
        (tmp_path / "fnn" / room).mkdir(parents=True)
    for name in ("__init__", "shapes", "layer", "objective", "metrics"):
        (tmp_path / "fnn" / f"{name}.py").write_text("")
    assert wrong_imports(tmp_path) == []
    (tmp_path / "fnn" / path).write_text(source)
    line = source.count("\n") + 1
    assert wrong_imports(tmp_path) == ([f"fnn/{path}:{line}: {complaint}"] if complaint else [])


def test_a_file_without_a_place_is_seen(tmp_path: Path) -> None:
    (tmp_path / "fnn").mkdir()
    (tmp_path / "fnn" / "utilities.py").write_text("")
    assert wrong_imports(tmp_path) == [
        "fnn/utilities.py: the room utilities has no row in the table"
    ]


WATCH = """
import json, sys
asked = []
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[1:]:
            asked.append(name)
sys.meta_path.insert(0, Watch())
import fnn
known = sys.modules["fnn.spec"].kinds() if "fnn.spec" in sys.modules else ()
print(json.dumps([asked, sorted(known)]))
"""


def import_fnn(root: Path) -> tuple[list[str], list[str]]:
    """Which heavy packages `import fnn` asks for, installed or not, and the kinds it knows then."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *HEAVY],
        env={**os.environ, "PYTHONPATH": str(root), "JAX_PLATFORMS": "cpu"},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    asked, known = json.loads(done.stdout)
    return asked, known


def test_import_fnn_is_light_and_knows_every_kind() -> None:
    """A spec's JSON can be read after `import fnn` alone."""
    asked, known = import_fnn(ROOT)
    assert asked == []
    assert set(known) == {kind for path in SOURCES for kind in declared(path)}


def test_a_heavy_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "fnn.py").write_text("try:\n    import torch\nexcept ImportError: pass")
    assert import_fnn(tmp_path) == (["torch"], [])


def declared(path: Path) -> Iterator[str]:
    """The kinds that a file's `@spec("…")` lines name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "spec":
                    yield ast.literal_eval(mark.args[0])


def undocumented(source: str) -> list[str]:
    """What a module shows to others without a docstring of its own.

    The source is asked, because dataclasses and named tuples write one themselves.
    """
    module = ast.parse(source)
    shown = [
        node
        for node in module.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name[0] != "_"
    ]
    return [getattr(node, "name", "") for node in (module, *shown) if not ast.get_docstring(node)]


def test_everything_public_has_a_docstring() -> None:
    found = {str(path.relative_to(ROOT)): undocumented(path.read_text()) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_missing_docstring_is_seen() -> None:
    source = """
class Row(NamedTuple):
    a: int
def described():
    'Words.'
def bare():
    pass
def _own():
    pass
"""
    assert undocumented(source) == ["", "Row", "bare"]
