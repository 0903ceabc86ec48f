"""Does the audit call a right gradient wrong? Random networks of every kind, nested and nasty.

    ./scripts/python experiments/audit_power/random_networks.py COUNT [--dtype float64] \
        [--seed 0] [--json FILE]

Network n is drawn from seed + n, its parameters too. The exit status is 0 where no leaf is called
WRONG and no audit raises.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from experiments.audit_power.command import at_least, parser, report, show_progress
from experiments.audit_power.coverage.run import audit_random_networks
from fnn.audit.api import DTYPES


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit, print the false alarms and the totals."""
    result = parser(__doc__)
    result.add_argument("count", type=at_least(1), metavar="COUNT", help="how many networks")
    result.add_argument("--dtype", choices=DTYPES, default=DTYPES[0])
    options = result.parse_args(arguments)
    return report(
        lambda: audit_random_networks(
            options.count, options.dtype, seed=options.seed, progress=show_progress
        ),
        options.json,
    )


if __name__ == "__main__":
    sys.exit(main())
