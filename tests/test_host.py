"""Results on the host."""

from __future__ import annotations

import subprocess
import sys

import jax.numpy as jnp
import numpy as np

from fnn.host import fetch

TOO_LARGE = """
import jax
from fnn.host import fetch
draw = jax.jit(lambda key: jax.random.normal(key, (400_000, 400_000)))
try:
    fetch(draw(jax.random.key(0)))
except RuntimeError as error:
    print("out of memory" in str(error).lower())
"""


def test_arrays_come_as_they_are() -> None:
    tree = {"a": jnp.arange(3), "b": (np.ones(2), 1.5)}
    fetched = fetch(tree)
    assert type(fetched["a"]) is np.ndarray and list(fetched["a"]) == [0, 1, 2]
    assert list(fetched["b"][0]) == [1, 1] and fetched["b"][1] == 1.5


def test_what_ran_out_of_memory_raises_and_is_not_waited_for() -> None:
    words = [sys.executable, "-c", TOO_LARGE]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "True\n"
