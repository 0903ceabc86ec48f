"""What XLA is told before it compiles anything."""

from __future__ import annotations

import os

from jaxlib.version import __version__ as jaxlib

FLAG = "xla_cpu_experimental_ynn_fusion_type"
PRODUCTS = "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
OPTIONS = {FLAG: PRODUCTS} if jaxlib == "0.10.2" else None
"""for `jax.jit(compiler_options=…)` of programs of many members"""


def set_up() -> None:
    """Keep jaxlib 0.10.2 from sums of sums that it gets wrong on a CPU.

    There Σᵢ wᵢ Σⱼ tᵢⱼ log softmax(z)ᵢⱼ under `jax.vmap`, as one fusion, is that of another member
    from 32,768 rows of all members on; 0.10.0, 0.10.1, 0.11.2 and 0.12 are right. The setting, in
    the environment's XLA_FLAGS, leaves matrix products their fusions, and sums none. XLA reads it
    when JAX first computes: what was computed before `import fnn` decides for the whole process. A
    setting of one's own stays.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if OPTIONS and FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --{FLAG}={PRODUCTS}".strip()
