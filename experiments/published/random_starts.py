"""How many of many random starts solve XOR, as published and with one thing changed at a time.

Each setting is one program in `fnn`: all its starts side by side, every step of every run inside.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

import fnn
from experiments.perceptron import CORNERS, GATES, train_perceptron
from experiments.published import softmax_classifier, xor_cross_entropy, xor_squared_error
from experiments.xor import X, solve
from fnn.figures.style import BLUE, GRAY, ORANGE, new_figure, save, style_axes
from fnn.initializers import Glorot, He, Initializer, Normal
from fnn.losses import BinaryCrossEntropy
from fnn.losses.loss import Loss, paired
from fnn.optimizers import SGD
from fnn.spec import spec


@spec("published_squared_error.v1")
class SigmoidSquaredError(Loss):
    """ℓ = (σ(z) − t)²: what P4 prints, as a loss of its logits."""

    def per_example(self, output: jax.Array, target: jax.Array) -> jax.Array:
        return jnp.square(jax.nn.sigmoid(output) - paired(output, target)).mean(-1)

    def gradient(self, output: jax.Array, target: jax.Array) -> jax.Array:
        a = jax.nn.sigmoid(output)
        return 2 * (a - paired(output, target)) * a * (1 - a) / output.shape[-1]


class Setting(NamedTuple):
    """How XOR is tried: activation, weights, rate, steps, loss that is descended, inputs."""

    name: str
    weights: Initializer
    rate: float
    steps: int
    loss: Loss = BinaryCrossEntropy()
    activation: str = "relu"
    signed: bool = False
    """inputs of −1 and 1 in place of 0 and 1"""

    @property
    def run(self) -> fnn.Run:
        """The same as a spec."""
        net = fnn.mlp([4], 1, activation=self.activation, weight_init=self.weights)
        return fnn.Run(fnn.Objective(net, self.loss), SGD(self.rate), "full")


P3 = Setting(
    "P3 as published (right)",
    Normal(xor_cross_entropy.SCALE),
    xor_cross_entropy.RATE,
    xor_cross_entropy.STEPS,
)
P4 = Setting(
    "P4 as published, whichever loss it prints",
    Normal(xor_squared_error.SCALE),
    xor_squared_error.RATE,
    xor_squared_error.STEPS,
)
SETTINGS = [
    P3,
    P3._replace(name="P3, He's weights", weights=He()),
    P4,
    P4._replace(name="P4, the printed squared error descended", loss=SigmoidSquaredError()),
    P4._replace(name="P4, rate 1", rate=1.0),
    P4._replace(name="P4, He's weights", weights=He()),
    P4._replace(name="P4, He's weights, rate 1", weights=He(), rate=1.0),
    P4._replace(name="… with inputs of −1 and 1", weights=He(), rate=1.0, signed=True),
    P4._replace(
        name="… with tanh and Glorot's weights too",
        weights=Glorot(),
        rate=1.0,
        signed=True,
        activation="tanh",
    ),
]


def main(starts: int, path: Path) -> None:
    """Print and draw how many starts each setting solves; and what the perceptron learns."""
    print(f"XOR, 2-4-1, {starts:,} starts of each; 95 % intervals by Wilson")
    counts = {}
    for setting in SETTINGS:
        start_time = time.perf_counter()
        x = 2 * X - 1 if setting.signed else X
        counts[setting.name] = int(solve(fnn.numbers(setting.run), x, starts, setting.steps).sum())
        low, high = wilson(counts[setting.name], starts)
        print(
            f"{setting.name:<48} {setting.steps:>6,} steps  solved {counts[setting.name]:>5,} "
            f"({low:.3f} to {high:.3f})  {time.perf_counter() - start_time:.1f} s"
        )
    draw(counts, starts, path)
    print(
        f"\nP2's perceptron, {starts:,} starts, rate {softmax_classifier.RATE}, "
        f"{softmax_classifier.EPOCHS:,} epochs"
    )
    for gate, count in perceptrons(starts).items():
        print(f"{gate:<4} learned by {count:,} of {starts:,}")


def wilson(count: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): sound at 0 and at 1 too."""
    share, scale = count / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return middle - half, middle + half


def draw(counts: dict[str, int], starts: int, path: Path) -> None:
    """A bar a setting, those as published in another color."""
    figure = new_figure(
        9.5, 4.6, f"Which of the published programs solve XOR? {starts:,} starts each"
    )
    axes = figure.add_subplot()
    style_axes(axes, "share of starts solved, with 95 % intervals", "")
    axes.grid(False, axis="y")
    places = range(len(counts))
    shares = [count / starts for count in counts.values()]
    ranges = [wilson(count, starts) for count in counts.values()]
    sides = [
        [share - low for share, (low, _) in zip(shares, ranges, strict=True)],
        [high - share for share, (_, high) in zip(shares, ranges, strict=True)],
    ]
    colors = [ORANGE if "as published" in name else BLUE for name in counts]
    axes.barh(places, shares, color=colors, height=0.66)
    axes.errorbar(shares, places, xerr=sides, fmt="none", ecolor="black", capsize=3, linewidth=1.2)
    for place, count, (_, high) in zip(places, counts.values(), ranges, strict=True):
        axes.text(high + 0.012, place, f"{count:,}", va="center", fontsize=10, color=GRAY)
    axes.set_yticks(places, list(counts), fontsize=10, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 1.1)
    axes.invert_yaxis()
    save(figure, path)


def perceptrons(starts: int) -> dict[str, int]:
    """How many of P2's perceptrons answer each gate rightly in their last epoch."""
    net = fnn.Serial(fnn.Dense(1, weight_init=Normal(1.0)), fnn.Activation("step"))

    @jax.jit
    def learned(target: jax.Array) -> jax.Array:
        def member(seed: jax.Array) -> jax.Array:
            params, _ = net.init(jax.random.key(seed), fnn.shape(2))
            x = CORNERS.astype(jnp.float32)
            result = train_perceptron(
                net,
                params,
                x,
                target,
                epochs=softmax_classifier.EPOCHS,
                learning_rate=softmax_classifier.RATE,
            )
            return result.mistakes[-1] == 0

        return jax.vmap(member)(jnp.arange(starts)).sum()

    return {gate: int(learned(jnp.array(outputs)[:, None])) for gate, outputs in GATES.items()}
