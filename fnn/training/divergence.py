"""Numbers that are not finite: the step, the layer and the leaf where they first appear.

A run that is cut anywhere gives the same bits, so nothing has to be recorded as long as all is
finite: when something is not, the steps since the last event are computed again.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnn.gradients import METHODS, manual
from fnn.host import fetch
from fnn.layer import Layer, PyTree
from fnn.objective import Batch
from fnn.optimizers import Rule
from fnn.spec import FnnError, join, named_leaves, path_name
from fnn.training.host.source import Source
from fnn.training.program.state import RunState
from fnn.training.program.step import step
from fnn.training.run import Run

ADVICE = "Try a smaller learning rate, or clip the gradient"


def is_finite(
    run: Run, state: RunState, losses: np.ndarray | jax.Array | Sequence[float] = ()
) -> bool:
    """Whether all is finite that the next step starts from, and the losses of some epochs."""
    read = (state.params, state.state, state.loss_sum, _optimizer_state(run, state))
    return bool(np.isfinite(losses).all()) and _all_finite(read)


def _optimizer_state(run: Run, state: RunState) -> PyTree:
    """None for a user's own optimizer: Optax's may hold infinities (a best value so far)."""
    return state.optimizer_state if isinstance(run.optimizer, Rule) else None


def check_start(run: Run, state: RunState) -> None:
    """Raises `FnnError` for a run that starts from values that are not finite."""
    if not is_finite(run, state):
        try:
            _check_finite("the initial ", state.params)
        except _NotFiniteError as error:
            raise FnnError(str(error), "net") from None


def diagnose(
    run: Run, source: Source, before: RunState, start: int, stop: int
) -> tuple[RunState, str]:
    """The last finite state, and what went wrong in the step after it.

    `before` stands at step `start` and is finite; at `stop` something is not finite.
    """
    good, bad, state = start, stop, before
    while bad - good > 1:
        middle = (good + bad) // 2
        reached, metrics = source.advance(before, start, middle)
        if is_finite(run, reached, metrics.loss):
            good, state = middle, reached
        else:
            bad = middle
    epoch, index = divmod(good, source.plan.steps)
    return state, (
        f"the run left the finite numbers at step {index + 1} of epoch {epoch + 1} "
        f"(step {bad} of the run): {explain(run, state, source.batch(state, good))}"
    )


def explain(run: Run, state: RunState, batch: Batch) -> str:
    """Where the first value that is not finite appears in a step that starts from finite ones."""
    try:
        _check_finite("", batch)
    except _NotFiniteError as error:
        return f"the rows themselves: {error}"
    key = jax.random.fold_in(state.step_key, state.step)
    arguments = state.params, state.state, batch
    watched = _watched(run.objective)
    try:
        with jax.disable_jit():  # what is traced can't be checked
            _, aux = watched.value(*arguments, key=key)
            low, high = aux.output.min(), aux.output.max()
            _check_finite(f"the loss of outputs from {low:.3g} to {high:.3g}", aux.loss)
            manual.value_and_grad(watched)(*arguments, key=key)
        penalties, grads, after = _by_parts(run, state, batch, key)
        _check_finite("the gradient of penalties", penalties)
        _check_finite("the gradient of ", grads)
        _check_finite("the sum of the epoch's losses", after.loss_sum)
        _check_finite("the layers' state ", after.state)
        _check_finite("the optimizer's ", _optimizer_state(run, after))
        _check_finite("once updated, ", after.params)
    except _NotFiniteError as error:
        return f"{error}. {ADVICE}"
    return f"not to be found outside the compiled program, which rounds otherwise. {ADVICE}"


@jax.jit
def _by_parts(run: Run, state: RunState, batch: Batch, key: jax.Array) -> tuple[PyTree, ...]:
    """The gradient of each penalty, that of all, and the state after the step."""
    penalties = [penalty.gradient(state.params) for penalty in run.objective.penalties]
    differentiate = METHODS[run.gradient](run.objective)
    _, grads = differentiate(state.params, state.state, batch, key=key)
    return penalties, grads, step(run, state, batch)[0]


class _NotFiniteError(Exception):
    pass


class _Watched(Layer):
    """A layer that checks all that it returns."""

    def __init__(self, layer: Layer, path: str) -> None:
        self.kind, self.path = type(layer).__name__, path
        self.inner = _watched(layer, path)

    def forward(
        self, params: PyTree, state: PyTree, x: PyTree, *, train: bool, key: jax.Array | None
    ) -> tuple[PyTree, PyTree, PyTree]:
        y, state, tape = self.inner.forward(params, state, x, train=train, key=key)
        self._check_finite("the output of", y)
        return y, state, tape

    def backward(self, params: PyTree, tape: PyTree, dy: PyTree) -> tuple[PyTree, PyTree]:
        self._check_finite("the gradient that reaches", dy)
        dx, grads = self.inner.backward(params, tape, dy)
        self._check_finite("the gradient of", grads)
        self._check_finite("the gradient of the input of", dx)
        return dx, grads

    def _check_finite(self, what: str, tree: PyTree) -> None:
        for name, leaf in named_leaves(tree).items():
            _check_finite(f"{what} {join(self.path, name)} ({self.kind})", leaf)


def _check_finite(what: str, tree: PyTree) -> None:
    """Raises for the first leaf that is not finite."""
    for name, leaf in named_leaves(tree).items():
        if not _finite(leaf):
            raise _NotFiniteError(_complaint(what + name, leaf))


def _watched(tree: PyTree, path: str = "") -> PyTree:
    """The spec with each of its layers, at any depth, watched."""
    leaves, treedef = jax.tree_util.tree_flatten_with_path(
        tree, is_leaf=lambda node: node is not tree and isinstance(node, Layer)
    )
    watched = []
    for keys, leaf in leaves:
        if isinstance(leaf, Layer):
            leaf = _Watched(leaf, join(path, path_name(keys)))
        watched.append(leaf)
    return jax.tree.unflatten(treedef, watched)


def _finite(leaf: jax.Array) -> bool:
    """Whether an array holds no NaN and nothing infinite."""
    return not jnp.issubdtype(leaf.dtype, jnp.inexact) or bool(jnp.isfinite(leaf).all())


def _all_finite(tree: PyTree) -> bool:
    """On the host where the arrays lie in its memory: a program would take a second to compile."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    if all(device.platform == "cpu" for leaf in leaves for device in leaf.devices()):
        return all(bool(np.isfinite(leaf).all()) for leaf in fetch(leaves))
    return bool(_all_finite_on_device(leaves))


@jax.jit
def _all_finite_on_device(leaves: list[jax.Array]) -> jax.Array:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()


def _complaint(what: str, leaf: jax.Array) -> str:
    values = fetch(leaf.astype(float))
    bad = ~np.isfinite(values)
    kinds = {"NaN": np.isnan(values).any(), "infinite": np.isinf(values).any()}
    present = " or ".join(kind for kind, is_present in kinds.items() if is_present)
    if not values.ndim:
        return f"{what} is {present}"
    return f"{what} has {bad.sum():,} of {bad.size:,} entries {present}"
