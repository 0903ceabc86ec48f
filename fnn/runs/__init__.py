"""Run folders: what a training run leaves behind, and a table of past runs."""

from fnn import lazy

__all__ = lazy.attach(__name__)
