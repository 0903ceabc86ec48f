"""fnn evaluate: the metrics of a model that was kept."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional

from fnn.cli.command import check_unchanged, read_options
from fnn.cli.kept import about, kept_model
from fnn.cli.machine import Machine
from fnn.cli.options import word
from fnn.cli.source import DataDir
from fnn.cli.watch import Metrics

if TYPE_CHECKING:
    from fnn.data import Preprocessing
    from fnn.objective import Batch
    from fnn.training.rows import Rows


@dataclass(frozen=True)
class Evaluate:
    """Measure the model of RUN on the test rows of its own data, or on all rows of DATA."""

    folder: Annotated[Positional[str], word("RUN")]
    """The folder of a run, or of a model."""
    data: Annotated[Positional[str | None], word("[DATA]")] = None
    """A file with the target in it; or mnist or fashion-mnist, their official test part."""
    metrics: Metrics = None
    """accuracy, top_5, precision, recall, f1, auc; mse, mae, r2."""
    data_dir: DataDir = None
    """Where mnist and fashion-mnist lie."""
    machine: OmitArgPrefixes[Machine] = field(default_factory=Machine)

    def run(self) -> int:
        """Print the metrics."""
        model, fitted = kept_model(self.folder, self.machine)
        from fnn.metrics import default_metrics, written
        from fnn.objective import Batch
        from fnn.training.rows import evaluate_rows

        rows = self._own_rows() if self.data is None else self._rows(self.data, fitted)
        names = tuple(self.metrics or default_metrics(model.objective.loss))
        found = evaluate_rows(model.objective, model.params, model.state, rows, names, fitted.unit)
        print(f"{len(rows.target) if isinstance(rows, Batch) else len(rows):,} rows")
        for name in names:
            print(f"{name:<9} {written(float(found[name])):>9}")
        return 0

    def _own_rows(self) -> Batch | Rows:
        """The rows that were set aside when the model was trained."""
        from fnn.cli.train import Train

        options = read_options(Train, self.folder)
        check_unchanged(self.folder, options.data)
        if self.data_dir is not None:
            file = dataclasses.replace(options.file, data_dir=self.data_dir)
            options = dataclasses.replace(options, file=file)
        test = options.prepare().test
        assert test is not None
        return test

    def _rows(self, data: str, fitted: Preprocessing) -> Batch:
        """All rows of a file, or the test part of a set of images."""
        from fnn.data import load, read_rows
        from fnn.data.images import IMAGES
        from fnn.objective import Batch

        if data in IMAGES:
            rows = load(data, data_dir=self.data_dir).test
            assert rows is not None
        else:
            rows = read_rows(data, fitted)
        with about(data):
            target: Any = fitted.encode_target(rows.target)
            return Batch(fitted.encode(rows.inputs), target)
