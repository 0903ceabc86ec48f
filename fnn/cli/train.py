"""fnn train: data in, a trained network and its test metric out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.network import Network
from fnn.spec.errors import FnnError, choice

if TYPE_CHECKING:
    from fnn.data import Dataset, Part, Parts
    from fnn.objective import Batch
    from fnn.schedules import Schedule
    from fnn.training import EpochMetrics, Run

LARGE = 10_000
"""rows from which on the defaults are those of large data"""


@dataclass(frozen=True)
class Train:
    """Train a classifier on DATA and print its accuracy on the test rows."""

    data: Positional[str]
    """digits, iris, wine, breast_cancer (these come along), mnist or fashion-mnist."""
    network: OmitArgPrefixes[Network] = field(default_factory=Network)
    optimizer: str = "adam"
    """sgd, adam, adamw, rmsprop, adagrad or lion."""
    learning_rate: float | None = None
    """The optimiser's own default if None; the highest rate of a schedule."""
    schedule: str = "constant"
    """constant, linear, cosine, warmup_cosine or one_cycle, over the whole run."""
    epochs: int | None = None
    """Times that every row is seen: 100, or 10 from 10,000 rows on."""
    batch_size: int | None = None
    """Rows a step: 32, or 128 from 10,000 rows on."""
    gradient: Literal["automatic", "manual"] = "automatic"
    """Who differentiates: jax.grad, or the layers' hand-written backward passes."""
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    """Shares of rows to train on, to validate and to test; an official test part stays."""
    seed: int = 0
    """Initialisation and dropout."""
    order_seed: int = 0
    """Order of the batches."""
    split_seed: int = 0
    """Which rows train."""
    data_dir: str | None = None
    """Where mnist and fashion-mnist lie: a folder with their IDX files, or one above."""

    def run(self) -> None:
        """Train, and print what came of it."""
        from fnn.data import load, parts

        began = time.perf_counter()
        dataset = load(self.data, self.data_dir)
        split = parts(dataset, self.fractions, seed=self.split_seed)
        rows = len(split.train.x)
        if not len(split.test.x):
            raise FnnError(f"the fractions {self.fractions} leave no rows to test")
        epochs = (10 if rows >= LARGE else 100) if self.epochs is None else self.epochs
        run = self._run(dataset, rows, epochs)
        self._print_plan(dataset, split, run)
        self._train(dataset, split, run, epochs)
        print(f"{time.perf_counter() - began:.1f} s in all, reading and compiling included")

    def _run(self, dataset: Dataset, rows: int, epochs: int) -> Run:
        from fnn.losses import CrossEntropy
        from fnn.objective import Objective
        from fnn.optimizers import Rule
        from fnn.spec import named, replace
        from fnn.training import Run

        if dataset.classes is None:
            raise FnnError(f"{dataset.name} has no classes; fnn train takes classes only so far")
        size = (128 if rows >= LARGE else 32) if self.batch_size is None else self.batch_size
        optimizer: Rule = named(self.optimizer, Rule)
        rate: Any = optimizer.learning_rate if self.learning_rate is None else self.learning_rate
        if self.schedule != "constant":
            rate = make_schedule(self.schedule, rate, steps=epochs * -(-rows // max(size, 1)))
        return Run(
            Objective(self.network.build(dataset.classes), CrossEntropy()),
            replace(optimizer, learning_rate=rate),
            size,
            self.gradient,
        )

    def _train(self, dataset: Dataset, split: Parts, run: Run, epochs: int) -> None:
        import jax

        from fnn.metrics import evaluate
        from fnn.training import train

        training, validation, test = _batches(dataset, split)
        result = train(
            run,
            training,
            validation,
            epochs=epochs,
            seed=self.seed,
            order_seed=self.order_seed,
            epochs_per_call=1,
            report=_Table(epochs),
        )
        measured = jax.jit(evaluate)(run.objective, result.state.params, result.state.state, test)
        speed = epochs * len(split.train.x) / result.seconds
        print(
            f"trained in {result.seconds:.1f} s on {jax.devices()[0].device_kind}: "
            f"{speed:,.0f} rows a second, compiling included"
        )
        print(f"test accuracy {measured.accuracy:.4f} ({len(split.test.x):,} rows)")

    def _print_plan(self, dataset: Dataset, split: Parts, run: Run) -> None:
        from fnn.report import parameter_count
        from fnn.shapes import shape

        inputs = dataset.x.shape[1]
        train, validation, test = (f"{len(part.x):,}" for part in split)
        widths = "-".join(map(str, (inputs, *self.network.hidden, dataset.classes)))
        parameters = parameter_count(run.objective.net, shape(inputs))
        print(f"{dataset.name}: {train} rows to train on, {validation} to validate, {test} to test")
        print(f"network {widths}, {self.network.activation}, {parameters:,} parameters")
        rate = getattr(run.optimizer, "learning_rate", None)
        print(f"{self.optimizer} at rate {rate!r}, batches of {run.batch_size}")


def make_schedule(name: str, peak: float, steps: int) -> Schedule:
    """A schedule by name whose highest value is `peak`, over `steps` steps."""
    from fnn import schedules

    made = {
        "linear": lambda: schedules.Linear(peak, 0.0, steps),
        "cosine": lambda: schedules.CosineDecay(peak, steps),
        "warmup_cosine": lambda: schedules.WarmupCosine(peak, 0.1 * steps, steps),
        "one_cycle": lambda: schedules.OneCycle(peak, steps),
    }
    if name not in made:
        raise FnnError(f"unknown schedule {name!r}{choice(name, ['constant', *made])}")
    return made[name]()


class _Table:
    """Prints about ten lines a run, whatever its length."""

    def __init__(self, epochs: int) -> None:
        self.every = max(1, epochs // 10)
        self.last = epochs
        print(f"{'epoch':>6} {'loss':>9} {'validation loss':>16} {'accuracy':>9}")

    def __call__(self, epoch: int, metrics: EpochMetrics) -> None:
        if epoch % self.every and epoch != self.last:
            return
        line = f"{epoch:>6} {metrics.loss:>9.4f}"
        if metrics.validation is not None:
            line += f" {metrics.validation.loss:>16.4f} {metrics.validation.accuracy:>9.4f}"
        print(line, flush=True)


def _batches(dataset: Dataset, split: Parts) -> tuple[Batch, Batch | None, Batch]:
    import jax

    from fnn.data import Standardizer
    from fnn.objective import Batch

    scale = None if dataset.pixels else Standardizer.fit(split.train.x)

    def batch(part: Part) -> Batch:
        x = part.x if scale is None else scale(part.x)
        return Batch(*jax.device_put((x, part.target)))

    validation = batch(split.validation) if len(split.validation.x) else None
    return batch(split.train), validation, batch(split.test)
