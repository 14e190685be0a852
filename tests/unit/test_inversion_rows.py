"""Rows of an inversion: how many go at once, who shares a kernel with whom, and what is done when memory is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cramped import REFUSALS, CrampedDistance, CrampedGenerator
from pullback.errors import MemoryExhaustedError
from pullback.inversion import (
    AlignmentPrior,
    Problem,
    Query,
    draw_starts,
    evaluate,
    evaluate_together,
    invert,
    make_bank,
    make_solver,
    make_starts,
)
from pullback.inversion.batching import chunks
from pullback.inversion.problems import problem as problem_module
from pullback.inversion.target_searches import TargetSearches
from pullback.memory import budget as budgets
from pullback.memory import budget_of, set_budget
from toys import Convolutional, Curved, Smooth

TARGETS = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def own_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "_budgets", {})
    monkeypatch.delenv("PULLBACK_MEMORY", raising=False)


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has rows put together as they are where there are no lanes."""
    monkeypatch.setattr(chunks, "targets_meet", lambda device: True)


def problem_of(generator: Smooth, images: int, distance: Curved | None = None) -> Problem:
    return Problem(generator, distance or Curved(), "z", TARGETS[:images])


def close(one: Tensor, other: Tensor, atol: float = 1e-5) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=atol)


@pytest.mark.usefixtures("as_on_a_gpu")
def test_no_kernel_ever_holds_rows_of_two_requests() -> None:
    generator = CrampedGenerator(99)
    distance = Curved()
    problems = [problem_of(generator, images, distance) for images in (3, 1, 2)]
    queries = [Query(draw_starts(problem, restarts, 3)) for problem, restarts in zip(problems, (2, 1, 3), strict=True)]
    alone = [evaluate(problem, query) for problem, query in zip(problems, queries, strict=True)]
    generator.rows.clear()
    together = evaluate_together(problems, queries)
    assert generator.rows == [6, 1, 6]
    for one, other in zip(together, alone, strict=True):
        assert torch.equal(one.loss, other.loss)
        assert one.gradient is not None
        assert other.gradient is not None
        assert torch.equal(one.gradient, other.gradient)


@pytest.mark.usefixtures("as_on_a_gpu")
def test_the_targets_of_one_search_share_kernels_and_keep_the_rows_with_which_it_began() -> None:
    generator = CrampedGenerator(99)
    problem = problem_of(generator, 5)
    set_budget("cpu", 2**40)
    searches = TargetSearches.begin(make_solver("adam", steps=3), problem, draw_starts(problem, 2, 0))
    assert {one.company.rows for one in searches.problems} == {10}
    generator.rows.clear()
    while asked := searches.ask():
        searches = searches.tell(evaluate_together(*zip(*asked, strict=True)))
    assert generator.rows == [10] * 4
    # What another budget would choose is of no matter to one that goes on.
    assert int(searches.to_tensors()["rows"]) == 10
    set_budget("cpu", 4096)
    again = TargetSearches.restore(searches.solver, problem, searches.to_tensors())
    assert {one.company.rows for one in again.problems} == {10}


def test_one_image_is_one_row_of_which_nothing_is_measured() -> None:
    generator = CrampedGenerator(99)
    problem = problem_of(generator, 1)
    invert(problem, "adam", start="prior", restarts=1, steps=2)
    # The search's three steps; the one before counts operations, the last two are for the image of the result.
    assert set(generator.rows) == {1}
    assert len(generator.rows) == 1 + 3 + 2


def test_a_checkpoint_of_before_rows_were_chosen_goes_on() -> None:
    problem = problem_of(Smooth(), 2)
    searches = TargetSearches.begin(make_solver("adam", steps=4), problem, draw_starts(problem, 3, 0))
    searches = searches.tell(evaluate_together(*zip(*searches.ask(), strict=True)))
    tensors = searches.to_tensors()
    del tensors["rows"]
    again = TargetSearches.restore(searches.solver, problem, tensors)
    assert again.problems[0].company.rows is None
    while asked := again.ask():
        again = again.tell(evaluate_together(*zip(*asked, strict=True)))
    assert again.done


def test_a_budget_bounds_how_many_rows_go_at_once() -> None:
    generator = CrampedGenerator(99)
    problem = problem_of(generator, 1)
    evaluate(problem, Query(draw_starts(problem, 4, 0)))
    budget = budget_of("cpu")
    peak = budget.block("losses and gradients of space 'z'", generator, problem.distance).peak
    assert peak is not None
    # Three quarters are for jobs, and three quarters of these for several rows.
    for share, rows in ((4.1, 4), (2.1, 2), (1.1, 1)):
        set_budget("cpu", int(share * peak / 0.75**2))
        generator.rows.clear()
        evaluate(problem, Query(draw_starts(problem, 4, 0)))
        assert max(generator.rows) == rows
    set_budget("cpu", peak)
    with pytest.raises(MemoryExhaustedError, match="space 'z', images computed twice: one row takes about"):
        evaluate(problem, Query(draw_starts(problem, 4, 0)))


class Hungry(Curved):
    """Holds many maps of an image until its gradient is there."""

    def embed(self, images: Tensor) -> Tensor:
        maps = images.repeat(1, 40, 1, 1)
        for _ in range(6):
            maps = torch.tanh(maps)
        return super().embed(images) + maps.flatten(1).mean(dim=1, keepdim=True)


@pytest.mark.parametrize("alignment", [None, AlignmentPrior()])
def test_where_not_one_row_fits_images_are_computed_twice_to_the_same_numbers(alignment: AlignmentPrior | None) -> None:
    generator, distance = Convolutional(6, 32, width=48), Hungry()
    targets = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    problem = Problem(generator, distance, "z", targets, alignment=alignment)
    query = Query(draw_starts(problem, 1, 0))
    set_budget("cpu", 2**40)
    usual = evaluate(problem, query)
    aligned = "" if alignment is None else ", aligned"
    block = budget_of("cpu").block(f"losses and gradients of space 'z'{aligned}", generator, distance)
    assert block.peak is not None
    set_budget("cpu", int(0.99 * block.peak / 0.75))
    sparing = evaluate(problem, query)
    for part in ("loss", "distance", "gradient"):
        assert torch.equal(getattr(sparing, part), getattr(usual, part))
    twice = budget_of("cpu").block(
        f"losses and gradients of space 'z'{aligned}, images computed twice", generator, distance
    )
    assert twice.peak is not None
    assert twice.peak < 0.9 * block.peak


@pytest.mark.parametrize("masked", [False, True])
def test_embeddings_that_are_not_held_are_the_same(monkeypatch: pytest.MonkeyPatch, masked: bool) -> None:
    masks = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(2)) if masked else None
    generator, distance = Smooth(), Curved()
    bank = make_bank(generator, distance, "z", size=40, rank=4)

    def found() -> list[Tensor]:
        problem = Problem(generator, distance, "z", TARGETS[:3], masks=masks)
        assert (problem.embeddings is None) == (problem_module._SHARE_HELD == 0)
        starts = make_starts(problem, 2, start="bank", bank=bank)
        by_adam = invert(problem, "adam", start="prior", restarts=5, steps=4)
        by_grams = invert(problem, "levenberg_marquardt", start="mean", restarts=2, steps=2)
        together = evaluate(problem, Query(starts)).loss
        return [starts, by_adam.latents, by_adam.losses, by_grams.latents, by_grams.losses, together]

    held = found()
    monkeypatch.setattr(problem_module, "_SHARE_HELD", 0)
    for one, other in zip(found(), held, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("backwards", [False, True])
def test_an_evaluation_that_is_refused_memory_goes_on_with_half_its_rows(refusal: str, backwards: bool) -> None:
    roomy = problem_of(Smooth(), 2)
    query = Query(draw_starts(roomy, 7, 0))
    expected = evaluate(roomy, query)
    generator = CrampedGenerator(1, refusal, backwards=backwards)
    problem = problem_of(generator, 2)
    found = evaluate(problem, query)
    close(found.loss, expected.loss)
    assert found.gradient is not None
    assert expected.gradient is not None
    close(found.gradient, expected.gradient)
    generator.rows.clear()
    evaluate(problem, query)
    assert set(generator.rows) == {1}


def bank_of(generator: Smooth, distance: Curved) -> Tensor:
    return make_bank(generator, distance, "z", size=9, rank=4).projections.abs()


def starts_of(generator: Smooth, distance: Curved) -> Tensor:
    problem = Problem(generator, distance, "z", TARGETS[:3], masks=torch.ones(3, 1, 4, 4))
    return make_starts(problem, 2, start="bank", bank=make_bank(generator, distance, "z", size=40, rank=4))


def inverted(generator: Smooth, distance: Curved) -> Tensor:
    problem = problem_of(generator, 3, distance)
    return invert(problem, "adam", start="prior", restarts=5, steps=4).images


def by_grams(generator: Smooth, distance: Curved) -> Tensor:
    problem = problem_of(generator, 2, distance)
    return invert(problem, "levenberg_marquardt", start="mean", restarts=2, steps=2).losses


# A bank's axes are kept in half precision, whose last bit may turn: 5e-4 of projections of about 2.
@pytest.mark.parametrize(("compute", "atol"), [(bank_of, 2e-3), (starts_of, 1e-5), (inverted, 1e-5), (by_grams, 1e-5)])
@pytest.mark.parametrize("most", [1, 2])
def test_everything_is_done_with_as_few_rows_as_memory_is_given_for(
    compute: Callable[[Smooth, Curved], Tensor], atol: float, most: int
) -> None:
    close(compute(CrampedGenerator(most), CrampedDistance(most)), compute(Smooth(), Curved()), atol)


def test_a_search_whose_memory_is_refused_says_how_many_rows_are_left_in_its_checkpoint() -> None:
    problem = problem_of(CrampedGenerator(2), 1)
    searches = TargetSearches.begin(make_solver("adam", steps=3), problem, draw_starts(problem, 4, 0))
    assert int(searches.to_tensors()["rows"]) == 4
    searches = searches.tell(evaluate_together(*zip(*searches.ask(), strict=True)))
    assert int(searches.to_tensors()["rows"]) == 2


def test_an_inversion_fails_only_where_not_one_row_fits() -> None:
    problem = problem_of(CrampedGenerator(1), 1)
    problem.generator.most = 0
    with pytest.raises(MemoryExhaustedError, match="memory was refused for a single row"):
        invert(problem, "adam", start="prior", restarts=2, steps=2)


_LIMITED = """
import resource
from pathlib import Path

import torch

from pullback.inversion import Problem, Query, draw_starts, evaluate
from pullback.memory import budget_of, set_budget
from toys import Convolutional, Curved, Smooth

MIB = 2**20


class Wide(Smooth):
    def synthesize(self, inputs):
        # 64 MiB a row
        wide = inputs[:, :1].expand(-1, 16 * MIB).clone()
        return super().synthesize(inputs) + 0 * wide.mean(dim=1).reshape(-1, 1, 1, 1)


torch.set_num_threads(1)
# More than there is: it is the system that says so.
set_budget("cpu", 2**40)
targets = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
generator, distance = Wide(), Curved()
problem = Problem(generator, distance, "z", targets)
query = Query(draw_starts(problem, 4, 0))
evaluate(problem, Query(query.points[:, :2]))
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 200 * MIB,) * 2)
found = evaluate(problem, query)
expected = evaluate(Problem(Smooth(), distance, "z", targets), query)
torch.testing.assert_close(found.gradient, expected.gradient, rtol=1e-4, atol=1e-5)
print(budget_of("cpu").block("losses and gradients of space 'z'", generator, distance).cap)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes are Linux's here")
def test_a_system_that_refuses_memory_gets_half_the_rows() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    run = subprocess.run([sys.executable, "-c", _LIMITED], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() in {"1", "2"}
