"""Are faults in claims other than gradients caught, and in their places?

./scripts/python experiments/audit_power/other_claims.py [KIND]

60 faults and 100 right claims: vjp and jvp, Hessian-vector products, time steps, integers, custom
rules, kernels of Pallas. Placed: every wrong row is the fault's output, leaf, step or function.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

from experiments.audit_power.claims import products, rules
from experiments.audit_power.claims.case import Case
from fnn.audit import Verdict

SOURCES = (
    products.right_products,
    products.wrong_products,
    products.right_second_order,
    products.wrong_second_order,
    products.right_steps,
    products.wrong_steps,
    products.integers,
    rules.rules,
    rules.kernels,
)


def main(kind: str = "") -> None:
    """Print a line for each kind, and what went wrong."""
    cases = [case for source in SOURCES for case in source() if kind in case.kind]
    counts: Counter[tuple[str, str]] = Counter()
    start = time.process_time()
    for case in cases:
        for outcome in _outcomes(case):
            counts[case.kind, outcome] += 1
    columns = ["faults", "caught", "placed", "right", "called WRONG", "not proved"]
    print(f"{'kind':16}" + "".join(f"{name:>14}" for name in columns))
    for name in dict.fromkeys(case.kind for case in cases):
        print(f"{name:16}" + "".join(f"{counts[name, column]:>14}" for column in columns))
    totals = [sum(n for (_, c), n in counts.items() if c == column) for column in columns]
    print(f"{'all':16}" + "".join(f"{total:>14}" for total in totals))
    print(f"{time.process_time() - start:.0f} s of processor time, {len(cases)} claims")


def _outcomes(case: Case) -> list[str]:
    audit = case.run()
    if case.place:
        caught, placed = case.is_caught(audit), case.is_placed(audit)
        if not (caught and placed):
            print(f"{case.kind}: {case.name}: caught {caught}, placed {placed}\n{audit}\n")
        return ["faults"] + ["caught"] * caught + ["placed"] * placed
    false = any(row.verdict is Verdict.WRONG for row in audit.rows)
    false |= any(check.ok is False for check in audit.checks)
    if not audit.ok:
        print(f"{case.kind}: {case.name}: right, and not proved\n{audit}\n")
    return ["right"] + ["called WRONG"] * false + ["not proved"] * (not audit.ok)


if __name__ == "__main__":
    main(*sys.argv[1:2])
