"""The loss of an inversion: its terms, its masks, its checks."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import LatentSpace, priors
from pullback.inversion import AlignmentPrior, LossWeights, Problem
from toys import Bounded, Curved, Euclidean, Linear, Smooth

SHAPE = (3, 4, 4)


def random_images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def random_latents(images: int, restarts: int, dim: int = 6, seed: int = 1) -> torch.Tensor:
    return torch.randn(images, restarts, dim, generator=torch.Generator().manual_seed(seed))


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    generator, distance, targets, latents = Smooth(), Curved(), random_images(2), random_latents(2, 3)
    problem = Problem(generator, distance, "z", targets, weights=LossWeights(0.5, 2.0, 3.0))
    loss, dist = problem.evaluate(latents)
    assert loss.shape == dist.shape == (2, 3)
    for image in range(2):
        for restart in range(3):
            rendered = generator.render(latents[image, restart][None], "z")
            target = targets[image][None]
            a, b = 2 * rendered - 1, 2 * target - 1
            d = distance(rendered, target)[0]
            expected = 0.5 * d + 2 * torch.nn.functional.l1_loss(a, b) + 3 * torch.nn.functional.mse_loss(a, b)
            torch.testing.assert_close(dist[image, restart], d)
            torch.testing.assert_close(loss[image, restart], expected)


def test_by_default_the_loss_is_distance_plus_three_times_mse() -> None:
    assert LossWeights() == LossWeights(distance=1.0, l1=0.0, l2=3.0, prior=0.0)


def test_of_the_target_itself_loss_and_distance_vanish() -> None:
    latents = random_latents(2, 1)
    targets = Smooth().render(latents[:, 0], "z")
    loss, distance = Problem(Smooth(), Curved(), "z", targets).evaluate(latents)
    assert loss.max() < 1e-9
    assert distance.max() < 1e-9


def test_where_the_mask_is_zero_pixels_have_no_influence_on_loss_or_gradient() -> None:
    masks = torch.ones(1, 1, 4, 4)
    masks[..., 2:] = 0
    weights = LossWeights(1.0, 1.0, 1.0)
    targets = random_images(1)
    altered = torch.where(masks.bool(), targets, random_images(1, seed=5))

    class Louder(Smooth):
        """Renders something else where the mask is 0."""

        def synthesize(self, inputs: torch.Tensor) -> torch.Tensor:
            rendered = super().synthesize(inputs)
            return torch.where(masks.bool(), rendered, rendered.square())

    outcomes = []
    for generator, images in ((Smooth(), targets), (Smooth(), altered), (Louder(), targets)):
        latents = random_latents(1, 2).requires_grad_()
        problem = Problem(generator, Curved(), "z", images, masks=masks, weights=weights)
        loss, distance = problem.evaluate(latents)
        (gradient,) = torch.autograd.grad(loss.sum(), latents)
        outcomes.append((loss.detach(), distance.detach(), gradient))
    for other in outcomes[1:]:
        for mine, theirs in zip(outcomes[0], other, strict=True):
            assert torch.equal(mine, theirs)


def test_pixel_terms_are_means_over_the_mask() -> None:
    masks = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    targets, latents = random_images(1), random_latents(1, 1)
    problem = Problem(Smooth(), Euclidean(), "z", targets, masks=masks, weights=LossWeights(0.0, 1.0, 0.0))
    difference = (2 * (Smooth().render(latents[0], "z") - targets)).abs().mean(dim=1, keepdim=True)
    expected = (difference * masks).sum() / masks.sum()
    torch.testing.assert_close(problem.evaluate(latents)[0][0, 0], expected)


def test_the_prior_adds_its_weighted_penalty_and_leaves_the_distance() -> None:
    targets, latents = random_images(2), random_latents(2, 3)
    loss, distance = Problem(Smooth(), Curved(), "z", targets).evaluate(latents)
    penalised = Problem(Smooth(), Curved(), "z", targets, weights=LossWeights(prior=0.3)).evaluate(latents)
    torch.testing.assert_close(penalised[0], loss + 0.15 * latents.square().sum(dim=2))
    assert torch.equal(penalised[1], distance)


def test_under_another_distance_the_problem_is_the_same_but_for_it() -> None:
    masks = torch.ones(2, 1, 4, 4)
    masks[:, :, :2] = 0.5
    options: dict[str, Any] = {
        "masks": masks,
        "weights": LossWeights(0.5, 2.0, 3.0, 0.1),
        "context": random_latents(1, 2)[0],
        "moves": "z",
        "alignment": AlignmentPrior(),
        "truncation": 1.5,
    }
    problem = Problem(Smooth(), Curved(), "z", random_images(2), **options)
    other = problem.under(Euclidean())
    expected = Problem(Smooth(), Euclidean(), "z", random_images(2), **options)
    points = random_latents(2, 3, dim=9)
    for found, wanted in zip(other.evaluate(points), expected.evaluate(points), strict=True):
        assert torch.equal(found, wanted)
    assert torch.equal(other.clamp(points), expected.clamp(points))
    assert problem.under(problem.distance) is problem


def test_clamping_keeps_points_within_the_truncation_and_the_reach_of_the_alignment() -> None:
    problem = Problem(Smooth(), Curved(), "z", random_images(1), truncation=0.7, alignment=AlignmentPrior())
    points = 4 * random_latents(1, 5, 9)
    clamped = problem.clamp(points)
    assert torch.equal(clamped[..., :6], points[..., :6].clamp(-0.7, 0.7))
    assert torch.equal(clamped[..., 6:], points[..., 6:].clamp(-3, 3))
    free = Problem(Smooth(), Curved(), "z", random_images(1))
    assert torch.equal(free.clamp(points[..., :6]), points[..., :6])


def test_what_moves_is_a_block_of_the_points() -> None:
    generator = Linear(torch.zeros(48, 5), SHAPE, [("noise", 3), ("class", 2)])
    targets = random_images(1)
    assert Problem(generator, Curved(), "full", targets).moving_block == slice(0, 5)
    assert Problem(generator, Curved(), "full", targets, moves="class").moving_block == slice(3, 5)
    assert Problem(generator, Curved(), "class", targets, moves="class").moving_block == slice(0, 2)
    with pytest.raises(InvalidInputError, match="space 'noise' is no part of space 'class', so that it cannot move"):
        Problem(generator, Curved(), "class", targets, moves="noise")


@pytest.mark.parametrize("truncation", [0.0, -1.0, float("nan")])
def test_a_truncation_that_leaves_nothing_is_refused(truncation: float) -> None:
    with pytest.raises(InvalidInputError, match=f"a truncation lies above 0, but {truncation} came"):
        Problem(Smooth(), Curved(), "z", random_images(1), truncation=truncation)


def test_a_distance_without_an_embedding_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="needs a distance with an embedding, and 'bounded' has none"):
        Problem(Smooth(), Bounded(), "z", random_images(1))


def test_a_mask_of_ones_changes_nothing() -> None:
    targets, latents = random_images(2), random_latents(2, 2)
    plain = Problem(Smooth(), Curved(), "z", targets).evaluate(latents)
    masked = Problem(Smooth(), Curved(), "z", targets, masks=torch.ones(2, 1, 4, 4)).evaluate(latents)
    torch.testing.assert_close(plain, masked)


def test_the_context_fills_the_other_coordinates_of_each_target() -> None:
    matrix = torch.randn(48, 5, generator=torch.Generator().manual_seed(2))
    generator = Linear(0.1 * matrix, SHAPE, [("noise", 3), ("class", 2)])
    whole = random_latents(2, 1, 5)[:, 0]
    targets = generator.render(whole, "full").clamp(0, 1)
    latents = whole[:, None, :3]
    problem = Problem(generator, Euclidean(), "noise", targets, context=whole)
    torch.testing.assert_close(problem.render(latents)[:, 0], generator.render(whole, "full"))
    assert problem.dim == 3
    # The default context, zeros, renders something else.
    default = Problem(generator, Euclidean(), "noise", targets)
    assert default.evaluate(latents)[1].min() > problem.evaluate(latents)[1].max()


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.zeros(3, 4, 4), r"have shape \(images, 3, 4, 4\), but shape \(3, 4, 4\) came"),
        (torch.zeros(1, 1, 4, 4), r"but shape \(1, 1, 4, 4\) came"),
        (torch.zeros(0, 3, 4, 4), r"but shape \(0, 3, 4, 4\) came"),
        (torch.full((1, 3, 4, 4), torch.nan), "targets are finite"),
        (torch.full((1, 3, 4, 4), 128), "between 0 and 1, but values from 128 to 128 came"),
        (torch.full((1, 3, 4, 4), -0.5), "between 0 and 1, but values from -0.5 to -0.5 came"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(targets: torch.Tensor, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Problem(Smooth(), Curved(), "z", targets)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (torch.ones(1, 1, 4, 4), r"masks for generator 'toy' have shape \(2, 1, 4, 4\), but shape \(1, 1, 4, 4\) came"),
        (torch.ones(2, 3, 4, 4), r"but shape \(2, 3, 4, 4\) came"),
        (2 * torch.ones(2, 1, 4, 4), "masks lie between 0 and 1"),
        (torch.tensor([1.0, 0.0])[:, None, None, None].expand(2, 1, 4, 4), "mask of target 1 is 0 everywhere"),
    ],
)
def test_masks_that_cannot_be_used_are_refused(masks: torch.Tensor, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Problem(Smooth(), Curved(), "z", random_images(2), masks=masks)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (torch.zeros(5), r"a context has shape \(6,\) or \(2, 6\), but shape \(5,\) came"),
        (torch.full((6,), torch.inf), "a context is finite"),
    ],
)
def test_a_context_that_cannot_be_used_is_refused(context: torch.Tensor, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Problem(Smooth(), Curved(), "z", random_images(2), context=context)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((-1.0, 0.0, 1.0), "not negative, but distance = -1.0 came"),
        ((1.0, float("nan"), 1.0), "finite and not negative, but l1 = nan came"),
        ((0.0, 0.0, 0.0), "distance, l1 and l2 are all 0"),
        ((0.0, 0.0, 0.0, 1.0), "distance, l1 and l2 are all 0"),
        ((1.0, 0.0, 1.0, -0.1), "not negative, but prior = -0.1 came"),
    ],
)
def test_loss_weights_that_make_no_loss_are_refused(weights: tuple[float, ...], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        LossWeights(*weights)


def test_an_unknown_space_or_mixed_precisions_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="known: z"):
        Problem(Smooth(), Curved(), "w", random_images(1))
    with pytest.raises(InvalidInputError, match="one device and in one precision"):
        Problem(Smooth(), Curved().double(), "z", random_images(1))


def test_a_bounded_prior_keeps_points_within_its_bounds_unasked() -> None:
    generator = Smooth()
    generator.spaces = {"z": LatentSpace("z", 6, priors.Bounded(-0.5, 1.0))}
    points = 5 * random_latents(1, 3)
    problem = Problem(generator, Curved(), "z", random_images(1))
    torch.testing.assert_close(problem.clamp(points), points.clamp(-0.5, 1.0))
    assert problem.under(Euclidean()).clamp(points).max() == 1
