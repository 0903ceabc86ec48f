"""What every way of training shares: rows, epochs, seeds, devices, loggers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Generic, Required, TypedDict, TypeVar

from jax.sharding import Mesh
from jax.typing import ArrayLike

from fnn.spec import SpecError
from fnn.spec.errors import choice
from fnn.training.checks import check_epochs, check_loggers, check_seconds, check_seeds
from fnn.training.host.events import Logger, Stop
from fnn.training.host.loop import SAVE_SECONDS, HostLoop
from fnn.training.parallel.devices import Devices, mesh_of

R = TypeVar("R")
"""what is trained"""
D = TypeVar("D")
"""the rows to train on, and those to validate"""
S = TypeVar("S")
T = TypeVar("T")


RENAMED = {"unit": "target_scale"}
"""arguments of version 0.1"""


class FittingOptions(TypedDict, total=False):
    """Arguments that `fnn.fit`, `ensemble`, `sweep` and the searches share.

    epochs: how many, at most.
    seed: initialization and dropout; `order_seed`: the order of batches. From 0 to 2³² - 1, 0 if
        not given.
    target_scale: what 1 in the target is worth, (O,) or () (see `fnn.metrics.measure`).
    loggers: called with a `TrainingEvent`. What they raise ends the training and reaches the
        caller.
    stop: asked after each call of the compiled program, about twice a second: 0 trains on, and
        anything else ends the training as interrupted, with what was reached, and is kept in the
        result. The library handles no signals: Ctrl-C is Python's `KeyboardInterrupt`.
    devices: how many devices share the work (`Devices` says what else it may be); None for the
        default one alone.
    save_every: seconds after which what is trained is saved, where there is something to save it
        to: `save=` of `fit`, the folder of a run. 60 if not given.
    """

    epochs: Required[int]
    seed: int
    order_seed: int
    target_scale: ArrayLike | None
    loggers: Sequence[Logger]
    stop: Stop | None
    devices: Devices | None
    save_every: float


class MemberOptions(FittingOptions, total=False):
    """Arguments that share those of `fnn.fit` where many members are trained together.

    memory: what may be used, in bytes or as "2GB", on each device; None for half of what is free.
        Members are trained as many at a time as fit, by the compiled program's own memory
        analysis; if memory runs out all the same, half as many.
    """

    memory: int | float | str | None


def check_options(
    function: Callable[..., object], options: Mapping[str, object], known: type = FittingOptions
) -> None:
    """Raises `TypeError`, as Python does, for an unknown argument and for missing epochs."""
    name, names = function.__name__, known.__annotations__
    for option in options:
        if option not in names:
            parameters = inspect.signature(function).parameters.keys() - {"options"}
            known_names = {*names, *parameters}
            new = RENAMED.get(option)
            hint = f": it is {new!r} now" if new in known_names else choice(option, known_names)
            raise TypeError(f"{name}() got an unexpected keyword argument {option!r}{hint}")
    if "epochs" in names and "epochs" not in options:
        raise TypeError(f"{name}() missing 1 required keyword-only argument: 'epochs'")


@dataclass(frozen=True, eq=False)
class Fitting(Generic[R, D]):
    """What is trained on which rows, for how long, from which seeds, on which devices.

    It is what `fit`, sweeps, ensembles and searches make of their arguments and hand to the host
    loop.

    run: a `Run`; of a sweep its members; of a search a run or a function from settings to one.
    rows, validation: the data; None for no validation. The others are `FittingOptions`, whose
        defaults are set here alone.

    Raises `SpecError` for epochs, loggers, a `stop` or seeds that can't be used.

    >>> Fitting("a run", "rows", None, epochs=3).seed
    0
    """

    run: R
    rows: D
    validation: D | None
    _: KW_ONLY
    epochs: int
    seed: int = 0
    order_seed: int = 0
    target_scale: ArrayLike | None = None
    loggers: Sequence[Logger] = ()
    stop: Stop | None = None
    devices: Devices | None = None
    save_every: float = SAVE_SECONDS

    def __post_init__(self) -> None:
        check_epochs(self.epochs)
        check_loggers(self.loggers)
        if self.stop is not None and not callable(self.stop):
            raise SpecError(f"expected a function without arguments, got {self.stop!r}", "stop")
        check_seconds(save_every=self.save_every)
        check_seeds(seed=self.seed, order_seed=self.order_seed)

    def mesh(self, axis: str) -> Mesh | None:
        """The devices, sharing the work along that axis; None for one of them."""
        return mesh_of(self.devices, axis)

    def loop(self, mesh: Mesh | None) -> HostLoop:
        """The host's loop that sends its loggers events, and asks its `stop`."""
        return HostLoop(self.loggers, self.stop, mesh, self.save_every)


@dataclass(frozen=True, eq=False)
class MemberFitting(Fitting[R, D]):
    """The same where many members are trained together, in so much memory (`MemberOptions`)."""

    _: KW_ONLY
    memory: int | float | str | None = None

    def having(self, run: S, rows: T, validation: T | None) -> MemberFitting[S, T]:
        """The same of something else, or on other rows."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return MemberFitting(**{**values, "run": run, "rows": rows, "validation": validation})
