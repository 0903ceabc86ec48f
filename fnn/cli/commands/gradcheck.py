"""fnn gradcheck: is this gradient right?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.options.data import DataOptions
from fnn.cli.options.devices import MachineOptions
from fnn.cli.options.imports import Imports, import_modules
from fnn.cli.options.network import NetworkOptions
from fnn.cli.options.option import option, word
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.audit import Audit
    from fnn.audit.api import AuditOptions

OWN = {"data", "imports", "dtype", "seed", "directions", "hessian", "plot", "json", "machine"}
"""what goes with a Python file"""
SCRIPTS = {
    "--faults": "plant_faults.py",
    "--all": "cover_pairs.py",
    "--right": "random_networks.py COUNT",
}
"""of experiments/audit_power, by the option that each was in fnn 0.1"""
GROUPS = {"data": "DATA", "network": "options of the network", "file": "options of a file"}


@dataclass(frozen=True)
class GradcheckCommand:
    """Hold a gradient by hand against the automatic and the numerical one, leaf by leaf.

    The exit status is 0 where all is proved, 1 where it is not, 2 for bad input.
    """

    data: Annotated[Positional[str | None], word("[DATA]")] = None
    """What fnn train takes; or a Python file that defines f, gradient and args, where f(*args) is
    a number and gradient(*args) its claimed gradient by the first of them; or in place of gradient
    vjp, jvp or both, hvp, or custom_rules = True. Without it inputs are random."""
    spec: Annotated[str | None, option("FILE")] = None
    """An objective, or a network, in fnn's JSON (fnn.to_json), in place of the options of one."""
    imports: Imports = ()
    """Modules to import first: those that define layers of your own."""
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
    machine: OmitArgPrefixes[MachineOptions] = field(default_factory=MachineOptions)

    def run(self) -> int:
        """Print the evidence."""
        self._check()
        self.machine.set_up(float64=self._is_python() and self.dtype == "float64")
        import_modules(self.imports)
        audited = self._audit()
        print(audited)
        if self.json is not None:
            from fnn.files import write_bytes

            write_bytes(self.json, f"{audited.to_json()}\n".encode())
        if self.plot is not None:
            audited.plot(self.plot)
        return 0 if audited.ok else 1

    def _audit(self) -> Audit:
        """Audit the network or the file's function."""
        options: AuditOptions = {
            "seed": self.seed,
            "dtype": self.dtype,
            "directions": self.directions,
            "hessian": self.hessian,
        }
        if self._is_python():
            from fnn.audit.python_file import audit_file

            return audit_file(str(self.data), **options)
        from fnn.audit import audit
        from fnn.cli.options.gradcheck_problem import objective_and_batch, title

        objective, batch = objective_and_batch(self)
        print(title(self, objective, batch), flush=True)
        return audit(objective, batch, **options)

    def _is_python(self) -> bool:
        return self.data is not None and self.data.endswith(".py")

    def _check(self) -> None:
        """Refuse options that don't go together, and what is missing, before anything is run."""
        changed = _changed_fields(self)
        if self._is_python():
            _refuse(changed - OWN, str(self.data), "brings its own function")
        elif self.spec is not None:
            _refuse(changed & {"network", "outputs"}, self.spec, "brings the network")
        if self.data is not None:
            _refuse(changed & {"inputs", "outputs"}, self.data, "brings the inputs")
        else:
            _refuse(changed & {"file"}, "without DATA", "there are no columns")
        for name, value, least in (
            ("--batch", self.batch, 1),
            ("--directions", self.directions, 2),
        ):
            if value < least:
                raise FnnError(f"expected {least} or more, got {value}", name)
        if self.plot is not None and find_spec("matplotlib") is None:
            raise FnnError("needs matplotlib: pip install 'fnn[plots]'", "--plot")
        from fnn.training.checks import check_seeds

        check_seeds(**{"--seed": self.seed})


def refuse_moved_options(arguments: Sequence[str]) -> None:
    """Raises `FnnError`, with the script to run, for an option of `SCRIPTS`."""
    for argument in arguments:
        name = argument.partition("=")[0]
        if name in SCRIPTS:
            script = f"./scripts/python experiments/audit_power/{SCRIPTS[name]}"
            raise FnnError(f"is a script of a checkout of fnn: {script}", name)


def _changed_fields(options: GradcheckCommand) -> set[str]:
    """The fields that differ from their defaults."""
    default = type(options)()
    names = [entry.name for entry in dataclasses.fields(options)]
    return {name for name in names if getattr(options, name) != getattr(default, name)}


def _refuse(names: set[str], option: str, why: str) -> None:
    if names:
        named = " and ".join(GROUPS.get(name, f"--{name}") for name in sorted(names))
        raise FnnError(f"{why}: leave out {named}", option)
