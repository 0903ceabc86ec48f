"""Run folders: what a training run leaves behind, and a table of past runs."""

from fnn.runs.folder import STATUSES, RunFolder
from fnn.runs.listing import COLUMNS, RunSummary, list_runs, summarize, table
from fnn.runs.naming import folder_name

__all__ = [
    "COLUMNS",
    "STATUSES",
    "RunFolder",
    "RunSummary",
    "folder_name",
    "list_runs",
    "summarize",
    "table",
]
