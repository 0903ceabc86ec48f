"""Is this gradient right? Claimed against automatic against numerical, leaf by leaf."""

from fnn import lazy

__all__ = lazy.attach(__name__)
