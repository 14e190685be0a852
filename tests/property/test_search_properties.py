"""What holds for every course of a search, and for every bound on latents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from pullback.search import METHODS, Constraint, Optimizer, restore
from pullback.search.scores import Told
from searching import class_space, normal_space, search

asks = st.tuples(st.just("ask"), st.integers(1, 30))
# How many of the last that were asked, how many of one's own, and the seed of their scores.
tells = st.tuples(st.just("tell"), st.integers(0, 30), st.integers(0, 3), st.integers(0, 2**32 - 1))
restores = st.tuples(st.just("restore"))
courses = st.lists(st.one_of(asks, tells, restores), max_size=25)


def follow(optimizer: Optimizer, course: list[tuple], *, restoring: bool) -> tuple[list[np.ndarray], Optimizer]:
    """Goes through a course; gives what was asked, and the search afterwards."""
    shown = [np.zeros((0, optimizer.dim), np.float32)]
    for step, (kind, *numbers) in enumerate(course):
        if kind == "ask":
            shown.append(optimizer.ask(numbers[0]).latents)
        elif kind == "tell":
            asked, own, seed = numbers
            rng = np.random.default_rng(seed)
            latents = np.concatenate([shown[-1][:asked], 3 * rng.standard_normal((own, optimizer.dim))])
            if len(latents):
                # Few values, so that some are equal, and some gone.
                scores = rng.choice([np.nan, -1.0, 0.0, 0.5, 2.0, 1e6], size=len(latents))
                ids = [f"{step}.{i}" for i in range(len(latents))]
                variances = rng.choice([np.nan, 0.0, 1.0, 100.0], size=len(latents))
                optimizer.tell(latents, scores, ids=ids, variances=variances)
        elif restoring:
            optimizer = restore(optimizer.to_bytes())
    return shown, optimizer


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(course=courses, held=st.booleans(), minimize=st.booleans())
def test_restoring_at_any_moment_changes_nothing(method: str, course: list[tuple], held: bool, minimize: bool) -> None:
    space = class_space(5, 3, Constraint(max_norm=3.0), held=1 if held or method == "sphere_cma" else None)
    through, one = follow(search(method, space, minimize=minimize), course, restoring=False)
    again, other = follow(search(method, space, minimize=minimize), course, restoring=True)
    for latents, same in zip(through, again, strict=True):
        np.testing.assert_array_equal(same, latents)
    assert other.to_bytes() == one.to_bytes()
    assert one.generation == other.generation


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    course=courses,
    shell=st.tuples(st.floats(0, 3), st.floats(0.1, 3)),
    truncation=st.one_of(st.none(), st.floats(0.2, 4)),
)
def test_every_candidate_of_every_course_keeps_to_the_bounds(
    method: str, course: list[tuple], shell: tuple[float, float], truncation: float | None
) -> None:
    lowest, highest = shell[0], shell[0] + shell[1]
    assume(truncation is None or truncation * np.sqrt(6) >= lowest)
    space = normal_space(6, Constraint(lowest, highest, truncation))
    for latents in follow(search(method, space), course, restoring=False)[0]:
        norms = np.linalg.norm(latents.astype(np.float64), axis=1)
        assert (norms >= lowest * (1 - 1e-6)).all()
        assert (norms <= highest * (1 + 1e-6)).all()
        assert truncation is None or (np.abs(latents) <= truncation * (1 + 1e-6)).all()


@settings(deadline=None)
@given(
    point=arrays(np.float64, st.integers(1, 5), elements=st.floats(-10, 10)),
    norm=st.floats(0.1, 5),
    truncation=st.floats(0.1, 5),
)
def test_no_point_within_a_ball_and_a_box_is_nearer(point: np.ndarray, norm: float, truncation: float) -> None:
    nearest = Constraint(max_norm=norm, truncation=truncation).nearest(point[None])[0]
    # A convex problem, by a solver that knows nothing of how it is solved here.
    solved = minimize(
        lambda y: np.square(y - point).sum(),
        np.zeros_like(point),
        jac=lambda y: 2 * (y - point),
        method="SLSQP",
        bounds=[(-truncation, truncation)] * point.size,
        constraints={"type": "ineq", "fun": lambda y: norm**2 - np.square(y).sum(), "jac": lambda y: -2 * y},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert np.linalg.norm(nearest) <= norm * (1 + 1e-9)
    assert np.abs(nearest).max() <= truncation * (1 + 1e-9)
    assert np.linalg.norm(nearest - point) <= np.linalg.norm(solved.x - point) + 1e-5


@settings(deadline=None)
@given(
    point=arrays(np.float64, 3, elements=st.floats(-4, 4)),
    share=st.floats(0.05, 1.0),
    truncation=st.floats(0.5, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_point_of_a_box_outside_a_ball_is_nearer(
    point: np.ndarray, share: float, truncation: float, seed: int
) -> None:
    least = share * truncation * np.sqrt(3)
    constraint = Constraint(min_norm=least, truncation=truncation)
    nearest = constraint.nearest(point[None])[0]
    assert np.linalg.norm(nearest) >= least * (1 - 1e-9)
    assert np.abs(nearest).max() <= truncation * (1 + 1e-9)
    others = np.random.default_rng(seed).uniform(-truncation, truncation, size=(20_000, 3))
    others = others[np.linalg.norm(others, axis=1) >= least]
    distances = np.linalg.norm(others - point, axis=1)
    assert np.linalg.norm(nearest - point) <= distances.min(initial=np.inf) + 1e-9


@given(
    scores=arrays(
        np.float64, 8, elements=st.integers(-(10**8), 10**8).map(lambda n: n / 1e6), unique=True, fill=st.nothing()
    ),
    variance=st.floats(0, 1e4),
)
def test_equal_variances_keep_the_order_of_scores(scores: np.ndarray, variance: float) -> None:
    told = Told.checked(np.zeros((8, 2)), scores, ids=None, variances=np.full(8, variance), dim=2)
    np.testing.assert_array_equal(np.argsort(told.reliable_scores()), np.argsort(scores))


@given(
    scores=arrays(np.float64, 8, elements=st.floats(-100, 100)),
    variances=arrays(np.float64, 8, elements=st.floats(0, 1e4)),
)
def test_scores_are_drawn_towards_their_mean_and_never_past_it(scores: np.ndarray, variances: np.ndarray) -> None:
    told = Told.checked(np.zeros((8, 2)), scores, ids=None, variances=variances, dim=2)
    away, before = told.reliable_scores() - scores.mean(), scores - scores.mean()
    assert (np.abs(away) <= np.abs(before) + 1e-9).all()
    assert (away * before >= -1e-9).all()
