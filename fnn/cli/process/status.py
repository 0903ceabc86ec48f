"""The exit status of a command."""

from __future__ import annotations


def exit_status(interrupted: int | None) -> int:
    """0, or 128 + the number of the signal that ended it: 130 for Ctrl-C, 143 for SIGTERM."""
    return 0 if interrupted is None else 128 + interrupted
