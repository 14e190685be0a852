"""Starting points of restarts: draws, means and nearest samples, by name."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.generator import LatentSpace
from pullback.geometry.seeding import derive_seed
from pullback.inversion.problems.alignment import ALIGNMENT_DIM
from pullback.inversion.problems.classes import class_block, class_codes, given_classes
from pullback.inversion.problems.problem import Problem
from pullback.inversion.starts.bank import StartBank
from pullback.inversion.starts.given import are_all_given, put_given
from pullback.inversion.starts.nearest import nearest_starts
from pullback.inversion.starts.prediction import predict_latents
from pullback.pieces import in_pieces

STARTS = ("prior", "mean", "bank")
MAX_RESTARTS = 1024
# Restarts around the prior's mean lie at this share of the way to a draw from the prior.
_NEAR_THE_MEAN = 0.1
# Streams of random numbers, so that frames do not depend on what else is drawn.
_LATENTS = 0
_FRAMES = 1
_MAPS = 2


def draw_starts(problem: Problem, restarts: int, seed: int = 0) -> Float[Tensor, "images restarts dim"]:
    """Starting points whose latents are drawn from the prior of the problem's space.

    Each draw depends on the seed and the number of its restart alone: every image gets the starts that it gets alone,
    and more restarts keep those of fewer. Where an alignment is searched, the first
    restart starts in the target's own frame, the others in frames drawn from the alignment's prior. Noise maps that are
    searched start as noise, each restart with its own.

    Args:
        problem: The problem.
        restarts: How many for each image, 1 to 1,024.
        seed: Any integer ≥ 0.

    Returns:
        Points of shape (images, restarts, dim), on the generator's device and in its precision.

    Raises:
        InvalidInputError: A number is out of range.
    """
    _check(restarts)
    seeds = [derive_seed(seed, _LATENTS, restart) for restart in range(restarts)]
    latents = _of_each(problem, lambda space: torch.cat([space.sample(1, each) for each in seeds]))
    points = latents.to(problem.generator.device, problem.generator.dtype)
    alignments = _draw_alignments(problem, restarts, seed)
    return _with_noise(problem, points if alignments is None else torch.cat([points, alignments], dim=2), seed)


def mean_starts(problem: Problem, restarts: int, seed: int = 0) -> Float[Tensor, "images restarts dim"]:
    """Starting points at the prior's mean, restarts after the first close to it; otherwise as `draw_starts`."""
    starts = draw_starts(problem, restarts, seed)
    dim = problem.latent_dim
    mean = _of_each(problem, lambda space: space.prior.mean(dim)[None]).to(starts)
    latents = mean + _NEAR_THE_MEAN * (starts[..., :dim] - mean)
    latents[:, :1] = mean
    return torch.cat([latents, starts[..., dim:]], dim=2)


# Those that need nothing but the prior.
_DRAWN: dict[str, Callable[[Problem, int, int], Tensor]] = {"prior": draw_starts, "mean": mean_starts}


@in_pieces
def make_starts(
    problem: Problem,
    restarts: int,
    seed: int = 0,
    *,
    start: str = "prior",
    bank: StartBank | None = None,
    classes: Sequence[int] | None = None,
    search_classes: bool = False,
    latents: Sequence[Tensor | None] | None = None,
) -> Generator[None, None, Float[Tensor, "images restarts dim"]]:
    """Starting points of any kind.

    An image's starts do not depend on its company, and no start on what a mask hides.

    Args:
        problem: The problem.
        restarts: How many for each image, 1 to 1,024 in all; with `search_classes` so many for each class.
        seed: Any integer ≥ 0.
        start: `prior` (see `draw_starts`), `mean` (see `mean_starts`), or `bank`: what a bank predicts for a target
            as it is (see `predict_latents`), then the nearest of the bank; without the former under a mask or an
            alignment (see `nearest_starts`).
        bank: For `bank`.
        classes: The class of every target, where it is given: numbers of the labels of the generator's class space.
        search_classes: Whether every restart is there once with each class, in the order of the labels.
        latents: A latent for each target at which its first restart starts, of an encoder or of an earlier inversion,
            shape (latent_dim,); None where that starts as the others do, so that a bad one does no harm. Where it is
            the only restart of every target, no bank is needed.

    Yields:
        Nothing, while a bank is gone through: other work may be done then.

    Returns:
        Points of shape (images, restarts, dim), with `search_classes` (images, restarts × classes, dim).

    Raises:
        UnknownNameError: No such kind.
        InvalidInputError: A number is out of range, the bank is missing, of something else or of no use, as the problem
            is of given classes, the generator has no classes, or classes are both given and searched.
    """
    if start not in STARTS:
        raise UnknownNameError("start", start, STARTS)
    if classes is not None and search_classes:
        raise InvalidInputError("classes are either given or searched; leave one out")
    codes = class_codes(problem) if search_classes else None
    searched = 1 if codes is None else len(codes)
    _check(restarts, searched)
    given = None if classes is None else given_classes(problem, classes)

    def hold(points: Tensor) -> Tensor:
        """Points with the class that is given."""
        if given is None:
            return points
        held = points.clone()
        held[..., class_block(problem)] = given[:, None]
        return held

    if are_all_given(latents, restarts):
        start = "prior"  # of which nothing but the frame is left
    if start == "bank" and problem.of_classes:
        raise InvalidInputError("the latents of a bank are of every class; with a class given take 'mean' or 'prior'")
    if start == "bank":
        if bank is None:
            raise InvalidInputError("start 'bank' needs a bank; make one with pullback.inversion.make_bank")
        alignments = _draw_alignments(problem, restarts, seed)
        # A bank was made with the generator's own noise maps, which are as good as any to compare with.
        bare = problem.without_noise()
        points = yield from nearest_starts.in_pieces(
            bank, bare, restarts, hold=None if given is None else hold, alignments=alignments
        )
        if problem.masks is None and alignments is None:
            predicted = bare.clamp(predict_latents(bank, bare))[:, None]
            points = torch.cat([predicted, points[:, :-1]], dim=1)
        points = _with_noise(problem, points, seed)
    else:
        points = _DRAWN[start](problem, restarts, seed)
    if latents is not None:
        points = put_given(problem, points, latents)
    if codes is not None:
        points = points.repeat_interleave(searched, dim=1)
        points[..., class_block(problem)] = codes.to(points).repeat(restarts, 1)
    return hold(points)


def _of_each(problem: Problem, made: Callable[[LatentSpace], Tensor]) -> Float[Tensor, "images restarts dim"]:
    """What is made of the space of each target; once of those that are the same."""
    known = {number: made(space) for number, space in {id(space): space for space in problem.spaces}.items()}
    return torch.stack([known[id(space)] for space in problem.spaces])


def _draw_alignments(problem: Problem, restarts: int, seed: int) -> Float[Tensor, "images restarts 3"] | None:
    """Coordinates of frames, the first of every image its own; None where no alignment is searched."""
    if problem.alignment is None:
        return None
    draws = [
        torch.randn(ALIGNMENT_DIM, generator=torch.Generator().manual_seed(derive_seed(seed, _FRAMES, 0, restart)))
        if restart
        else torch.zeros(ALIGNMENT_DIM)
        for restart in range(restarts)
    ]
    return torch.stack(draws).repeat(problem.images, 1, 1).to(problem.targets)


def _with_noise(problem: Problem, points: Tensor, seed: int) -> Tensor:
    """Points with the noise maps of each restart behind them, where those are searched."""
    if problem.noise is None:
        return points
    draws = torch.stack([problem.noise.draw(seed, _MAPS, restart) for restart in range(points.shape[1])])
    return torch.cat([points, draws.to(points).expand(len(points), -1, -1)], dim=2)


def _check(restarts: int, classes: int = 1) -> None:
    if not 1 <= restarts * classes <= MAX_RESTARTS:
        each = f" for each of {classes} classes" if classes > 1 else ""
        raise InvalidInputError(f"restarts lie between 1 and {MAX_RESTARTS}, but {restarts}{each} came")
