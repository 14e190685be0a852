"""How images fall apart as latents are moved in W: Choi et al. (ICLR 2022), Fig. 4, 8 and 10."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from reporting import QUICK, Figure, Report

from pullback import generators
from pullback.directions import ganspace_pca, sefa
from pullback.directions.statistics import (
    PerturbationDistances,
    Way,
    along_curve,
    along_direction,
    along_local_axis,
    frechet_distance,
    image_moments,
    perturbation,
    warpage,
)
from pullback.distances import load_pooled_features
from pullback.geometry import Eigenbasis
from pullback.training.stream import ImageStream

SAMPLES = 200 if QUICK else 1000
STRENGTHS = (4.0, 8.0, 10.0, 12.0)
RANKS = range(1 if QUICK else 3)
PIECES = 10 if QUICK else 40
REAL_SEED = 7_000_003
KS = (1, 2, 5, 10, 20, 50)


def bench_frechet(report: Report, name: str, basis: Eigenbasis) -> None:
    """The Fréchet distance from the images that the generator was trained on, against the strength of a step in w."""
    del basis  # Nothing here is measured by the metric.
    generator, embedding = generators.load(name), load_pooled_features()
    stream = ImageStream(generators.load("faces"), generator.image_shape[-1], 50)
    batches = [(stream(REAL_SEED + number) + 1) / 2 for number in range(SAMPLES // 50)]
    real = image_moments(embedding, batches)
    others = image_moments(embedding, ((stream(2 * REAL_SEED + number) + 1) / 2 for number in range(SAMPLES // 50)))
    floor = frechet_distance(real, others)
    principal, weights = ganspace_pca(generator, 3, space="w", samples=20_000, seed=0), sefa(generator, 3, space="w")
    rises: dict[str, NDArray[np.float64]] = {}
    for rank in RANKS:
        ways: dict[str, Way] = {
            "curve": along_curve(generator, rank, PIECES),
            "local_basis": along_local_axis(generator, rank),
            "ganspace_pca": along_direction(generator, torch.tensor(principal.vectors[rank]), "w", start_space="z"),
            "sefa": along_direction(generator, torch.tensor(weights.vectors[rank]), "w", start_space="z"),
        }
        for method, way in ways.items():
            found = perturbation(generator, embedding, way, STRENGTHS, real, space="z", samples=SAMPLES)
            rises[f"{method}:{rank}"] = found.rises
            report.note(generator=name, direction=f"{method}:{rank}", **_figures(found))
    report.add(
        Figure(
            f"{name}: Fréchet distance of its images from those it was trained on",
            found.unmoved,
            detail=f"{SAMPLES} images, {embedding.name}; of two sets of the latter {floor:.4g}",
        )
    )
    # From strength 8 on, as the paper's comparison.
    strong = np.array(STRENGTHS) >= 8
    for first, second in (("curve", "local_basis"), ("local_basis", "ganspace_pca"), ("local_basis", "sefa")):
        for rank in RANKS:
            ratios = rises[f"{first}:{rank}"][strong] / rises[f"{second}:{rank}"][strong]
            detail = "at 8, 10, 12: " + ", ".join(f"{ratio:.3f}" for ratio in ratios)
            title = f"{name}: rise along axis {rank}, {first} / {second}"
            report.add(Figure(title, float(ratios.mean()), "< 1", bool((ratios < 1).all()), detail))


def bench_warpage(report: Report, name: str, basis: Eigenbasis) -> None:
    """Grassmannian distances between local bases at different latents, and to global ones (their Fig. 8)."""
    generator = generators.load(name)
    dim = generator.space("w").dim
    references = {
        "ganspace_pca": ganspace_pca(generator, dim, space="w", samples=20_000, seed=0).vectors,
        "sefa": sefa(generator, dim, space="w").vectors,
        "hessian": basis.eigenvectors.T,
    }
    found = warpage(generator, ks=KS, samples=20 if QUICK else 100, references=references)
    pairs = {"random": found.random, "far": found.far, "close .1": found.close[0.1], **found.to_global}
    for title, between in pairs.items():
        words = [f"k {k}: {value:.3f}" for k, value in zip(between.ks, between.geodesic.mean(axis=0), strict=True)]
        geodesic, projection = between.geodesic.mean(axis=0), between.projection.mean(axis=0)
        at = between.ks.index(10)
        detail = f"geodesic {', '.join(words)}; projection k 10: {projection[at]:.3f}"
        report.add(Figure(f"{name}: warpage, {title}, geodesic k 10", float(geodesic[at]), detail=detail))


def _figures(found: PerturbationDistances) -> dict[str, object]:
    pairs = zip(found.strengths, found.distances, strict=True)
    distances_at = {f"{strength:g}": round(float(value), 3) for strength, value in pairs}
    return {"unmoved": round(found.unmoved, 3), "frechet": distances_at, "embedding": found.embedding}
