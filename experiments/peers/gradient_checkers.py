"""Who finds a wrong gradient, and who objects to a right one? Five checkers on the same gradients.

    python3 scripts/setup.py .venv-peers
    .venv-peers/bin/python -m pip install 'torch>=2.8'
    FNN_PYTHON=.venv-peers/bin/python ./scripts/python experiments/peers/gradient_checkers.py \
        [--right 100] [--only WORDS] [--seed 0] [--float32] [--workers 2] [--out FOLDER]

Every fault of the catalog (`plant_faults.py` of experiments/audit_power) is planted in one place,
drawn from the seed. Right gradients are those of the catalog's networks in general position and of
random networks as they are initialized, with inputs as nasty as users' are (`random_networks.py`).
Without torch, its rows say so. In float64:

fnn.audit        `fnn.audit(objective, batch)`. It is given the network, and so has `jax.grad` of it
                 to compare with; the others have not
audit_gradient   `fnn.audit_gradient(f, jax.grad(f), leaves)`, f having the manual gradient for its
                 `custom_vjp`: values and the claimed gradient, no more than those below are given
torch gradcheck  `torch.autograd.gradcheck(f, leaves)`, and with `fast_mode=True`, f being a
                 `torch.autograd.Function` that calls the same compiled programs
jax check_grads  `jax.test_util.check_grads(f, leaves, order=1, modes=["rev"])`; a `custom_vjp` has
                 no forward mode, which is checked too by default
chex             `chex.assert_numerical_grads(f, leaves, order=1, modes=["rev"])`

All else is their defaults. Caught: it objects. A fault's layer is named where the first leaf
complained of belongs to it; `fnn.audit` must name it and no other. Undecided: the audit
neither proves the gradient nor calls it wrong. At corners: right gradients where the function has a
corner at the very point, as `fnn.audit` finds it; there differences don't apply, as torch's
documentation says. Errors: raised for another reason than disagreement.

Seconds hold compiling, for all alike: a planted fault meets programs of the right network that are
compiled, and the claimed gradient compiles; with a new network all compiles. Checkers that take
functions share what is compiled, and what that took counts for each of them. They take turns claim
by claim, in as many processes at once as there are workers, without LLVM's optimization.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import jax

from experiments.machine import machine
from experiments.manual_vs_automatic import say
from experiments.peers.checkers.figure import draw
from experiments.peers.checkers.scores import scores, table
from experiments.peers.checkers.trials import blocks, checkers, run
from fnn import xla
from fnn.checkpoint import versions
from fnn.figures.style import new_figure
from fnn.files import explained, write_json
from fnn.spec import FnnError


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask all checkers, print the table, and write figure and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--right", type=int, default=100, help="random right networks")
    parser.add_argument("--only", help="a subject of faults, or words of a fault's name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--float32", action="store_true", help="JAX's checkers in float32 too")
    parser.add_argument("--workers", type=int, default=2, help="processes; 1 for quiet timings")
    parser.add_argument("--out", type=Path, default=Path("runs/gradient_checkers"))
    options = parser.parse_args(arguments)
    if options.right < 0 or options.seed < 0 or options.workers < 1:
        parser.error("expected --right and --seed of at least 0, and --workers of at least 1")
    try:
        compare(options)
    except FnnError as error:
        print(f"gradient_checkers: error: {error}", file=sys.stderr)
        return 2
    return 0


def compare(options: argparse.Namespace) -> None:
    """All of it. Raises `FnnError` for an unknown fault, where `out` can't be written to, and where
    matplotlib is missing."""
    start_time = time.perf_counter()
    xla.add_xla_flags(*xla.QUICKLY)
    new_figure(1, 1)
    with explained(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    parts = blocks(options.only, options.right, options.seed, options.float32)
    before = machine() | {"device": jax.devices()[0].device_kind}
    trials = run(parts, options.workers)
    result = scores(checkers(options.float32), trials)
    say("", *table(result))
    draw(result, options.out / "gradient_checkers.png")
    seconds, after = time.perf_counter() - start_time, machine()
    write_json(
        options.out / "result.json",
        {
            "options": {name: str(value) for name, value in vars(options).items()},
            "versions": versions() | _peers(),
            "machine": before | {"load_after": after["load"]},
            "xla_flags": os.environ["XLA_FLAGS"],
            "seconds": seconds,
            "scores": [asdict(score) for score in result],
            "trials": [asdict(trial) for trial in trials],
        },
    )
    say(
        f"{options.out} holds gradient_checkers.png, result.json",
        f"{seconds:.0f} s on {before['device']}, {before['cores']} cores, {options.workers} at "
        f"once, load {before['load']} before and {after['load']} after; "
        + ", ".join(f"{name} {version}" for name, version in (versions() | _peers()).items()),
    )


def _peers() -> dict[str, str]:
    result = {}
    for name in ("chex", "torch"):
        try:
            result[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            result[name] = "not installed"
    return result


if __name__ == "__main__":
    sys.exit(main())
