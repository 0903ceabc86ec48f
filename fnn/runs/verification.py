"""Whether the folder of a run is whole and unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fnn.files import explained, field, read_record
from fnn.runs.digests import CHECKPOINTS, FORMAT, MANIFESTS, RECORDS, check_digest
from fnn.runs.kinds import STORE
from fnn.spec.errors import FnnError


def verify(folder: str | Path) -> tuple[int, list[str]]:
    """The number of files that were checked, and what is wrong with them.

    Checked are the records and the model by their own digests, checkpoints (of a run, or of the
    members of a sweep and a search) leaf by leaf, the files that result.json names,
    figures by the checksums of PNG, and the folders of a sweep's best members alike, and what an
    unfinished ensemble is resumed from. Raises `FnnError` for what is no folder of a run.
    """
    root = Path(folder)
    with explained(root):
        if not root.exists():
            raise FnnError("does not exist", str(folder))
        if not any((root / name).is_file() for name in RECORDS):
            raise FnnError("is not the folder of a run: it has no config.json", str(folder))
    problems: list[str] = []
    count = 0
    for check in _checks(root):
        count += 1
        with _collected(problems):
            check()
    return count, problems


@contextmanager
def _collected(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except FnnError as error:
        if str(error) not in problems:
            problems.append(str(error))


def _checks(folder: Path) -> Iterator[Callable[[], object]]:
    """A check of each file."""
    for name in RECORDS:
        if (folder / name).is_file():
            yield lambda path=folder / name: read_record(path, FORMAT)  # type: ignore[misc]
    patterns = (f"{CHECKPOINTS}/step-*.json", *MANIFESTS)
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        yield lambda path=path: _read_manifest(path)  # type: ignore[misc]
    if (folder / "result.json").is_file():
        yield lambda: _check_listed(folder)
    for path in sorted(folder.glob("*.png")):
        yield lambda path=path: _check_png(path)  # type: ignore[misc]
    for path in (*sorted(folder.glob("best-*")), folder / STORE):
        if any((path / name).is_file() for name in ("config.json", "sweep.json")):
            yield from _checks(path)


def _read_manifest(path: Path) -> None:
    from fnn.checkpoint import read

    read(path)


def _check_listed(folder: Path) -> None:
    path = folder / "result.json"
    for name, digest in field(read_record(path, FORMAT), "files", dict, path).items():
        if not (folder / name).is_file():
            raise FnnError("is missing: result.json names it", str(folder / name))
        check_digest(folder / name, digest)


def _check_png(path: Path) -> None:
    """Every chunk of a PNG file ends with a CRC-32."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError) as error:
        raise FnnError(f"damaged: {error}", str(path)) from None
