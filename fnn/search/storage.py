"""The file that an Optuna study is kept in, locked for one process."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from fnn.files import exclusive_lock, read_bytes
from fnn.spec import FnnError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, JournalStorage, RDBStorage

SQLITE = (".db", ".sqlite", ".sqlite3")
HEAD = b'{"op_code":'
"""how a journal begins"""
PATIENCE = 5
"""seconds that another program may hold a SQLite file"""


def optuna() -> ModuleType:
    """The library. Raises `FnnError` where it is not installed."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise FnnError("Bayesian search needs Optuna: pip install 'fnn[search]'") from error
    return optuna


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, Optuna prints nothing."""
    library = optuna()
    before = library.logging.get_verbosity()
    library.logging.set_verbosity(library.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", library.exceptions.ExperimentalWarning)
            yield
    finally:
        library.logging.set_verbosity(before)


@contextmanager
def open_storage(path: Path | None) -> Iterator[BaseStorage]:
    """Optuna's storage in that file, for us alone: SQLite by the suffixes `SQLITE`, else a journal.

    None keeps it in memory. Raises `FnnError` where another search uses the file, and where it
    can't be read or written.
    """
    if path is None:
        yield optuna().storages.InMemoryStorage()
        return
    with exclusive_lock(path, "another search uses it: wait for its end, or give another storage"):
        with usable(path, opening=True):
            sqlite = _sqlite(path) if path.suffix in SQLITE else None
            storage = _journal(path) if sqlite is None else sqlite
        try:
            yield storage
        finally:
            if sqlite is not None:
                sqlite.remove_session()
                sqlite.engine.dispose()


@contextmanager
def usable(path: Path | None, opening: bool = False) -> Iterator[None]:
    """Errors of a storage become an `FnnError` that names the file and says what to do.

    In `opening` one, Optuna raises whatever the contents of the file lead to.
    """
    try:
        yield
    except FnnError:
        raise
    except Exception as error:
        if path is None or not (opening or isinstance(error, _errors(path))):
            raise
        if isinstance(error, OSError):
            reason = (os.strerror(error.errno) if error.errno else str(error)).lower()
        elif "locked" in str(error):
            reason = "another program has locked it: wait for its end, or give another storage"
        elif "full" in str(error):
            reason = "no space left on device"
        else:
            reason = (
                "is no storage of a search, or is damaged: move it away to begin anew "
                f"({_first_line(error)})"
            )
        raise FnnError(reason, str(path)) from error


def _errors(path: Path) -> tuple[type[Exception], ...]:
    """What a storage in use may raise."""
    kinds: tuple[type[Exception], ...] = (OSError, optuna().exceptions.OptunaError)
    if path.suffix in SQLITE:
        from sqlalchemy.exc import SQLAlchemyError

        kinds += (SQLAlchemyError,)
    return kinds


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _sqlite(path: Path) -> RDBStorage:
    from optuna.storages import RDBStorage

    return RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": PATIENCE}})


def _journal(path: Path) -> JournalStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if path.exists():
        _cut_torn_line(path)
    backend = JournalFileBackend(str(path), _Free())  # type: ignore[arg-type]
    return JournalStorage(backend)


def _cut_torn_line(path: Path) -> None:
    """Remove a last line that a kill truncated: it would spoil the line after it.

    Raises `FnnError` for a file that is something else, which stays as it is.
    """
    data = read_bytes(path, None)
    if not HEAD.startswith(data[: len(HEAD)]):
        raise FnnError("is no journal of Optuna, nor SQLite by its name", str(path))
    end = data.rfind(b"\n") + 1
    if end < len(data):
        os.truncate(path, end)


class _Free:
    """In place of a journal's own lock, which outlives a kill: `exclusive_lock` serves for both."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass
