"""The options of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from fnn.cli.options.option import option, option_errors
from fnn.spec.errors import FnnError, choice, error_path

if TYPE_CHECKING:
    from fnn.cli.options.validation import ValidationOptions
    from fnn.data import Prepared
    from fnn.layer import Layer
    from fnn.losses import Loss
    from fnn.optimizers import Rule
    from fnn.schedules import Schedule
    from fnn.training import Run


@dataclass(frozen=True)
class TrainingOptions:
    """How the network learns."""

    epochs: Annotated[int | None, option("N", "two million rows in all, 10 to 100 times")] = None
    """Times that every row is seen."""
    batch_size: Annotated[
        int | Literal["full"] | None, option("N|full", "32, or 128 from 10,000 rows on")
    ] = None
    """Rows a step."""
    optimizer: Annotated[str, option("NAME")] = "adam"
    """sgd, adam, adamw, rmsprop, adagrad or lion."""
    learning_rate: Annotated[float | None, option("X", "the optimizer's own, 0.001 of adam")] = None
    """The rate, or the highest rate of a schedule."""
    schedule: Annotated[str, option("NAME")] = "constant"
    """constant, linear, cosine, warmup_cosine or one_cycle, over the whole run."""
    weight_decay: Annotated[float | None, option("X")] = None
    """Decoupled weight decay, of weights alone."""
    clip_norm: Annotated[float | None, option("X")] = None
    """Scale gradients down to this Euclidean norm."""
    label_smoothing: Annotated[float | None, option("X")] = None
    """Share of a class's target that is spread over all classes."""
    gradient: Annotated[Literal["automatic", "manual"], option()] = "automatic"
    """Who differentiates: jax.grad, or the layers' hand-written backward passes."""
    precision: Annotated[Literal["float32", "bfloat16", "float64"], option()] = "float32"
    """What the network computes in; parameters stay float32, or float64."""
    seed: Annotated[int, option("N")] = 0
    """Draws the initial parameters and dropout."""
    order_seed: Annotated[int, option("N")] = 0
    """Draws the order of the rows."""

    def run(self, net: Layer, prepared: Prepared, validation: ValidationOptions) -> Run:
        """The run these options describe."""
        from fnn.objective import Objective, Policy
        from fnn.training import Run

        rows = len(prepared.train.target)
        size = self._size(rows)
        selection = validation.selection(prepared.validation is not None, self.length(rows))
        with option_errors(
            self, validation, smoothing="--label-smoothing", **{"selection.metric": "--keep"}
        ):
            return Run(
                Objective(net, self._loss(prepared), policy=Policy(self.precision)),
                self._optimizer(rows, size),
                size,
                self.gradient,
                metrics=validation.metrics,
                validate_every=validation.validate_every,
                selection=selection,
                averaging=validation.averaging(),
                monitor=validation.monitor,
            )

    def length(self, rows: int) -> int:
        """Epochs for that many rows."""
        from fnn.training.train import default_epochs

        if self.epochs is not None and self.epochs < 1:
            raise FnnError(f"expected 1 or more, got {self.epochs}", "--epochs")
        return default_epochs(rows) if self.epochs is None else self.epochs

    def _size(self, rows: int) -> int | Literal["full"]:
        from fnn.training.train import default_batch_size

        size = self.batch_size
        if size is None:
            return min(default_batch_size(rows), rows)
        if size != "full" and size < 1:
            raise FnnError(
                f"expected from 1 to {rows:,} rows a step, as there are {rows:,} to train on, or "
                f"full for all of them; got {size:,}",
                "--batch-size",
            )
        return size

    def _loss(self, prepared: Prepared) -> Loss:
        from fnn.spec import replace
        from fnn.training.train import default_loss

        loss = default_loss(prepared)
        if self.label_smoothing is None:
            return loss
        if prepared.preprocessing.task == "regression":
            raise FnnError("numbers have no labels to smooth", "--label-smoothing")
        smooth: Loss = replace(loss, smoothing=self.label_smoothing)
        return smooth

    def _optimizer(self, rows: int, size: int | str) -> Rule:
        from fnn.optimizers import Rule
        from fnn.schedules import Schedule
        from fnn.spec import from_name, replace

        with error_path("--optimizer"):
            rule: Rule = from_name(self.optimizer, Rule)
        rate: float | Schedule = rule.learning_rate
        if self.learning_rate is not None:
            rate = self.learning_rate
        if self.schedule != "constant":
            assert not isinstance(rate, Schedule)
            batch = rows if isinstance(size, str) else size
            rate = make_schedule(self.schedule, rate, steps=self.length(rows) * -(-rows // batch))
        options = {"weight_decay": self.weight_decay, "clip_norm": self.clip_norm}
        changed = {name: value for name, value in options.items() if value is not None}
        optimizer: Rule = replace(rule, learning_rate=rate, **changed)
        return optimizer


def make_schedule(name: str, peak: float, steps: int) -> Schedule:
    """A schedule by name whose highest value is `peak`, over `steps` steps."""
    from fnn import schedules

    peaked = {
        "linear": lambda: schedules.Linear(peak, 0.0, steps),
        "cosine": lambda: schedules.CosineDecay(peak, steps),
        "warmup_cosine": lambda: schedules.WarmupCosine(peak, 0.1 * steps, steps),
        "one_cycle": lambda: schedules.OneCycle(peak, steps),
    }
    if name not in peaked:
        raise FnnError(
            f"unknown schedule {name!r}{choice(name, ['constant', *peaked])}",
            "--schedule",
        )
    return peaked[name]()
