"""Checkpoints: named arrays in a safetensors file, and a manifest that vouches for them."""

from fnn.checkpoint.environment import Difference as Difference
from fnn.checkpoint.environment import environment as environment
from fnn.checkpoint.environment import versions as versions
from fnn.checkpoint.leaves import from_arrays as from_arrays
from fnn.checkpoint.leaves import to_arrays as to_arrays
from fnn.checkpoint.manifest import Checkpoint as Checkpoint
from fnn.checkpoint.manifest import read as read
from fnn.checkpoint.manifest import write as write
from fnn.checkpoint.rotation import newest as newest
from fnn.checkpoint.rotation import write_next as write_next

__all__: list[str]
