"""Alignments: frames within photographs, their losses, and the search for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.geometry import global_metric
from pullback.inversion import (
    AlignmentPrior,
    LossWeights,
    Problem,
    Query,
    cut_frames,
    draw_starts,
    evaluate,
    invert,
    make_bank,
)
from toys import Curved, Euclidean, Linear
from toys_photographs import Blobs, laid_back

SIDE = 8
OWN = torch.tensor([[1.0, 0.0, 0.0]])


def ramp(frames: Tensor, side: int = SIDE) -> Tensor:
    """What frames of the image ½ + x/5 − y/10 show where they lie inside it: the same ramp, by its formula."""
    places = (2 * torch.arange(side).double() + 1) / side - 1
    scale, right, down = frames[:, :, None, None].unbind(dim=1)
    return (0.5 + (scale * places[None, None] + right) / 5 - (scale * places[None, :, None] + down) / 10)[:, None]


def random_images(count: int, seed: int = 0, side: int = SIDE) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)).double()


def problem_of(targets: Tensor, masks: Tensor | None = None, weights: LossWeights | None = None) -> Problem:
    generator = Blobs(side=targets.shape[-1]).double()
    return Problem(
        generator,
        Curved().double(),
        "z",
        targets,
        masks=masks,
        weights=weights or LossWeights(1.0, 1.0, 1.0, 0.1),
        alignment=AlignmentPrior(),
    )


def points_of(problem: Problem, alignments: Tensor, seed: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    latents = torch.randn(*alignments.shape[:2], problem.latent_dim, generator=rng)
    return torch.cat([latents, alignments], dim=2).double()


def test_a_frame_shows_what_lies_in_it_at_its_scale_and_place() -> None:
    frames = torch.tensor([[0.5, 0.3, -0.2], [0.8, -0.1, 0.05], [0.7, 0.1, 0.1]]).double()
    torch.testing.assert_close(cut_frames(ramp(OWN.double()).expand(3, -1, -1, -1), frames), ramp(frames))


def test_the_frame_of_the_whole_image_shows_it() -> None:
    images = random_images(2)
    torch.testing.assert_close(cut_frames(images, OWN.double().expand(2, -1)), images)


def test_outside_an_image_there_is_nothing_and_borders_count_in_part() -> None:
    # Half a side to the right: of eight columns the last four lie outside; at a quarter of a pixel, a border pixel
    # keeps three quarters.
    frames = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.25 * 2 / SIDE, 0.0]]).double()
    inside = cut_frames(torch.ones(2, 1, SIDE, SIDE).double(), frames)
    assert torch.equal(inside[0, 0, :, 4:], torch.zeros(SIDE, 4).double())
    torch.testing.assert_close(inside[0, 0, :, :4], torch.ones(SIDE, 4).double())
    torch.testing.assert_close(inside[1, 0, :, -1], torch.full((SIDE,), 0.75).double())


def test_frames_are_standardised_and_end_at_three_deviations() -> None:
    prior = AlignmentPrior(scale=0.2, shift=0.1)
    frames = prior.frames(torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, -1.0]]))
    torch.testing.assert_close(frames, torch.tensor([[1.0, 0.0, 0.0], [1.2214028, 0.2, -0.1]]))
    assert prior.clamp(torch.tensor([5.0, -4.0, 2.0])).tolist() == [3.0, -3.0, 2.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0.0}, "scale lies above 0 and at most at 0.5, but 0.0 came"),
        ({"shift": 0.6}, "shift lies above 0 and at most at 0.5, but 0.6 came"),
        ({"shift": float("nan")}, "but nan came"),
    ],
)
def test_a_prior_that_reaches_nowhere_or_too_far_is_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        AlignmentPrior(**options)


@pytest.mark.parametrize("masked", [False, True])
def test_in_its_own_frame_a_target_has_the_loss_that_it_has_without_alignment(masked: bool) -> None:
    targets = random_images(2)
    masks = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(3)).double() if masked else None
    aligned = problem_of(targets, masks)
    plain = Problem(
        aligned.generator, aligned.distance, "z", targets, masks=masks, weights=LossWeights(1.0, 1.0, 1.0, 0.1)
    )
    points = points_of(aligned, torch.zeros(2, 3, 3))
    expected = evaluate(plain, Query(points[..., :-3]))
    found = evaluate(aligned, Query(points))
    torch.testing.assert_close(found.loss, expected.loss)
    torch.testing.assert_close(found.distance, expected.distance)
    assert found.gradient is not None
    assert expected.gradient is not None
    torch.testing.assert_close(found.gradient[..., :-3], expected.gradient)


def test_the_loss_compares_with_what_the_frame_shows() -> None:
    # The frame lies inside the target, so that cutting it out beforehand is the same.
    targets, alignments = random_images(1), torch.tensor([[[-2.5, 0.8, -0.4], [-3.0, 1.0, 2.0]]])
    problem = problem_of(targets, weights=LossWeights(1.0, 1.0, 1.0))
    points = points_of(problem, alignments)
    frames = torch.cat([(0.1 * alignments[..., :1]).exp(), 0.1 * alignments[..., 1:]], dim=2)[0].double()
    for restart in range(2):
        cut = cut_frames(targets, frames[restart : restart + 1])
        plain = Problem(problem.generator, problem.distance, "z", cut, weights=problem.weights)
        expected, _ = plain.evaluate(points[:, restart : restart + 1, :-3])
        torch.testing.assert_close(problem.evaluate(points)[0][:, restart : restart + 1], expected)
        torch.testing.assert_close(problem.framed_targets(points)[0, restart], cut[0])


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_are_those_of_finite_differences(masked: bool) -> None:
    # Frames that leave the target on one side, and cut through its mask.
    targets = functional.interpolate(random_images(1, side=3), size=SIDE, mode="bilinear", align_corners=True)
    masks = None
    if masked:
        masks = torch.ones(1, 1, SIDE, SIDE).double()
        masks[..., :3, :4] = 0.3
        masks[..., 5:, 6:] = 0
    problem = problem_of(targets, masks)
    points = points_of(problem, torch.tensor([[[0.7, 1.3, -0.6], [-1.1, 0.4, 0.9]]]))
    found = evaluate(problem, Query(points)).gradient
    assert found is not None
    step = 1e-6
    for column in range(problem.dim):
        moved = torch.zeros_like(points)
        moved[..., column] = step
        losses = [evaluate(problem, Query(points + sign * moved, gradient=False)).loss for sign in (1, -1)]
        torch.testing.assert_close(found[..., column], (losses[0] - losses[1]) / (2 * step), rtol=1e-4, atol=1e-6)


def test_a_frame_gains_nothing_by_leaving_the_target() -> None:
    # Everywhere the same difference: D and the means over pixels are the same, however much of the target is seen.
    generator = Linear(torch.zeros(3 * SIDE * SIDE, 2), (3, SIDE, SIDE)).double()
    targets = torch.full((1, 3, SIDE, SIDE), 0.2)
    problem = Problem(generator, Euclidean().double(), "z", targets, alignment=AlignmentPrior(0.3, 2 / SIDE))
    # Shifts by whole pixels.
    alignments = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 2.0, -1.0], [0.0, -3.0, 3.0]]])
    loss, distance = problem.evaluate(points_of(problem, alignments))
    torch.testing.assert_close(distance, torch.full((1, 4), 3 * SIDE**2 * 0.3**2).double())
    torch.testing.assert_close(loss, distance + problem.weights.l2 * 0.6**2)


def test_a_frame_that_hardly_shows_what_counts_has_an_infinite_loss() -> None:
    masks = torch.zeros(1, 1, SIDE, SIDE)
    masks[..., :2] = 1
    problem = problem_of(random_images(1), masks)
    # To the right by 0, 1 and 3 tenths of a half side: of two columns that count 2, 1.6 and 0.8 are left, scaled.
    points = points_of(problem, torch.tensor([[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-3.0, 3.0, 0.0]]]))
    evaluation = evaluate(problem, Query(points))
    assert evaluation.loss.isfinite().tolist() == [[True, True, False]]
    assert evaluation.gradient is not None
    assert evaluation.gradient.isfinite().all()


def test_what_is_masked_has_no_influence_in_any_frame() -> None:
    masks = torch.ones(1, 1, SIDE, SIDE)
    masks[..., 4:, 5:] = 0
    targets = random_images(1)
    altered = torch.where(masks.bool(), targets, random_images(1, seed=5))
    outcomes = []
    for images in (targets, altered):
        problem = problem_of(images, masks)
        outcomes.append(evaluate(problem, Query(draw_starts(problem, 4))))
    assert torch.equal(outcomes[0].loss, outcomes[1].loss)
    assert torch.equal(outcomes[0].gradient, outcomes[1].gradient)


def test_the_penalty_of_the_prior_includes_the_alignment() -> None:
    problem = problem_of(random_images(1), weights=LossWeights(prior=0.5))
    free = problem_of(random_images(1), weights=LossWeights())
    points = points_of(problem, torch.tensor([[[0.5, -1.0, 0.2]]]))
    torch.testing.assert_close(
        problem.evaluate(points)[0] - free.evaluate(points)[0], 0.25 * points.square().sum(dim=2)
    )


@pytest.mark.parametrize(("method", "start"), [("adam", "prior"), ("hessian_adam", "bank")])
def test_alignment_finds_a_known_scale_and_shift(method: str, start: str) -> None:
    generator, distance = Blobs(), Euclidean(0.05)
    drawn = generator.render(generator.space("z").sample(3, 123), "z")
    frames = torch.tensor([[0.8, 0.1, -0.1], [0.75, -0.2, 0.15], [1.15, 0.1, 0.05]])
    surroundings = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(3))
    photographs = laid_back(drawn, frames, functional.interpolate(surroundings, size=24, mode="bilinear"))
    problem = Problem(generator, distance, "z", photographs, alignment=AlignmentPrior(0.15, 0.15))
    result = invert(
        problem,
        method,
        eigenbasis=global_metric(generator, distance, "z", method="gram", samples=10),
        restarts=12,
        start=start,
        bank=make_bank(generator, distance, "z", size=300, rank=32),
        steps=200,
        thin=True,
    )
    assert result.frames is not None
    # Within half a pixel.
    assert (result.frames - frames).abs().max() < 1 / 24
    assert (result.images - drawn).abs().mean() < 0.02
    # Where they were found, the reconstructions continue the photographs.
    pasted = laid_back(result.images, result.frames, photographs)
    untouched = laid_back(torch.full_like(drawn, 0.5), result.frames, photographs)
    assert (pasted - photographs).abs().mean() < 0.1 * (untouched - photographs).abs().mean()
    # They were compared with what the frames show, and with grey outside the photographs.
    shown = 0.5 + cut_frames(photographs - 0.5, result.frames)
    torch.testing.assert_close(result.framed_targets, shown)
