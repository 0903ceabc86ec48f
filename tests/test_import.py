"""`import fnn` changes nothing in the process and loads nothing that is not asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fnn
from fnn import lazy

ROOT = Path(__file__).parents[1]
BEFORE_AND_AFTER = """
import os, signal, sys, threading, warnings
{first}
def process():
    jax = sys.modules.get("jax")
    return {
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "wakeup": signal.set_wakeup_fd(-1),
        "environment": dict(os.environ),
        "settings": jax and dict(jax.config.values),
        "threads": threading.active_count(),
        "warnings": list(warnings.filters),
        "hooks": (sys.excepthook, sys.displayhook),
    }
before = process()
import fnn
for name in fnn.__all__ if {every} else []:
    getattr(fnn, name)
after = process()
print(*(key for key in before if before[key] != after[key]))
"""


def python(code: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, *options, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("every", [False, True], ids=["the import", "every name"])
def test_the_process_stays_as_it_is(every: bool) -> None:
    first = "import jax, optax, pandas, matplotlib" if every else ""
    code = BEFORE_AND_AFTER.replace("{first}", first).replace("{every}", str(every))
    assert python(code) == ""


@pytest.mark.parametrize(
    "line", ["import fnn", "from fnn.spec.errors import FnnError", "import fnn.cli, fnn.__main__"]
)
def test_nothing_is_loaded_that_is_not_asked_for(line: str) -> None:
    loaded = (
        f"import sys\n{line}\nprint({{'jax', 'jaxlib.xla_client', 'numpy'}} & {{*sys.modules}})"
    )
    assert python(loaded) == "set()"


@pytest.mark.parametrize(
    "first", ["fnn.audit.api", "fnn.spec.numbers", "fnn.spec.kinds", "fnn.cli"]
)
def test_functions_that_are_named_like_packages(first: str) -> None:
    """Whatever has been imported before."""
    functions = "fnn.audit, fnn.summary, fnn.spec, fnn.train, fnn.sweep, fnn.ensemble, fnn.fit"
    code = f"import {first}, fnn, fnn.spec.json\nfrom fnn.spec import numbers, kinds"
    called = f"[type(f).__name__ for f in ({functions}, numbers, kinds)]"
    assert python(f"{code}\nprint({{*{called}}})") == "{'function'}"


def test_every_name_is_there_and_listed() -> None:
    names = {name for name in dir(fnn) if name[0] != "_"}
    assert set(fnn.__all__) <= names and {"Dense", "fit", "losses", "data"} <= names
    for name in fnn.__all__:
        assert getattr(fnn, name) is not None
    scope: dict[str, object] = {}
    exec("from fnn import *", scope)
    assert scope["Dense"] is fnn.layers.Dense and scope["audit"] is fnn.audit


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(
        AttributeError, match=r"module 'fnn' has no attribute 'Linear': write fnn\.De"
    ):
        fnn.Linear  # noqa: B018
    with pytest.raises(AttributeError, match=r"'fnn' has no attribute 'nothing'$"):
        fnn.nothing  # noqa: B018


@pytest.mark.parametrize("stub", sorted((ROOT / "fnn").rglob("*.pyi")), ids=str)
def test_stubs_name_what_there_is(stub: Path) -> None:
    assert stub.name == "__init__.pyi"
    package = ".".join(stub.parent.relative_to(ROOT).parts)
    module = sys.modules.get(package) or __import__(package, fromlist=["x"])
    assert isinstance(module, lazy.LazyPackage)
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None and node.module.startswith(package)
            for alias in node.names:
                if alias.name == "*":
                    assert stars(node.module) <= set(module.__all__)
                else:
                    assert alias.name == alias.asname and getattr(module, alias.name) is not None


def stars(package: str) -> set[str]:
    """What `from package import *` gives a type checker: what its `__init__.py` re-exports."""
    init = ROOT.joinpath(*package.split("."), "__init__.py")
    nodes = [node for node in ast.parse(init.read_text()).body if isinstance(node, ast.ImportFrom)]
    return {alias.asname for node in nodes for alias in node.names if alias.asname == alias.name}


def test_a_star_in_the_stub_is_every_layer() -> None:
    assert {"Dense", "RMSNorm", "GroupNorm"} <= stars("fnn.layers") <= set(fnn.__all__)
    for name in stars("fnn.layers"):
        assert getattr(fnn, name) is getattr(fnn.layers, name)


@pytest.mark.parametrize("command", [["--help"], ["runs"], ["data", "list"]])
def test_commands_that_need_no_jax(command: list[str]) -> None:
    code = f"import sys; sys.argv = ['fnn', *{command}]\nfrom fnn.cli import main\ntry: main()\n"
    code += "except SystemExit: pass\nprint({'jax', 'optax', 'sklearn', 'pandas'} & {*sys.modules})"
    assert python(code).splitlines()[-1] == "set()"
