"""Nearest samples: those of a bank that resemble targets most."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.inversion.problems.evaluation import Query, evaluate_together
from pullback.inversion.problems.losses import seen_targets
from pullback.inversion.problems.problem import Problem
from pullback.inversion.starts.bank import StartBank, thumbnails_of
from pullback.pieces import in_pieces

# Samples of a list for each target, where that makes at least four for each start.
_LISTED = 32
_THUMBNAILS_AT_ONCE = 256


@in_pieces
def nearest_starts(
    bank: StartBank,
    problem: Problem,
    count: int,
    *,
    hold: Callable[[Tensor], Tensor] | None = None,
    alignments: Float[Tensor, "images count 3"] | None = None,
) -> Generator[None, None, Float[Tensor, "images count dim"]]:
    """The samples whose images resemble each target most, the nearest first.

    As a rule they are the nearest by what the bank keeps, weighed as in the loss: embeddings on the principal axes
    for the distance, thumbnails for L1 and L2; of sounds, which have none, the embeddings for all. Nothing is rendered.

    Under a mask, an alignment or a truncation, with a context or with something that is held, what is compared is
    not what the bank keeps. Then that makes a list only (under a mask or an alignment by thumbnails alone), of 32
    samples for each target, or four for each start if that is more, of which those of the lowest loss are taken.
    These forward passes count in no budget of evaluations.

    What a target gets does not depend on its company.

    Args:
        bank: The samples.
        problem: Whose targets are meant.
        count: How many for each target, 1 to the bank's size.
        hold: Gives points with those of their coordinates that are held.
        alignments: Where the problem searches them: the alignment of every start. Each is then the nearest within
            its own frame.

    Yields:
        Nothing, after each target's list and before each chunk of evaluations: other work may be done then.

    Returns:
        Points, on the generator's device and in its precision.

    Raises:
        InvalidInputError: The bank is of something else, or does not hold so many samples.
    """
    bank.check_serves(problem)
    size = bank.provenance.size
    if not 1 <= count <= size:
        raise InvalidInputError(f"from this bank between 1 and {size} starts can be taken, but {count} came")
    views = 1 if alignments is None else count
    wanted = count // views
    others = (problem.masks, problem.context, problem.truncation, hold, alignments)
    as_kept = all(other is None for other in others)
    listed = wanted if as_kept else min(max(_LISTED // views, 4 * wanted), size)
    order = yield from _order(bank, problem, alignments, listed)
    points = bank.latents.to(problem.targets)[order]
    if alignments is not None:
        points = torch.cat([points, alignments.to(points)[:, :, None].expand(-1, -1, listed, -1)], dim=3)
    points = points.flatten(1, 2)
    if as_kept:
        return points
    points = problem.clamp(points)
    points = points if hold is None else hold(points)
    (evaluation,) = yield from evaluate_together.in_pieces([problem], [Query(points, gradient=False)])
    losses = evaluation.loss.nan_to_num(nan=torch.inf).reshape(order.shape)
    best = losses.argsort(dim=2, stable=True)[:, :, :wanted, None]
    return points.reshape(*order.shape, -1).take_along_dim(best, dim=2).flatten(1, 2)


def _order(
    bank: StartBank, problem: Problem, alignments: Tensor | None, listed: int
) -> Generator[None, None, Int[Tensor, "images views listed"]]:
    """Numbers of the nearest samples by what the bank keeps, for every target as each alignment sees it."""
    device, weights = problem.generator.device, problem.weights
    axes, center = bank.axes.to(device, torch.float32), bank.center.to(device)
    projections, residuals = bank.projections.to(device), bank.residuals.to(device)
    penalties = weights.prior * problem.generator.space(problem.space).prior.penalty(bank.latents.to(device))
    whole = problem.masks is None and alignments is None
    # Where the distance has no say, pixels stand in for it; of sounds, it for them.
    absolute, squared = weights.l1, weights.l2 if whole else weights.l2 + weights.distance
    apart = weights.distance if whole else 0.0
    if problem.targets.ndim == 3:
        apart, absolute, squared = weights.distance + weights.l1 + weights.l2, 0.0, 0.0
    order = []
    for image in range(problem.images):
        points = problem.targets.new_zeros(1, problem.dim)
        if alignments is not None:
            points = functional.pad(alignments[image].to(points), (problem.latent_dim, 0))
        targets, masks = seen_targets(problem.rows(points, torch.full((len(points),), image, device=device)))
        for target, mask in zip(targets.float(), masks.float(), strict=True):
            # w_d D + w_1 mean|s − t| + w_2 mean(s − t)² + w_p R
            loss = penalties
            if apart:
                # ‖p_s − p_t‖² + r_s; r_t is the same for all
                projection = (bank.folded(problem.embedding(image))[0] - center) @ axes
                loss = loss + apart * ((projections - projection).square().sum(dim=1) + residuals)
            if squared or absolute:
                loss = loss + _pixel_terms(bank, target, mask, absolute, squared)
            order.append(loss.argsort(stable=True)[:listed])
        yield
    return torch.stack(order).reshape(problem.images, -1, listed)


def _pixel_terms(
    bank: StartBank,
    target: Float[Tensor, "channels height width"],
    mask: Float[Tensor, "1 height width"],
    absolute: float,
    squared: float,
) -> Float[Tensor, " size"]:
    """The weighted L1 and L2 terms of every sample's thumbnail."""
    area = thumbnails_of(mask[None])
    # What does not count has no part in the averages either.
    averages = thumbnails_of((target * mask)[None]) / area.clamp_min(torch.finfo(area.dtype).tiny)
    terms = []
    for thumbnails in torch.split(bank.thumbnails, _THUMBNAILS_AT_ONCE):
        # On [−1, 1] a difference is twice that on [0, 1].
        difference = 2 * (thumbnails.to(target) / 255 - averages)
        term = absolute * difference.abs() + squared * difference.square()
        terms.append((term * area).flatten(1).sum(dim=1) / (len(target) * area.sum()))
    return torch.cat(terms)
