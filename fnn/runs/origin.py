"""The origin of a run: what its config.json records, so that it can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fnn.runs.folder import Record, RunFolder

if TYPE_CHECKING:
    from fnn.data import Prepared
    from fnn.sweeps import Member
    from fnn.training import Run


@dataclass(frozen=True)
class Origin:
    """What repeats a run, beside its spec.

    command: the command line as words; None for a call from Python.
    options: every option of the command by name; None for a call from Python.
    data: `data_record` of the rows.
    seeds: `seed`, `order_seed` and `split_seed`.
    call: the function that Python has called; None for a command.
    """

    command: Sequence[str] | None
    options: Mapping[str, object] | None
    data: Mapping[str, object]
    seeds: Mapping[str, int]
    call: str | None = None

    def write_config(
        self,
        folder: RunFolder,
        run: Run,
        prepared: Prepared,
        networks: int = 1,
        devices: int = 1,
        started: str | None = None,
    ) -> None:
        """Write the config.json of a run of that many networks of one kind, on so many devices."""
        from fnn.network_summary import parameter_count
        from fnn.shapes import shape

        one = parameter_count(run.objective.net, shape(*prepared.preprocessing.in_shape))
        folder.write_config(
            command=self.command,
            options=self.options,
            run=run,
            data=self.data,
            seeds=self.seeds,
            parameters=networks * one,
            call=self.call,
            devices=devices,
            started=started,
        )


MemberOrigin = Callable[["Member"], Origin]
"""the origin of a member of a sweep as a run by itself"""


def data_record(prepared: Prepared, sha256: str | None, **more: object) -> Record:
    """What a config.json records of the rows: name, digest, their numbers, notes, and `more`."""
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    return {
        "name": prepared.dataset.name,
        "sha256": sha256,
        "rows": {name: len(part.target) for name, part in parts.items() if part is not None},
        "notes": list(prepared.preprocessing.notes),
        **more,
    }
