"""fnn gradcheck: is this gradient right?"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional

from fnn import xla
from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import MachineOptions
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, word
from fnn.spec.errors import FnnError

KEPT = {"seed", "json", "machine"}
"""what goes with a proof"""
OWN = {"data", "dtype", "seed", "directions", "hessian", "plot", "json", "machine"}
"""what goes with a Python file"""
FAULTS = {"only", "sites"}
"""what goes with --faults"""
GROUPS = {"data": "DATA", "network": "options of the network", "file": "options of a file"}


@dataclass(frozen=True)
class Proof:
    """In place of one gradient: how good the audit is, and whether all of fnn is right."""

    faults: Annotated[bool, option()] = False
    """Plant every known mistake in real networks: is it caught, named, diagnosed?"""
    only: Annotated[str | None, option("WORDS", "all")] = None
    """Of --faults: those of a subject (dense, losses, …), or with these words in their names."""
    sites: Annotated[int, option("N")] = 2
    """Of --faults: in so many places each, where there are as many."""
    all: Annotated[bool, option()] = False
    """Audit every layer, activation, loss and combinator in each mode, and their pairs."""
    right: Annotated[int | None, option("COUNT", "none")] = None
    """Audit so many right networks, drawn at random: is one of them called wrong?"""

    def run(self, seed: int, dtype: str) -> Any:
        """The table of the one that was asked for."""
        if self.faults:
            from fnn.gradients.faults.run import run_faults

            return run_faults(seed=seed, only=self.only, progress=_progress, sites=self.sites)
        if self.all:
            from fnn.gradients.coverage.run import run_all

            return run_all(seed=seed, dtype=dtype, progress=_progress)
        from fnn.gradients.coverage.run import run_right

        assert self.right is not None
        return run_right(self.right, dtype, seed=seed, progress=_progress)


@dataclass(frozen=True)
class GradcheckCommand:
    """Hold a gradient by hand against the automatic and the numerical one, leaf by leaf.

    The exit status is 0 where all is proved, 1 where it is not, 2 for bad input.
    """

    data: Annotated[Positional[str | None], word("[DATA]")] = None
    """What fnn train takes; or a Python file that defines f, gradient and args, where f(*args) is
    a number and gradient(*args) its claimed gradient by the first of them. Without it inputs are
    random."""
    spec: Annotated[str | None, option("FILE")] = None
    """An objective, or a network, in fnn's JSON (fnn.to_json), in place of the options of one."""
    loss: Annotated[str | None, option("NAME", "what suits the target, as fnn train takes")] = None
    """cross_entropy, binary_cross_entropy, squared_error, absolute_error, huber, …"""
    inputs: Annotated[tuple[int, ...], option("N …", "784")] = ()
    """Axes of one random input."""
    outputs: Annotated[int | None, option("N", "10")] = None
    """Outputs for random inputs: so many classes, or numbers where the loss asks for them."""
    batch: Annotated[int, option("N")] = 32
    """Rows that are audited together."""
    dtype: Annotated[Literal["float64", "float32", "bfloat16"], option()] = "float64"
    """What the gradient is computed in; args of a Python file are converted."""
    seed: Annotated[int, option("N")] = 0
    """Draws parameters, rows, dropout and directions."""
    directions: Annotated[int, option("N")] = 6
    """Random directions a leaf along which differences are taken."""
    hessian: Annotated[bool, option()] = False
    """Check a Hessian-vector product too."""
    plot: Annotated[str | None, option("FILE.png")] = None
    """Draw error over step size, and where in a leaf the error is."""
    json: Annotated[str | None, option("FILE")] = None
    """Write all of the evidence."""
    network: OmitArgPrefixes[NetworkOptions] = field(default_factory=NetworkOptions)
    file: OmitArgPrefixes[DataOptions] = field(default_factory=DataOptions)
    proof: OmitArgPrefixes[Proof] = field(default_factory=Proof)
    machine: OmitArgPrefixes[MachineOptions] = field(default_factory=MachineOptions)

    def run(self) -> int:
        """Print the evidence."""
        self._check()
        if self.proof != Proof():
            xla.add_xla_flags(*xla.QUICKLY)
        self.machine.set_up(float64=self._is_python() and self.dtype == "float64")
        found = self._found()
        print(found)
        if self.json is not None:
            from fnn.files import write_bytes

            write_bytes(self.json, f"{found.to_json()}\n".encode())
        if self.plot is not None:
            found.plot(self.plot)
        return 0 if found.ok else 1

    def _found(self) -> Any:
        """An audit, or the table of a proof: both have `ok` and `to_json`."""
        if self.proof != Proof():
            return self.proof.run(self.seed, self.dtype)
        how: dict[str, Any] = {
            "seed": self.seed,
            "dtype": self.dtype,
            "directions": self.directions,
            "hessian": self.hessian,
        }
        if self._is_python():
            from fnn.cli.python_file import audit_file

            return audit_file(str(self.data), **how)
        from fnn.audit import audit
        from fnn.cli.gradcheck_problem import objective_and_batch, title

        objective, batch = objective_and_batch(self)
        print(title(self, objective, batch), flush=True)
        return audit(objective, batch, **how)

    def _is_python(self) -> bool:
        return self.data is not None and self.data.endswith(".py")

    def _check(self) -> None:
        """Options that don't go together, and what is missing, are said before anything is run."""
        given = _given(self)
        proofs = [f"--{name}" for name in sorted(_given(self.proof) - FAULTS)]
        if not self.proof.faults and _given(self.proof) & FAULTS:
            raise FnnError("goes with --faults", f"--{min(_given(self.proof) & FAULTS)}")
        if len(proofs) > 1:
            raise FnnError(f"expected one at a time, got {' and '.join(proofs)}", proofs[0])
        if proofs:
            allowed = KEPT | {"proof"} | ({"dtype"} if proofs != ["--faults"] else set())
            _refuse(given - allowed, proofs[0], "makes its own networks")
        elif self._is_python():
            _refuse(given - OWN, str(self.data), "brings its own function")
        elif self.spec is not None:
            _refuse(given & {"network", "outputs"}, self.spec, "brings the network")
        if self.data is not None:
            _refuse(given & {"inputs", "outputs"}, self.data, "brings the inputs")
        else:
            _refuse(given & {"file"}, "without DATA", "there are no columns")
        for name, value, least in (
            ("--right", self.proof.right, 1),
            ("--sites", self.proof.sites, 1),
            ("--batch", self.batch, 1),
            ("--directions", self.directions, 2),
        ):
            if value is not None and value < least:
                raise FnnError(f"expected {least} or more, got {value}", name)
        if self.plot is not None and find_spec("matplotlib") is None:
            raise FnnError("needs matplotlib: pip install 'fnn[plots]'", "--plot")
        from fnn.training.checks import check_seeds

        check_seeds(**{"--seed": self.seed})


def _given(options: Any) -> set[str]:
    """The fields that are not as they are by default."""
    default = type(options)()
    names = [entry.name for entry in dataclasses.fields(options)]
    return {name for name in names if getattr(options, name) != getattr(default, name)}


def _refuse(names: set[str], place: str, why: str) -> None:
    if names:
        told = " and ".join(GROUPS.get(name, f"--{name}") for name in sorted(names))
        raise FnnError(f"{why}: leave out {told}", place)


def _progress(done: int, total: int, _: Any) -> None:
    """A count that is written over, where somebody watches."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done:,} of {total:,}", end=end, file=sys.stderr, flush=True)
