"""The nearest samples of a bank, against all of its samples evaluated one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators import Generator
from pullback.inversion import AlignmentPrior, LossWeights, Problem, StartBank, evaluate, make_bank, nearest_starts
from pullback.inversion.problems.evaluation import Query
from pullback.inversion.starts import bank_samples
from pullback.inversion.starts.prediction import predict_latents
from toys import Curved, Euclidean, Poisoned, Smooth
from toys_photographs import Blobs, conditional


def targets_of(generator: Generator, count: int, seed: int = 21) -> Tensor:
    """Images that the generator draws, and noise on them."""
    rng = torch.Generator().manual_seed(seed)
    images = generator.render(generator.space(generator.input_space).sample(count, seed), generator.input_space)
    return (images + 0.1 * torch.randn(images.shape, generator=rng)).clamp(0, 1)


def by_force(
    problem: Problem,
    bank: StartBank,
    count: int,
    hold: Callable[[Tensor], Tensor] = lambda points: points,
    alignments: Tensor | None = None,
) -> Tensor:
    """The nearest of all samples: every one of them is rendered and compared with every target."""
    points = bank.latents.expand(problem.images, -1, -1)
    if alignments is not None:
        points = torch.cat([points, alignments[:, None].expand(-1, points.shape[1], -1)], dim=2)
    points = hold(problem.clamp(points))
    order = evaluate(problem, Query(points, gradient=False)).loss.argsort(dim=1)[:, :count, None]
    return points.take_along_dim(order, dim=1)


@pytest.mark.parametrize(
    "weights", [LossWeights(l2=0.0), LossWeights(), LossWeights(0.0, 1.0, 0.0), LossWeights(0.3, 0.5, 2.0, 0.05)]
)
def test_with_all_axes_they_are_those_of_the_lowest_loss(tiny_generator: Generator, weights: LossWeights) -> None:
    distance = Euclidean(0.01)
    bank = make_bank(tiny_generator, distance, "z", size=200, rank=256)
    problem = Problem(tiny_generator, distance, "z", targets_of(tiny_generator, 3), weights=weights)
    assert torch.equal(nearest_starts(bank, problem, 5), by_force(problem, bank, 5))


def test_with_few_axes_the_best_of_a_few_is_hardly_worse_than_the_best_of_all() -> None:
    generator, distance = Blobs(), Curved()
    bank = make_bank(generator, distance, "z", size=300, rank=6)
    problem = Problem(generator, distance, "z", targets_of(generator, 8))

    def loss_of(points: Tensor) -> Tensor:
        return problem.evaluate(points)[0].amin(dim=1)

    everything = problem.evaluate(bank.latents.expand(8, -1, -1))[0]
    best, typical = loss_of(by_force(problem, bank, 1)), everything.median(dim=1).values
    assert (loss_of(nearest_starts(bank, problem, 4)) - best).mean() < 0.02 * (typical - best).mean()


def test_long_embeddings_are_folded_and_find_as_good_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, distance = Blobs(side=64), Curved()
    problem = Problem(generator, distance, "z", targets_of(generator, 8), weights=LossWeights(l2=0.0))
    whole = make_bank(generator, distance, "z", size=200, rank=32)
    monkeypatch.setattr(bank_samples, "_LONGEST", 2047)
    bank = make_bank(generator, distance, "z", size=200, rank=32)
    # Curved has two features a pixel and channel.
    assert (len(whole.center), len(bank.center), len(bank.axes)) == (2 * 3 * 64 * 64, 2047, 2047)
    everything = problem.evaluate(bank.latents.expand(8, -1, -1))[0]
    best, typical = everything.amin(dim=1), everything.median(dim=1).values
    assert predict_latents(bank, problem).isfinite().all()
    apart = problem.evaluate(nearest_starts(bank, problem, 4))[0].amin(dim=1) - best
    assert apart.mean() < 0.02 * (typical - best).mean()


def test_without_a_mask_nothing_is_rendered() -> None:
    generator, distance = Smooth(), Curved()
    bank = make_bank(generator, distance, "z", size=20)
    problem = Problem(generator, distance, "z", targets_of(generator, 2))

    def refuse(inputs: Tensor) -> Tensor:
        raise AssertionError(f"{len(inputs)} images were rendered")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "synthesize", refuse)
        assert nearest_starts(bank, problem, 3).shape == (2, 3, 6)


def test_a_mask_chooses_what_has_to_resemble() -> None:
    generator, distance = Blobs(), Euclidean(0.01)
    bank = make_bank(generator, distance, "z", size=200, rank=32)
    images = generator.render(bank.latents[[40, 120]], "z")
    left = torch.zeros(1, 1, 24, 24)
    left[..., :12] = 1
    # One half of each sample.
    target = torch.where(left.bool(), images[:1], images[1:])
    masks = torch.cat([left, 1 - left])
    problem = Problem(generator, distance, "z", target.expand(2, -1, -1, -1), masks=masks)
    found = nearest_starts(bank, problem, 2)
    assert torch.equal(found[:, 0], bank.latents[[40, 120]])


@pytest.mark.parametrize("truncation", [None, 0.8])
@pytest.mark.parametrize("masked", [False, True])
def test_of_a_small_bank_they_are_those_of_the_lowest_loss_under_masks_and_truncation(
    masked: bool, truncation: float | None
) -> None:
    generator, distance = Smooth(), Curved()
    bank = make_bank(generator, distance, "z", size=32)
    rng = torch.Generator().manual_seed(2)
    masks = torch.rand(3, 1, 4, 4, generator=rng) if masked else None
    problem = Problem(generator, distance, "z", targets_of(generator, 3), masks=masks, truncation=truncation)
    assert torch.equal(nearest_starts(bank, problem, 4), by_force(problem, bank, 4))


def test_with_something_held_they_are_the_nearest_with_it() -> None:
    generator, distance = conditional(), Euclidean(0.01)
    bank = make_bank(generator, distance, "full", size=32)
    problem = Problem(generator, distance, "full", targets_of(generator, 2), moves="noise")

    def hold(points: Tensor) -> Tensor:
        return torch.cat([points[..., :5], torch.tensor([0.0, 0.0, 1.0]).expand(*points.shape[:2], -1)], dim=2)

    found = nearest_starts(bank, problem, 3, hold=hold)
    assert torch.equal(found, by_force(problem, bank, 3, hold))
    assert torch.equal(found[..., 5:], hold(found)[..., 5:])


def test_in_a_context_they_are_the_nearest_in_it() -> None:
    generator, distance = conditional(), Euclidean(0.01)
    bank = make_bank(generator, distance, "noise", size=32)
    context = torch.zeros(2, 8)
    context[0, 5] = context[1, 7] = 1
    problem = Problem(generator, distance, "noise", targets_of(generator, 2), context=context)
    assert torch.equal(nearest_starts(bank, problem, 3), by_force(problem, bank, 3))


def test_with_alignments_each_is_the_nearest_within_its_own_frame() -> None:
    generator, distance = Blobs(), Euclidean(0.01)
    # No more samples than are listed for each of four frames.
    bank = make_bank(generator, distance, "z", size=8)
    problem = Problem(generator, distance, "z", targets_of(generator, 2), alignment=AlignmentPrior(0.2, 0.2))
    alignments = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(4))
    found = nearest_starts(bank, problem, 4, alignments=alignments)
    assert torch.equal(found[..., -3:], alignments)
    for number in range(4):
        expected = by_force(problem, bank, 1, alignments=alignments[:, number])
        assert torch.equal(found[:, number : number + 1], expected)


def test_what_is_masked_has_no_influence() -> None:
    generator, distance = Blobs(), Euclidean(0.01)
    bank = make_bank(generator, distance, "z", size=100)
    masks = torch.ones(1, 1, 24, 24)
    masks[..., 5:17, 3:14] = 0
    targets = targets_of(generator, 1)
    altered = torch.where(masks.bool(), targets, 1 - targets)
    alignments = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(4))
    for alignment in (None, AlignmentPrior()):
        found = [
            nearest_starts(
                bank,
                Problem(generator, distance, "z", images, masks=masks, alignment=alignment),
                4,
                alignments=None if alignment is None else alignments,
            )
            for images in (targets, altered)
        ]
        assert torch.equal(*found)


@pytest.mark.parametrize("masked", [False, True])
def test_what_a_target_gets_does_not_depend_on_its_company(masked: bool) -> None:
    generator, distance = Blobs(), Euclidean(0.01)
    bank = make_bank(generator, distance, "z", size=100, rank=8)
    targets = targets_of(generator, 5)
    masks = torch.rand(5, 1, 24, 24, generator=torch.Generator().manual_seed(8)) if masked else None
    together = nearest_starts(bank, Problem(generator, distance, "z", targets, masks=masks), 3)
    for number in range(5):
        mask = None if masks is None else masks[number : number + 1]
        alone = nearest_starts(bank, Problem(generator, distance, "z", targets[number : number + 1], masks=mask), 3)
        assert torch.equal(alone[0], together[number])


def test_samples_without_a_finite_loss_come_last() -> None:
    generator = Smooth()
    bank = make_bank(generator, Euclidean(), "z", size=32)
    first = generator.render(bank.latents, "z")[:, 0, 0, 0]
    poisoned = Poisoned(float(first.median()))
    bank = replace(bank, provenance=replace(bank.provenance, distance=poisoned.name))
    targets = generator.render(bank.latents[first.argmin()][None], "z")
    problem = Problem(generator, poisoned, "z", targets, masks=torch.ones(1, 1, 4, 4))
    found = nearest_starts(bank, problem, 32)
    assert problem.evaluate(found)[0].isfinite()[0].tolist() == [True] * 16 + [False] * 16


def test_other_precisions_are_served() -> None:
    generator, distance = Smooth().double(), Curved().double()
    bank = make_bank(generator, distance, "z", size=30)
    problem = Problem(generator, distance, "z", targets_of(Smooth(), 2))
    found = nearest_starts(bank, problem, 2)
    assert found.dtype == torch.float64
    assert torch.equal(found, nearest_starts(make_bank(Smooth(), Curved(), "z", size=30), problem, 2))


def test_more_than_the_bank_holds_or_another_generators_bank_are_refused() -> None:
    bank = make_bank(Smooth(), Curved(), "z", size=5)
    problem = Problem(Smooth(), Curved(), "z", targets_of(Smooth(), 1))
    for count in (0, 6):
        with pytest.raises(InvalidInputError, match=f"between 1 and 5 starts can be taken, but {count} came"):
            nearest_starts(bank, problem, count)
    other = Problem(Smooth(), Euclidean(), "z", targets_of(Smooth(), 1))
    with pytest.raises(InvalidInputError, match="distance is 'curved' there and 'euclidean' here"):
        nearest_starts(bank, other, 1)
