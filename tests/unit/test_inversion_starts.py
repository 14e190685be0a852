"""Where restarts start."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.inversion import (
    AlignmentPrior,
    Problem,
    StartBank,
    draw_starts,
    invert,
    make_bank,
    make_starts,
    mean_starts,
)
from toys import Curved, Euclidean, Smooth
from toys_photographs import Blobs, conditional

KINDS = ("prior", "mean", "bank")


def problem_of(images: int = 3, **options: Any) -> Problem:
    targets = torch.rand(images, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    return Problem(Blobs(), Euclidean(0.01), "z", targets, **options)


def conditional_problem(images: int = 2, **options: Any) -> Problem:
    generator = conditional()
    latents = generator.space("full").sample(images, 3)
    return Problem(generator, Euclidean(0.1), "full", generator.render(latents, "full"), **options)


def bank_of(problem: Problem, size: int = 64) -> StartBank:
    return make_bank(problem.generator, problem.distance, problem.space, size=size, rank=16)


@pytest.mark.parametrize("alignment", [None, AlignmentPrior()])
@pytest.mark.parametrize("kind", KINDS)
def test_starts_do_not_depend_on_company(kind: str, alignment: AlignmentPrior | None) -> None:
    problem, alone = problem_of(3, alignment=alignment), problem_of(1, alignment=alignment)
    bank = bank_of(problem)
    many = make_starts(problem, 4, 8, start=kind, bank=bank)
    assert many.shape == (3, 4, problem.dim)
    assert torch.equal(many[:1], make_starts(alone, 4, 8, start=kind, bank=bank))


@pytest.mark.parametrize("kind", KINDS)
def test_more_restarts_keep_those_of_fewer(kind: str) -> None:
    problem = problem_of()
    bank = bank_of(problem)
    many, few = (make_starts(problem, count, 8, start=kind, bank=bank) for count in (5, 2))
    assert torch.equal(many[:, :2], few)
    assert len({tuple(start) for start in many[0].tolist()}) == 5


def test_draws_come_from_the_prior_and_differ_with_the_seed() -> None:
    starts = draw_starts(problem_of(), 200, seed=3)
    assert starts.mean().item() == pytest.approx(0, abs=0.05)
    assert starts.std().item() == pytest.approx(1, abs=0.05)
    assert not torch.equal(starts, draw_starts(problem_of(), 200, seed=4))


def test_the_first_start_at_the_mean_is_the_mean_and_others_are_near_it() -> None:
    problem = conditional_problem()
    starts = mean_starts(problem, 3)
    mean = torch.tensor([0.0] * 5 + [1 / 3] * 3)
    torch.testing.assert_close(starts[:, 0], mean.expand(2, -1))
    draws = draw_starts(problem, 3)
    torch.testing.assert_close(starts[:, 1:] - mean, 0.1 * (draws[:, 1:] - mean))


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_restart_starts_in_the_targets_own_frame_and_the_others_elsewhere(kind: str) -> None:
    problem = problem_of(alignment=AlignmentPrior(0.2, 0.1))
    _, frames, _ = problem.split(make_starts(problem, 30, 5, start=kind, bank=bank_of(problem)))
    assert frames is not None
    assert torch.equal(frames[:, 0], torch.tensor([[1.0, 0.0, 0.0]]).expand(3, -1))
    assert frames[:, 1:, 0].log().std().item() == pytest.approx(0.2, rel=0.3)
    assert frames[:, 1:, 1:].std().item() == pytest.approx(0.1, rel=0.3)


def test_an_alignment_leaves_the_draws_of_latents_as_they_are() -> None:
    aligned = draw_starts(problem_of(alignment=AlignmentPrior()), 4, seed=2)
    assert torch.equal(aligned[..., :-3], draw_starts(problem_of(), 4, seed=2))


@pytest.mark.parametrize("alignment", [None, AlignmentPrior()])
@pytest.mark.parametrize("kind", KINDS)
def test_neither_starts_nor_what_comes_of_them_depend_on_what_is_masked(
    kind: str, alignment: AlignmentPrior | None
) -> None:
    masks = torch.ones(2, 1, 24, 24)
    masks[..., 6:14, 2:19] = 0
    plain = problem_of(2)
    altered = torch.where(masks.bool(), plain.targets, 1 - plain.targets)
    bank = bank_of(plain)
    results = []
    for targets in (plain.targets, altered):
        problem = Problem(plain.generator, plain.distance, "z", targets, masks=masks, alignment=alignment)
        results.append(invert(problem, "adam", restarts=3, seed=1, start=kind, bank=bank, steps=4))
    for name in ("latents", "losses", "trace_loss", "restart_latents"):
        assert torch.equal(getattr(results[0], name), getattr(results[1], name)), name
    if alignment is not None:
        assert torch.equal(results[0].frames, results[1].frames)


@pytest.mark.parametrize("kind", KINDS)
def test_a_given_class_is_that_of_every_start(kind: str) -> None:
    problem = conditional_problem()
    starts = make_starts(problem, 3, 1, start=kind, bank=bank_of(problem), classes=[2, 0])
    assert torch.equal(starts[0, :, 5:], torch.tensor([[0.0, 0.0, 1.0]]).expand(3, -1))
    assert torch.equal(starts[1, :, 5:], torch.tensor([[1.0, 0.0, 0.0]]).expand(3, -1))
    assert len({tuple(start) for start in starts[0, :, :5].tolist()}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_searching_the_class_gives_every_start_each_class_in_the_order_of_labels(kind: str) -> None:
    problem = conditional_problem()
    bank = bank_of(problem)
    starts = make_starts(problem, 2, 1, start=kind, bank=bank, search_classes=True)
    assert starts.shape == (2, 6, 8)
    assert torch.equal(starts[..., 5:], torch.eye(3).repeat(2, 1).expand(2, -1, -1))
    noise = make_starts(problem, 2, 1, start=kind, bank=bank)[..., :5]
    assert torch.equal(starts[..., :5], noise.repeat_interleave(3, dim=1))


def test_starts_from_a_bank_are_searched_in_small_steps() -> None:
    problem = problem_of(2, masks=torch.ones(2, 1, 24, 24))
    evaluations: list[int] = []

    def counting(inputs: Tensor) -> Tensor:
        evaluations.append(len(inputs))
        return Blobs.synthesize(problem.generator, inputs)

    bank = bank_of(problem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem.generator, "synthesize", counting)
        steps = make_starts.in_pieces(problem, 2, start="bank", bank=bank)
        while True:
            before = len(evaluations)
            try:
                next(steps)
            except StopIteration as finished:
                starts = finished.value
                break
            assert len(evaluations) - before <= 1
    # 32 samples for each target, four at a time, once it is known what one takes.
    assert evaluations == [1, *[4] * 16]
    assert torch.equal(starts, make_starts(problem, 2, start="bank", bank=bank))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"restarts": 0}, "restarts lie between 1 and 1024, but 0 came"),
        ({"restarts": 1025}, "but 1025 came"),
        ({"restarts": 342, "search_classes": True}, "but 342 for each of 3 classes came"),
        ({"seed": -1}, "from 0 on, but -1 came"),
        ({"start": "bank"}, "needs a bank; make one with pullback.inversion.make_bank"),
        ({"classes": [0]}, r"expected 2 classes from 0 to 2, but \[0\] came"),
        ({"classes": [0, 3]}, r"expected 2 classes from 0 to 2, but \[0, 3\] came"),
        ({"classes": [0, 1], "search_classes": True}, "either given or searched"),
    ],
)
def test_options_that_make_no_starts_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        make_starts(conditional_problem(), **{"restarts": 1, **options})


def test_an_unknown_kind_and_classes_of_a_generator_without_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="no start is named 'here'; known: prior, mean, bank"):
        make_starts(problem_of(), 1, start="here")
    plain = Problem(Smooth(), Curved(), "z", torch.zeros(1, 3, 4, 4))
    for options in ({"classes": [0]}, {"search_classes": True}):
        with pytest.raises(InvalidInputError, match="space 'z' of generator 'toy' holds no class"):
            make_starts(plain, 1, **options)
