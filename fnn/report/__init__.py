"""Numbers and figures about networks and runs."""

from fnn.report.summary import Summary, parameter_count, summary

__all__ = ["Summary", "parameter_count", "summary"]
