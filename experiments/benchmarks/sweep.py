"""Many runs as one program, against the plain way to write that, one after another, and others.

    ./scripts/bench sweep [--rounds 7] [--scikit] [--only digits|xor|compile]

digits: 64 runs (8 learning rates × 8 seeds) of 64-32-10, ReLU, batches of 32, Adam, 50 epochs of
1,792 rows. xor: 1,000 starts of 2-4-1, tanh, binary cross-entropy, SGD 1.0, 2,000 full-batch steps.
The bare program is `jit(vmap(scan))` with Optax, batches in one order for all, gathered outside of
what is vmapped; it measures nothing and stops for nobody. `fnn.sweep` is the whole call: a record
of every member's losses, looks at the clock, the best member's parameters on the host.

compile: the first call for 64 members against the first call of `fnn.fit`, caches empty.
scikit-learn: the 64 runs by MLPClassifier, as many at a time as there are cores.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import fnn
from experiments.benchmarks.timing import side_by_side
from fnn import xla
from fnn.losses import BinaryCrossEntropy, CrossEntropy
from fnn.optimizers import SGD, Adam

RATES = np.geomspace(1e-4, 1e-1, 8)
SEEDS = range(8)
ROWS, BATCH, EPOCHS = 1_792, 32, 50
STARTS, STEPS = 1_000, 2_000
Params = list[dict[str, jax.Array]]


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["digits", "xor", "compile"])
    parser.add_argument("--scikit", action="store_true", help="scikit-learn too (half a minute)")
    options = parser.parse_args()
    wanted = [options.only] if options.only else ["digits", "xor", "compile"]
    x, target = digits()
    if "digits" in wanted:
        print(f"{len(RATES) * len(SEEDS)} runs of digits, {EPOCHS} epochs")
        side_by_side(digits_contestants(x, target), options.rounds)
        if options.scikit:
            scikit(np.asarray(x), np.asarray(target))
    if "xor" in wanted:
        print(f"\n{STARTS:,} starts of XOR, {STEPS:,} steps")
        side_by_side(xor_contestants(), options.rounds)
    if "compile" in wanted:
        print("\nfirst calls, one epoch of digits")
        compiling(x, target, max(options.rounds // 2, 1))


def digits() -> tuple[jax.Array, jax.Array]:
    """The rows, their pixels from 0 to 1."""
    from sklearn.datasets import load_digits

    x, target = load_digits(return_X_y=True)
    return jnp.asarray(x[:ROWS] / 16, jnp.float32), jnp.asarray(target[:ROWS], jnp.int32)


def digits_run() -> fnn.Run:
    """The run that is swept."""
    return fnn.Run(fnn.Objective(fnn.mlp([32], 10, dropout=None), CrossEntropy()), Adam(), BATCH)


def digits_contestants(x: jax.Array, target: jax.Array) -> dict[str, Callable[[], object]]:
    """The bare program, the sweep, and the same runs one after another."""
    run, data = digits_run(), fnn.Batch(x, target)
    rates, seeds = (grid.ravel() for grid in np.meshgrid(RATES, np.asarray(SEEDS), indexing="ij"))
    key = jax.random.key(0)
    order = jnp.concatenate(
        [jax.random.permutation(jax.random.fold_in(key, epoch), ROWS) for epoch in range(EPOCHS)]
    ).reshape(-1, BATCH)

    def loss(params: Params, x: jax.Array, target: jax.Array) -> jax.Array:
        logits = forward(params, x, jax.nn.relu)
        return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()

    def train(seed: jax.Array, rate: jax.Array, order: jax.Array) -> tuple[Params, jax.Array]:
        return bare(initial(seed, (64, 32, 10)), optax.adam(rate), loss, (x, target), order)

    program = jax.jit(jax.vmap(train, in_axes=(0, 0, None)))
    rates32, seeds32 = jnp.asarray(rates, jnp.float32), jnp.asarray(seeds, jnp.uint32)
    over: dict[str, Any] = {"learning_rate": RATES, "seed": SEEDS}

    def one_by_one() -> None:
        for rate, seed in zip(rates, seeds, strict=True):
            changed = fnn.with_numbers(run, {"learning_rate": rate})
            fnn.fit(changed, data, epochs=EPOCHS, seed=int(seed))

    return {
        "bare jit(vmap(scan))": lambda: jax.block_until_ready(program(seeds32, rates32, order)),
        "fnn.sweep": lambda: fnn.sweep(run, data, over=over, epochs=EPOCHS),
        "fnn.fit, one by one": one_by_one,
    }


def xor_contestants() -> dict[str, Callable[[], object]]:
    """The bare program and the sweep."""
    x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    target = jnp.array([0, 1, 1, 0])
    net = fnn.mlp([4], 1, activation="tanh", dropout=None)
    run = fnn.Run(fnn.Objective(net, BinaryCrossEntropy()), SGD(1.0), "full")

    def loss(params: Params, x: jax.Array, target: jax.Array) -> jax.Array:
        logits = forward(params, x, jnp.tanh)[:, 0]
        return optax.sigmoid_binary_cross_entropy(logits, target).mean()

    def train(seed: jax.Array) -> tuple[Params, jax.Array]:
        return bare(initial(seed, (2, 4, 1)), optax.sgd(1.0), loss, (x, target), STEPS)

    program = jax.jit(jax.vmap(train))
    seeds = jnp.arange(STARTS, dtype=jnp.uint32)
    over = {"seed": range(STARTS)}
    return {
        "bare jit(vmap(scan))": lambda: jax.block_until_ready(program(seeds)),
        "fnn.sweep": lambda: fnn.sweep(run, fnn.Batch(x, target), over=over, epochs=STEPS),
    }


def initial(seed: jax.Array, widths: tuple[int, ...]) -> Params:
    """Glorot's weights and zeros."""
    layers = []
    for key, inputs, outputs in zip(
        jax.random.split(jax.random.key(seed), len(widths) - 1), widths, widths[1:], strict=False
    ):
        limit = (6 / (inputs + outputs)) ** 0.5
        weight = jax.random.uniform(key, (inputs, outputs), jnp.float32, -limit, limit)
        layers.append({"weight": weight, "bias": jnp.zeros(outputs)})
    return layers


def forward(params: Params, x: jax.Array, activation: Callable[[jax.Array], jax.Array]) -> Any:
    """Logits."""
    *hidden, last = params
    for layer in hidden:
        x = activation(x @ layer["weight"] + layer["bias"])
    return x @ last["weight"] + last["bias"]


def bare(
    params: Params,
    optimizer: optax.GradientTransformation,
    loss: Callable[..., jax.Array],
    data: tuple[jax.Array, jax.Array],
    order: jax.Array | int,
) -> tuple[Params, jax.Array]:
    """A scan over steps: batches in an order, or all rows so many times."""
    x, target = data
    whole = isinstance(order, int)

    def step(carry: tuple[Params, Any], index: jax.Array | None) -> tuple[Any, jax.Array]:
        params, state = carry
        batch = (x, target) if whole else (x[index], target[index])
        value, grads = jax.value_and_grad(loss)(params, *batch)
        updates, state = optimizer.update(grads, state)
        return (optax.apply_updates(params, updates), state), value

    steps, length = (None, order) if whole else (order, None)
    start = (params, optimizer.init(params))
    (params, _), losses = jax.lax.scan(step, start, steps, length=length)  # type: ignore[arg-type]
    return params, losses


def compiling(x: jax.Array, target: jax.Array, rounds: int) -> None:
    """First calls of a lone run and of a sweep, caches empty; a call that compiles nothing too."""
    run, data = digits_run(), fnn.Batch(x, target)
    over: dict[str, Any] = {"learning_rate": RATES, "seed": SEEDS}
    ways: dict[str, Callable[[], object]] = {
        "fnn.fit": lambda: fnn.fit(run, data, epochs=1),
        "fnn.sweep, 64 members": lambda: fnn.sweep(run, data, over=over, epochs=1),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            jax.clear_caches()
            start_time = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start_time)
    lone = seconds["fnn.fit"]
    for name, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(times, lone, strict=True))
        print(f"{name:<28} {statistics.median(times):>7.2f} s {ratio:>14.2f}")


def scikit(x: np.ndarray, target: np.ndarray) -> None:
    """The 64 runs by MLPClassifier, once."""
    import warnings

    from joblib import Parallel, delayed
    from sklearn.neural_network import MLPClassifier

    def train(rate: float, seed: int) -> None:
        warnings.simplefilter("ignore")  # it has not converged after so many epochs
        MLPClassifier(
            (32,), batch_size=BATCH, learning_rate_init=rate, max_iter=EPOCHS, random_state=seed,
            tol=0.0, n_iter_no_change=EPOCHS,
        ).fit(x, target)  # fmt: skip

    with Parallel(n_jobs=-1) as parallel:
        parallel(delayed(train)(rate, 0) for rate in RATES[:2])  # its workers start
        start_time = time.perf_counter()
        parallel(delayed(train)(rate, seed) for rate in RATES for seed in SEEDS)
        print(f"{'scikit-learn, all cores':<28} {time.perf_counter() - start_time:>7.1f} s, once")


if __name__ == "__main__":
    xla.configure()
    main()
