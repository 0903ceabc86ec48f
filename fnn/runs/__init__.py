"""Run folders: what a training run leaves behind, and a table of past runs."""

from fnn.runs.folder import STATUSES, RunFolder
from fnn.runs.kinds import check_single, kind_of, resume_command
from fnn.runs.listing import COLUMNS, RunSummary, list_runs, summarize, table
from fnn.runs.naming import folder_name
from fnn.runs.sweep import SweepFolder, check_sweep

__all__ = [
    "COLUMNS",
    "STATUSES",
    "RunFolder",
    "RunSummary",
    "SweepFolder",
    "check_single",
    "check_sweep",
    "folder_name",
    "kind_of",
    "list_runs",
    "resume_command",
    "summarize",
    "table",
]
