"""The metrics of a run's epochs, by name."""

from __future__ import annotations

import numpy as np

from fnn.host import fetch
from fnn.training.program.epoch import EpochMetrics

History = dict[str, np.ndarray]
"""Columns with an entry an epoch, in order.

`loss` (without penalties, the mean over the epoch's rows as they were trained on),
`validation_<metric>` (NaN in an epoch that was not validated), and of a monitored run
`gradient_norm/<path>`, `update_ratio/<path>`, `dead_units/<path>`. Empty where no epoch ended.
"""


def columns(metrics: EpochMetrics) -> History:
    """The metrics of some epochs by name, on the host."""
    on_host = fetch(metrics)
    trained = np.asarray(on_host.trained)
    validated = trained & on_host.validated
    named = {"loss": _where(trained, on_host.loss)}
    measured = on_host.validation or {}
    for name in sorted(measured, key=lambda name: (name != "loss", name)):
        named[f"validation_{name}"] = _where(validated, measured[name])
    if on_host.monitors is not None:
        for kind, by_path in on_host.monitors._asdict().items():
            named |= {f"{kind}/{path}": _where(trained, all) for path, all in by_path.items()}
    return named


def _where(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values, and NaN where there is none."""
    return np.where(known, values, np.asarray(np.nan, np.asarray(values).dtype))


def first_epochs(history: History, count: int) -> History:
    """Its first epochs."""
    return {name: values[:count] for name, values in history.items()}


def joined(parts: list[History]) -> History:
    """One history from those of consecutive segments; empty where no epoch ended."""
    parts = [part for part in parts if part and len(part["loss"])]
    if not parts:
        return {}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


EpochRecord = dict[str, float]
"""One epoch: its number from 1 as `epoch`, and a value for every column of `History`."""


def records(history: History, number: int) -> list[EpochRecord]:
    """An epoch a record, numbered from `number`: `{"epoch": 1, "loss": 0.3, …}`."""
    epochs = range(number, number + len(history["loss"]))
    columns = [epochs, *(values.tolist() for values in history.values())]
    return [dict(zip(("epoch", *history), row, strict=True)) for row in zip(*columns, strict=True)]
