"""How long until something happens? `import fnn`, and `fnn train digits` from nothing.

    ./scripts/bench start

Whole processes, timed from outside, in turns: `import jax, optax` against `import fnn`; the whole
command `fnn train digits` with an empty cache of compiled programs, and with a full one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

from experiments.benchmarks.timing import side_by_side


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    imports = {
        "import jax, optax": lambda: python("-c", "import jax, optax"),
        "import fnn": lambda: python("-c", "import fnn"),
    }
    side_by_side(imports, options.rounds)
    with tempfile.TemporaryDirectory() as cache:
        commands = {"empty cache": lambda: train(None), "full cache": lambda: train(cache)}
        side_by_side(commands, options.rounds)


def train(cache: str | None) -> None:
    """The whole command, with that folder for compiled programs or a fresh one."""
    with tempfile.TemporaryDirectory() as fresh:
        python("-m", "fnn", "train", "digits", JAX_COMPILATION_CACHE_DIR=cache or fresh)


def python(*arguments: str, **environment: str) -> None:
    """Run this interpreter; a failure is an error."""
    subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    main()
