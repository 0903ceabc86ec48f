"""Many networks audited: every pair of what can be combined, and random ones that are right."""

from fnn.gradients.coverage.design import FACTORS, design
from fnn.gradients.coverage.networks import Drawn, random_network
from fnn.gradients.coverage.run import run_all, run_right
from fnn.gradients.coverage.table import CoverageTable, RightTable

__all__ = [
    "FACTORS",
    "CoverageTable",
    "Drawn",
    "RightTable",
    "design",
    "random_network",
    "run_all",
    "run_right",
]
