"""Networks side by side, whose outputs are averaged."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from fnn.combinators.repeat import Repeat
from fnn.combinators.residual import Residual
from fnn.combinators.serial import Serial, with_integers, with_state
from fnn.combinators.trees import check_stacked
from fnn.layer import (
    Array,
    Child,
    Example,
    Forward,
    Grads,
    Key,
    Layer,
    Params,
    PyTree,
    State,
    Tape,
    fold,
    require_key,
)
from fnn.layers import Activation, Dense, Softmax
from fnn.ops import log_softmax, log_softmax_backward, softmax
from fnn.shapes import shape, trailing, wide
from fnn.spec import error_path, part, spec, static


@spec("ensemble.v1")
class Ensemble(Layer):
    """M = `members` networks of one kind for the same input, their outputs z₁ … z_M averaged.

    | `average` | y | for |
    |---|---|---|
    | "mean" | Σ zₘ / M | numbers, and networks that end in probabilities |
    | "softmax" | log Σ softmax(zₘ) / M | logits of classes |
    | "sigmoid" | logit(Σ σ(zₘ) / M) | logits of yes/no answers |

    So softmax(y) or σ(y) is the mean of the members' probabilities, and the losses and metrics of
    one network do for the ensemble (Lakshminarayanan et al. 2017, arXiv:1612.01474). Logarithms of
    sums of exponentials keep y right where probabilities would round to 0 or 1; averages are
    computed in float32 or wider.

    Inputs go to all members, x (…), and outputs (…, C) keep their shape. Parameters and state carry
    a leading axis of length M. Member m draws from `fold_in(key, m)`. Training it fits the average,
    as one large network; `fnn.ensemble` trains members apart from each other, which is what makes
    an ensemble more than that. Raises `ShapeError` where parameters or state are not stacked.
    """

    inner: Layer = part()
    members: int = static(low=1)
    average: Literal["mean", "softmax", "sigmoid"] = static(default="mean")

    def check_forward(self, params: Params, state: State, x: PyTree, train: bool) -> None:
        check_stacked(self, self.members, params, state)

    def out_shape(self, in_shape: PyTree) -> PyTree:
        with error_path("inner"):
            inner = self.inner.out_shape(in_shape)
        trailing(self, inner, 1)
        return inner

    def init(self, key: Key, in_shape: PyTree) -> tuple[Params, State]:
        self.out_shape(in_shape)
        keys = jax.random.split(require_key(self, key), self.members)
        with error_path("inner"):
            params, state = jax.vmap(lambda key: self.inner.init(key, in_shape))(keys)
        return {"inner": params}, {"inner": state}

    def forward(self, params: Params, state: State, x: PyTree, *, train: bool, key: Key) -> Forward:
        z, state, tapes = self._members(params, state, x, train=train, key=key)
        trailing(self, z, 2)
        y, saved = _FORWARD[self.average](z.astype(wide(z.dtype)))
        return y.astype(z.dtype), {"inner": state}, (tapes, saved)

    def backward(self, params: Params, tape: Tape, dy: PyTree) -> tuple[PyTree, Grads]:
        tapes, saved = tape
        dz = self.cotangents(saved, dy)
        dx, grads = jax.vmap(self.inner.backward)(params["inner"], tapes, dz)
        return jax.tree.map(lambda leaf: leaf.sum(0), dx), {"inner": grads}

    def cotangents(self, saved: Array | None, dy: Array) -> Array:
        """Those of the members' outputs (M, …), from what the average saved of them."""
        if self.average == "mean":
            return jnp.broadcast_to((dy / self.members)[None], (self.members, *dy.shape))
        assert saved is not None
        return _BACKWARD[self.average](saved, dy.astype(saved.dtype)[None]).astype(dy.dtype)

    def children(self, in_shape: PyTree) -> tuple[Child, ...]:
        return (Child("inner", self.inner, in_shape, self.members),)

    def outputs(self, params: Params, state: State, x: PyTree) -> PyTree:
        """The members' own outputs (M, …) in evaluation mode: `inner`'s, before any average."""
        self.check_forward(params, state, x, train=False)
        return self._members(params, state, x, train=False, key=None)[0]

    def _members(
        self, params: Params, state: State, x: PyTree, *, train: bool, key: Key
    ) -> Forward:
        def one(index: Array, p: Params, s: State) -> Forward:
            with error_path("inner"):
                return self.inner.forward(p, s, x, train=train, key=fold(key, index))

        outputs: Forward = jax.vmap(one)(jnp.arange(self.members), params["inner"], state["inner"])
        return outputs


def _mean(z: Array) -> tuple[Array, Array | None]:
    return z.mean(0), None


def _softmax(z: Array) -> tuple[Array, Array | None]:
    logs = log_softmax(z)
    return jax.nn.logsumexp(logs, 0) - jnp.log(jnp.asarray(len(z), z.dtype)), logs


def _softmax_back(logs: Array, dy: Array) -> Array:
    """Each member's share of the averaged probability, then back through its own log-softmax."""
    return log_softmax_backward(jnp.exp(logs), dy * softmax(logs, axis=0))


def _sigmoid(z: Array) -> tuple[Array, Array | None]:
    yes, no = jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z)
    return jax.nn.logsumexp(yes, 0) - jax.nn.logsumexp(no, 0), z


def _sigmoid_back(z: Array, dy: Array) -> Array:
    """Each member's shares of the averaged yes and of the averaged no, times their slopes."""
    of_yes, of_no = softmax(jax.nn.log_sigmoid(z), axis=0), softmax(jax.nn.log_sigmoid(-z), axis=0)
    return dy * (of_yes * jax.nn.sigmoid(-z) + of_no * jax.nn.sigmoid(z))


_FORWARD = {"mean": _mean, "softmax": _softmax, "sigmoid": _sigmoid}
_BACKWARD = {"softmax": _softmax_back, "sigmoid": _sigmoid_back}


def examples() -> tuple[Example, ...]:
    """Cases that tests and audits are derived from."""
    nested = Ensemble(Repeat(Serial(Ensemble(Dense(5), 3), Activation("tanh")), 2), 2, "softmax")
    return (
        Example("ensemble", Ensemble(Serial(Dense(4), Activation("tanh"), Dense(3)), 3), shape(5)),
        Example(
            "ensemble of classes",
            Ensemble(Serial(Dense(4), Activation("silu"), Dense(3)), 3, "softmax"),
            shape(5),
        ),
        Example("ensemble of answers over time", Ensemble(Dense(2), 2, "sigmoid"), shape(3, 5)),
        Example("ensemble of one", Ensemble(Serial(Dense(3), Softmax()), 1), shape(5)),
        Example(
            "ensemble with state",
            Ensemble(with_state(), 2, "softmax"),
            shape(5),
            per_example=False,
        ),
        Example(
            "ensemble in evaluation", Ensemble(with_state(), 2, "sigmoid"), shape(5), train=False
        ),
        Example("ensemble of integers", Ensemble(with_integers(), 2), shape(5, dtype=jnp.int32)),
        Example("ensemble in and around others", Residual(nested), shape(5)),
    )
