"""Variations of images at random along a set of directions, and how far they go (Palaev et al., Tables 1 to 3)."""

from __future__ import annotations

from pullback_client.analysis.result import Analysis
from pullback_client.analysis.walks import Variations
from pullback_client.report.parts import Table, number
from pullback_client.report.walks.labels import SETS


def variations_table(analysis: Analysis, found: Variations) -> Table:
    """The Fréchet distance at each strength, a row for each set of directions."""
    return Table(
        title="Images changed at random, Fréchet distance",
        caption=(
            "Fréchet distance between images and the same images, each changed by a step α along one direction of a "
            f"set, both drawn at random (as Tables 1 to 3 of Palaev et al., ICLR 2023 Tiny Papers): {found.directions} "
            "leading directions of a set, α in units of the prior's deviation in their space. The less, the more alike "
            f"the sets of images stay. A dash: the independent components did not settle. Embedding {found.embedding}, "
            f"{found.images} images, the same draws for every set, seed {analysis.seed}; figures compare with each "
            "other, not with those of another embedding or number of images."
        ),
        head=("directions", "space", *(f"α ~ U[−{_short(s)}, {_short(s)}]" for s in found.strengths)),
        rows=tuple(
            (SETS.get(each.kind, each.kind), each.space, *(number(float(distance)) for distance in each.distances))
            for each in found.sets
        ),
    )


def _short(strength: float) -> str:
    return f"{float(strength):g}"
