"""Is this gradient right? Claimed against automatic against numerical, leaf by leaf."""

from fnn.audit.api import assert_gradient, audit, audit_gradient
from fnn.audit.compare import Leaf, agreement
from fnn.audit.records import Check, Finding, LeafRow, Verdict, Worst
from fnn.audit.result import Audit

__all__ = [
    "Audit",
    "Check",
    "Finding",
    "Leaf",
    "LeafRow",
    "Verdict",
    "Worst",
    "agreement",
    "assert_gradient",
    "audit",
    "audit_gradient",
]
