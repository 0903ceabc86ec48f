"""How the tests' programs are compiled, where it matters to them."""

from __future__ import annotations

from jaxlib.version import __version__ as jaxlib

AS_SHIPPED = {"xla_cpu_use_fusion_emitters": True} if jaxlib.startswith("0.10.") else None
"""for `jax.jit(compiler_options=…)`: kernels as users get them, not those of tests/conftest.py"""
