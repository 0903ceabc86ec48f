"""Executables that are kept whole from one process to the next: a later one need not trace.

JAX keeps compiled programs too, but finds them by what it has traced and lowered, which takes
longer than to load them. A `KeptProgram` is found by all that its trace depends on: the specs and
shapes of its arguments, fnn's own source, versions, settings and the processor (`_digest`). It is
kept only where `fnn.xla.keep_programs` has named a folder, and only if its arguments are made of
nothing but classes of fnn, JAX, Optax and NumPy. Whatever is wrong with a kept file, the program is
traced and compiled.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import os
import pickle
import platform
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jaxlib
import numpy as np
import optax
from jax.experimental import serialize_executable

from fnn import xla
from fnn.files import replace_file

KNOWN = {"builtins", "copyreg", "fnn", "jax", "jaxlib", "ml_dtypes", "numpy", "optax"}
"""packages whose classes may be part of a kept program: their versions are part of its name"""
COMPILED = "/jax/core/compile/backend_compile_duration"
HIT = "/jax/compilation_cache/cache_hits"

_seen = threading.local()
"""what JAX has reported of this thread's compilation"""


class Call(NamedTuple):
    """The arguments of a program, and what tells one executable of it from another."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]
    key: tuple[Any, ...]


class KeptProgram:
    """A function as `jax.jit` gives it, whose executables are kept where a folder is set."""

    def __init__(self, jitted: Any, *static: str) -> None:
        self.jitted, self.static = jitted, static
        self.name = f"{jitted.__module__}.{jitted.__qualname__}"
        self.names = list(inspect.signature(jitted).parameters)
        self._loaded: dict[tuple[Any, ...], Any] = {}
        self.eval_shape = jitted.eval_shape

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call it."""
        if self._loaded:
            call = self._call(arguments, options)
            if loaded := self._loaded.get(call.key):
                try:
                    return jax.block_until_ready(loaded(*call.arguments, **call.options))
                except Exception:  # it does not run: compile one that does
                    del self._loaded[call.key]
        return self.jitted(*arguments, **options)

    def lower(self, *arguments: Any, **options: Any) -> Any:
        """Its `jax.stages.Lowered`, or what stands for it where its executable is kept."""
        lower = functools.partial(self.jitted.lower, *arguments, **options)
        folder = xla.kept_programs()
        if folder is None or not _is_alone():
            return lower()
        call = self._call(arguments, options)
        try:
            path = folder / f"{_digest(self.name, call.key)}.program"
        except (pickle.PicklingError, AttributeError, TypeError):  # what can't be told apart
            return lower()
        kept = _read(path)
        if kept is not None:
            return KeptLowered(kept, functools.partial(self._load, kept, call.key, lower))
        lowered = lower()
        return KeptLowered(
            {"out_info": lowered.out_info}, functools.partial(_compile, lowered, path)
        )

    def _load(self, kept: dict[str, Any], key: tuple[Any, ...], lower: Callable[[], Any]) -> Any:
        try:
            program = serialize_executable.deserialize_and_load(*kept["program"])
        except Exception:  # of another jaxlib's making, say
            return lower().compile()
        self._loaded[key] = program
        return program

    def _call(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> Call:
        named = list(zip(self.names, arguments, strict=False))
        fixed = {name: value for name, value in [*named, *options.items()] if name in self.static}
        traced = tuple(value for name, value in named if name not in self.static)
        others = {name: value for name, value in options.items() if name not in self.static}
        leaves, tree = jax.tree.flatten((traced, others))
        return Call(traced, others, (tree, *map(_shape, leaves), *sorted(fixed.items())))


class KeptLowered:
    """What is needed of a `jax.stages.Lowered`."""

    def __init__(self, kept: dict[str, Any], compile: Callable[[], Any]) -> None:
        self.out_info, self.compile = kept["out_info"], compile


def _shape(leaf: Any) -> tuple[Any, ...]:
    """What a trace knows of an argument."""
    if not hasattr(leaf, "dtype"):
        return (type(leaf).__name__,)
    return tuple(leaf.shape), str(leaf.dtype), bool(getattr(leaf, "weak_type", False))


def _is_alone() -> bool:
    """Whether there is one device, a CPU: what is kept was made for no other."""
    return jax.default_backend() == "cpu" and jax.device_count() == 1


def _digest(name: str, key: tuple[Any, ...]) -> str:
    """The name of a kept executable: a digest of all that tracing and compiling depend on.

    Raises `pickle.PicklingError`, `AttributeError` or `TypeError` where that can't be told.
    """
    settings = {key: value for key, value in jax.config.values.items() if "cache" not in key}
    parts = (name, _bytes(key), repr(sorted(settings.items())), _machine(), _source())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@functools.cache
def _source() -> str:
    """A digest of fnn's own files."""
    root, digest = Path(xla.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.cache
def _machine() -> tuple[Any, ...]:
    """Versions, the processor, and the settings of XLA."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        lines = {line for line in text.splitlines() if line.startswith(("flags", "model name"))}
    except OSError:
        lines = {platform.processor()}
    versions = (sys.version, *(module.__version__ for module in (jax, jaxlib, np, optax)))
    flags = tuple(os.environ.get(name, "") for name in ("XLA_FLAGS", "TF_XLA_FLAGS"))
    return (*versions, platform.platform(), os.cpu_count(), *sorted(lines), *flags)


class _Pickler(pickle.Pickler):
    """A pickler that refuses classes and functions whose code no version in the name tells of."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type) or inspect.isroutine(value):
            module = str(getattr(value, "__module__", None) or "builtins")
            if module.partition(".")[0] not in KNOWN:
                raise pickle.PicklingError(f"{value} is not fnn's")
        return NotImplemented


def _bytes(value: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file).dump(value)
    return file.getvalue()


def _compile(lowered: Any, path: Path) -> Any:
    """Compile it, and keep it if XLA has: what JAX has kept loses its functions a second time."""
    _listen()
    _seen.events = set()
    program = lowered.compile()
    if COMPILED in _seen.events and HIT not in _seen.events:
        with suppress(Exception):  # a full disk, or no pickle of it: it is compiled each time
            serialized = serialize_executable.serialize(program)
            write(path, {"out_info": lowered.out_info, "program": serialized})
    return program


def write(path: Path, kept: dict[str, Any]) -> None:
    """Keep that there, behind its digest."""
    data = zlib.compress(_bytes(kept), 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as file:
        file.write(hashlib.sha256(data).digest() + data)


@functools.cache
def _listen() -> None:
    def note(event: str, *_: object, **__: object) -> None:
        if hasattr(_seen, "events"):
            _seen.events.add(event)

    jax.monitoring.register_event_listener(note)
    jax.monitoring.register_event_duration_secs_listener(note)


def _read(path: Path) -> dict[str, Any] | None:
    """What is kept there; None where nothing is, or where a bit of it has changed."""
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            return None
        kept: dict[str, Any] = pickle.loads(zlib.decompress(data[32:]))
    except Exception:  # missing, or made of what is no more
        return None
    return kept
