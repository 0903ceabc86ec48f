"""The folder of a sweep, as far as it is like that of a run."""

from __future__ import annotations

from pathlib import Path

from fnn.files import explained
from fnn.runs.folder import RunFolder
from fnn.spec.errors import FnnError


class SweepFolder(RunFolder):
    """What `fnn sweep` leaves behind.

    | file | holds |
    |---|---|
    | `config.json` | what repeats it, as in the folder of a run |
    | `sweep.json`, `ended/`, `under-way.json` | what it is resumed from (`fnn.sweeps.store`) |
    | `members.parquet`, `history.parquet`, `*.png` | tables and figures (`SweepResult.save`) |
    | `best-1/`, `best-2/`, … | models of the best members (`fnn.model.save_best`) |
    | `result.json` | how it ended: metrics are means over the seeds of the best setting |
    """

    @classmethod
    def resume(cls, path: str | Path) -> SweepFolder:
        """One that is there. Raises `FnnError` that says what it lacks to be a sweep's."""
        check_sweep(path)
        return cls(path)

    def _recorded(self) -> bool:
        patterns = ("under-way.json", "ended/*.json", "under-way.npz", "ended/*.npz")
        return any(any(self.path.glob(name)) for name in patterns) or super()._recorded()


def check_sweep(path: str | Path) -> None:
    """Raises `FnnError` where there is no folder of a sweep."""
    folder = Path(path)
    with explained(folder):
        if not folder.exists():
            raise FnnError("does not exist", str(path))
        for name in ("config.json", "sweep.json"):
            if not (folder / name).is_file():
                raise FnnError(f"is not the folder of a sweep: it has no {name}", str(path))
