"""What can a perceptron learn? AND and OR, by Rosenblatt's rule; never XOR.

    ./scripts/python experiments/perceptron.py

A plane separates the corners of AND and of OR, so the mistakes reach 0 and stay there (Novikoff
1962). None separates those of XOR (Minsky & Papert 1969).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

import fnn
from fnn.training import train_perceptron

CORNERS = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
EPOCHS = 20


def main() -> None:
    """Print the mistakes of each epoch for each gate, from the same start."""
    net = fnn.perceptron()
    params, _ = net.init(jax.random.key(0), fnn.shape(2))
    learn = jax.jit(train_perceptron, static_argnames="epochs")
    for name, answers in GATES.items():
        target = jnp.array(answers)[:, None]
        mistakes = learn(net, params, CORNERS, target, epochs=EPOCHS).mistakes
        verdict = "learned" if mistakes[-1] == 0 else "not learned"
        print(f"{name:<4} mistakes by epoch {' '.join(map(str, mistakes.tolist()))}: {verdict}")


if __name__ == "__main__":
    main()
