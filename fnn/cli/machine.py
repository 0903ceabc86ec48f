"""The options about the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fnn.cli.options import option
from fnn.spec.errors import FnnError


@dataclass(frozen=True)
class Machine:
    """Where it runs."""

    device: Annotated[Literal["auto", "cpu", "gpu", "tpu"], option()] = "auto"
    """auto takes a TPU or a GPU where JAX finds one."""

    def set_up(self, float64: bool) -> None:
        """Choose the device, and whether JAX has float64, before any array is made."""
        import jax

        jax.config.update("jax_enable_x64", float64)
        if self.device == "auto":
            return
        try:
            jax.config.update("jax_default_device", jax.devices(self.device)[0])
        except RuntimeError as error:
            found = ", ".join(sorted({device.platform for device in jax.devices()}))
            raise FnnError(
                f"JAX finds no {self.device} here, only {found} (pip install 'fnn[cuda]' or "
                "'fnn[tpu]' brings what it needs)",
                "--device",
            ) from error
