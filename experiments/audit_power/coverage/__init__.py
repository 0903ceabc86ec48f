"""Many networks audited: every pair of what can be combined, and random ones that are right."""

from experiments.audit_power.coverage.design import FACTORS, design
from experiments.audit_power.coverage.random_network import DrawnNetwork, random_network
from experiments.audit_power.coverage.run import audit_random_networks, cover_pairs
from experiments.audit_power.coverage.table import CoverageTable, RandomTable

__all__ = [
    "FACTORS",
    "CoverageTable",
    "DrawnNetwork",
    "RandomTable",
    "audit_random_networks",
    "cover_pairs",
    "design",
    "random_network",
]
