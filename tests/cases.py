"""The one table of layers, losses, penalties and networks that every gate walks over.

It is derived from the `examples()` that the modules of `fnn` declare; `test_gates.py` fails where a
kind has none.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn import combinators, initializers, layers, losses, networks, optimizers
from fnn import schedules as s
from fnn.audit.problem.inputs import Projection
from fnn.gradients import manual
from fnn.layer import Example
from fnn.losses import LossExample, Penalty
from fnn.objective import Batch, Objective, Policy
from fnn.shapes import shape
from fnn.spec import examples
from fnn.training import LastEpochs, MovingAverage, Run, Selection
from tests.user_layers import TwoInputs

KEY = jax.random.key(20, impl="unsafe_rbg")
"""compiles in a fraction of the time that the default generator takes"""
ROWS = 6


@dataclass(frozen=True, eq=False)
class Case:
    """Something with a forward and a hand-written backward pass.

    `forward(spec, params, x) -> y` and `backward(spec, params, x, dy) -> dparams, dx`.
    """

    name: str
    spec: Any

    def inputs(self, dtype: Any) -> tuple[Any, Any]:
        """Parameters and an input."""
        raise NotImplementedError

    def forward(self, spec: Any, params: Any, x: Any) -> Any:
        raise NotImplementedError

    def backward(self, spec: Any, params: Any, x: Any, dy: Any) -> tuple[Any, Any]:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class LayerCase(Case):
    in_shape: Any = shape(5)
    train: bool = True
    per_example: bool = True
    """whether `jax.vmap` over single examples is the batched call"""

    def inputs(self, dtype: Any) -> tuple[Any, Any]:
        return random_like(self.declared(dtype)[0], 3), random_like(self.batched(dtype), 1)

    def state(self, dtype: Any) -> Any:
        return jax.tree.map(abs, random_like(self.declared(dtype)[1], 4))

    def declared(self, dtype: Any) -> Any:
        return _declared(self, dtype)

    def shaped(self, dtype: Any) -> Any:
        def leaf(x: Any) -> Any:
            floating = jnp.issubdtype(x.dtype, jnp.floating)
            return shape(*x.shape, dtype=dtype if floating else x.dtype)

        return jax.tree.map(leaf, self.in_shape)

    def batched(self, dtype: Any) -> Any:
        return jax.tree.map(lambda x: shape(ROWS, *x.shape, dtype=x.dtype), self.shaped(dtype))

    def forward(self, spec: Any, params: Any, x: Any) -> Any:
        state = self.state(float_dtype(x))
        return spec.apply(params, state, x, train=self.train, key=KEY)[0]

    def backward(self, spec: Any, params: Any, x: Any, dy: Any) -> tuple[Any, Any]:
        state = self.state(float_dtype(x))
        _, _, tape = spec.forward(params, state, x, train=self.train, key=KEY)
        dx, dparams = spec.backward(params, tape, dy)
        return dparams, dx


@functools.cache
def _declared(case: LayerCase | ObjectiveCase, dtype: Any) -> Any:
    """Shapes of parameters and state: every call of `forward` asks for them."""
    in_shape = case.shaped(dtype) if isinstance(case, LayerCase) else case.in_shape
    return jax.eval_shape(lambda: case.spec.init(KEY, in_shape))


@dataclass(frozen=True, eq=False)
class LossCase(Case):
    target: str = "real"
    outputs: tuple[int, ...] = (3,)

    def inputs(self, dtype: Any) -> tuple[Any, Any]:
        x = random_like(shape(ROWS, *self.outputs, dtype=dtype), 1)
        if "probability" in self.spec.kind:
            x = 0.05 + 0.9 * np.square(np.sin(x))
        return {}, x

    def targets(self, dtype: Any) -> jax.Array:
        rows = (ROWS, *self.outputs)
        if self.target == "classes":
            return jnp.arange(math.prod(rows[:-1])).reshape(rows[:-1]) % rows[-1]
        if self.target == "one-hot":
            return jnp.eye(rows[-1], dtype=dtype)[jnp.arange(ROWS) % rows[-1]]
        if self.target == "binary":
            return jnp.arange(math.prod(rows)).reshape(rows) % 2
        if self.target == "one per row":
            return random_like(shape(ROWS, dtype=dtype), 2)
        return random_like(shape(*rows, dtype=dtype), 2)

    def forward(self, spec: Any, params: Any, x: Any) -> Any:
        return spec.per_example(x, self.targets(x.dtype))

    def backward(self, spec: Any, params: Any, x: Any, dy: Any) -> tuple[Any, Any]:
        return {}, spec.gradient(x, self.targets(x.dtype)) * dy[..., None]


@dataclass(frozen=True, eq=False)
class PenaltyCase(Case):
    def inputs(self, dtype: Any) -> tuple[Any, Any]:
        made = {"weight": shape(4, 3, dtype=dtype), "bias": shape(3, dtype=dtype)}
        return random_like({"layers": (made, {}), "scale": shape(3, dtype=dtype)}, 3), None

    def forward(self, spec: Any, params: Any, x: Any) -> Any:
        return spec.value(params)

    def backward(self, spec: Any, params: Any, x: Any, dy: Any) -> tuple[Any, Any]:
        return jax.tree.map(lambda g: g * dy, spec.gradient(params)), None


@dataclass(frozen=True, eq=False)
class ObjectiveCase(Case):
    """A network with its loss: the whole manual gradient against the whole automatic one."""

    in_shape: Any = shape(5)
    target: Any = None
    weight: tuple[float, ...] | None = None

    def inputs(self, dtype: Any) -> tuple[Any, Any]:
        return random_like(self.declared()[0], 3), None

    def declared(self) -> Any:
        return _declared(self, None)

    def batch(self) -> tuple[Any, Batch]:
        state = jax.tree.map(abs, random_like(self.declared()[1], 4))
        x = random_like(shape(ROWS, *self.in_shape.shape, dtype=jnp.float64), 1)
        weight = None if self.weight is None else jnp.asarray(self.weight)
        return state, Batch(x, jnp.asarray(self.target), weight)

    def forward(self, spec: Any, params: Any, x: Any) -> Any:
        state, batch = self.batch()
        return spec.value(params, state, batch, train=True, key=KEY)[0]

    def backward(self, spec: Any, params: Any, x: Any, dy: Any) -> tuple[Any, Any]:
        state, batch = self.batch()
        _, grads = manual.value_and_grad(spec)(params, state, batch, key=KEY)
        return jax.tree.map(lambda g: g * dy, grads), None


def float_dtype(x: Any) -> Any:
    floats = (leaf.dtype for leaf in jax.tree.leaves(x) if jnp.issubdtype(leaf.dtype, jnp.floating))
    return next(floats, jnp.dtype(jnp.float64))


def random_like(tree: Any, seed: int) -> Any:
    """Normal numbers (class numbers 0…3 for integer leaves) of those shapes."""
    draw = np.random.default_rng(seed)

    def leaf(x: Any) -> np.ndarray:
        if jnp.issubdtype(x.dtype, jnp.floating):
            return draw.normal(size=x.shape).astype(x.dtype)
        return draw.integers(0, 4, x.shape).astype(x.dtype)

    return jax.tree.map(leaf, tree)


D = layers.Dense
A = layers.Activation
Serial = combinators.Serial
Parallel, Ensemble = combinators.Parallel, combinators.Ensemble

WRITTEN_BY_A_USER = [
    Example("two inputs", Serial(TwoInputs(4), D(3)), {"a": shape(3), "b": shape(3)}),
    Example(
        "two inputs, twice",
        Parallel(TwoInputs(4), Serial(TwoInputs(4), A("tanh"))),
        {"a": shape(3), "b": shape(3, dtype="int32")},
    ),
]

LAYERS = [
    LayerCase(e.name, e.spec, e.in_shape, e.train, e.per_example)
    for e in [*examples(Example), *WRITTEN_BY_A_USER]
]
LOSSES = [
    LossCase(e.name, e.spec, e.target, e.outputs)
    for e in [*examples(LossExample), LossExample("projection", Projection())]
]
PENALTIES = [PenaltyCase(type(e).__name__, e) for e in examples(Penalty)]

F64 = Policy("float64")
WEIGHTS = (1.0, 0.0, 2.0, 0.5, 1.0, 3.0)
CLASSES = (0, 1, 2, 0, 1, 2)

NETWORKS = [
    ObjectiveCase(
        "mlp",
        Objective(networks.mlp([8, 4], 3, dropout=0.2), "cross_entropy", policy=F64),
        target=CLASSES,
    ),
    ObjectiveCase(
        "mlp with batch norm, penalties and weights",
        Objective(
            networks.mlp([8, 4], 3, activation="elu", batch_norm=True),
            losses.CrossEntropy(0.1),
            (losses.L1(0.01), losses.L2(0.1)),
            F64,
        ),
        target=CLASSES,
        weight=WEIGHTS,
    ),
    ObjectiveCase(
        "residual mlp",
        Objective(
            networks.residual_mlp(6, 3, 1, activation="gelu", dropout=0.1),
            "squared_error",
            policy=F64,
        ),
        target=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    ),
    ObjectiveCase(
        "ensemble",
        Objective(
            Ensemble(networks.mlp([4], 3, dropout=0.2), 2, "softmax"),
            "cross_entropy",
            (losses.L2(0.1),),
            F64,
        ),
        target=CLASSES,
        weight=WEIGHTS,
    ),
    ObjectiveCase(
        "softmax and probabilities",
        Objective(
            Serial(D(4), A("tanh"), D(3), layers.Softmax()),
            "probability_cross_entropy",
            policy=F64,
        ),
        target=CLASSES,
    ),
]

CASES: list[Case] = [*LAYERS, *LOSSES, *PENALTIES, *NETWORKS]

OPTIMIZERS = examples(optimizers.Optimizer)
SCHEDULES = examples(s.Schedule)
INITIALIZERS = examples(initializers.Initializer)
RUNS = [
    Run(NETWORKS[0].spec, optimizers.Adam(s.CosineDecay(0.1, 10.0)), gradient="manual"),
    Run(
        NETWORKS[0].spec,
        optimizers.SGD(0.1),
        "full",
        metrics=("loss",),
        validate_every=2,
        selection=Selection("loss", patience=3.0, min_delta=0.01),
        averaging=MovingAverage(0.99),
        monitor=True,
    ),
    Run(NETWORKS[0].spec, optimizers.SGD(0.1), averaging=LastEpochs(2)),
]
SPECS: list[Any] = [
    *(case.spec for case in CASES),
    *OPTIMIZERS,
    *SCHEDULES,
    *INITIALIZERS,
    *RUNS,
]
