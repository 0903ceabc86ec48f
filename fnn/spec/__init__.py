"""Specs: frozen dataclasses that are pytrees.

Everything that describes a run (a layer, a network, a loss, an optimizer) is a spec. Its numbers
are leaves, so they travel through `jit` as arguments and `vmap` sweeps them; everything else is the
treedef, which `jit` caches on.

Errors come without JAX; all else imports it when it is first asked for.
"""

from typing import TYPE_CHECKING

from fnn.lazy import lazy_names
from fnn.spec.errors import FnnError, ShapeError, SpecError, choice, error_path, join

if TYPE_CHECKING:
    from fnn.spec.decorator import abstract_spec, replace, set_fields, spec
    from fnn.spec.fields import number, part, static
    from fnn.spec.json import from_json, to_json
    from fnn.spec.leaves import named_leaves, numbers, path_name, with_numbers
    from fnn.spec.paths import is_number, with_fields
    from fnn.spec.registry import from_name, is_spec, kinds
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "decorator": ("abstract_spec", "replace", "set_fields", "spec"),
            "fields": ("number", "part", "static"),
            "json": ("from_json", "to_json"),
            "leaves": ("named_leaves", "numbers", "path_name", "with_numbers"),
            "paths": ("is_number", "with_fields"),
            "registry": ("from_name", "is_spec", "kinds"),
        },
    )

__all__ = [
    "FnnError",
    "ShapeError",
    "SpecError",
    "abstract_spec",
    "choice",
    "error_path",
    "from_json",
    "from_name",
    "is_number",
    "is_spec",
    "join",
    "kinds",
    "named_leaves",
    "number",
    "numbers",
    "part",
    "path_name",
    "replace",
    "set_fields",
    "spec",
    "static",
    "to_json",
    "with_fields",
    "with_numbers",
]
