"""Inversions of sounds: the loss as it is written, starts from a bank, methods, and company that changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian

from pullback.distances import EmbeddingDistance, load
from pullback.errors import InvalidInputError
from pullback.geometry import global_metric
from pullback.inversion import (
    AlignmentPrior,
    LossWeights,
    Problem,
    Query,
    evaluate_together,
    invert,
    make_bank,
    make_starts,
)
from pullback.inversion.problems.evaluation import evaluate
from pullback.inversion.problems.residual import residual_of
from toys_sound import Chirp

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


# Methods that work in an eigenbasis.
NEEDS = {"hessian_adam", "lbfgs"}


@pytest.fixture(scope="module")
def chirp() -> Chirp:
    return Chirp()


@pytest.fixture(scope="module")
def stft() -> EmbeddingDistance:
    found = load("stft")
    assert isinstance(found, EmbeddingDistance)
    return found


def sounds(chirp: Chirp, count: int, seed: int = 1) -> Tensor:
    return chirp.render(chirp.spaces["z"].sample(count, seed), "z")


def test_the_loss_is_of_signals_on_both_sides_of_zero(chirp: Chirp, stft: EmbeddingDistance) -> None:
    target = sounds(chirp, 2)
    problem = Problem(chirp, stft, "z", target, weights=LossWeights(distance=0.5, l1=2.0, l2=3.0, prior=0.1))
    points = chirp.spaces["z"].sample(6, 5).reshape(2, 3, 6)
    found = evaluate(problem, Query(points))
    drawn = chirp.render(points.flatten(0, 1), "z").reshape(2, 3, 1, -1)
    apart = torch.stack([stft(drawn[:, n], target) for n in range(3)], dim=1)
    difference = drawn - target[:, None]
    expected = (
        0.5 * apart
        + 2.0 * difference.abs().mean(dim=(2, 3))
        + 3.0 * difference.square().mean(dim=(2, 3))
        + 0.1 * points.square().sum(dim=2) / 2
    )
    torch.testing.assert_close(found.distance, apart, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.loss, expected, rtol=1e-4, atol=1e-6)


def test_the_residual_of_sounds_is_the_root_of_the_loss(chirp: Chirp, stft: EmbeddingDistance) -> None:
    problem = Problem(chirp, stft, "z", sounds(chirp, 1), weights=LossWeights(l2=2.0))
    point = chirp.spaces["z"].sample(1, 8)[0]
    residual = residual_of(problem, point, 0)(point)
    loss, _ = problem.evaluate(point[None, None])
    torch.testing.assert_close(residual.square().sum(), loss[0, 0], rtol=1e-4, atol=1e-7)


def test_near_sounds_of_the_bank_are_the_starts(chirp: Chirp, stft: EmbeddingDistance) -> None:
    bank = make_bank(chirp, stft, "z", size=64, rank=16)
    assert bank.thumbnails.shape == (64, 1, 0)
    chosen = [3, 40]
    target = chirp.render(bank.latents[chosen], "z")
    for weights in (LossWeights(l2=0.0), LossWeights(distance=0.0, l1=1.0, l2=0.0)):
        problem = Problem(chirp, stft, "z", target, weights=weights)
        starts = make_starts(problem, 2, 0, start="bank", bank=bank)
        assert torch.equal(starts[:, 0], bank.latents[chosen])


@pytest.mark.parametrize("method", ["adam", "hessian_adam", "lbfgs", "levenberg_marquardt"])
def test_the_sound_of_a_latent_is_found_again(chirp: Chirp, stft: EmbeddingDistance, method: str) -> None:
    target = sounds(chirp, 2, seed=4)
    problem = Problem(chirp, stft, "z", target, weights=LossWeights(l2=0.0))
    basis = global_metric(chirp, stft, "z", samples=32)
    steps = 8 if method == "levenberg_marquardt" else 30
    starts = make_starts(problem, 2, 0, start="prior")
    before, _ = problem.evaluate(starts)
    found = invert(
        problem, method, eigenbasis=basis if method in NEEDS else None, restarts=2, start="prior", steps=steps
    )
    assert found.images.shape == target.shape
    assert (found.losses < 0.5 * before.min(dim=1).values).all()


def test_what_a_sound_gets_does_not_depend_on_its_company(chirp: Chirp, stft: EmbeddingDistance) -> None:
    problems = [Problem(chirp, stft, "z", sounds(chirp, 1, seed=seed)) for seed in (1, 2, 3)]
    queries = [Query(chirp.spaces["z"].sample(3, 10 + seed)[None]) for seed in range(3)]
    alone = [evaluate(problem, query) for problem, query in zip(problems, queries, strict=True)]
    together = evaluate_together(problems, queries)
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one.loss, other.loss)
        assert one.gradient is not None
        assert other.gradient is not None
        assert torch.equal(one.gradient, other.gradient)


def test_the_metric_of_a_sound_is_the_curvature_of_its_loss(chirp: Chirp, stft: EmbeddingDistance) -> None:
    latent = chirp.spaces["z"].sample(1, 2)
    problem = Problem(chirp, stft, "z", chirp.render(latent, "z"), weights=LossWeights(l2=0.0))
    evaluation = evaluate(problem, Query(latent[None], gram="embedding"))
    assert evaluation.gram is not None
    curvature = hessian(lambda z: problem.evaluate(z[None, None])[0].sum(), latent[0])
    # H = 2 JᵀJ, where the distance is 0.
    torch.testing.assert_close(2 * evaluation.gram[0, 0].float(), curvature, rtol=2e-2, atol=2e-3)


def test_what_is_of_images_alone_is_refused(chirp: Chirp, stft: EmbeddingDistance) -> None:
    target = sounds(chirp, 1)
    message = "masks and alignments are of images, but generator 'chirp' makes sounds"
    with pytest.raises(InvalidInputError, match=message):
        Problem(chirp, stft, "z", target, masks=torch.ones(1, 1, 512))
    with pytest.raises(InvalidInputError, match=message):
        Problem(chirp, stft, "z", target, alignment=AlignmentPrior())
    with pytest.raises(InvalidInputError, match=r"shape \(images, 1, 512\), but shape \(1, 3, 8, 8\) came"):
        Problem(chirp, stft, "z", torch.zeros(1, 3, 8, 8))
    with pytest.raises(InvalidInputError, match=r"between -1 and 1, but values from .* to 2 came"):
        Problem(chirp, stft, "z", torch.full((1, 1, 512), 2.0))
