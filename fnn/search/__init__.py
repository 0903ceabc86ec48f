"""Search: settings that are chosen by what others came to."""

from fnn.search.bayes import bayes
from fnn.search.halving import halving
from fnn.search.result import Rung, Search
from fnn.search.trials import SearchLook

__all__ = ["Rung", "Search", "SearchLook", "bayes", "halving"]
