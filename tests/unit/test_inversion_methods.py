"""What every method of inversion promises, with every basis that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from inverting import (
    VARIANTS,
    assert_same,
    basis_of,
    block_problem,
    drive,
    final_state,
    identity_basis,
    problem_of,
    solver_of,
    starts_of,
)
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import Generator
from pullback.geometry import metric_tensor
from pullback.inversion import (
    METHODS,
    LossWeights,
    Problem,
    Query,
    complete,
    draw_starts,
    evaluate,
    evaluate_together,
    invert,
    make_solver,
    taken_options,
)
from toys import Curved, Euclidean, Linear

every_variant = pytest.mark.parametrize(("method", "basis"), VARIANTS)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("adam", {"steps": 150, "restarts": 2, "schedule": "cosine"}),
        ("hessian_adam", {"steps": 150, "basis": "none"}),
        ("hessian_adam", {"steps": 150}),
        ("hessian_adam", {"steps": 60, "basis": "local", "local_every": 30}),
        ("lbfgs", {"steps": 60}),
        ("lbfgs", {"steps": 60, "basis": "none"}),
        ("levenberg_marquardt", {"steps": 20}),
        ("basin_cma", {"evaluations": 1200}),
        ("basin_cma_hessian_adam", {"evaluations": 700}),
        ("hessian_basin_cma", {"evaluations": 700}),
    ],
)
def test_a_target_that_can_be_rendered_is_found(method: str, options: dict[str, Any]) -> None:
    problem = problem_of(1)
    basis = options.get("basis", METHODS[method].bases[0])
    metrics = [metric_tensor(problem.generator, problem.distance, z, "z") for z in draw_starts(problem, 20)[0]]
    eigenbasis = basis_of(problem, torch.stack(metrics).mean(dim=0).numpy()) if basis == "global" else None
    result = invert(problem, method, eigenbasis=eigenbasis, seed=1, **options)
    # Solved: under a hundredth of what random images are away.
    random = evaluate(problem, Query(draw_starts(problem, 50, seed=3), gradient=False))
    assert result.distances[0] < 0.01 * random.distance.mean()
    torch.testing.assert_close(result.images, problem.targets, atol=0.05, rtol=0)


@every_variant
def test_saved_and_restored_after_every_step_it_goes_on_bit_for_bit(method: str, basis: str) -> None:
    problem = problem_of()
    starts = starts_of(problem, method)
    whole, _ = drive(solver_of(problem, method, basis), problem, starts)

    state: Any = solver_of(problem, method, basis).init(problem, starts)
    while not solver_of(problem, method, basis).terminate(problem, state):
        stored = save(state.to_tensors())
        again = problem_of()
        solver = solver_of(again, method, basis)
        state = solver.step(again, solver.restore(again, load(stored)))
    assert_same(solver_of(problem, method, basis).postprocess(problem, state), whole)


@every_variant
def test_a_step_leaves_the_state_before_it_untouched(method: str, basis: str) -> None:
    problem = problem_of(1)
    solver = solver_of(problem, method, basis)
    state = solver.init(problem, starts_of(problem, method))
    while not solver.terminate(problem, state):
        before = save(state.to_tensors())
        once, twice = solver.step(problem, state), solver.step(problem, state)
        assert save(once.to_tensors()) == save(twice.to_tensors())
        assert save(state.to_tensors()) == before
        state = once


def as_adam(problem: Problem, method: str) -> Any:
    """Adam, which takes no basis, with the options of Hessian Adam."""
    del problem, method
    own: Any = METHODS["hessian_adam"].options
    options = {name: own[name] for name in ("learning_rate", "schedule", "betas", "thin")}
    return make_solver("adam", steps=9, **options)


def along_own_axes(problem: Problem, method: str) -> Any:
    """The method in an eigenbasis whose axes are the latent's own, not scaled."""
    return solver_of(problem, method, "global", eigenbasis=identity_basis(problem), exponent=0.0)


@pytest.mark.parametrize(
    ("method", "counterpart"),
    [
        ("hessian_adam", as_adam),
        ("hessian_adam", along_own_axes),
        ("lbfgs", along_own_axes),
        ("basin_cma_hessian_adam", along_own_axes),
        ("hessian_basin_cma", along_own_axes),
    ],
)
def test_without_a_basis_it_is_the_same_method_on_the_latents_own_coordinates(
    method: str, counterpart: Callable[[Problem, str], Any]
) -> None:
    # The arm without a basis of the published code mapped what Adam had refined back by the eigenbasis: a confounded
    # baseline. Here start, path and result are those of the method that knows of no basis, and those along axes that
    # are the latent's own, bit for bit.
    problem = problem_of()
    starts = starts_of(problem, method)
    result, asked = drive(solver_of(problem, method, "none"), problem, starts)
    expected, queries = drive(counterpart(problem, method), problem, starts)
    assert_same(result, expected)
    assert all(torch.equal(mine.points, theirs.points) for mine, theirs in zip(asked, queries, strict=True))
    if METHODS[method].restarts:
        assert torch.equal(asked[0].points, starts)


@every_variant
def test_evaluations_are_counted_as_they_are_made(method: str, basis: str) -> None:
    problem = problem_of()
    starts = starts_of(problem, method)
    result, asked = drive(solver_of(problem, method, basis), problem, starts)
    # A Jacobian counts as many as it has columns, n = 6.
    made = sum(query.points.shape[1] * (1 + (6 if query.gram else 0)) for query in asked)
    assert result.evaluations.tolist() == [made, made]
    assert result.trace_loss.shape[2] == len(asked)
    assert result.finished


@every_variant
def test_no_more_evaluations_are_made_than_asked_for_and_few_are_left(method: str, basis: str) -> None:
    problem, evaluations = problem_of(1), 150
    solver = solver_of(problem, method, basis, steps=evaluations, evaluations=evaluations)
    state = final_state(solver, problem, starts_of(problem, method))
    # Less than one more step of all that are alive: of a population of five, or of three restarts with Jacobians.
    assert evaluations - 3 * 7 < state.evaluations <= evaluations


@every_variant
def test_every_point_lies_within_the_truncation(method: str, basis: str) -> None:
    problem = problem_of(1, truncation=0.5)
    _, asked = drive(solver_of(problem, method, basis), problem, 3 * starts_of(problem, method, seed=4))
    points = torch.cat([query.points for query in asked], dim=1)
    assert points.abs().max() <= 0.5 + 1e-12
    # And it is reached.
    assert points.abs().max() > 0.5 - 1e-12


@every_variant
def test_what_does_not_move_stays_as_it_is(method: str, basis: str) -> None:
    problem = block_problem(moves="noise")
    starts = starts_of(problem, method)
    result, asked = drive(solver_of(problem, method, basis), problem, starts)
    held = {tuple(start) for start in starts[0, :, 4:].tolist()}
    assert {tuple(point) for query in asked for point in query.points[0, :, 4:].tolist()} == held
    assert tuple(result.latents[0, 4:].tolist()) in held


@pytest.fixture(scope="module")
def company(tiny_generator: Generator) -> list[tuple[str, str, Problem, Tensor, dict[str, Any]]]:
    """Inversions by every method, of one generator and distance, otherwise different."""
    distance, rng = Curved(), torch.Generator().manual_seed(3)
    space = tiny_generator.space("z")
    found = []
    for number, (method, basis) in enumerate(VARIANTS):
        images = 1 + number % 2
        targets = tiny_generator.render(space.sample(images, number), "z")
        masks = torch.rand(images, 1, 16, 16, generator=rng) if number % 3 else None
        l1 = 0.0 if method == "levenberg_marquardt" else 0.1 * number
        problem = Problem(
            tiny_generator,
            distance,
            "z",
            targets,
            masks=masks,
            weights=LossWeights(l1=l1, prior=0.01 * number),
            truncation=2.0 if number % 2 else None,
        )
        options: dict[str, Any] = {} if METHODS[method].restarts == 0 else {"steps": 4 + number}
        found.append((method, basis, problem, starts_of(problem, method, 1 + number % 4, number), options))
    return found


def test_no_result_depends_on_its_company(
    company: list[tuple[str, str, Problem, Tensor, dict[str, Any]]],
) -> None:
    alone = [
        drive(solver_of(problem, method, basis, **options), problem, starts)[0]
        for method, basis, problem, starts, options in company
    ]
    problems = [problem for _, _, problem, _, _ in company]
    solvers = [solver_of(problem, method, basis, **options) for method, basis, problem, _, options in company]
    states = [
        solver.init(problem, starts)
        for solver, problem, (_, _, _, starts, _) in zip(solvers, problems, company, strict=True)
    ]
    # Every second one comes later than the others.
    turn = 0
    while active := [i for i, solver in enumerate(solvers) if not solver.terminate(problems[i], states[i])]:
        chosen = [i for i in active if turn >= 3 or i % 2 == 0] or active
        queries = [solvers[i].ask(problems[i], states[i]) for i in chosen]
        answers = evaluate_together([problems[i] for i in chosen], queries)
        for i, answer in zip(chosen, answers, strict=True):
            states[i] = solvers[i].tell(problems[i], states[i], answer)
        turn += 1
    for solver, problem, state, expected in zip(solvers, problems, states, alone, strict=True):
        assert_same(solver.postprocess(problem, state), expected)


def steep_problem() -> tuple[Problem, np.ndarray]:
    """x = ½ + A z under ‖a − b‖², with a metric whose condition number is 10⁴, and a target at the optimum z*."""
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1)).double())[0]
    matrix = torch.cat([torch.diag(torch.logspace(-1, -3, 6).double()) @ rotation.T, torch.zeros(6, 6)])
    generator = Linear(matrix, (3, 2, 2)).double()
    optimum = 0.2 * torch.ones(1, 6).double()
    problem = Problem(generator, Euclidean().double(), "z", generator.render(optimum, "z"), weights=LossWeights(l2=0.0))
    return problem, (2 * matrix.T @ matrix).numpy()


def test_scaled_by_the_root_of_the_eigenvalues_adam_makes_the_steps_of_one_dimension() -> None:
    # In the coordinates c = z U Λ̃^½ the loss is ½ λ₁ ‖c − c*‖²: every coordinate is a problem in one dimension, and all
    # have one curvature. So torch's own Adam in one dimension, from each coordinate's own distance, predicts the whole
    # path, and with it the number of steps; the condition number, 10⁴, has no part in it.
    problem, metric = steep_problem()
    basis, start = basis_of(problem, metric), torch.full((1, 1, 6), -0.4).double()
    stretch = torch.from_numpy((basis.eigenvalues / basis.eigenvalues[0]) ** 0.5)
    distances = (start[0, 0] - 0.2) @ torch.from_numpy(basis.eigenvectors.copy()) * stretch
    coordinates = distances.clone().requires_grad_()
    optimizer = torch.optim.Adam([coordinates], lr=0.05)
    predicted = []
    for _ in range(201):
        optimizer.zero_grad()
        loss = basis.eigenvalues[0] / 2 * coordinates.square().sum()
        predicted.append(loss.item())
        loss.backward()
        optimizer.step()
    options = {"starts": start, "steps": 200, "learning_rate": 0.05, "schedule": "constant"}
    options["betas"] = (0.9, 0.999)
    scaled = invert(problem, "hessian_adam", eigenbasis=basis, exponent=0.5, thin=False, **options)
    np.testing.assert_allclose(scaled.trace_loss[0, 0], predicted, rtol=1e-6, atol=1e-15)

    def steps_to(trace: Tensor, level: float) -> int:
        return int((trace < level).nonzero()[0]) if (trace < level).any() else len(trace)

    level = 1e-4 * predicted[0]
    raw = invert(problem, "adam", **options)
    assert steps_to(scaled.trace_loss[0, 0], level) == steps_to(torch.tensor(predicted), level) < 80
    assert steps_to(raw.trace_loss[0, 0], level) > 2 * steps_to(scaled.trace_loss[0, 0], level)


def test_the_settings_of_a_method_say_everything_and_make_it_again() -> None:
    for method, basis in VARIANTS:
        settings = complete(method, basis=basis)
        given = settings.given()
        assert complete(method, **given) == settings
        assert set(given) - {"basis", "steps", "evaluations"} == taken_options(method, basis)


def test_with_a_bound_on_evaluations_there_are_as_many_steps_as_it_allows() -> None:
    assert complete("adam").steps == 200
    assert complete("adam", evaluations=5000).steps == 5000
    assert complete("adam", evaluations=5000, steps=30).steps == 30
    result = invert(problem_of(1), "adam", evaluations=301, restarts=1)
    assert result.evaluations.tolist() == [301]


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("adam", {"exponent": 0.25}, "method 'adam' takes no exponent, but 0.25 came; leave it out"),
        ("adam", {"basis": "global"}, "method 'adam' takes basis 'none', but 'global' came"),
        ("lbfgs", {"learning_rate": 0.1}, "method 'lbfgs' takes no learning_rate"),
        ("lbfgs", {"basis": "local"}, "method 'lbfgs' takes basis 'global' or 'separate' or 'none'"),
        ("levenberg_marquardt", {"schedule": "cosine"}, "takes no schedule, but 'cosine' came"),
        ("basin_cma", {"thin": True}, "takes no thin"),
        ("hessian_adam", {"local_every": 5}, "takes no local_every|with basis 'global' takes no local_every"),
        ("hessian_adam", {"basis": "none", "exponent": 0.5}, "with basis 'none' takes no exponent"),
    ],
)
def test_an_option_that_the_method_does_not_take_is_refused_by_name(
    method: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        make_solver(method, **options)


def test_an_unknown_basis_or_one_that_is_not_separate_is_refused() -> None:
    problem = problem_of(1)
    with pytest.raises(UnknownNameError, match="no basis of inversions is named 'own'; known: none, global"):
        make_solver("lbfgs", basis="own")
    with pytest.raises(InvalidInputError, match="needs a block-diagonal eigenbasis, but one by 'gram' came"):
        make_solver("lbfgs", basis="separate", eigenbasis=basis_of(problem))


def test_the_gradient_of_the_priors_penalty_is_the_latent() -> None:
    points = draw_starts(problem_of(), 3, seed=9)
    gradients = []
    for weight in (0.0, 0.3):
        answer = evaluate(problem_of(weights=LossWeights(prior=weight)), Query(points))
        assert answer.gradient is not None
        gradients.append(answer.gradient)
    torch.testing.assert_close(gradients[1] - gradients[0], 0.3 * points)
