"""Table of other distances (Table 3), with the paper's rows."""

from __future__ import annotations

import math

from pullback_client.analysis.comparisons import DistanceComparison
from pullback_client.analysis.result import Analysis
from pullback_client.report.metric.published import PUBLISHED_LATENTS, TABLE_3, PublishedRow
from pullback_client.report.parts import Table

# What Table 3 sets LPIPS against.
_YARDSTICKS = ("mse", "ssim")
# Attributes of a comparison by column, with the decimals that the paper prints.
_FIGURES = (
    ("entry_correlation", 3),
    ("spectrum_correlation", 3),
    ("linear_agreement", 3),
    ("log_agreement", 3),
    ("log_slope_back", 2),
    ("log_intercept_back", 2),
)
# What says the same of a pair that is looked at from its other side.
_BACK = {
    "linear_agreement": "linear_agreement_back",
    "log_agreement": "log_agreement_back",
    "log_slope_back": "log_slope",
    "log_intercept_back": "log_intercept",
}
_LEGEND = (
    ("latents", "positions at which both metrics were computed; each figure is their mean ± standard deviation."),
    ("corr. of H", "correlation of the n² entries of the two metrics; “H corr” in the paper."),
    ("corr. of λ", "correlation of their eigenvalues, both in descending order; “eigval corr”."),
    (
        "Cᴴ, linear",
        "correlation of uᵀHu with the eigenvalues of H, for the eigenvectors u of the row's metric and the metric H of "
        "the distance that it is set against: 1 where that acts on them as on its own.",
    ),
    ("Cᴴ, log", "the same of the logarithms, where small eigenvalues count as much as large ones."),
    (
        "slope, intercept",
        "of the least-squares line of log₁₀ λ of the row's distance over log₁₀ λ of the one that it is set against. A "
        "slope of 1 says that the two differ by their unit alone, and the intercept is then log₁₀ of how many times "
        "as large the row's eigenvalues are.",
    ),
)


def distances(analysis: Analysis) -> Table:
    """Metrics under several distances against each other, beside the published rows (Table 3)."""
    groups: dict[str | None, list[DistanceComparison]] = {}
    for each in analysis.comparisons:
        groups.setdefault(_yardstick(each), []).append(each)
    rows: list[tuple[str, ...]] = []
    headings: list[tuple[int, str]] = []
    for other in (*_YARDSTICKS, None):
        if own := groups.get(other, []):
            headings.append((len(rows), f"against {other}" if other else "others"))
            rows += [_measured(analysis, each, other) for each in own]
            rows += [_published(row) for row in TABLE_3 if row.other == other]
    return Table(
        title="Other distances",
        caption=_caption(analysis),
        head=("distance", "latents", "corr. of H", "corr. of λ", "Cᴴ, linear", "Cᴴ, log", "slope", "intercept"),
        rows=tuple(rows),
        headings=tuple(headings),
        legend=_LEGEND,
    )


def _yardstick(pair: DistanceComparison) -> str | None:
    """Under which heading a pair stands."""
    found = [each for each in _YARDSTICKS if each in {pair.reference, pair.distance}]
    return found[0] if len(found) == 1 else None


def _measured(analysis: Analysis, pair: DistanceComparison, other: str | None) -> tuple[str, ...]:
    # The analysed distance comes first, which may be the one that the paper sets others against.
    turned = other == pair.reference
    name = pair.distance if turned else pair.reference
    if other is None:
        name = f"{name} against {pair.distance}"
    names = [(_BACK.get(attribute, attribute) if turned else attribute, digits) for attribute, digits in _FIGURES]
    return (
        f"{analysis.generator}: {name}",
        f"{pair.positions}",
        *(_figure(getattr(pair, attribute), _deviation(pair, attribute), digits) for attribute, digits in names),
    )


def _published(row: PublishedRow) -> tuple[str, ...]:
    figures = zip(row.figures, _FIGURES, strict=True)
    return (
        f"{row.generator}: LPIPS (the paper)",
        f"{PUBLISHED_LATENTS}",
        *(_figure(mean, deviation, digits) for (mean, deviation), (_, digits) in figures),
    )


def _deviation(pair: DistanceComparison, attribute: str) -> float:
    return math.nan if pair.deviations is None else float(getattr(pair.deviations, attribute))


def _figure(mean: float, deviation: float, digits: int) -> str:
    if math.isnan(mean):
        return "–"
    spread = "" if math.isnan(deviation) else f" ± {deviation:.{digits}f}"
    return f"{mean:.{digits}f}{spread}".replace("-", "−")


def _caption(analysis: Analysis) -> str:
    methods = {analysis.distance: analysis.method} | {each.distance: each.method for each in analysis.comparisons}
    by_method: dict[str, list[str]] = {}
    for distance, method in methods.items():
        by_method.setdefault(method, []).append(distance)
    estimators = "; ".join(f"{', '.join(names)} by {method}" for method, names in by_method.items())
    return (
        "The metric under one distance against that under another, at the same positions (Table 3). Rows of the paper "
        "are as printed: with LPIPS over SqueezeNet, and with the line that its authors' code fits, LPIPS over the "
        "other. Their mse takes pixels from 0 to 1, that of this page from −1 to 1, which makes it 4 times as large: "
        "by theirs, the intercepts against mse would be higher by .60 times the slope. Metric of "
        f"{estimators}; positions drawn from the prior of {analysis.space}, seed {analysis.seed}."
    )
