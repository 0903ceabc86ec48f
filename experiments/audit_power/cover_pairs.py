"""Is every gradient of fnn right? All layers, activations, losses, combinators, and their pairs.

    ./scripts/python experiments/audit_power/cover_pairs.py [--dtype float64] [--seed 0] \
        [--json FILE]

Networks of a pairwise covering array are drawn, in which every two of what can be combined stand
together at least once. Manual is compared with automatic for every leaf of each; those networks
that hold every level between them are audited in full. The exit status is 0 where all agree.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from experiments.audit_power.command import parser, report, show_progress
from experiments.audit_power.coverage.run import cover_pairs
from fnn.audit.api import DTYPES


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, audit, print the table."""
    result = parser(__doc__)
    result.add_argument("--dtype", choices=DTYPES, default=DTYPES[0])
    options = result.parse_args(arguments)
    return report(
        lambda: cover_pairs(seed=options.seed, dtype=options.dtype, progress=show_progress),
        options.json,
    )


if __name__ == "__main__":
    sys.exit(main())
