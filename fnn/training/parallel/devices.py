"""Which devices a run or a sweep is spread over, in one process or in several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh

from fnn.spec import SpecError

Devices = int | str | Sequence[jax.Device] | Mesh
"""How many of the devices; "all" of them or all of a platform; which ones; a mesh of any axes."""


def mesh_of(devices: Devices | None, axis: str = "rows") -> Mesh | None:
    """A mesh of these devices; None for one of them, which needs none.

    Several processes have as many devices each. Raises `SpecError` for devices that are not there.
    """
    if devices is None:
        return None
    if isinstance(devices, Mesh):
        mesh = Mesh(devices.devices, devices.axis_names, axis_types=_auto(devices.axis_names))
    else:
        chosen = _chosen(devices)
        if len(chosen) == 1 and isinstance(devices, int | str):
            return None
        mesh = jax.make_mesh((len(chosen),), (axis,), axis_types=_auto((axis,)), devices=chosen)
    taking_part = {device.process_index for device in mesh.devices.flat}
    if len(taking_part) not in (1, jax.process_count()) or jax.process_index() not in taking_part:
        raise SpecError(
            f"expected devices of this process alone or of all {jax.process_count()}, got those of "
            f"process {', '.join(map(str, sorted(taking_part)))}",
            "devices",
        )
    return mesh


def _auto(axes: Sequence[object]) -> tuple[AxisType, ...]:
    return (AxisType.Auto,) * len(axes)


def _chosen(devices: int | str | Sequence[jax.Device]) -> list[jax.Device]:
    if isinstance(devices, str):
        return _available(None if devices == "all" else devices)
    if isinstance(devices, Sequence):
        wrong = [device for device in devices if not isinstance(device, jax.Device)]
        if not devices or wrong or len({*devices}) < len(devices):
            raise SpecError(f"expected devices, each once, got {devices!r}", "devices")
        return [*devices]
    if isinstance(devices, bool) or not isinstance(devices, int | np.integer):
        raise SpecError(
            f"expected a number of devices, 'all', a platform, devices or a mesh, got {devices!r}",
            "devices",
        )
    if devices < 1:
        raise SpecError(f"expected at least 1 device, got {devices}", "devices")
    return _first(int(devices), _available(None))


def _available(platform: str | None) -> list[jax.Device]:
    """The devices of a platform, or of the one that programs run on."""
    config: Any = jax.config
    default = config.jax_default_device
    try:
        return jax.devices(platform or getattr(default, "platform", default))
    except RuntimeError:
        there = ", ".join(sorted({device.platform for device in jax.devices()}))
        raise SpecError(f"JAX finds no {platform!r} here, only {there}", "devices") from None


def _first(count: int, available: list[jax.Device]) -> list[jax.Device]:
    """So many of them, as many of each process."""
    platform, processes = available[0].platform, jax.process_count()
    if count > len(available):
        hint = ""
        if platform == "cpu":
            hint = "; jax.config.update('jax_num_cpu_devices', …) at the start makes more of a CPU"
        raise SpecError(
            f"{count} asked for, and JAX finds {len(available)} ({platform}){hint}", "devices"
        )
    if count % processes:
        raise SpecError(f"{count} can't be divided among {processes} processes", "devices")
    by_process = [
        [d for d in available if d.process_index == number] for number in range(processes)
    ]
    share = count // processes
    if min(map(len, by_process)) < share:
        counts = ", ".join(str(len(own)) for own in by_process)
        raise SpecError(f"{share} asked of each process, and they have {counts}", "devices")
    return [device for own in by_process for device in own[:share]]


def check_enough(members: int, devices: Mesh | None) -> None:
    """Raises `SpecError` for more devices than members."""
    if devices is not None and devices.size > members:
        raise SpecError(f"{devices.size} are too many for {members} members", "devices")


def check_divides(size: int, devices: Mesh | None) -> None:
    """Raises `SpecError` for a batch that can't be divided among the devices."""
    if devices is not None and size % devices.size:
        low = size // devices.size * devices.size
        sizes = " or ".join(str(s) for s in (low, low + devices.size) if s)
        raise SpecError(
            f"{size} rows can't be divided among {devices.size} devices: take {sizes}", "batch_size"
        )
