"""What a run's bits hang on beside its spec and data: versions, device, random numbers."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, NamedTuple

import jax

LIBRARIES = ("jax", "jaxlib", "optax", "numpy", "safetensors")
RANDOM = ("jax_default_prng_impl", "jax_threefry_partitionable")
"""settings of JAX that decide which numbers a key gives"""
WITHOUT_EFFECT = ("versions.python", "versions.safetensors")
"""on the bits of a run"""


class Difference(NamedTuple):
    """What is other than it was recorded.

    name: such as `versions.jax`; recorded, now: its values.
    changes_bits: whether results may differ by it.
    """

    name: str
    recorded: object
    now: object
    changes_bits: bool

    def __str__(self) -> str:
        return f"{self.name} was {self.recorded}, is {self.now}"


def versions() -> dict[str, str]:
    """The versions of fnn, Python and the libraries that determine numerical results."""
    versions_by_name = {"fnn": sys.modules["fnn"].__version__, "python": platform.python_version()}
    return versions_by_name | {name: metadata.version(name) for name in LIBRARIES}


def environment(devices: int = 1) -> dict[str, dict[str, Any]]:
    """What decides bits in this process, for a run on so many devices, as JSON holds it."""
    device, config = jax.devices()[0], jax.config
    return {
        "versions": versions(),
        "device": {"platform": device.platform, "kind": device.device_kind, "count": devices},
        "random": {name: getattr(config, name) for name in RANDOM},
    }


def differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """What two environments differ in; entries that one of them lacks are left out.

    >>> differences({"versions": {"jax": "0.10.1"}}, {"versions": {"jax": "0.11.2"}})[0].name
    'versions.jax'
    """
    before, after = flatten(recorded), flatten(now)
    return [
        Difference(name, before[name], after[name], name not in WITHOUT_EFFECT)
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]


def flatten(value: object, path: str = "") -> dict[str, object]:
    """What JSON holds, by path.

    >>> flatten({"net": {"layers": [{"units": 3}, "relu"]}})
    {'net.layers[0].units': 3, 'net.layers[1]': 'relu'}
    """
    items: dict[str, object] = {}
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            items |= flatten(item, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            items |= flatten(item, f"{path}[{index}]")
    else:
        items[path] = value
    return items
