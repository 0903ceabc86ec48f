"""How good are the defaults on tables? Three public CSV files against scikit-learn's MLP.

    FNN_DATA_DIR=DIR ./scripts/python experiments/tables.py

DIR holds california-housing/housing.csv.gz, adult/adult-train.csv.gz and adult-test.csv.gz, and
bike-sharing/hour.csv.gz. The test rows are those of scikit-learn's train_test_split(test_size=0.2,
random_state=0) over all rows in file order (adult: training, then test file); a quarter of the
others is for validation. `fnn train` sees two CSV files and its defaults; only seeds differ from
run to run. Beside it stands scikit-learn 1.9.1 on the same rows: MLPClassifier and MLPRegressor
with early stopping, inputs imputed, standardized and one-hot.

The results stand in docs/numbers.md.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax

import fnn
from experiments.intervals import format_interval
from fnn.data import load, prepare
from fnn.training import Selection


class Table(NamedTuple):
    """A table: its files, the target, what is left out, and scikit-learn's figure."""

    files: tuple[str, ...]
    target: str
    drop: tuple[str, ...]
    metric: str
    reference: float
    header: bool = True


TABLES = {
    "california": Table(
        ("california-housing/housing.csv.gz",), "median_house_value", (), "r2", 0.7726
    ),
    "adult": Table(
        ("adult/adult-train.csv.gz", "adult/adult-test.csv.gz"), "15", (), "accuracy", 0.8608, False
    ),
    "bike": Table(
        ("bike-sharing/hour.csv.gz",),
        "cnt",
        ("instant", "dteday", "casual", "registered"),  # a row's number and date; parts of cnt
        "r2",
        0.8982,
    ),
}


def main() -> None:
    """Train on each table, and print the mean of the test metric."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    options = parser.parse_args()
    root = Path(os.environ["FNN_DATA_DIR"])
    for name in options.tables:
        table, start_time = TABLES[name], time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            train, test = split(table, root, Path(folder))
            values = [score(table, train, test, seed) for seed in range(options.seeds)]
        print(
            f"{name:<10} test {table.metric} {format_interval(values)}, scikit-learn's MLP "
            f"{table.reference:.4f}; {time.perf_counter() - start_time:.0f} s"
        )
    print(f"on {jax.devices()[0].device_kind}")


def score(table: Table, train: Path, test: Path, seed: int) -> float:
    """The test metric of one run with the command's defaults."""
    dataset = load(train, target=table.target, test=test, header=table.header, drop=table.drop)
    prepared = prepare(dataset, seed=seed)
    result = fnn.train(
        fnn.mlp([128, 64], prepared.preprocessing.outputs, dropout=0.2),
        prepared,
        selection=Selection("loss"),
        seed=seed,
        order_seed=seed,
        progress=False,
    )
    assert result.test is not None
    return result.test[table.metric]


def split(table: Table, root: Path, folder: Path) -> tuple[Path, Path]:
    """The rows as two files, dealt out as scikit-learn does it."""
    from sklearn.model_selection import train_test_split

    rows = [row for file in table.files for row in read(root / file)]
    head = [rows.pop(0)] if table.header else []
    parts = train_test_split(range(len(rows)), test_size=0.2, random_state=0)
    paths = folder / "train.csv", folder / "test.csv"
    for path, part in zip(paths, parts, strict=True):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([*head, *(rows[index] for index in part)])
    return paths


def read(path: Path) -> Sequence[list[str]]:
    """The rows of a gzip-compressed file; adult's test file ends its labels with a full stop."""
    with gzip.open(path, "rt", newline="") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    return (
        [[*row[:-1], row[-1].removesuffix(".")] for row in rows] if "adult" in path.name else rows
    )


if __name__ == "__main__":
    main()
