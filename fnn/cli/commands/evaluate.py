"""fnn evaluate: the metrics of a run's model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.commands.train import TrainCommand
from fnn.cli.options.config_file import has_changed, read_options
from fnn.cli.options.data import DataDir, data_errors
from fnn.cli.options.devices import MachineOptions
from fnn.cli.options.imports import Imports, import_modules
from fnn.cli.options.option import option, word
from fnn.cli.options.single_run import prepare_data
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Prepared, Preprocessing
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
    imports: Imports = ()
    """Modules to import first: those that define layers of your own."""
    machine: OmitArgPrefixes[MachineOptions] = field(default_factory=MachineOptions)

    def run(self) -> int:
        """Print the metrics."""
        from fnn.metrics import default_metrics, format_metric
        from fnn.runs.load import load_model, needs_float64
        from fnn.training.rows import evaluate_rows

        self.machine.set_up(needs_float64(self.folder))
        import_modules(self.imports)
        model, fitted = load_model(self.folder)
        own = self._own_options()
        rows = self._own_rows(own) if self.data is None else self._rows(self.data, fitted)
        recorded = self._recorded_metrics() if own is None else own.validation.metrics
        names = tuple(self.metrics or recorded or default_metrics(model.objective.loss))
        metrics = evaluate_rows(
            model.objective, model.params, model.state, rows, names, fitted.target_scale
        )
        print(f"{len(rows.target):,} rows")
        for name in names:
            print(f"{name:<9} {format_metric(float(metrics[name])):>9}")
        return 0

    def _own_options(self) -> TrainCommand | None:
        """Those of the command that has trained it; None for a model's own folder, and Python's."""
        is_run = (Path(self.folder) / "config.json").is_file()
        return read_options(TrainCommand, self.folder) if is_run and not self._is_pythons else None

    @property
    def _is_pythons(self) -> bool:
        from fnn.runs.kinds import python_call

        return python_call(Path(self.folder)) is not None

    def _recorded_metrics(self) -> tuple[str, ...] | None:
        from fnn.runs import RunFolder
        from fnn.runs.source import recorded_run

        return recorded_run(RunFolder.open(self.folder)).metrics if self._is_pythons else None

    def _own_rows(self, options: TrainCommand | None) -> Batch | StoredRows:
        """The rows that were set aside when the model was trained."""
        test = self._own_data(options).test
        if test is None:
            raise FnnError("was trained without rows to test: give DATA", self.folder)
        return test

    def _own_data(self, options: TrainCommand | None) -> Prepared:
        from fnn.runs import RunFolder
        from fnn.runs.source import prepare_again

        if options is None:
            if self._is_pythons:
                return prepare_again(RunFolder.open(self.folder))
            raise FnnError(
                "holds a model without the config.json of a run: give the run's folder, or DATA",
                self.folder,
            )
        if has_changed(self.folder, options):
            files = " or ".join(filter(None, (options.data, options.file.test)))
            raise FnnError(f"has been changed since {self.folder} was trained on it", files)
        if self.data_dir is not None:
            file = dataclasses.replace(options.file, data_dir=self.data_dir)
            options = dataclasses.replace(options, file=file)
        return prepare_data(options)

    def _rows(self, data: str, fitted: Preprocessing) -> Batch:
        """All rows of a file, or the test part of a set of images."""
        import jax.numpy as jnp

        from fnn.data import load, read_rows
        from fnn.data.sources.images import IMAGES
        from fnn.objective import Batch

        if data in IMAGES:
            rows = load(data, data_dir=self.data_dir).test
            assert rows is not None
        else:
            rows = read_rows(data, fitted)
        with data_errors(data):
            x = fitted.encode(rows.inputs, unknown=self.unknown)
            return Batch(x, jnp.asarray(fitted.encode_target(rows.target)))
