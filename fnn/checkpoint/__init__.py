"""Checkpoints: named arrays in a safetensors file, and a manifest that vouches for them."""

from fnn import lazy

__all__ = lazy.attach(__name__)
