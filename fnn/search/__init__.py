"""Search: settings that are chosen by the results of others."""

from fnn.search.bayes import bayes
from fnn.search.halving import halving
from fnn.search.result import SearchResult
from fnn.training.host.events import Rung

__all__ = ["Rung", "SearchResult", "bayes", "halving"]
