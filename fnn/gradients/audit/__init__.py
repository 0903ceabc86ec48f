"""Is this gradient right? Claimed against automatic against numerical, leaf by leaf."""

from fnn.gradients.audit.agreement import Leaf, agreement
from fnn.gradients.audit.result import Audit, Check, Finding, Row, Verdict, Worst
from fnn.gradients.audit.run import assert_gradient, audit, audit_gradient

__all__ = [
    "Audit",
    "Check",
    "Finding",
    "Leaf",
    "Row",
    "Verdict",
    "Worst",
    "agreement",
    "assert_gradient",
    "audit",
    "audit_gradient",
]
