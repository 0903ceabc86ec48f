"""Search: settings that are chosen by what others came to."""

from fnn.search.bayes import bayes
from fnn.search.halving import halving
from fnn.search.result import SearchResult
from fnn.training.host.events import Rung

__all__ = ["Rung", "SearchResult", "bayes", "halving"]
