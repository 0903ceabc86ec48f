"""The option of figures."""

from __future__ import annotations

from fnn.spec.errors import FnnError


def check_figures(wanted: bool) -> None:
    """Raises `FnnError` where figures are wanted and can't be drawn."""
    from fnn.runs.figures import can_draw

    if wanted and not can_draw():
        raise FnnError(
            "needs matplotlib: pip install 'fnn[plots]', or say --no-figures", "--figures"
        )
