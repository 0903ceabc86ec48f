"""fnn evaluate: the metrics of a model that was kept."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.load_model import about, kept_model
from fnn.cli.options.config_file import has_changed, read_options
from fnn.cli.options.data import DataDir
from fnn.cli.options.devices import MachineOptions
from fnn.cli.options.option import option, word
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.cli.commands.train import TrainCommand
    from fnn.data import Preprocessing
    from fnn.data.preprocessing.stored_rows import StoredRows
    from fnn.objective import Batch


@dataclass(frozen=True)
class EvaluateCommand:
    """Measure the model of RUN on the test rows of its own data, or on all rows of DATA."""

    folder: Annotated[Positional[str], word("RUN")]
    """The folder of a run, or of a model."""
    data: Annotated[Positional[str | None], word("[DATA]")] = None
    """A file with the target in it, or a folder of x.npy and y.npy; or mnist or fashion-mnist,
    their official test part."""
    metrics: Annotated[
        tuple[str, ...] | None, option("NAME …", "the run's own, else accuracy; mse, mae and r2")
    ] = None
    """accuracy, top_5, precision, recall, f1, auc, ece, brier, nll; mse, mae, r2."""
    unknown: Annotated[Literal["error", "zeros"], option()] = "error"
    """What becomes of a category that no training row had: zeros takes it for none of them."""
    data_dir: DataDir = None
    """Where mnist and fashion-mnist lie."""
    machine: OmitArgPrefixes[MachineOptions] = field(default_factory=MachineOptions)

    def run(self) -> int:
        """Print the metrics."""
        model, fitted = kept_model(self.folder, self.machine)
        from fnn.metrics import default_metrics, format_metric
        from fnn.training.rows import evaluate_rows

        own = self._own_options()
        rows = self._own_rows(own) if self.data is None else self._rows(self.data, fitted)
        names = tuple(
            self.metrics
            or (own and own.validation.metrics)
            or default_metrics(model.objective.loss)
        )
        found = evaluate_rows(
            model.objective, model.params, model.state, rows, names, fitted.target_scale
        )
        print(f"{len(rows.target):,} rows")
        for name in names:
            print(f"{name:<9} {format_metric(float(found[name])):>9}")
        return 0

    def _own_options(self) -> TrainCommand | None:
        """Those that the model was trained with; a model's own folder knows none."""
        from fnn.cli.commands.train import TrainCommand

        is_run = (Path(self.folder) / "config.json").is_file()
        return read_options(TrainCommand, self.folder) if is_run else None

    def _own_rows(self, options: TrainCommand | None) -> Batch | StoredRows:
        """The rows that were set aside when the model was trained."""
        if options is None:
            raise FnnError(
                "holds a model without the config.json of a run: give the run's folder, or DATA",
                self.folder,
            )
        if has_changed(self.folder, options):
            told = " or ".join(filter(None, (options.data, options.file.test)))
            raise FnnError(f"has been changed since {self.folder} was trained on it", told)
        if self.data_dir is not None:
            file = dataclasses.replace(options.file, data_dir=self.data_dir)
            options = dataclasses.replace(options, file=file)
        test = options.prepare().test
        assert test is not None
        return test

    def _rows(self, data: str, fitted: Preprocessing) -> Batch:
        """All rows of a file, or the test part of a set of images."""
        from fnn.data import load, read_rows
        from fnn.data.sources.images import IMAGES
        from fnn.objective import Batch

        if data in IMAGES:
            rows = load(data, data_dir=self.data_dir).test
            assert rows is not None
        else:
            rows = read_rows(data, fitted)
        with about(data):
            target: Any = fitted.encode_target(rows.target)
            return Batch(fitted.encode(rows.inputs, unknown=self.unknown), target)
