"""Run folders: what a training run leaves behind, and a table of past runs."""

from fnn.runs.folder import STATUSES as STATUSES
from fnn.runs.folder import RunFolder as RunFolder
from fnn.runs.kinds import check_single as check_single
from fnn.runs.kinds import kind_of as kind_of
from fnn.runs.kinds import resume_command as resume_command
from fnn.runs.listing import COLUMNS as COLUMNS
from fnn.runs.listing import RunSummary as RunSummary
from fnn.runs.listing import list_runs as list_runs
from fnn.runs.listing import summarize as summarize
from fnn.runs.listing import table as table
from fnn.runs.naming import folder_name as folder_name
from fnn.runs.sweep import SweepFolder as SweepFolder
from fnn.runs.sweep import check_sweep as check_sweep
from fnn.runs.verification import verify as verify

__all__: list[str]
