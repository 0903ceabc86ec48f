"""fnn gradcheck: what it audits, what it says, how it ends."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import fnn
from fnn.cli.main import parse
from fnn.cli.options.gradcheck_problem import objective_and_batch, title
from tests.processes import call, finish, start

RIGHT = """
import numpy as np

x, y = np.random.default_rng(0).normal(size=(2, 6, 3))

def f(params, x, y):
    return float(np.mean((np.tanh(x @ params["weight"]) + params["bias"] - y) ** 2))

def gradient(params, x, y):
    hidden = np.tanh(x @ params["weight"])
    error = 2 * (hidden + params["bias"] - y) / y.size
    return {"weight": x.T @ (error * (1 - hidden**2)), "bias": error.sum(0)}

args = ({"weight": np.full((3, 3), 0.3), "bias": np.zeros(3)}, x, y)
"""
WRONG = (
    RIGHT
    + """
right = gradient

def gradient(*args):
    found = right(*args)
    found["weight"][2, 1] *= 1 + 1e-3
    return found
"""
)
F, GRADIENT, ARGS = "f = lambda x: (x**2).sum()\n", "gradient = lambda x: 2 * x\n", "args = (x,)\n"
X = "import numpy as np\nx = np.ones(3)\n"
BAD = {
    "nothing": ("", "defines no f and no gradient and no args: expected f, gradient and args"),
    "no_gradient": (X + F + ARGS, "defines no gradient: expected f, gradient and args"),
    "no_function": (X + "f = 3\n" + GRADIENT + ARGS, "expected f to be a function, got int"),
    "no_tuple": (X + F + GRADIENT + "args = x\n", "expected args to be a tuple", "got ndarray"),
    "syntax": ("x = 1\ndef f(:\n", "line 2: not Python: "),
    "no_text": ("x = '\0'", "null bytes"),
    "no_module": ("import no_such_module\n", "line 1: ModuleNotFoundError: ", "no_such_module"),
    "leaves": (X + "raise SystemExit(3)\n", "line 3: SystemExit: 3"),
    "divides": (X + ARGS + GRADIENT + "def f(x):\n    return 1 / 0\n", "line 6, in f: ZeroDiv"),
    "calls": (
        X + ARGS + F + "def gradient(x):\n    return np.dot(x, np.ones(4))\n",
        "line 6, in gradient: ValueError: ",
    ),
    "vector": (X + ARGS + GRADIENT + "f = lambda x: x**2\n", "f: ", "shape (3,)"),
    "integers": (X.replace("ones(3)", "arange(3)") + F + GRADIENT + ARGS, "int64"),
    "empty": (F + GRADIENT + "args = ({},)\n", "args[0]"),
    "structure": (X + F + ARGS + "gradient = lambda x: {'x': 2 * x}\n", "gradient: "),
    "shape": (X + F + ARGS + "gradient = lambda x: np.ones(4)\n", "(4,)", "(3,)"),
    "random": (
        X + ARGS + GRADIENT + "f = lambda x: (x * np.random.normal(size=3)).sum()\n",
        "f: ",
        "random",
    ),
}


SCRIPT = "is a script of a checkout of fnn: ./scripts/python experiments/audit_power/"


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """`fnn gradcheck ARGUMENTS…` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return partial(call, capsys, "gradcheck")


def verdicts(out: str) -> dict[str, str]:
    """The last column of the table by the first."""
    rows = re.search(r"─+\n(.*?)\n\n", out, re.DOTALL)[1].splitlines()
    return {re.split(r"\s{2,}", row)[0]: re.split(r"\s{2,}", row)[-1] for row in rows}


def test_commands(tmp_path: Path) -> None:
    """A right network, a wrong gradient and a bad file, as processes whose warnings are errors."""
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "divides.py").write_text(BAD["divides"][0])
    programs = tmp_path / "programs"
    network = ["gradcheck", "--inputs", "5", "--outputs", "3", "--hidden", "4", "--batch", "6"]
    commands = [network, ["gradcheck", "wrong.py", "--json", "wrong.json"]]
    commands.append(["gradcheck", "divides.py"])
    running = [start(words, tmp_path, programs) for words in commands]
    right, wrong, bad = map(finish, running)
    assert (right.status, right.err) == (0, "")
    assert right.out.startswith("5-4-3, relu, cross_entropy: 6 random rows\n")
    assert verdicts(right.out).keys() == {
        *(f"layers[{layer}].{leaf}" for layer in (0, 3) for leaf in ("weight", "bias")),
        "input",
    }
    assert right.out.endswith("all 5 leaves proved\n")
    assert (wrong.status, wrong.err) == (1, "")
    assert verdicts(wrong.out) == {"bias": "PASS", "weight": "WRONG"}
    assert "worst at [2, 1]: " in wrong.out
    assert wrong.out.endswith("1 leaf proved, 1 WRONG\n")
    rows = json.loads((tmp_path / "wrong.json").read_text())["rows"]
    assert [row["verdict"] for row in rows] == ["PASS", "WRONG"]
    assert (bad.status, bad.out) == (2, "")
    assert bad.err.startswith("fnn: error: divides.py: line 6, in f: ZeroDivisionError: ")
    assert bad.err.count("\n") == 1
    assert not (tmp_path / "__pycache__").exists()


def test_a_figure_and_data(command, tmp_path) -> None:
    status, out, err = command(
        "diabetes", "--hidden", "--batch", "20", "--plot", "a.png", "--hessian"
    )
    assert (status, err) == (0, "")
    assert out.startswith("10-1, squared_error: 20 rows of diabetes\n")
    assert "Hessian" in out
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_right_file(command, tmp_path) -> None:
    """It may import what lies beside it."""
    (tmp_path / "beside.py").write_text(RIGHT)
    (tmp_path / "right.py").write_text("from beside import args, f, gradient\n")
    status, out, _ = command("right.py")
    assert status == 0
    assert verdicts(out) == {"weight": "PASS", "bias": "PASS"}
    assert out.endswith("2 leaves proved\n")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file(command, tmp_path, name: str) -> None:
    source, *said = BAD[name]
    (tmp_path / f"{name}.py").write_text(source)
    status, out, err = command(f"{name}.py")
    assert (status, out) == (2, "")
    assert err.startswith(f"fnn: error: {name}.py: ")
    assert err.count("\n") == 1
    for words in said:
        assert words in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("none.py", "none.py: does not exist"),
        ("iris --hidden 3 --inputs 4", "iris: brings the inputs: leave out --inputs"),
        ("mine.py --hidden 3 --batch 4", "leave out --batch and options of the network"),
        ("--target y", "without DATA: there are no columns: leave out options of a file"),
        ("--faults iris", f"--faults: {SCRIPT}plant_faults.py"),
        ("--all --dtype float32", f"--all: {SCRIPT}cover_pairs.py"),
        ("--right 3", f"--right: {SCRIPT}random_networks.py COUNT"),
        ("--batch 0", "--batch: expected 1 or more, got 0"),
        ("--directions 1", "--directions: expected 2 or more, got 1"),
        ("--seed -1", "--seed: expected a whole number from 0"),
        ("iris --batch 1000", "--batch: expected at most 90 rows, as there are, got 1,000"),
        ("iris --loss huber", "loss: Huber"),
        ("--loss hubr", "--loss: unknown name 'hubr'; did you mean 'huber'?"),
        ("--inputs 0", "expected axes of length 1 or more"),
        ("--outputs 0", "--outputs: expected at least 1, got 0"),
        ("--spec none.json", "none.json: does not exist"),
        ("--spec loss.json", "loss.json: expected an objective or a network, got Huber"),
        ("--spec text.json", "text.json: not JSON"),
        ("--spec loss.json --hidden 3", "loss.json: brings the network: leave out options of the"),
        ("irs", "unknown data 'irs'; did you mean 'iris'?"),
    ],
)
def test_what_is_refused(command, tmp_path, words: str, said: str) -> None:
    (tmp_path / "loss.json").write_text(fnn.to_json(fnn.losses.Huber()))
    (tmp_path / "text.json").write_text("Dense(3)")
    status, out, err = command(*words.split())
    assert (status, out) == (2, "")
    assert err.startswith("fnn: error: ") and err.count("\n") == 1
    assert said in err


def test_without_matplotlib(command, monkeypatch) -> None:
    monkeypatch.setattr("fnn.cli.commands.gradcheck.find_spec", lambda name: None)
    assert "--plot: needs matplotlib" in command("--plot", "a.png").err


@pytest.mark.parametrize(
    ("words", "loss", "target", "told"),
    [
        ("", "cross_entropy", ((32,), "int32"), "784-128-64-10, relu, cross_entropy: 32 random"),
        ("--inputs 5 2 --outputs 1", "binary_cross_entropy", ((32, 1), "float32"), "5×2-128-64-1"),
        ("--loss huber --batch 3", "huber", ((3, 10), "float32"), "huber: 3 random rows"),
        ("wine", "cross_entropy", ((32,), "int32"), "13-128-64-3, relu, cross_entropy: 32 rows of"),
        ("breast_cancer", "binary_cross_entropy", ((32,), "int32"), "30-128-64-1"),
        ("diabetes --loss huber", "huber", ((32,), "float32"), "10-128-64-1, relu, huber"),
    ],
)
def test_what_is_on_trial(words: str, loss: str, target: tuple, told: str) -> None:
    """The loss that `fnn train` takes unless another is named, and a target that suits it."""
    options = parse(["gradcheck", *words.split()])
    objective, batch = objective_and_batch(options)
    assert objective.loss.kind == f"{loss}.v1"
    assert (np.shape(batch.target), str(batch.target.dtype)) == target
    assert str(batch.x.dtype) == "float32" and len(batch.x) == options.batch
    assert told in title(options, objective, batch)
    objective.net.out_shape(fnn.shape_of(batch.x))


def test_an_objective_from_json(tmp_path) -> None:
    made = fnn.Objective(
        fnn.mlp([3], 2, activation="tanh"), "huber", (fnn.losses.L2(0.1),), fnn.Policy("bfloat16")
    )
    (tmp_path / "objective.json").write_text(fnn.to_json(made))
    (tmp_path / "net.json").write_text(fnn.to_json(made.net))
    place = str(tmp_path / "objective.json")
    options = parse(["gradcheck", "--spec", place, "--inputs", "4"])
    objective, batch = objective_and_batch(options)
    assert objective == made and np.shape(batch.target) == (32, 2)
    assert title(options, objective, batch) == f"{place}, huber: 32 random rows"
    options = parse(["gradcheck", "--spec", str(tmp_path / "net.json"), "--inputs", "4"])
    objective, batch = objective_and_batch(options)
    assert objective == fnn.Objective(made.net, "cross_entropy")
    assert set(np.unique(batch.target)) == {0, 1}


def test_the_manual(command, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = command("--help")
    assert status == 0
    assert out.startswith("usage: fnn gradcheck [-h] [GRADCHECK OPTIONS] [DATA]")
    for words in ("--hidden [N …]", "exit status is 0"):
        assert words in out
    assert "--faults" not in out
    assert "STR" not in out and "{None}" not in out
    assert max(map(len, out.splitlines()[1:])) <= 88


CLAIMS = (
    X
    + """
import jax
import jax.numpy as jnp

@jax.custom_jvp
def cube(x):
    return x**3

cube.defjvp(lambda p, t: (cube(*p), 2 * p[0] ** 2 * t[0]))
f = lambda x: cube(x).sum()
"""
)
OTHER_CLAIMS = {
    "vjp": ("vjp = lambda x, u: 3 * x**2 * u\n", 0, "d output / d args[0]"),
    "jvp": ("jvp = lambda x, v: 2 * x**2 @ v\n", 1, "jvp: d output / d args[0]"),
    "hvp": ("hvp = lambda x, v: 6 * x * v\ngradient = lambda x: 3 * x**2\n", 0, "d² / d args[0]"),
    "custom_rules": ("custom_rules = True\n", 1, "cube: d / d args[0]"),
}


@pytest.mark.parametrize("name", OTHER_CLAIMS)
def test_a_file_may_make_other_claims(name: str, command, tmp_path: Path) -> None:
    """Of the same function; the wrong ones end with 1."""
    source, expected, path = OTHER_CLAIMS[name]
    (tmp_path / f"{name}.py").write_text(CLAIMS + source + ARGS)
    status, out, err = command(f"{name}.py")
    assert (status, err) == (expected, "") and path in out
    if name == "vjp":
        status, _, err = command(f"{name}.py", "--hessian")
        assert status == 2 and "goes with f, gradient and args" in err
