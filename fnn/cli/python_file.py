"""Somebody's own Python file with a function and its claimed gradient."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.audit import Audit

NAME = "gradcheck_file"
"""of the module that the file becomes"""


def audit_file(path: str, **options: Any) -> Audit:
    """`audit_gradient(f, gradient, *args)` with what the file defines under these names.

    Whatever is raised in the file, when it is read or when its functions are called, becomes an
    `FnnError` that names the file, the line and the exception.
    """
    from fnn.audit import audit_gradient

    place = Path(path).expanduser().resolve()
    with blamed(path, str(place)):
        f, gradient, args = _defined(place, path)
        return audit_gradient(f, gradient, *args, **options)


@contextmanager
def blamed(path: str, place: str) -> Iterator[None]:
    """Errors that come from the file at `place`, or speak of what it defines, name it as `path`."""
    try:
        yield
    except (KeyboardInterrupt, MemoryError, GeneratorExit):
        raise
    except BaseException as error:
        _raise_told(error, path, place)


def _raise_told(error: BaseException, path: str, place: str) -> NoReturn:
    inner: BaseException | None = error
    while inner is not None:
        words = _told(inner, place)
        if words:
            raise FnnError(words, path) from error
        inner = inner.__cause__ or inner.__context__
    if isinstance(error, FnnError):
        raise FnnError(str(error).removeprefix(f"{path}: "), path) from error
    raise error


def _told(error: BaseException, place: str) -> str:
    """The line of the file and the exception, "" where it was not raised there."""
    said = str(error).strip().split("\n")[0]
    words = f"{type(error).__name__}{f': {said}' if said else ''}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == place]
    if not frames:
        return ""
    inside = "" if frames[-1].name.startswith("<") else f", in {frames[-1].name}"
    return f"line {frames[-1].lineno}{inside}: {words}"


def _defined(place: Path, path: str) -> tuple[Callable[..., Any], Callable[..., Any], tuple]:
    """The file's f, gradient and args; it runs as if from its own folder's point of view."""
    from fnn.files import read_bytes

    source = read_bytes(place)
    module = ModuleType(NAME)
    module.__file__ = str(place)
    sys.modules[NAME] = module
    sys.path.insert(0, str(place.parent))
    try:
        code = compile(source, str(place), "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise FnnError(
            f"{f'line {line}: ' if line else ''}not Python: {error.args[0]}", path
        ) from None
    exec(code, module.__dict__)
    missing = [name for name in ("f", "gradient", "args") if not hasattr(module, name)]
    if missing:
        raise FnnError(
            f"defines no {' and no '.join(missing)}: expected f, gradient and args, where "
            "gradient(*args) is the claimed gradient of f(*args) by the first of args",
            path,
        )
    for name in ("f", "gradient"):
        if not callable(getattr(module, name)):
            kind = type(getattr(module, name)).__name__
            raise FnnError(f"expected {name} to be a function, got {kind}", path)
    if not isinstance(module.args, tuple):
        kind = type(module.args).__name__
        raise FnnError(f"expected args to be a tuple such as (x,), got {kind}", path)
    return module.f, module.gradient, module.args
