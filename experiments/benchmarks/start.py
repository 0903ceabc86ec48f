"""How long until something happens? Imports, short commands, short runs, a first fit.

    ./scripts/bench start [--against CHECKOUT] [--only digits] [--rounds 9]

Whole processes, timed from outside, in turns. `--against` names another checkout of fnn: both run
in this interpreter with the same packages, the other one first, so that ratios are this one's
time over the other's. *cold* has no compiled programs kept from earlier runs, *kept* has all.
`mnist` needs FNN_DATA_DIR.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from experiments.benchmarks.timing import side_by_side

ROOT = Path(__file__).parents[2]
NEW_WIDTH = """
import sys, time
import fnn
prepared = fnn.data.prepare(fnn.data.load("digits"))
def fit(width):
    run = fnn.Run(fnn.Objective(fnn.mlp([width], 10), "cross_entropy"), "adam", 32)
    fnn.fit(run, prepared.train, prepared.validation, epochs=1)
fit(48)
start = time.perf_counter()
fit(64)
print(time.perf_counter() - start)
"""
COMMANDS = {
    "runs": ("runs",),
    "help": ("--help",),
    "data list": ("data", "list"),
    "digits": ("train", "digits"),
    "mnist": ("train", "mnist", "--epochs", "3"),
}
WORKS = ("import", "runs", "help", "data list", "digits", "mnist", "fit")


def main() -> None:
    """Print a table for each work."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout of fnn")
    parser.add_argument("--only", choices=WORKS, nargs="+", default=WORKS)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    others = [] if options.against is None else [options.against.resolve()]
    checkouts = [*others, ROOT]
    with tempfile.TemporaryDirectory() as caches:
        for work in options.only:
            for name, contestants in _contestants(work, checkouts, Path(caches)).items():
                print(f"\n{name}")
                side_by_side(contestants, options.rounds)


def _contestants(
    work: str, checkouts: list[Path], caches: Path
) -> dict[str, dict[str, Callable[[], float | None]]]:
    """By table: what takes turns in it."""
    if work == "import":
        libraries = functools.partial(_import, ROOT, "jax, optax")
        fnns = {f"import {_name(at)}": functools.partial(_import, at) for at in checkouts}
        return {"import fnn": {"import jax, optax": libraries, **fnns}}
    if work == "fit":
        return {
            "first fit of a new width": {_name(at): functools.partial(_fit, at) for at in checkouts}
        }
    command = functools.partial(functools.partial, _command, COMMANDS[work])
    if COMMANDS[work][0] != "train":
        return {work: {_name(at): command(at, caches) for at in checkouts}}
    kept = {at: caches / f"{work}-{number}" for number, at in enumerate(checkouts)}
    return {
        f"{work}, cold": {_name(at): command(at, None) for at in checkouts},
        f"{work}, kept": {_name(at): command(at, kept[at]) for at in checkouts},
    }


def _name(checkout: Path) -> str:
    return "fnn" if checkout == ROOT else checkout.name


def _import(checkout: Path, modules: str = "fnn") -> None:
    _python(checkout, "-P", "-c", f"import {modules}")


def _fit(checkout: Path) -> float:
    return float(_python(checkout, "-P", "-c", NEW_WIDTH))


def _command(words: tuple[str, ...], checkout: Path, cache: Path | None) -> None:
    """The whole command, with that folder for compiled programs or a fresh one."""
    with tempfile.TemporaryDirectory() as fresh:
        out = ("--out", f"{fresh}/run") if words[0] == "train" else ()
        folder = str(cache or Path(fresh, "cache"))
        _python(checkout, "-P", "-m", "fnn", *words, *out, XDG_CACHE_HOME=folder)


def _python(checkout: Path, *arguments: str, **environment: str) -> str:
    """What this interpreter prints with that checkout on its path; a failure is an error."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(checkout)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
