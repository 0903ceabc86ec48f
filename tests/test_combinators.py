"""Combinators: keys, fan-out, tied weights, order of state, tapes that cross jit, vmap and scan."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.combinators import Parallel, Repeat, Residual, Serial
from fnn.initializers import Initializer
from fnn.layer import Layer
from fnn.layers import Activation, BatchNorm, Dense, Dropout, Flatten, LayerNorm
from fnn.shapes import shape
from fnn.spec import spec
from tests.cases import random_like

KEY = jax.random.key(0)
RBG = jax.random.key(1, impl="unsafe_rbg")
"""quick to compile, for what doesn't ask about randomness"""
F64 = shape(5, dtype=jnp.float64)


def normal(*axes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=axes)


def made(layer: Layer, in_shape: Any = F64) -> tuple[Any, Any]:
    """Parameters and state of random numbers, nothing compiled."""
    params, state = jax.eval_shape(lambda: layer.init(RBG, in_shape))
    return random_like(params, 3), jax.tree.map(abs, random_like(state, 4))


@jax.jit
def forward(layer: Layer, params: Any, state: Any, x: Any, key: Any = None) -> Any:
    """The output, the new state and the tape, which leaves the program."""
    return layer.forward(params, state, x, train=True, key=key)


@jax.jit
def backward(layer: Layer, params: Any, tape: Any, dy: Any) -> Any:
    """A program of its own, which only sees the tape."""
    return layer.backward(params, tape, dy)


@jax.jit
def by_hand(layer: Layer, params: Any, state: Any, x: Any, dy: Any, key: Any = None) -> Any:
    """(dx, dparams), the output and the new state, as one program."""
    y, new, tape = layer.forward(params, state, x, train=True, key=key)
    return layer.backward(params, tape, dy), y, new


@jax.jit
def automatic(layer: Layer, params: Any, state: Any, x: Any, dy: Any) -> Any:
    """(dx, dparams)."""
    _, pull = jax.vjp(lambda x, params: layer.apply(params, state, x, train=True)[0], x, params)
    return pull(dy)


def close(a: Any, b: Any) -> None:
    chex.assert_trees_all_close(a, b, rtol=1e-12, atol=1e-12)


# Keys


DROPOUTS = Serial(
    Dropout(),
    Repeat(Dropout(), 2),
    Parallel(Dropout(), Dropout(), join="concatenate"),
    Residual(Dropout(), Dropout()),
    Residual(Serial(Dropout())),
)
PATHS = {
    "serial": [(0,)],
    "repeat": [(1, 0), (1, 1)],
    "parallel": [(2, 0), (2, 1)],
    "residual": [(3, 0), (3, 1)],
    "serial in residual": [(4, 0, 0)],
}


def test_every_mask_follows_from_fold_in() -> None:
    """Child i of a combinator draws from `fold_in(key, i)`, application i of a Repeat too."""
    x = np.ones((4, 64))

    @jax.jit
    def run(layer: Serial, key: jax.Array) -> Any:
        _, _, tape = layer.forward(*made(layer, shape(64)), x, train=True, key=key)
        masks = []
        for path in itertools.chain(*PATHS.values()):
            width = 64 if path[0] < 3 else 128
            own = functools.reduce(jax.random.fold_in, path, key)
            y, _ = Dropout().apply({}, {}, np.ones((4, width)), train=True, key=own)
            masks.append(y != 0)
        return tape, masks

    tape, expected = run(DROPOUTS, RBG)
    once, repeated, (branches, _), residual, nested = jax.device_get(tape)
    found = [
        once[0],
        *repeated[0],
        *(mask for mask, _ in branches),
        *(residual[name][0] for name in ("inner", "shortcut")),
        nested["inner"][0][0],
    ]
    for mask, own in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mask, own)
    for a, b in itertools.combinations([mask[:, :64] for mask in found], 2):
        assert abs((a != b).mean() - 0.5) < 5 * 0.5 / np.sqrt(256), "a key was used twice"


@spec("test_key_bits.v1")
class KeyBits(Initializer):
    """The key itself, as a number."""

    def draw(self, key: Any, shape: Any, dtype: Any) -> Any:
        return jnp.full(shape, jax.random.key_data(key)[0].astype(dtype))


def test_every_initializer_has_a_key_of_its_own() -> None:
    """Also where layers are alike; a weight's and a bias's differ too."""
    alike = Dense(5, KeyBits(), KeyBits())
    pair = Parallel(alike, alike)
    net = Serial(alike, Repeat(alike, 2), pair, Residual(alike, alike), Residual(Serial(alike)))
    params, _ = jax.jit(lambda: net.init(KEY, F64))()
    keys = np.concatenate([np.unique(leaf) for leaf in jax.tree.leaves(params)])
    assert keys.size == np.unique(keys).size == 16


# Fan-out


def test_an_input_used_several_times() -> None:
    """Cotangents of all uses add up."""
    x, dy = normal(6, 5), normal(6, 5, seed=1)
    same = Activation("identity")
    net = Parallel(Serial(), same, Residual(Residual(same), same))
    params, state = made(net)
    found, y, _ = by_hand(net, params, state, x, dy)
    close(y, 5 * x)
    close(found[0], 5 * dy)
    close(found, automatic(net, params, state, x, dy))


def test_branches_share_an_input_side_by_side() -> None:
    """dx = dy₁ W₁ᵀ + dy₂ + dy₃ W₃ᵀ, each branch seeing its own columns."""
    net = Parallel(Dense(2), Activation("identity"), Dense(3), join="concatenate")
    params, state = made(net)
    x, dy = normal(6, 5), normal(6, 10, seed=1)
    (dx, grads), y, _ = by_hand(net, params, state, x, dy)
    first, _, last = params["branches"]
    expected = [x @ first["weight"] + first["bias"], x, x @ last["weight"] + last["bias"]]
    close(y, np.concatenate(expected, 1))
    close(dx, dy[:, :2] @ first["weight"].T + dy[:, 2:7] + dy[:, 7:] @ last["weight"].T)
    close(grads["branches"][2], {"weight": x.T @ dy[:, 7:], "bias": dy[:, 7:].sum(0)})
    close((dx, grads), automatic(net, params, state, x, dy))


# Repeat


BLOCK = Serial(BatchNorm(), Dense(5), Activation("tanh"), Dropout(0.25), LayerNorm())


def test_repeat_is_a_serial_of_its_layers() -> None:
    """Outputs, masks, state at its depth, and gradients: slice i of each stack is layer i's."""
    times = 3
    repeat, serial = Repeat(Residual(BLOCK), times), Serial(*[Residual(BLOCK)] * times)
    params, state = made(repeat)
    x, dy = normal(6, 5), normal(6, 5, seed=1)
    own = [
        {"layers": tuple(jax.tree.map(lambda leaf, i=i: leaf[i], t["inner"]) for i in range(times))}
        for t in (params, state)
    ]
    (dx, grads), y, new = by_hand(repeat, params, state, x, dy, RBG)
    (sdx, sgrads), sy, snew = by_hand(serial, *own, x, dy, RBG)

    def stacked(tree: Any) -> Any:
        return {"inner": jax.tree.map(lambda *leaves: np.stack(leaves), *tree["layers"])}

    close((y, dx), (sy, sdx))
    close(new, stacked(snew))
    close(grads, stacked(sgrads))
    means = new["inner"]["inner"]["layers"][0]["mean"]
    assert abs(means[0] - means[1]).min() > 1e-3, "each depth has statistics of its own"


def test_tied_repeat_is_a_loop_with_shared_parameters() -> None:
    """One set of parameters: its gradient is the sum over the applications."""
    times = 3
    inner = Serial(Dense(5), Activation("tanh"))
    net = Repeat(inner, times, tied=True)
    params, state = made(net)
    assert params["inner"]["layers"][0]["weight"].shape == (5, 5)
    x, dy = normal(6, 5), normal(6, 5, seed=1)
    (dx, grads), y, _ = by_hand(net, params, state, x, dy)

    weight, bias = (params["inner"]["layers"][0][name] for name in ("weight", "bias"))
    inputs = [x]
    for _ in range(times):
        inputs.append(np.tanh(inputs[-1] @ weight + bias))
    dweight, dbias, d = np.zeros_like(weight), np.zeros_like(bias), dy
    for before, after in zip(inputs[-2::-1], inputs[:0:-1], strict=True):
        d = d * (1 - after**2)
        dweight, dbias = dweight + before.T @ d, dbias + d.sum(0)
        d = d @ weight.T
    close(y, inputs[-1])
    close((dx, grads), (d, {"inner": {"layers": ({"weight": dweight, "bias": dbias}, {})}}))
    close((dx, grads), automatic(net, params, state, x, dy))


@pytest.mark.parametrize("tied", [False, True])
def test_depth_does_not_grow_the_program(tied: bool) -> None:
    def equations(times: int) -> int:
        net = Repeat(Residual(BLOCK), times, tied=tied)

        def both(params: Any, state: Any, x: Any, key: Any) -> Any:
            y, state, tape = net.forward(params, state, x, train=True, key=key)
            return state, net.backward(params, tape, y)

        return count(jax.make_jaxpr(both)(*made(net), normal(6, 5), KEY).jaxpr)

    assert 50 < equations(2) == equations(20)


def count(jaxpr: Any) -> int:
    """Equations, those of inner programs included."""
    inner = (
        getattr(leaf, "jaxpr", leaf)
        for equation in jaxpr.eqns
        for leaf in jax.tree.leaves(list(equation.params.values()))
    )
    return len(jaxpr.eqns) + sum(count(leaf) for leaf in inner if hasattr(leaf, "eqns"))


# State


def test_state_stays_in_its_place() -> None:
    """Every BatchNorm keeps its own statistics, in the structure that `init` gave them."""
    net = Serial(
        BatchNorm(),
        Activation("relu"),
        Parallel(BatchNorm(), Serial(Dense(4), BatchNorm()), join="concatenate"),
        Residual(Serial(Dense(3), BatchNorm()), Dense(3)),
        BatchNorm(),
    )
    params, state = made(net)
    state = jax.tree.map(np.zeros_like, state)
    x = 2 + normal(6, 5)
    _, new, _ = forward(net, params, state, x)
    chex.assert_trees_all_equal_shapes_and_dtypes(new, state)
    first, _, parallel, residual, last = new["layers"]
    close(first["mean"], x.mean(0))
    scale, shift = (params["layers"][0][name] for name in ("scale", "shift"))
    h = np.maximum(scale * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) + shift, 0)
    close(parallel["branches"][0]["mean"], h.mean(0))
    dense = params["layers"][2]["branches"][1]["layers"][0]
    wide = h @ dense["weight"] + dense["bias"]
    close(parallel["branches"][1]["layers"][1]["mean"], wide.mean(0))
    close(parallel["branches"][1]["layers"][1]["variance"], wide.var(0))
    assert residual["inner"]["layers"][1]["mean"].shape == (3,)
    assert last["mean"].shape == (3,)
    assert residual["shortcut"] == {}


# Tapes


TAPED = Serial(
    Flatten(2),
    Parallel(Dense(2), Serial(BatchNorm(), Dense(3)), join="concatenate"),
    Residual(Dropout(0.5)),
    Repeat(Serial(Dense(5), Activation("relu")), 2),
)
TAPED_SHAPE = shape(2, 3, dtype=jnp.float64)


@pytest.fixture(scope="module")
def taped() -> Any:
    """Inputs of TAPED for three members, and what one program makes of the first."""
    params, state = made(TAPED, TAPED_SHAPE)
    x, dy = normal(3, 4, 2, 3), normal(3, 4, 5, seed=1)
    expected, _, _ = by_hand(TAPED, params, state, x[0], dy[0], RBG)
    return params, state, x, dy, expected


def test_a_tape_crosses_jit(taped: Any) -> None:
    """It leaves one compiled program and enters another, static facts and all."""
    params, state, x, dy, expected = taped
    _, _, tape = forward(TAPED, params, state, x[0], RBG)
    close(backward(TAPED, params, tape, dy[0]), expected)


def test_a_tape_crosses_vmap_and_scan(taped: Any) -> None:
    params, state, x, dy, expected = taped

    def there(x: Any) -> Any:
        return TAPED.forward(params, state, x, train=True, key=RBG)[2]

    def back(tape: Any, dy: Any) -> Any:
        return TAPED.backward(params, tape, dy)

    @jax.jit
    def run(x: Any, dy: Any) -> Any:
        mapped = jax.vmap(back)(jax.vmap(there)(x), dy)
        _, tapes = jax.lax.scan(lambda c, x: (c, there(x)), 0, x)
        _, scanned = jax.lax.scan(lambda c, given: (c, back(*given)), 0, (tapes, dy))
        return mapped, scanned

    mapped, scanned = run(x, dy)
    close(mapped, scanned)
    close(jax.tree.map(lambda leaf: leaf[0], mapped), expected)
