"""Warpage of W (Local Basis, Fig. 8)."""

from __future__ import annotations

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.analysis.walks import Warpage
from pullback_client.report.parts import Plot, Table, number
from pullback_client.report.style import new_figure, sequence, tidy, to_png
from pullback_client.report.walks.labels import PAIRS


def warpage(analysis: Analysis, found: Warpage) -> Plot:
    """Both distances on the Grassmannian against the number of dimensions, a line for each kind of pairs."""
    figure = new_figure(3.8)
    panels = figure.subplots(1, 2, sharex=True)
    for axes, name in zip(panels, ("geodesic", "projection"), strict=True):
        for pairs, colour in zip(found.kinds, sequence(len(found.kinds)), strict=True):
            values = getattr(pairs, name)
            mean, deviation = values.mean(axis=0), values.std(axis=0)
            axes.fill_between(found.ks, mean - deviation, mean + deviation, color=colour, alpha=0.15, linewidth=0)
            axes.plot(found.ks, mean, ".-", color=colour, linewidth=1.6, label=PAIRS.get(pairs.kind, pairs.kind))
        tidy(axes, title=name, xlabel="dimensions k", ylabel=f"{name} distance")
        axes.set_xscale("log")
        axes.set_xticks(found.ks, [str(k) for k in found.ks])
        axes.minorticks_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, fontsize=8)
    return Plot(
        file="warpage.png",
        title="Warpage of W",
        alt=(
            "Two panels of lines, the geodesic and the projection distance between subspaces of W against their number "
            f"of dimensions k, a line for each kind of pairs. {_middle(found)}"
        ),
        caption=(
            "Distances on the Grassmannian between what the k leading axes of two bases span (Choi et al., ICLR 2022, "
            "Fig. 8), mean ± deviation over pairs. A Local Basis is the left singular vectors of ∂w/∂z at one latent. "
            f"Two of latents drawn from the prior; two of latents {number(found.epsilon)} apart in z; one and global "
            "directions; random subspaces: no alignment at all. Where close bases agree and others do not, W is "
            f"warped. {_pairs(analysis, found)}"
        ),
        png=to_png(figure),
    )


def warpage_table(analysis: Analysis, found: Warpage) -> Table:
    """The geodesic distances as numbers."""
    return Table(
        title="Warpage of W, geodesic",
        caption=(
            "Geodesic distance ‖θ‖₂ of the principal angles between the k leading dimensions, mean ± deviation over "
            f"pairs; perpendicular subspaces are √k π/2 apart. {_pairs(analysis, found)}"
        ),
        head=("pairs", *(f"k = {k}" for k in found.ks)),
        rows=tuple(
            (
                PAIRS.get(pairs.kind, pairs.kind),
                *(
                    f"{number(float(column.mean()))} ± {number(float(column.std()), 2)}"
                    for column in np.swapaxes(pairs.geodesic, 0, 1)
                ),
            )
            for pairs in found.kinds
        ),
    )


def _middle(found: Warpage) -> str:
    """The geodesic distances at a middle k, in words."""
    middle = len(found.ks) // 2
    each = ", ".join(
        f"{number(float(pairs.geodesic[:, middle].mean()))} ({PAIRS.get(pairs.kind, pairs.kind)})"
        for pairs in found.kinds
    )
    return f"At k = {found.ks[middle]} the geodesic distances are {each}."


def _pairs(analysis: Analysis, found: Warpage) -> str:
    return f"{len(found.kinds[0].geodesic)} pairs of each kind, seed {analysis.seed}."
