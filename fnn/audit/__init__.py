"""Is this gradient right? Claimed against automatic against numerical, leaf by leaf.

Importing this package is cheap: the machinery is imported when an audit runs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from fnn.audit.api import assert_gradient, audit, audit_gradient
from fnn.audit.problem.projection import Projection

if TYPE_CHECKING:
    from fnn.audit.compare import Leaf, agreement
    from fnn.audit.records import Check, Finding, LeafRow, Verdict, Worst
    from fnn.audit.result import Audit

__all__ = [
    "Audit",
    "Check",
    "Finding",
    "Leaf",
    "LeafRow",
    "Projection",
    "Verdict",
    "Worst",
    "agreement",
    "assert_gradient",
    "audit",
    "audit_gradient",
]

_LAZY = {
    "Audit": "fnn.audit.result",
    "Leaf": "fnn.audit.compare",
    "agreement": "fnn.audit.compare",
    **dict.fromkeys(("Check", "Finding", "LeafRow", "Verdict", "Worst"), "fnn.audit.records"),
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'fnn.audit' has no attribute {name!r}")
