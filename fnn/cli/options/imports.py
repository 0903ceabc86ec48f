"""`--import MODULE`: modules of one's own, which define layers, losses and other kinds."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Annotated

from fnn.cli.options.option import option
from fnn.spec.errors import FnnError

Imports = Annotated[tuple[str, ...], option("MODULE …", "none", name="import")]


def import_modules(names: Iterable[str]) -> None:
    """Import modules, which are looked for in the present folder too.

    Raises `FnnError` for a module that is not found, and for whatever it raises, with its line.
    """
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    for name in names:
        option_name = f"--import {name}"
        if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
            suggestion = name.removesuffix(".py").replace(os.sep, ".")
            message = f"expected the name of a module, such as {suggestion or 'my_layers'}"
            raise FnnError(message, option_name)
        try:
            importlib.import_module(name)
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and _is_part(error.name, name):
                message = f"no module {error.name!r}, neither in {here} nor among what is installed"
                raise FnnError(message, option_name) from error
            frame = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__}: {error} ({frame.filename}, line {frame.lineno})"
            raise FnnError(reason, option_name) from error


def _is_part(missing: str | None, name: str) -> bool:
    return missing is not None and f"{name}.".startswith(f"{missing}.")
