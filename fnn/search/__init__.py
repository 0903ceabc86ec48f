"""Search: settings that are chosen by what others came to."""

from fnn.search.bayes import bayes
from fnn.search.halving import halving
from fnn.search.result import Rung, SearchResult
from fnn.search.trials import SearchEvent

__all__ = ["Rung", "SearchEvent", "SearchResult", "bayes", "halving"]
