"""What `fnn gradcheck` puts on trial: a network with its loss, and rows to try it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fnn.cli.options.option import option_errors
from fnn.spec.errors import FnnError, error_path

if TYPE_CHECKING:
    from fnn.cli.commands.gradcheck import GradcheckCommand
    from fnn.data import Prepared
    from fnn.losses import Loss
    from fnn.objective import Batch, Objective

INPUTS, OUTPUTS = (784,), 10


def objective_and_batch(options: GradcheckCommand) -> tuple[Objective, Batch]:
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


def title(options: GradcheckCommand, objective: Objective, batch: Batch) -> str:
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
    options: GradcheckCommand, outputs: int, in_shape: tuple[int, ...], suitable: Loss
) -> Objective:
    """What --spec or the options of a network describe, with the loss that was asked for."""
    from fnn.losses import Loss
    from fnn.objective import Objective
    from fnn.spec import from_name, replace

    with error_path("--loss"):
        asked: Any = None if options.loss is None else from_name(options.loss, Loss)
    made: Any = options.network.build(outputs, in_shape) if options.spec is None else _read(options)
    if not isinstance(made, Objective):
        return Objective(made, asked or suitable)
    objective: Objective = made if asked is None else replace(made, loss=asked)
    return objective


def _read(options: GradcheckCommand) -> Any:
    """The objective or the network that the JSON of --spec holds."""
    from fnn.files import read_bytes
    from fnn.layer import Layer
    from fnn.objective import Objective
    from fnn.spec import from_json

    path = str(options.spec)
    text = read_bytes(path).decode(errors="replace")
    with error_path(path):
        made = from_json(text)
        if not isinstance(made, Objective | Layer):
            raise FnnError(f"expected an objective or a network, got {made}")
    return made


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


def _random(options: GradcheckCommand) -> tuple[Objective, Batch]:
    """Normal inputs, and targets of the kind that the loss takes."""
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
    x: Any = draw.normal(size=(rows, *in_shape)).astype(np.float32)
    target: Any
    if objective.loss.task == "classes":
        target = draw.integers(out_shape[-1], size=(rows, *out_shape[:-1])).astype(np.int32)
    elif objective.loss.task == "binary":
        target = draw.integers(2, size=(rows, *out_shape)).astype(np.float32)
    else:
        target = draw.normal(size=(rows, *out_shape)).astype(np.float32)
    return objective, Batch(x, target)
