"""What `fnn gradcheck` audits: a network with its loss, and rows as its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from fnn.cli.options.option import option_errors
from fnn.spec.errors import FnnError, error_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fnn.cli.options.data import DataOptions
    from fnn.cli.options.network import NetworkOptions
    from fnn.data import Prepared
    from fnn.layer import Layer
    from fnn.losses import Loss
    from fnn.objective import Batch, Objective

INPUTS, OUTPUTS = (784,), 10


class ProblemOptions(Protocol):
    """The options that describe a network, its loss and its rows."""

    @property
    def data(self) -> str | None: ...
    @property
    def spec(self) -> str | None: ...
    @property
    def loss(self) -> str | None: ...
    @property
    def inputs(self) -> tuple[int, ...]: ...
    @property
    def outputs(self) -> int | None: ...
    @property
    def batch(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def network(self) -> NetworkOptions: ...
    @property
    def file(self) -> DataOptions: ...


def objective_and_batch(options: ProblemOptions) -> tuple[Objective, Batch]:
    """The objective of these options, and as many rows of DATA as asked for, or random ones."""
    from fnn.training.train import check_loss, check_outputs, default_loss

    if options.data is None:
        return _random(options)
    from fnn.data import prepare

    prepared = prepare(options.file.load(options.data))
    fitted = prepared.preprocessing
    objective = _objective(options, fitted.outputs, fitted.in_shape, default_loss(prepared))
    check_loss(objective.loss, prepared)
    check_outputs(objective.net, prepared)
    return objective, _rows(prepared, options.batch, options.seed)


def title(options: ProblemOptions, objective: Objective, batch: Batch) -> str:
    """A line such as `784-128-64-10, relu, cross_entropy: 32 random rows`."""
    net = str(options.spec)
    if options.spec is None:
        *_, last = objective.net.layers  # type: ignore[attr-defined]
        inputs = "×".join(map(str, np.shape(batch.x)[1:]))
        widths = "-".join(map(str, (inputs, *options.network.hidden, last.units)))
        net = f"{widths}, {options.network.activation}" if options.network.hidden else widths
    loss = getattr(objective.loss, "kind", type(objective.loss).__name__).partition(".")[0]
    rows = "random rows" if options.data is None else f"rows of {options.data}"
    return f"{net}, {loss}: {len(batch.target):,} {rows}"


def _objective(
    options: ProblemOptions, outputs: int, in_shape: tuple[int, ...], suitable: Loss
) -> Objective:
    """What --spec or the options of a network describe, with the loss that was asked for."""
    from fnn.losses import Loss
    from fnn.objective import Objective
    from fnn.spec import from_name, replace

    with error_path("--loss"):
        loss: Loss | None = None if options.loss is None else from_name(options.loss, Loss)
    if options.spec is None:
        return Objective(options.network.build(outputs, in_shape), loss or suitable)
    read = _read(options.spec)
    if not isinstance(read, Objective):
        return Objective(read, loss or suitable)
    return read if loss is None else replace(read, loss=loss)


def _read(path: str) -> Objective | Layer:
    """The objective or the network that the JSON of --spec holds."""
    from fnn.files import read_bytes
    from fnn.layer import Layer
    from fnn.objective import Objective
    from fnn.spec import from_json

    text = read_bytes(path).decode(errors="replace")
    with error_path(path):
        value = from_json(text)
        if not isinstance(value, Objective | Layer):
            raise FnnError(f"expected an objective or a network, got {value}")
    return value


def _rows(prepared: Prepared, count: int, seed: int) -> Batch:
    """Training rows, drawn without repetition."""
    from fnn.data.preprocessing.stored_rows import StoredRows
    from fnn.objective import Batch

    train = prepared.train
    total = len(train.target)
    if count > total:
        raise FnnError(f"expected at most {total:,} rows, as there are, got {count:,}", "--batch")
    index = np.sort(np.random.default_rng(seed).permutation(total)[:count])
    if isinstance(train, StoredRows):
        return train.read(index)
    return Batch(train.x[index], train.target[index])


def _random(options: ProblemOptions) -> tuple[Objective, Batch]:
    """Normal inputs, and targets of the kind that the loss takes."""
    import jax.numpy as jnp

    from fnn.losses import BinaryCrossEntropy, CrossEntropy
    from fnn.objective import Batch
    from fnn.shapes import shape

    in_shape = options.inputs or INPUTS
    outputs = OUTPUTS if options.outputs is None else options.outputs
    suitable = BinaryCrossEntropy() if outputs == 1 else CrossEntropy()
    with option_errors(units="--outputs"):
        objective = _objective(options, outputs, in_shape, suitable)
    with error_path("net"):
        out_shape = objective.net.out_shape(shape(*in_shape)).shape
    draw, rows = np.random.default_rng(options.seed), options.batch
    x = draw.normal(size=(rows, *in_shape)).astype(np.float32)
    target: NDArray[np.float32] | NDArray[np.int32]
    if objective.loss.task == "classes":
        target = draw.integers(out_shape[-1], size=(rows, *out_shape[:-1])).astype(np.int32)
    elif objective.loss.task == "binary":
        target = draw.integers(2, size=(rows, *out_shape)).astype(np.float32)
    else:
        target = draw.normal(size=(rows, *out_shape)).astype(np.float32)
    return objective, Batch(x, jnp.asarray(target))
