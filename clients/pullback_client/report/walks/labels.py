"""Labels and lines that the plots, tables and sentences about walks share."""

from __future__ import annotations

from pullback_client.analysis.result import Analysis
from pullback_client.report.style import BLUE, GREY, VERMILION

# Colour and style; those that keep the density lie on one another.
TRAVERSAL_LINES = {"linear": (VERMILION, "-"), "spherical": (GREY, "-"), "density_preserving": (BLUE, "--")}
TRAVERSALS = {"linear": "straight", "spherical": "spherical", "density_preserving": "density-preserving"}
PAIRS = {
    "random": "random subspaces",
    "far": "two Local Bases",
    "close": "two close Local Bases",
    "ganspace_pca": "Local Basis and GANSpace",
    "sefa": "Local Basis and SeFa",
}
WAYS = {
    "curve": "iterative curve",
    "local_basis": "Local Basis",
    "ganspace_pca": "GANSpace PCA",
    "sefa": "SeFa",
}
SETS = {
    "hessian": "Hessian eigenvectors",
    "ganspace_pca": "GANSpace PCA",
    "ica_mixing": "ICA, mixing columns",
    "ica_unmixing": "ICA, unmixing rows",
    "random": "random directions",
}


def starts(analysis: Analysis, positions: int) -> str:
    """One sentence for a caption: where walks start."""
    return f"{positions} positions drawn from the prior of {analysis.space}, seed {analysis.seed}."
