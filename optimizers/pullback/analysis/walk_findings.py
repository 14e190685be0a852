"""Findings of an analysis of walks: the records that no statistic has of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pullback.directions.statistics.distance_curves import DistanceCurves
from pullback.directions.statistics.perturbation import PerturbationDistances
from pullback.directions.statistics.warpage import Warpage


@dataclass(frozen=True, eq=False)
class DriftFindings:
    """How far walks along the leading eigenvector leave the density at which they start (DP-LaSE, Sec. 4.3).

    Attributes:
        traversal: How they go: `linear`, `spherical` or `density_preserving`.
        steps: In units of the latent, ascending, shape (steps,).
        norms: ‖z‖/‖z₀‖ − 1, shape (positions, steps).
        log_densities: log p(z) − log p(z₀), shape (positions, steps).
    """

    traversal: str
    steps: Float64[np.ndarray, " steps"]
    norms: Float64[np.ndarray, "positions steps"]
    log_densities: Float64[np.ndarray, "positions steps"]


@dataclass(frozen=True, eq=False)
class VariationFindings:
    """Fréchet distances between images and what a random step along a random direction of a set makes of each.

    Palaev et al. (ICLR 2023, Tiny Papers), Tables 1 to 3.

    Attributes:
        strengths: s of α ~ U[−s, s], in units of the deviation of the prior of the set's space, shape (strengths,).
        distances: By the set, `hessian`, `ganspace_pca`, `ica_mixing`, `ica_unmixing` or `random`, shape (strengths,)
            each; NaN where the independent components were not found.
        spaces: The space in which each set lies.
        directions: How many leading ones of each set.
        images: How many.
        embedding: Name of the embedding.
    """

    strengths: Float64[np.ndarray, " strengths"]
    distances: dict[str, Float64[np.ndarray, " strengths"]]
    spaces: dict[str, str]
    directions: int
    images: int
    embedding: str


@dataclass(frozen=True, eq=False)
class WalkDistanceFindings:
    """Image distance from the start along random directions, by the kind of walk (DP-LaSE, Fig. 5 (b) and 10).

    Attributes:
        steps: ε, in units of the latent, ascending, shape (steps,).
        distances: By traversal, `linear`, `spherical` or `density_preserving`, shape (positions, directions, steps)
            each, from the same starts along the same directions.
    """

    steps: Float64[np.ndarray, " steps"]
    distances: dict[str, Float64[np.ndarray, "positions directions steps"]]


@dataclass(frozen=True, eq=False)
class WalkQualityFindings:
    """Fréchet distances from images of the prior, after a step along a random direction (DP-LaSE, Table 1).

    Attributes:
        strides: ε, in units of the latent, ascending, shape (strides,).
        distances: By traversal, shape (strides,) each.
        unmoved: The distance at ε = 0: what the number of images alone makes.
        images: How many in each set.
        embedding: Name of the embedding.
    """

    strides: Float64[np.ndarray, " strides"]
    distances: dict[str, Float64[np.ndarray, " strides"]]
    unmoved: float
    images: int
    embedding: str


@dataclass(frozen=True, eq=False)
class WalkFindings:
    """What an analysis of walks found.

    Attributes:
        curves: Image distance along top, random and bottom eigenvectors (Wang & Ponce, ICLR 2021, Fig. 1).
        drifts: Iso-density drift by traversal; none where the prior is not normal.
        warpage: Of W (Choi et al., ICLR 2022, Fig. 8); None without a mapping network.
        perturbations: Fréchet distances against the strength of a step in W (their Fig. 4), by what is walked along:
            `curve`, `local_basis`, `ganspace_pca`, `sefa`; none without a mapping network. NaN along `curve` where the
            mapping network does not carry one of the curves so far.
        variations: Of images changed at random along sets of directions; None without a mapping network.
        walk_distances: Along random directions, by traversal; None where the prior is not normal.
        walk_quality: Of images after a random walk, by traversal; None where the prior is not normal, or the generator
            makes no pictures.
    """

    curves: DistanceCurves
    drifts: tuple[DriftFindings, ...]
    warpage: Warpage | None
    perturbations: dict[str, PerturbationDistances]
    variations: VariationFindings | None
    walk_distances: WalkDistanceFindings | None
    walk_quality: WalkQualityFindings | None
