"""Tables of a report: dimensions (Table 2) and homogeneity (Table 4)."""

from __future__ import annotations

from pullback_client.analysis.result import Analysis, Homogeneity
from pullback_client.report.metric.labels import CONTROL, GENERATOR, measured
from pullback_client.report.parts import Table, number, percent, spread


def dimensions(analysis: Analysis) -> Table:
    """How many dimensions hold a fraction of the sum of the eigenvalues (Table 2)."""
    rows = []
    for name, spectrum in ((GENERATOR, analysis.spectrum), (CONTROL, analysis.shuffled_spectrum)):
        mean_metric = [str(dims.mean_metric) for dims in spectrum.dims]
        summary = (number(spectrum.effective_rank), number(spectrum.condition_number, 4))
        rows.append((f"{name}, mean metric", *mean_metric, *summary))
        each = [f"{dims.mean:.1f} ± {dims.deviation:.1f}" for dims in spectrum.dims]
        rows.append((f"{name}, at each position", *each, "", ""))
    fractions = [percent(dims.fraction) for dims in analysis.spectrum.dims]
    return Table(
        title="Dimensions",
        caption=(
            f"How many of the {analysis.dim} dimensions, the largest eigenvalues first, hold a fraction of the sum of "
            "the eigenvalues (Table 2): of the mean metric, and of the metric at each position, mean ± deviation over "
            f"positions. {measured(analysis)}"
        ),
        head=("metric", *fractions, "tr H/λmax", "λmax/λmin"),
        rows=tuple(rows),
    )


def agreement(analysis: Analysis) -> Table:
    """Mean and deviation of C^H over pairs of positions (Table 4)."""
    return Table(
        title="Homogeneity",
        caption=f"Cᴴ over ordered pairs of different positions, mean ± deviation (Table 4). {measured(analysis)}",
        head=("metric", "positions", "pairs", "Cᴴ, log scale", "Cᴴ, linear scale"),
        rows=(
            _agreement(GENERATOR, analysis.homogeneity),
            _agreement(CONTROL, analysis.shuffled_homogeneity),
        ),
    )


def _agreement(name: str, found: Homogeneity) -> tuple[str, ...]:
    positions = len(found.log)
    return (
        name,
        f"{positions:,}",
        f"{positions * (positions - 1):,}",
        spread(found.log_mean, found.log_deviation),
        spread(found.linear_mean, found.linear_deviation),
    )
