"""The options about the machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from fnn.cli.options.option import option
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.training.parallel.devices import Devices


@dataclass(frozen=True)
class MachineOptions:
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
            jax.config.update("jax_default_device", jax.local_devices(backend=self.device)[0])
        except RuntimeError as error:
            platforms = ", ".join(sorted({device.platform for device in jax.devices()}))
            raise FnnError(
                f"JAX finds no {self.device} here, only {platforms} (pip install 'fnn[cuda]' or "
                "'fnn[tpu]' brings what it needs)",
                "--device",
            ) from error


@dataclass(frozen=True)
class DeviceOptions(MachineOptions):
    """Where it runs, perhaps on several devices at once."""

    devices: Annotated[int | Literal["all"] | None, option("N|all", "1, or all of --processes")] = (
        None
    )
    """Divide the rows of each batch, or the members if there are several, among N devices."""

    def set_up(self, float64: bool) -> None:
        """Choose devices and float64; JAX makes as many of the processor as are asked for."""
        from fnn.cli.process.distributed import make_cpu_devices

        self.check()
        if isinstance(self.devices, int):
            make_cpu_devices(self.devices)
        super().set_up(float64)
        self._check_there()

    def _check_there(self) -> None:
        """Raises `FnnError` for more devices than JAX finds, or makes."""
        import jax

        devices = jax.devices(None if self.device == "auto" else self.device)
        if isinstance(self.devices, int) and self.devices > len(devices):
            message = (
                f"{self.devices} asked for, and JAX finds {len(devices)} ({devices[0].platform})"
            )
            raise FnnError(message, "--devices")

    @property
    def of_all_processes(self) -> Self:
        """The same without what sets one process of a run apart from the others."""
        return self

    def check(self) -> None:
        """Raises `FnnError` for numbers that can't be."""
        _at_least_one("--devices", self.devices)


@dataclass(frozen=True)
class ProcessOptions(DeviceOptions):
    """Where it runs, perhaps in several processes, of one machine or of many."""

    processes: Annotated[int | None, option("P", "1")] = None
    """Run as P processes, all on this machine unless there is a --coordinator."""
    process: Annotated[int | None, option("NUMBER")] = None
    """Which of the processes this is, from 0 up; 0 prints and keeps what comes of it."""
    coordinator: Annotated[str | None, option("HOST:PORT")] = None
    """Where process 0 listens to the others; auto asks Slurm, Open MPI or the cloud, for --process
    and --processes too."""

    @property
    def starts_others(self) -> bool:
        """Whether this command is only to start the processes that do the work."""
        return (self.processes or 1) > 1 and self.coordinator is None

    @property
    def of_all_processes(self) -> Self:
        return replace(self, process=None, coordinator=None)

    @property
    def spread_over(self) -> Devices | None:
        """What `fnn.fit` takes as `devices`."""
        return "all" if self.devices is None and self.coordinator is not None else self.devices

    def set_up(self, float64: bool) -> None:
        """Join the other processes, if there are any, and choose devices and float64."""
        from fnn.cli.process.distributed import connect, make_cpu_devices

        self.check()
        if self.coordinator is None:
            super().set_up(float64)
            return
        if isinstance(self.devices, int):
            make_cpu_devices(self.devices // (self.processes or 1))
        connect(self.coordinator, self.processes, self.process)
        MachineOptions.set_up(self, float64)
        self._check_there()

    def check(self) -> None:
        """Raises `FnnError` for options that can't be, or don't go together."""
        super().check()
        _at_least_one("--processes", self.processes)
        if isinstance(self.devices, int) and self.devices % (self.processes or 1):
            raise FnnError(
                f"{self.devices} can't be divided among {self.processes} processes", "--devices"
            )
        if self.coordinator in (None, "auto"):
            if self.process is not None:
                raise FnnError("needs --coordinator HOST:PORT and --processes", "--process")
            if self.coordinator and self.processes is not None:
                raise FnnError("is found out by --coordinator auto", "--processes")
            return
        host, _, port = str(self.coordinator).rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise FnnError(f"expected HOST:PORT, got {self.coordinator}", "--coordinator")
        if self.processes is None or self.process is None:
            raise FnnError("needs --processes and --process", "--coordinator")
        if not 0 <= self.process < self.processes:
            raise FnnError(
                f"expected 0 … {self.processes - 1} of {self.processes}, got {self.process}",
                "--process",
            )


def _at_least_one(name: str, value: object) -> None:
    if isinstance(value, int) and value < 1:
        raise FnnError(f"expected 1 or more, got {value}", name)
