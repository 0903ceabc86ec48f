"""Placement on a mesh: rows and members are divided, all else is on every device.

Data parallel training divides the rows of each batch and nothing else: the program is written for
the whole batch, and XLA's partitioner puts in the collectives. So the statistics of `BatchNorm`,
the masks of `Dropout` and the weights of a loss are those of one device. That is why the axes of
the mesh are `Auto`: under `Explicit` ones each layer would have to say how its output lies, under
`Manual` ones `BatchNorm` would have to know of other devices. Members know nothing of each other,
nor do rows in evaluation: they go through `jax.shard_map`, and there is nothing to communicate.

All rows lie on every device, because the order of an epoch sends them anywhere: each device gathers
its share of a batch by itself, where rows that were divided would have to travel at every step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

from fnn.host import fetch
from fnn.layer import PyTree
from fnn.metrics import Metrics, evaluate, measure, outputs
from fnn.objective import Batch, Objective


def replicate(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Data, random keys among them, on the device, or all of them on every device of the mesh."""
    if mesh is None:
        return jax.device_put(tree)
    everywhere = _sharding(mesh)

    def one(leaf: ArrayLike) -> jax.Array:
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            bits = one(jax.random.key_data(leaf))
            return jax.random.wrap_key_data(bits, impl=jax.random.key_impl(leaf))
        values = np.asarray(leaf)
        return jax.make_array_from_callback(values.shape, everywhere, values.__getitem__)

    return jax.tree.map(one, tree)


def replicate_result(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Results, keys among them, on every device of the mesh."""
    return tree if mesh is None else jax.jit(_same, out_shardings=_sharding(mesh))(tree)


def local_copy(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """The copy of results that lies on the first device of this process."""
    return tree if mesh is None else jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def to_host(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Results as NumPy arrays, whole on every process, however they are divided."""
    if mesh is not None and mesh.is_multi_process:
        tree = replicate_result(tree, mesh)
    return fetch(tree)


def shard_batch(batch: Batch, mesh: Mesh | None) -> Batch:
    """Inside a program: the rows of a batch divided among the devices.

    A batch that can't be divided, as the ragged last one may be, is computed by each of them.
    """
    if mesh is None:
        return batch
    rows = mesh.axis_names if batch.target.shape[0] % mesh.size == 0 else None
    return jax.lax.with_sharding_constraint(batch, _sharding(mesh, rows))


def replicate_in_program(tree: PyTree, mesh: Mesh | None) -> PyTree:
    """Inside a program: all of it on every device."""
    return tree if mesh is None else jax.lax.with_sharding_constraint(tree, _sharding(mesh))


def vmap_on(
    mesh: Mesh | None, one: Callable[..., PyTree], in_axes: PyTree, out_axes: PyTree
) -> Callable[..., PyTree]:
    """`jax.vmap` of members, divided among the devices."""
    mapped = jax.vmap(one, in_axes=in_axes, out_axes=out_axes)
    return mapped if mesh is None else _divided(mapped, mesh, in_axes, out_axes)


def mesh_of_arrays(tree: PyTree) -> Mesh | None:
    """The mesh that `replicate` has put arrays on, if any."""
    for leaf in jax.tree.leaves(tree):
        sharding = getattr(leaf, "sharding", None)
        if isinstance(sharding, NamedSharding) and isinstance(sharding.mesh, Mesh):
            return sharding.mesh
    return None


def constrain(mesh: Mesh | None, tree: PyTree, axes: PyTree) -> PyTree:
    """Results where `vmap_on` puts them: values inside a program, or shapes with their places."""
    if mesh is None:
        return tree

    def one(
        leaf: jax.Array | jax.ShapeDtypeStruct, axis: int | None
    ) -> jax.Array | jax.ShapeDtypeStruct:
        sharding = _sharding(mesh, None if axis is None else mesh.axis_names)
        if isinstance(leaf, jax.ShapeDtypeStruct):
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
        return jax.lax.with_sharding_constraint(leaf, sharding)

    return jax.tree.map(
        lambda axis, part: jax.tree.map(lambda leaf: one(leaf, axis), part),
        axes,
        tree,
        is_leaf=lambda axis: axis is None,
    )


def reshard(mesh: Mesh | None, tree: PyTree, axes: PyTree) -> PyTree:
    """Values from anywhere where `vmap_on` puts such results."""
    if mesh is None or mesh_of_arrays(tree) is not None:
        return tree
    return jax.jit(functools.partial(constrain, mesh, axes=axes))(tree)


def round_up_to_devices(count: int, mesh: Mesh | None) -> int:
    """The smallest number from `count` up that can be divided among the devices."""
    return count if mesh is None else -(-count // mesh.size) * mesh.size


def evaluate_on(
    mesh: Mesh | None,
    objective: Objective,
    params: PyTree,
    state: PyTree,
    rows: Batch,
    names: Sequence[str],
    target_scale: jax.Array | None = None,
) -> Metrics:
    """Inside a program: `fnn.metrics.evaluate`, the rows divided among the devices.

    The last row stands in for those that are missing where their number can't be divided.
    """
    if mesh is None:
        return evaluate(objective, params, state, rows, names, target_scale=target_scale)
    count = rows.target.shape[0]
    index = np.minimum(np.arange(count + -count % mesh.size), count - 1)
    x = jax.tree.map(lambda leaf: jnp.take(leaf, index, axis=0, mode="clip"), rows.x)
    padded = _divided(outputs, mesh, (None, None, None, 0), 0)(objective, params, state, x)
    output = replicate_in_program(padded[:count], mesh)
    return measure(
        objective.loss, output, rows.target, names, weight=rows.weight, target_scale=target_scale
    )


def _divided(
    many: Callable[..., PyTree], mesh: Mesh, in_axes: PyTree, out_axes: PyTree
) -> Callable[..., PyTree]:
    """A function of rows or members that don't know each other, each device having its share.

    All that it needs must be among its arguments.
    """

    def specs(axes: PyTree) -> PyTree:
        return jax.tree.map(
            lambda axis: _spec(None if axis is None else mesh.axis_names),
            axes,
            is_leaf=lambda axis: axis is None,
        )

    return jax.shard_map(
        many, mesh=mesh, in_specs=specs(in_axes), out_specs=specs(out_axes), check_vma=False
    )


def _sharding(mesh: Mesh, rows: Sequence[str] | None = None) -> NamedSharding:
    return NamedSharding(mesh, _spec(rows))


def _spec(rows: Sequence[str] | None) -> PartitionSpec:
    return PartitionSpec() if rows is None else PartitionSpec(rows)


def _same(tree: PyTree) -> PyTree:
    return tree
