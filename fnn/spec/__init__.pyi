"""Specs: frozen dataclasses that are pytrees.

Everything that describes a run (a layer, a network, a loss, an optimizer) is a spec. Its numbers
are leaves, so they travel through `jit` as arguments and `vmap` sweeps them; everything else is the
treedef, which `jit` caches on.
"""

from fnn.spec.decorator import abstract_spec as abstract_spec
from fnn.spec.decorator import replace as replace
from fnn.spec.decorator import set_fields as set_fields
from fnn.spec.decorator import spec as spec
from fnn.spec.errors import FnnError as FnnError
from fnn.spec.errors import FnnWarning as FnnWarning
from fnn.spec.errors import ShapeError as ShapeError
from fnn.spec.errors import SpecError as SpecError
from fnn.spec.errors import choice as choice
from fnn.spec.errors import error_path as error_path
from fnn.spec.errors import join as join
from fnn.spec.fields import number as number
from fnn.spec.fields import part as part
from fnn.spec.fields import static as static
from fnn.spec.json import from_json as from_json
from fnn.spec.json import to_json as to_json
from fnn.spec.kinds import examples as examples
from fnn.spec.kinds import from_name as from_name
from fnn.spec.kinds import is_spec as is_spec
from fnn.spec.kinds import kinds as kinds
from fnn.spec.numbers import named_leaves as named_leaves
from fnn.spec.numbers import numbers as numbers
from fnn.spec.numbers import path_name as path_name
from fnn.spec.numbers import with_numbers as with_numbers
from fnn.spec.paths import is_number as is_number
from fnn.spec.paths import with_fields as with_fields

__all__: list[str]
