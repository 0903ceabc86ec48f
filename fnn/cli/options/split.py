"""The options of the split: which rows train, validate and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fnn.cli.options.option import option, option_errors
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.data import Dataset, Prepared


@dataclass(frozen=True)
class SplitOptions:
    """Which rows train, validate and test; an official test part stays as it is."""

    split: Annotated[tuple[float, float, float], option("TRAIN VALIDATION TEST")] = (60, 20, 20)
    """Their shares."""
    stratify: Annotated[bool, option()] = True
    """Keep the classes' shares in each part."""
    split_seed: Annotated[int, option("N")] = 0
    """Draws which rows go where."""

    def prepare(self, dataset: Dataset) -> Prepared:
        """The data, split and encoded. Raises `FnnError` where no rows are left to test."""
        from fnn.data import prepare

        with option_errors(fractions="--split", seed="--split-seed"):
            prepared = prepare(dataset, self.split, seed=self.split_seed, stratify=self.stratify)
        if prepared.test is None:
            fractions = " ".join(f"{share:g}" for share in self.split)
            raise FnnError(f"{fractions} leave no rows to test", "--split")
        return prepared
