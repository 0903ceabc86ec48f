"""What `fnn train --members` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fnn.cli.output.run import WIDTH

if TYPE_CHECKING:
    from fnn.ensembles import EnsembleResult


def print_ensemble(result: EnsembleResult) -> None:
    """Which members were left out, and the test metrics of one network and of all together."""
    from fnn.metrics import format_metric
    from fnn.sweeps.test_protocol import headline_metrics

    epochs = max(member.epochs for member in result.members)
    seconds = result.seconds - result.compile_seconds
    early = sum(member.status == "stopped early" for member in result.members)
    ended = f", {early} stopped early" if early else ""
    ended += ", interrupted" if result.interrupted is not None else ""
    print(
        f"trained {len(result.members)} networks, up to {epochs:,} epochs{ended}, in "
        f"{seconds:.1f} s after {result.compile_seconds:.1f} s of compiling"
    )
    for seed, reason in result.left_out:
        print(f"left out: seed {seed} {reason}")
    assert result.prepared is not None and result.prepared.test is not None
    assert result.test is not None and result.each_test is not None
    rows = f"test ({len(result.prepared.test.target):,} rows)"
    print(f"{rows:<18} {'one network ± sd':>22} {f'all {len(result.members)}':>{WIDTH}}")
    for name in headline_metrics(result.run.metric_names):
        each = np.array([metrics[name] for metrics in result.each_test])
        one = f"{format_metric(float(each.mean()))} ± {format_metric(float(each.std()))}"
        print(f"{name:<18} {one:>22} {format_metric(result.test[name]):>{WIDTH}}")
