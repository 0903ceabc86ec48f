"""How the time of a sweep grows with its members, from 1 to as many as are asked for.

    ./scripts/bench members [--most 4096] [--data digits|mnist] [--epochs 10] [--rounds 3]
        [--torch] [--out members.png]

digits: 64-32-10 in batches of 32. mnist: 784-128-64-10 in batches of 128, 48,000 rows; it has to be
where `fnn train mnist` finds it. Members differ in their seeds; Adam at 0.001 trains them. Seconds
are those of a whole call of `fnn.sweep`, its programs compiled before. One by one: as many calls of
`fnn.fit`, timed for a few and counted up. With torch: the same networks under `torch.func.vmap`,
batches in one order, gathered once for all, Adam written out over the stacked parameters.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

import fnn
from fnn import xla
from fnn.figures.style import legend_above, log_scale, new_figure, save, style_axes
from fnn.losses import CrossEntropy
from fnn.optimizers import Adam

WORK = {"digits": ((32,), 32), "mnist": ((128, 64), 128)}
"""hidden widths and batch size"""
LONE = 4
"""runs that are timed for one by one"""


def main() -> None:
    """Print a line a number of members, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=256)
    parser.add_argument("--data", choices=[*WORK], default="digits")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    prepared = fnn.data.prepare(fnn.data.load(options.data))
    data, (hidden, size) = prepared.train, WORK[options.data]
    assert isinstance(data, fnn.Batch)
    net = fnn.mlp(hidden, 10, dropout=None)
    run = fnn.Run(fnn.Objective(net, CrossEntropy()), Adam(), size)
    widths = (data.x.shape[1], *hidden, 10)
    named = "-".join(map(str, widths))
    print(f"{options.data} {named}, {len(data.target):,} rows, {options.epochs} epochs")
    print(f"on {jax.devices()[0].device_kind}, JAX {jax.__version__}")
    lone = timed(lambda: alone(run, data, options.epochs), options.rounds) / LONE
    print(f"{'members':>8} {'fnn.sweep':>12} {'a member':>12} {'one by one':>12}", flush=True)
    counts, seconds, others = powers(options.most), [], []
    for count in counts:
        sweep = functools.partial(together, run, data, options.epochs, count)
        seconds.append(timed(sweep, options.rounds))
        line = f"{count:>8,} {seconds[-1]:>10.3f} s {1e3 * seconds[-1] / count:>9.2f} ms"
        line += f" {lone * count:>10.3f} s"
        if options.torch:
            torch = functools.partial(torch_ensemble, data, widths, size, options.epochs, count)
            others.append(timed(torch, 1))
            line += f" {others[-1]:>10.3f} s torch.func"
        print(line, flush=True)
    if options.out:
        draw(counts, {"fnn.sweep": seconds, "torch.func": others}, lone, options.out)


def powers(most: int) -> list[int]:
    """1, 2, 4, … and the largest."""
    result = [2**power for power in range(most.bit_length()) if 2**power < most]
    return [*result, most]


def timed(call: Callable[[], object], rounds: int) -> float:
    """The median of some calls after a first one."""
    call()
    seconds = []
    for _ in range(rounds):
        start_time = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start_time)
    return statistics.median(seconds)


def together(run: fnn.Run, data: fnn.Batch, epochs: int, count: int) -> None:
    """So many members as a sweep."""
    fnn.sweep(run, data, over={"seed": range(count)}, epochs=epochs)


def alone(run: fnn.Run, data: fnn.Batch, epochs: int) -> None:
    """A few runs one by one."""
    for seed in range(LONE):
        fnn.fit(run, data, epochs=epochs, seed=seed)


def torch_ensemble(
    data: fnn.Batch, widths: tuple[int, ...], size: int, epochs: int, count: int
) -> None:
    """The same networks as a vmapped ensemble of PyTorch, on its GPU where it has one."""
    import torch
    from torch.func import functional_call, grad, stack_module_state, vmap

    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, target = (torch.tensor(np.asarray(leaf), device=device) for leaf in (data.x, data.target))

    def net() -> torch.nn.Module:
        layers = [torch.nn.Linear(*pair) for pair in itertools.pairwise(widths)]
        parts = [part for layer in layers for part in (layer, torch.nn.ReLU())][:-1]
        return torch.nn.Sequential(*parts).to(device)

    like = net()
    params, _ = stack_module_state([net() for _ in range(count)])
    params = {name: leaf.detach() for name, leaf in params.items()}

    def loss(params: dict, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(functional_call(like, params, x), target)

    gradient = vmap(grad(loss), in_dims=(0, None, None))
    first = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    second = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    number = 0
    for _ in range(epochs):
        for index in torch.randperm(len(x), device=device).split(size):
            number += 1
            grads = gradient(params, x[index], target[index].long())
            for name, g in grads.items():
                first[name].mul_(0.9).add_(g, alpha=0.1)
                second[name].mul_(0.999).addcmul_(g, g, value=0.001)
                mean = first[name] / (1 - 0.9**number)
                root = (second[name] / (1 - 0.999**number)).sqrt_().add_(1e-8)
                params[name] -= 0.001 * mean / root
    if device == "cuda":
        torch.cuda.synchronize()


def draw(counts: list[int], lines: dict[str, list[float]], lone: float, path: Path) -> None:
    """Seconds over members, both on log scales."""
    figure = new_figure(6.4, 4.4, "")
    axes = figure.add_subplot()
    style_axes(axes, "members", "seconds")
    axes.set_xscale("log", base=2)
    for name, seconds in lines.items():
        if seconds:
            axes.plot(counts, seconds, marker="o", label=name)
    axes.plot(counts, [lone * count for count in counts], "--", color="gray", label="one by one")
    log_scale(axes)
    legend_above(axes)
    save(figure, path)


if __name__ == "__main__":
    xla.configure()
    main()
