"""What holds for every plan of restarts and every schedule of generations: they fit their budgets, and waste little."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inverting import basis_of, drive, problem_of
from pullback.errors import InvalidInputError
from pullback.inversion import Adam, draw_starts, make_solver
from pullback.inversion.budget import check_evaluations_suffice, check_steps_suffice
from pullback.inversion.defaults import METHODS, POPULATION
from pullback.inversion.solvers.stages import Stages, fit_stages
from pullback.inversion.solvers.thinning import make_plan

restarts = st.integers(1, 64)
steps = st.integers(1, 500)


@given(restarts, steps, st.booleans())
def test_without_a_bound_on_evaluations_a_plan_has_all_steps(restarts: int, steps: int, thin: bool) -> None:
    plan = make_plan(restarts, steps=steps, thin=thin)
    assert plan.length == sum(plan.lengths) == steps + 1
    assert min(plan.lengths) >= 1
    assert plan.alive[0] == restarts
    assert plan.alive[-1] == (1 if thin else restarts)
    assert all(before > after for before, after in pairwise(plan.alive))
    assert plan.evaluations == sum(length * alive for length, alive in zip(plan.lengths, plan.alive, strict=True))


@given(restarts, steps, st.booleans(), st.integers(1, 20_000), st.integers(1, 40), st.integers(1, 30))
def test_a_plan_fits_its_budget_and_one_more_step_would_not(
    restarts: int, steps: int, thin: bool, evaluations: int, columns: int, every: int
) -> None:
    def cost(updates: int) -> int:
        # A Jacobian of so many columns every so many updates.
        return updates + columns * -(-updates // every)

    try:
        plan = make_plan(restarts, steps=steps, evaluations=evaluations, thin=thin, cost=cost)
    except InvalidInputError:
        # One update of every restart, and what comes out of it for one that is left.
        assert evaluations < restarts * cost(1) + (1 if thin and restarts > 1 else restarts)
        return
    assert plan.evaluations <= evaluations
    assert 2 <= plan.length <= steps + 1
    assert plan.alive[-1] == (1 if thin else restarts)
    # The plan's own account, step by step.
    alive = [plan.alive_after(step) for step in range(plan.length)]
    made = sum(count * (cost(step + 1) - cost(step)) for step, count in enumerate(alive[:-1])) + alive[-1]
    assert made == plan.evaluations
    if plan.length < steps + 1:
        assert plan.evaluations + alive[0] * (columns + 1) > evaluations


@given(st.integers(2, 64), st.integers(20, 500))
def test_rounds_of_a_plan_cost_about_the_same(restarts: int, steps: int) -> None:
    plan = make_plan(restarts, steps=steps, thin=True)
    costs = [length * alive for length, alive in zip(plan.lengths, plan.alive, strict=True)]
    share = steps / sum(1 / alive for alive in plan.alive)
    # Rounding moves both ends of a round by one step at most, and none is shorter than one.
    assert all(abs(cost - share) <= 2.5 * alive for cost, alive in zip(costs, plan.alive, strict=True))


def test_a_plan_without_room_for_one_update_is_refused_with_the_least() -> None:
    with pytest.raises(InvalidInputError, match="8 evaluations do not suffice for 8 restarts: expected at least 9"):
        make_plan(8, steps=10, evaluations=8, thin=True)
    with pytest.raises(InvalidInputError, match="expected at least 16"):
        make_plan(8, steps=10, evaluations=15)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(1, 12), st.integers(0, 1000))
def test_the_restarts_that_survive_are_the_best_so_far(restarts: int, steps: int, seed: int) -> None:
    problem = problem_of(2)
    result, asked = drive(Adam(steps=steps, thin=True), problem, draw_starts(problem, restarts, seed))
    trace = result.trace_loss
    for step in range(1, len(asked)):
        alive = trace[..., step].isfinite()
        best = trace[..., :step].nan_to_num(nan=torch.inf).amin(dim=2)
        for image in range(2):
            before = trace[image, :, step - 1].isfinite()
            survivors, others = best[image][alive[image]], best[image][before & ~alive[image]]
            assert not len(others) or survivors.max() <= others.min()
            # None comes back.
            assert not (alive[image] & ~before).any()


published = st.builds(Stages, outer=st.integers(1, 40), inner=st.integers(0, 30), final=st.integers(0, 500))


@given(published, st.integers(1, 40), st.integers(1, 40))
def test_without_a_budget_the_schedule_is_the_published_one(published: Stages, candidates: int, finalists: int) -> None:
    options = {"candidates": candidates, "finalists": finalists}
    assert fit_stages(published, steps=None, evaluations=None, **options) == published
    # And with exactly what that takes.
    assert fit_stages(published, steps=published.length - 1, evaluations=None, **options) == published
    evaluations = published.evaluations(candidates, finalists)
    assert fit_stages(published, steps=None, evaluations=evaluations, **options) == published


@given(
    published,
    st.integers(1, 40),
    st.integers(1, 40),
    st.none() | st.integers(1, 3000),
    st.none() | st.integers(1, 30_000),
)
def test_a_schedule_fits_its_budget(
    published: Stages, candidates: int, finalists: int, steps: int | None, evaluations: int | None
) -> None:
    assume(steps is not None or evaluations is not None)
    generation = published.inner + 1
    try:
        stages = fit_stages(published, candidates=candidates, finalists=finalists, steps=steps, evaluations=evaluations)
    except InvalidInputError:
        too_short = steps is not None and steps + 1 < generation
        assert too_short or (evaluations is not None and evaluations < generation * candidates)
        return
    assert stages.outer >= 1
    assert stages.inner == published.inner
    assert stages.final >= 0
    spare = []
    if steps is not None:
        assert stages.length <= steps + 1
        spare.append(steps + 1 - stages.length)
    if evaluations is not None:
        assert stages.evaluations(candidates, finalists) <= evaluations
        spare.append((evaluations - stages.evaluations(candidates, finalists)) // finalists)
    # Not one more evaluation of the last stage would fit.
    assert min(spare) == 0


def _least(suffices: Callable[[int], object]) -> int:
    """The least budget that is not refused, found by bisection."""
    low, high = 1, 10_000
    while low < high:
        middle = (low + high) // 2
        try:
            suffices(middle)
        except InvalidInputError:
            low = middle + 1
        else:
            high = middle
    return low


@pytest.mark.parametrize("restarts", [1, 3])
@pytest.mark.parametrize(("method", "basis"), [(name, basis) for name, each in METHODS.items() for basis in each.bases])
def test_a_budget_is_known_to_suffice_before_a_method_begins(method: str, basis: str, restarts: int) -> None:
    problem = problem_of(1)
    own_population = not METHODS[method].restarts
    restarts = 1 if own_population else restarts
    starts = draw_starts(problem, restarts, 0)
    local = {"local_every": 3} if basis == "local" else {}
    dim = problem.generator.space(problem.moves).dim
    thin = METHODS[method].options.get("thin", False)
    eigenbasis = basis_of(problem, method="separate(whole: gram)") if basis in {"global", "separate"} else None

    def begun(**budget: int) -> object:
        return make_solver(method, eigenbasis=eigenbasis, basis=basis, **local, **budget).init(problem, starts)

    moved = POPULATION if own_population else restarts
    least = _least(lambda evaluations: begun(evaluations=evaluations))
    known = _least(
        lambda evaluations: check_evaluations_suffice(
            method, starts=moved, evaluations=evaluations, dim=dim, thin=thin, **local
        )
    )
    assert known == least
    assert _least(lambda steps: check_steps_suffice(method, steps=steps)) == _least(lambda steps: begun(steps=steps))
