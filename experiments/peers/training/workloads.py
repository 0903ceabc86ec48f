"""The works: what every contestant trains, on which rows, for how long a turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float32]
Params: TypeAlias = list[tuple[Float, Float]]
"""(weight [I, O], bias [O]) of each layer"""


class Rows(NamedTuple):
    """Inputs [N, I] in float32 and targets [N], numbers of classes, in int32."""

    x: Float
    target: NDArray[np.int32]


class Task(NamedTuple):
    """What is asked of a contestant in a turn, and how often what is timed happens in it."""

    name: str
    command: dict[str, Any]
    times: int = 1

    @property
    def first(self) -> dict[str, Any]:
        """The same, for once."""
        once = {name: 1 for name in ("epochs", "calls") if name in self.command}
        return self.command | once


@dataclass(frozen=True)
class Workload:
    """A network with a softmax over classes, or one logit where `sizes` end in 1.

    `epochs` make a turn, `slow_epochs` one of those that pass through Python at every step. The
    time of `shown` epochs is what tables show. Rows are noise, and the class of a row is a linear
    function of it, so that there is something to learn; XOR is XOR.
    """

    name: str
    sizes: tuple[int, ...]
    rows: int
    batch: int
    activation: Literal["relu", "tanh"] = "relu"
    dropout: float | None = None
    optimizer: Literal["adam", "sgd"] = "adam"
    rate: float = 0.001
    epochs: int = 1
    slow_epochs: int = 1
    shown: int = 1

    @property
    def whole(self) -> bool:
        """Whether a batch is all of the rows."""
        return self.batch >= self.rows

    @property
    def steps(self) -> int:
        """Steps in an epoch, the ragged last one too."""
        return -(-self.rows // self.batch)

    @property
    def nbytes(self) -> int:
        """What the rows to train on take."""
        return 4 * self.rows * (self.sizes[0] + 1)

    def train(self) -> Rows:
        """The rows to train on."""
        return self.draw(self.rows, 0)

    def test(self) -> Rows:
        """A fifth as many others."""
        return self.draw(max(self.rows // 5, 1), 1)

    def draw(self, rows: int, seed: int) -> Rows:
        """Rows from a seed; the same linear function makes the classes of all."""
        if self.sizes[-1] == 1:
            corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
            return Rows(corners, np.array([0, 1, 1, 0], np.int32))
        x = np.random.default_rng(seed).random((rows, self.sizes[0]), np.float32)
        teacher = np.random.default_rng(2).standard_normal((self.sizes[0], self.sizes[-1]))
        logits = x @ teacher.astype(np.float32) - teacher.astype(np.float32).sum(0) / 2
        return Rows(x, logits.argmax(1).astype(np.int32))

    def params(self, seed: int = 0) -> Params:
        """Where all start: weights of variance 2 / fan_in, biases of 0."""
        draw = np.random.default_rng(seed)
        return [
            (
                np.float32(np.sqrt(2 / inputs))
                * draw.standard_normal((inputs, outputs), np.float32),
                np.zeros(outputs, np.float32),
            )
            for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False)
        ]

    def tasks(self, slow: bool) -> list[Task]:
        """What is timed."""
        if self.name == "predict":
            return [
                Task("1 row", {"do": "predict", "rows": 1, "calls": 200}, 200),
                Task("10,000 rows", {"do": "predict", "rows": 10_000, "calls": 4}, 4),
            ]
        epochs = self.slow_epochs if slow else self.epochs
        return [
            Task("epoch", {"do": "train", "epochs": epochs}, epochs),
            Task("evaluate", {"do": "evaluate"}),
        ]


WORKLOADS = {
    work.name: work
    for work in (
        Workload("mnist", (784, 128, 64, 10), 60_000, 128),
        Workload("dropout", (784, 128, 64, 10), 60_000, 128, dropout=0.2),
        Workload("wide", (784, 1024, 1024, 10), 20_000, 256),
        Workload("digits", (64, 32, 10), 1_792, 32, epochs=50, slow_epochs=5),
        Workload(
            "xor", (2, 4, 1), 4, 4, "tanh", None, "sgd", 1.0,
            epochs=10_000, slow_epochs=1_000, shown=10_000,
        ),
        Workload("predict", (784, 512, 512, 10), 10_000, 128),
    )
}  # fmt: skip
