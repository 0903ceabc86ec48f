#!/bin/sh
# jax 0.10.1, jaxlib 0.10.1, CPU: an executable that JAX has read from its persistent compilation
# cache can be serialized by jax.experimental.serialize_executable and loaded again without an
# error, but has lost its functions: calling it raises NOT_FOUND. One that was just compiled works.
# Exit status 0: as described. 1: it behaves in another way now.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install -q jax==0.10.1 jaxlib==0.10.1
cat > "$place/serialize.py" <<'P'
import jax, jax.numpy as jnp
from jax.experimental import serialize_executable as se
def f(x):
    for _ in range(2):
        x = jnp.tanh(x @ x.T) + jnp.sort(x, 0).sum(1)
    return x
x = jnp.ones((8, 8))
program = jax.jit(f).lower(x).compile()
again = se.deserialize_and_load(*se.serialize(program))
try:
    print("runs", float(jax.block_until_ready(again(x)).sum()))
except Exception as error:
    print("fails:", str(error).splitlines()[0][:60])
P
export JAX_PLATFORMS=cpu TF_CPP_MIN_LOG_LEVEL=3 JAX_COMPILATION_CACHE_DIR="$place/cache"
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
python="$place/env/bin/python"
compiled=$("$python" "$place/serialize.py")
cached=$("$python" "$place/serialize.py")
echo "just compiled: $compiled"
echo "from the persistent cache: $cached"
# seen: "runs 8710.9…", then "fails: NOT_FOUND: Function … not found (type id: 1)"
case "$compiled/$cached" in "runs "*"/fails: NOT_FOUND: Function "*) ;; *) exit 1 ;; esac
