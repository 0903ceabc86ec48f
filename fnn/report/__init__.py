"""Numbers and figures about networks and runs."""

from fnn.report.summary import Summary, summary

__all__ = ["Summary", "summary"]
