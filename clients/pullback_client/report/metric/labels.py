"""Labels that the plots and tables of an analysis share."""

from __future__ import annotations

from pullback_client.analysis.result import Analysis

GENERATOR, CONTROL = "generator", "weight-shuffled control"


def measured(analysis: Analysis, *, control: bool = True) -> str:
    """One sentence for a caption: estimator, positions, distance and seed.

    Args:
        analysis: The analysis.
        control: Whether the figure shows the weight-shuffled control too.
    """
    positions = f"{analysis.positions} positions drawn from the prior of {analysis.space}"
    if control:
        positions += f" ({analysis.control_positions} of them for the weight-shuffled control)"
    return f"Metric by {analysis.method} at {positions}, distance {analysis.distance}, seed {analysis.seed}."
