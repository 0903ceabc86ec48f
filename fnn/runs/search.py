"""The folder of a search: that of its best run, and what it is resumed from."""

from __future__ import annotations

from pathlib import Path

from fnn.files import explained
from fnn.runs.folder import RunFolder
from fnn.spec.errors import FnnError


class SearchFolder(RunFolder):
    """What `fnn search` leaves behind.

    | file | holds |
    |---|---|
    | `search.json` | the command and its options, to resume it; the data, and when it started |
    | `search.journal`, `search-best.json` | Optuna's study, and the parameters of the best so far |
    | `trials.csv`, `*.png` | the trials, and the figures |
    | `config.json`, `model/` | the best, as in the folder of a run |
    | `result.json` | how it ended: metrics are those of the best, or of the best so far |
    """

    @classmethod
    def resume(cls, path: str | Path) -> SearchFolder:
        """One that is there. Raises `FnnError` that says what it lacks to be a search's."""
        check_search(path)
        return cls(path)

    def _recorded(self) -> bool:
        names = ("search-best.json", "search-best.npz", "trials.csv")
        return any((self.path / name).exists() for name in names)


def storage(folder: Path) -> Path:
    """Where the study of a search is kept."""
    return folder / "search.journal"


def check_search(path: str | Path) -> None:
    """Raises `FnnError` where there is no folder of a search."""
    folder = Path(path)
    with explained(folder):
        if not folder.exists():
            raise FnnError("does not exist", str(path))
        if not (folder / "search.json").is_file():
            raise FnnError("is not the folder of a search: it has no search.json", str(path))
