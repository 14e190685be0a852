"""Summary of the walks of an analysis, in sentences made from its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.analysis.walks import (
    DensityDrift,
    DistanceCurves,
    Robustness,
    Variations,
    WalkDistances,
    WalkQuality,
    Warpage,
)
from pullback_client.report.parts import number
from pullback_client.report.walks.labels import PAIRS, SETS, TRAVERSALS, WAYS


def summarize_walks(analysis: Analysis) -> list[str]:
    """Sentences that state the main numbers; none for an analysis without walks."""
    walks = analysis.walks
    if walks is None:
        return []
    sentences = [_curves(walks.distance_curves)]
    if walks.density_drifts:
        sentences.append(_density(walks.density_drifts))
    if walks.walk_distances is not None:
        sentences.append(_walk_distances(walks.walk_distances))
    if walks.walk_quality is not None:
        sentences.append(_walk_quality(walks.walk_quality))
    if walks.warpage is not None:
        sentences.append(_warpage(walks.warpage))
    if walks.robustness is not None:
        sentences.append(_robustness(walks.robustness))
    if walks.variations is not None:
        sentences.append(_variations(walks.variations))
    return sentences


def _curves(curves: DistanceCurves) -> str:
    top, random, bottom = (
        number(float(values[..., [0, -1]].mean())) for values in (curves.top, curves.random, curves.bottom)
    )
    count = curves.top.shape[1]
    return (
        f"Walks: {number(float(curves.steps[-1]), 2)} latent units from the start the image distance is {top} along "
        f"the first {count} eigenvectors, {random} along random directions and {bottom} along the last {count}."
    )


def _density(drifts: Sequence[DensityDrift]) -> str:
    each = ", ".join(
        f"{number(float(np.abs(drift.log_densities[:, [0, -1]]).mean()))} on "
        f"{TRAVERSALS.get(drift.traversal, drift.traversal)} walks"
        for drift in drifts
    )
    return (
        f"Density: over {number(float(drifts[0].steps[-1]), 2)} latent units along the leading eigenvector log p "
        f"changes by {each}."
    )


def _walk_distances(found: WalkDistances) -> str:
    each = ", ".join(
        f"{number(float(one.distances[..., -1].mean()))} on {TRAVERSALS.get(one.traversal, one.traversal)} walks"
        for one in found.traversals
    )
    return (
        f"Random walks: {number(float(found.steps[-1]), 2)} latent units along random directions the image distance is "
        f"{each}."
    )


def _walk_quality(found: WalkQuality) -> str:
    each = ", ".join(
        f"{number(float(one.distances[-1]))} on {TRAVERSALS.get(one.traversal, one.traversal)} walks"
        for one in found.traversals
    )
    return (
        f"Images after random walks: a step of {number(float(found.strides[-1]), 2)} takes the Fréchet distance from "
        f"images of the prior ({found.embedding}, {found.images} images) from {number(found.unmoved)} to {each}."
    )


def _warpage(found: Warpage) -> str:
    middle = len(found.ks) // 2
    each = ", ".join(
        f"{number(float(pairs.geodesic[:, middle].mean()))} for {PAIRS.get(pairs.kind, pairs.kind)}"
        for pairs in found.kinds
    )
    return f"Warpage of W: the geodesic distance of {found.ks[middle]} leading dimensions is {each}."


def _robustness(found: Robustness) -> str:
    each = ", ".join(
        f"{number(float(curve.rises[-1]))} along {WAYS.get(curve.way, curve.way)}" for curve in found.curves
    )
    return (
        f"Robustness in W: a step of {number(float(found.strengths[-1]))} along the first axis raises the Fréchet "
        f"distance ({found.embedding}, {found.images} images) by {each}."
    )


def _variations(found: Variations) -> str:
    strength = f"{float(found.strengths[-1]):g}"
    each = ", ".join(f"{number(float(one.distances[-1]))} along {SETS.get(one.kind, one.kind)}" for one in found.sets)
    return (
        f"Variations: a step α ~ U[−{strength}, {strength}] moves images by a Fréchet distance ({found.embedding}, "
        f"{found.images} images) of {each}."
    )
