"""Does the audit catch, locate and diagnose known mistakes planted in real networks?

    ./scripts/python experiments/audit_power/plant_faults.py [--only WORDS] [--sites 2] [--seed 0] \
        [--json FILE]

Every fault of `mutations/` is planted in up to `--sites` places of the networks in `trials/`, and
each of those networks is audited without a fault as well. Caught: the audit is not ok. Named: a
finding has the fault's layer and leaf. Diagnosed: the finding is of a kind that the fault expects.
The exit status is 0 where all are caught, 95 % named, 80 % diagnosed, and no network without a
fault is objected to.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from experiments.audit_power.command import at_least, parser, report, show_progress
from experiments.audit_power.trials.run import SITES, run_trials


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant, audit, print the table."""
    result = parser(__doc__)
    result.add_argument("--only", metavar="WORDS", help="a subject (dense), or words of a name")
    result.add_argument("--sites", type=at_least(1), default=SITES, help="places for each fault")
    options = result.parse_args(arguments)
    return report(
        lambda: run_trials(
            seed=options.seed, only=options.only, progress=show_progress, sites=options.sites
        ),
        options.json,
    )


if __name__ == "__main__":
    sys.exit(main())
