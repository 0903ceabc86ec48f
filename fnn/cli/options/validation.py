"""The options of validation: metrics, selection of an epoch, averaging, monitors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from fnn.cli.options.option import option, option_errors
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.training import Averaging, Selection

Metrics = Annotated[tuple[str, ...] | None, option("NAME …", "accuracy; mse, mae and r2")]


@dataclass(frozen=True)
class ValidationOptions:
    """What is measured, which epoch is kept, and when to stop."""

    metrics: Metrics = None
    """accuracy, top_5, precision, recall, f1, auc, ece, brier, nll; mse, mae, r2."""
    keep: Annotated[str, option("METRIC")] = "loss"
    """Keep the epoch that is best by this metric of the validation rows; last: the last one."""
    patience: Annotated[int | None, option("N", "never")] = None
    """Stop after so many epochs without a better one, at the next validation."""
    min_delta: Annotated[float, option("X")] = 0.0
    """How much better counts."""
    validate_every: Annotated[int, option("N")] = 1
    """Validate every so many epochs."""
    average: Annotated[Literal["none", "moving", "epochs"], option()] = "none"
    """Use averaged parameters: a moving average over steps, or the mean of the last epochs."""
    average_decay: Annotated[float, option("X")] = 0.999
    """Decay of the moving average."""
    average_epochs: Annotated[int, option("N")] = 5
    """How many of the last epochs to average."""
    monitor: Annotated[bool, option()] = False
    """Record gradient norms, update ratios and dead units by layer; takes 1.1 to 1.5 × the time."""

    def selection(self, validated: bool, epochs: int) -> Selection | None:
        """Which of so many epochs is kept, as far as there are rows to choose by."""
        from fnn.training import Selection

        if self.keep == "last" or not validated:
            if self.patience is not None:
                raise FnnError("needs validation rows, and a metric to --keep by", "--patience")
            return None
        if self.validate_every > epochs:
            raise FnnError(
                f"the first validation would follow epoch {self.validate_every} of {epochs}, and "
                "one is needed to keep the best: take fewer, or --keep last",
                "--validate-every",
            )
        with option_errors(self, metric="--keep"):
            return Selection(self.keep, self.patience, self.min_delta)

    def averaging(self) -> Averaging | None:
        """The averaging of parameters."""
        from fnn.training import LastEpochs, MovingAverage

        if self.average == "none":
            return None
        with option_errors(decay="--average-decay", epochs="--average-epochs"):
            if self.average == "moving":
                return MovingAverage(self.average_decay)
            return LastEpochs(self.average_epochs)
