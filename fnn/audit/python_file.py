"""A user's own Python file with a function and its claimed gradient, audited."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, Unpack, cast

from fnn.audit.api import (
    AuditOptions,
    ClaimOptions,
    RuleOptions,
    audit_custom_rules,
    audit_gradient,
    audit_hvp,
    audit_products,
)
from fnn.files import expanded, read_bytes
from fnn.spec.errors import FnnError

if TYPE_CHECKING:
    from fnn.audit.result import Audit

NAME = "gradcheck_file"
"""of the module that the file becomes"""
CLAIMS = ("gradient", "vjp", "jvp", "hvp")
"""what a file may claim"""


def audit_file(path: str, **options: Unpack[AuditOptions]) -> Audit:
    """`audit_gradient(f, gradient, *args)` with what the file defines under these names.

    A file without `gradient` may define `vjp`, `jvp` or both (`audit_products`), `hvp`
    (`audit_hvp`), or no claim at all: then `custom_rules = True` asks for `audit_custom_rules`.

    Whatever is raised in the file, when it is read or when its functions are called, becomes an
    `FnnError` that names the file, the line and the exception.
    """
    location = expanded(path).resolve()
    with errors_of_file(path, str(location)):
        module = _definitions(location, path)
        f, args = module.f, module.args
        if hasattr(module, "gradient") and not hasattr(module, "hvp"):
            return audit_gradient(f, module.gradient, *args, **options)
        if options.pop("hessian", False):
            raise FnnError("goes with f, gradient and args", "--hessian")
        if hasattr(module, "hvp"):
            gradient = getattr(module, "gradient", None)
            return audit_hvp(
                f, module.hvp, *args, gradient=gradient, **cast("ClaimOptions", options)
            )
        vjp, jvp = getattr(module, "vjp", None), getattr(module, "jvp", None)
        if vjp or jvp:
            return audit_products(f, *args, vjp=vjp, jvp=jvp, **cast("ClaimOptions", options))
        options.pop("checks", None)
        return audit_custom_rules(f, *args, **cast("RuleOptions", options))


@contextmanager
def errors_of_file(path: str, location: str) -> Iterator[None]:
    """Errors that come from the file at `location`, or concern what it defines, name `path`."""
    try:
        yield
    except (KeyboardInterrupt, MemoryError, GeneratorExit):
        raise
    except BaseException as error:
        _raise_with_path(error, path, location)


def _raise_with_path(error: BaseException, path: str, location: str) -> NoReturn:
    inner: BaseException | None = error
    while inner is not None:
        message = _message_in_file(inner, location)
        if message:
            raise FnnError(message, path) from error
        inner = inner.__cause__ or inner.__context__
    if isinstance(error, FnnError):
        raise FnnError(str(error).removeprefix(f"{path}: "), path) from error
    raise error


def _message_in_file(error: BaseException, location: str) -> str:
    """The line of the file and the exception, "" where it was not raised there."""
    first_line = str(error).strip().split("\n")[0]
    message = f"{type(error).__name__}{f': {first_line}' if first_line else ''}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == location]
    if not frames:
        return ""
    inside = "" if frames[-1].name.startswith("<") else f", in {frames[-1].name}"
    return f"line {frames[-1].lineno}{inside}: {message}"


def _definitions(location: Path, path: str) -> ModuleType:
    """The file with f, args and a claim; imports in it are resolved beside the file."""
    source = read_bytes(location)
    module = ModuleType(NAME)
    module.__file__ = str(location)
    sys.modules[NAME] = module
    sys.path.insert(0, str(location.parent))
    try:
        code = compile(source, str(location), "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise FnnError(
            f"{f'line {line}: ' if line else ''}not Python: {error.args[0]}", path
        ) from None
    exec(code, module.__dict__)
    claims = [name for name in CLAIMS if hasattr(module, name)]
    names = ("f", *(claims or ("gradient",)), "args")
    if getattr(module, "custom_rules", False) is True:
        names = ("f", "args")
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise FnnError(
            f"defines no {' and no '.join(missing)}: expected f, gradient and args, where "
            "gradient(*args) is the claimed gradient of f(*args) by the first of args",
            path,
        )
    for name in names[:-1]:
        if not callable(getattr(module, name)):
            kind = type(getattr(module, name)).__name__
            raise FnnError(f"expected {name} to be a function, got {kind}", path)
    if not isinstance(module.args, tuple):
        kind = type(module.args).__name__
        raise FnnError(f"expected args to be a tuple such as (x,), got {kind}", path)
    return module
