"""The Gaussian process in the eigenbasis: what it believes, and where it goes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
import safetensors.numpy
import scipy.spatial

from pullback.errors import InvalidInputError
from pullback.search import Constraint, SearchSettings, make_optimizer, restore
from pullback.search.methods import hessian_gp
from pullback.search.methods.gaussian_process import GaussianProcess, likeliest_noise
from pullback.search.methods.hessian_gp import HessianGPState
from searching import class_space, ellipsoid, evolve, normal_space, rotation, search


def matern(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Matérn 5/2 of length scale 4 √k, or 4 √k k/100 from 100 on, as Rasmussen & Williams write it (4.17)."""
    k = one.shape[1]
    r = math.sqrt(5) * scipy.spatial.distance.cdist(one, other) / (4 * math.sqrt(k) * max(1, k / 100))
    return (1 + r + r**2 / 3) * np.exp(-r)


def ridges(values: np.ndarray, rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """A sum of 32 ridges that saturate, at most 1, of which the metric is diag(values)."""
    directions = rng.standard_normal((32, len(values))) * np.sqrt(values / values.sum()) / 1.5
    heights = rng.dirichlet(np.ones(32))
    return lambda latents: np.tanh(latents @ directions.T) @ heights


@pytest.mark.parametrize("k", [5, 100, 250])
def test_the_posterior_mean_is_that_of_the_textbook(k: int) -> None:
    rng = np.random.default_rng(0)
    inputs, values, at = 3 * rng.standard_normal((20, k)), rng.standard_normal(20), 3 * rng.standard_normal((7, k))
    inverse = np.linalg.inv(matern(inputs, inputs) + 0.3 * np.eye(20))
    # The constant of generalised least squares (2.42), and what it leaves.
    constant = inverse.sum(axis=0) @ values / inverse.sum()
    expected = constant + matern(at, inputs) @ inverse @ (values - constant)
    process = GaussianProcess.told(inputs, values, 0.3)
    np.testing.assert_allclose([process.mean_and_gradient(each)[0] for each in at], expected, rtol=1e-9)
    np.testing.assert_allclose([process.mean_and_gradient(each)[0] for each in inputs], process.means, rtol=1e-9)


def test_its_gradient_is_the_slope_of_its_mean() -> None:
    rng = np.random.default_rng(1)
    process = GaussianProcess.told(rng.standard_normal((30, 4)), rng.standard_normal(30), 0.1)
    at, h = rng.standard_normal(4), 1e-5
    slopes = [
        (process.mean_and_gradient(at + h * e)[0] - process.mean_and_gradient(at - h * e)[0]) / (2 * h)
        for e in np.eye(4)
    ]
    np.testing.assert_allclose(process.mean_and_gradient(at)[1], slopes, rtol=1e-6, atol=1e-9)
    # Where there is a value, too, at which distances are not smooth.
    assert np.isfinite(process.mean_and_gradient(process.inputs[0])[1]).all()


def test_it_is_as_sure_of_a_difference_as_the_textbook() -> None:
    rng = np.random.default_rng(6)
    inputs, values, ends = 3 * rng.standard_normal((20, 5)), rng.standard_normal(20), 3 * rng.standard_normal((2, 5))
    inverse, across = np.linalg.inv(matern(inputs, inputs) + 0.3 * np.eye(20)), matern(ends, inputs)
    constant = inverse.sum(axis=0) @ values / inverse.sum()
    variance = (values - constant) @ inverse @ (values - constant) / 20
    means, covariance = across @ inverse @ (values - constant), matern(ends, ends) - across @ inverse @ across.T
    expected = (means[1] - means[0]) / math.sqrt(variance * (np.array([-1, 1]) @ covariance @ np.array([-1, 1])))
    assert GaussianProcess.told(inputs, values, 0.3).surety(*ends) == pytest.approx(expected, rel=1e-6)


def test_noise_is_told_from_signal() -> None:
    rng = np.random.default_rng(2)
    inputs = 6 * rng.standard_normal((400, 3))
    signal = np.linalg.cholesky(matern(inputs, inputs) + 1e-9 * np.eye(400)) @ rng.standard_normal(400)
    for noise in (0.01, 1.0):
        values = signal + math.sqrt(noise) * rng.standard_normal(400)
        found = likeliest_noise(inputs, (values - values.mean()) / values.std(), math.nan)
        assert noise / 4 < found < noise * 4
        # From elsewhere it gets there a step at a time.
        assert likeliest_noise(inputs, values, 10.0) == 3.0


def test_it_finds_an_optimum_that_the_metric_makes_hard_in_fewer_images_than_cma() -> None:
    turned, optimum = rotation(30), 2 * np.random.default_rng(3).standard_normal(30)
    metric = turned * np.geomspace(1, 1e-3, 30) @ turned.T
    score, found = ellipsoid(metric, optimum), {}
    for method in ("hessian_gp", "cma"):
        optimizer = search(method, normal_space(30), metric=metric, population=12)
        evolve(optimizer, score, 40)
        found[method] = score(optimizer.incumbent[None])[0]
    assert found["hessian_gp"] > 0.5 * found["cma"]


@pytest.mark.parametrize(("noise", "least"), [(0.0, 0.85), (1.0, 0.75), (3.0, 0.55)])
def test_hundreds_of_dimensions_are_climbed_in_fewer_images_than_there_are_dimensions(
    noise: float, least: float
) -> None:
    ends = []
    for seed in range(3):
        rng, values = np.random.default_rng([seed, 8]), np.geomspace(1, 1e-4, 512)
        rates = ridges(values, rng)
        spread = rates(rng.standard_normal((400, 512))).std()
        optimizer = search("hessian_gp", normal_space(512), metric=np.diag(values), seed=seed)
        for _ in range(14):
            latents = optimizer.ask().latents
            optimizer.tell(latents, rates(latents) + noise * spread * rng.standard_normal(len(latents)))
        ends.append(rates(optimizer.incumbent[None])[0])
    assert np.mean(ends) > least


def test_noise_that_drowns_every_score_does_not_lead_below_the_start() -> None:
    metric = np.diag(np.geomspace(1, 1e-2, 20))
    rng, ends = np.random.default_rng(4), []
    for seed in range(4):
        optimizer = search("hessian_gp", normal_space(20, Constraint(stay="prior")), metric=metric, seed=seed)
        for _ in range(40):
            latents = optimizer.ask().latents
            optimizer.tell(latents, latents[:, 0] + 3 * rng.standard_normal(len(latents)))
        ends.append(optimizer.incumbent[0])
    assert min(ends) > 0


def test_it_goes_back_from_where_nothing_answers() -> None:
    start, rng = np.full(6, 20.0), np.random.default_rng(5)
    optimizer = search("hessian_gp", normal_space(6), start=start)
    points = np.concatenate([rng.standard_normal((30, 6)), start + rng.standard_normal((30, 6))])
    optimizer.tell(points, np.repeat([5.0, 0.0], 30))
    assert np.linalg.norm(optimizer.incumbent) < np.linalg.norm(optimizer.incumbent - start)


@pytest.mark.parametrize(("noisy", "last"), [(True, 0.5), (False, 0.25)])
def test_the_step_size_falls_by_the_same_factor_and_then_stays_farther_without_noise(noisy: bool, last: float) -> None:
    # Bounds would cut draws short.
    space, options = normal_space(50, Constraint(stay="free")), {"sigma": 2.0, "last_sigma": 0.5, "exponent": 0.0}
    optimizer = search("hessian_gp", space, decay_generations=16, population=100, **options)
    rng, sizes = np.random.default_rng(7), []
    for _ in range(18):
        latents = optimizer.ask().latents
        sizes.append(float((latents - optimizer.incumbent).std()))
        optimizer.tell(latents, rng.standard_normal(100) if noisy else latents[:, 0])
    np.testing.assert_allclose(sizes[-2:], last, rtol=0.1)
    if noisy:
        np.testing.assert_allclose(sizes, [*np.geomspace(2, 0.5, 17), 0.5], rtol=0.1)


def test_it_is_at_its_last_step_size_when_what_is_planned_was_shown_and_goes_on_with_it() -> None:
    space = normal_space(50, Constraint(stay="free"))
    whole, cut = (search("hessian_gp", space, planned_generations=5, exponent=0.0, population=60) for _ in range(2))
    rng, sizes = np.random.default_rng(8), []
    for generation in range(9):
        latents, scores = whole.ask().latents, rng.standard_normal(60)
        np.testing.assert_array_equal(cut.ask().latents, latents)
        sizes.append(float((latents - whole.incumbent).std()))
        for optimizer in (whole, cut):
            optimizer.tell(latents, scores)
        if generation in (2, 6):
            # What was planned is kept with the search.
            cut = restore(cut.to_bytes())
    np.testing.assert_allclose(sizes, [*np.geomspace(2, 0.2, 6), 0.2, 0.2, 0.2], rtol=0.1)


def test_where_few_generations_are_planned_each_goes_farther_the_same_way() -> None:
    rng, moves = np.random.default_rng(9), {}
    latents, noise = 2 * rng.standard_normal((40, 20)), rng.standard_normal(40)
    for planned in (13, 65, 200):
        optimizer = search("hessian_gp", normal_space(20), planned_generations=planned)
        optimizer.tell(latents, latents[:, 3] + 3 * noise)
        moves[planned] = optimizer.incumbent.astype(np.float64)
    np.testing.assert_array_equal(moves[200], moves[65])
    short, long = (np.linalg.norm(moves[planned]) for planned in (13, 65))
    assert short > 1.1 * long > 0
    # No farther than the step size lets it: σ √k.
    assert short < 2 * math.sqrt(20)
    np.testing.assert_allclose(moves[13] / short, moves[65] / long, atol=1e-5)


def test_a_search_of_before_goes_on_with_the_shrinkage_that_it_had() -> None:
    optimizer = search("hessian_gp", normal_space(6), decay_generations=15)
    evolve(optimizer, lambda latents: latents[:, 0].astype(np.float64), 2)
    data = optimizer.to_bytes()
    header = json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["pullback"])
    assert header["provenance"]["state"].pop("shrinkage") == 15 / 60
    before = restore(safetensors.numpy.save(safetensors.numpy.load(data), {"pullback": json.dumps(header)}))
    assert before._standing.state.shrinkage == 1.0  # type: ignore[attr-defined]
    np.testing.assert_array_equal(before.ask().latents, optimizer.ask().latents)


def test_scores_that_are_all_equal_leave_the_centre() -> None:
    optimizer = search("hessian_gp", normal_space(6), start=np.ones(6))
    for score in (0.0, 7.0):
        latents = optimizer.ask().latents
        optimizer.tell(latents, np.full(len(latents), score))
        if score == 0.0:
            np.testing.assert_allclose(optimizer.incumbent, np.ones(6), atol=1e-5)
    assert np.isfinite(optimizer.incumbent).all()


@pytest.mark.parametrize("factor", [1e-100, 1.0, 1e100])
def test_the_unit_of_scores_does_not_matter(factor: float) -> None:
    one, other = (search("hessian_gp", normal_space(6)) for _ in range(2))
    for _ in range(3):
        latents = one.ask().latents
        np.testing.assert_allclose(other.ask().latents, latents, rtol=1e-4, atol=1e-4)
        one.tell(latents, latents[:, 0])
        other.tell(latents, factor * latents[:, 0].astype(np.float64))
    np.testing.assert_allclose(other.incumbent, one.incumbent, rtol=1e-3, atol=1e-3)


def test_the_same_image_many_times_and_images_far_away_are_borne() -> None:
    optimizer = search("hessian_gp", normal_space(6))
    optimizer.tell(np.ones((30, 6)), np.arange(30.0))
    optimizer.tell(1e30 * np.eye(6)[:4], np.arange(4.0))
    for _ in range(3):
        latents = optimizer.ask().latents
        assert np.isfinite(latents).all()
        optimizer.tell(latents, latents[:, 0])


def test_what_was_seen_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hessian_gp, "_MOST_POINTS", 10)
    optimizer = search("hessian_gp", normal_space(6), population=6)
    told = []
    for generation in range(3):
        latents = optimizer.ask().latents
        told.append(latents)
        optimizer.tell(latents, np.arange(6.0) + 6 * generation)
    state = optimizer._standing.state
    assert isinstance(state, HessianGPState)
    np.testing.assert_array_equal(state.scores, np.arange(8.0, 18.0))
    expected = np.concatenate(told)[-10:]
    np.testing.assert_allclose(state.points(state.seen.astype(np.float64)), expected, rtol=0.01, atol=0.01)


def test_a_state_of_many_axes_stays_small() -> None:
    optimizer = search("hessian_gp", normal_space(600), axes=500, metric=np.diag(np.geomspace(1, 1e-3, 600)))
    rng = np.random.default_rng(0)
    optimizer.tell(rng.standard_normal((1200, 600)), rng.standard_normal(1200))
    data, constants = optimizer.to_parts()
    assert constants is not None
    assert len(data) < 1_100_000
    other = restore(data, constants)
    np.testing.assert_array_equal(other.ask().latents, optimizer.ask().latents)


def test_it_stays_in_the_span_of_the_leading_axes() -> None:
    turned, start = rotation(12, seed=3), np.random.default_rng(1).standard_normal(12)
    optimizer = search(
        "hessian_gp",
        normal_space(12, Constraint(stay="free")),
        metric=turned * np.geomspace(1, 1e-3, 12) @ turned.T,
        axes=4,
        start=start,
    )
    evolve(optimizer, lambda latents: latents.sum(axis=1).astype(np.float64), 5)
    away = optimizer.ask().latents - start
    np.testing.assert_allclose(away @ turned[:, 4:], 0, atol=1e-4)
    assert np.linalg.norm(away @ turned[:, :4], axis=1).min() > 0.1


def test_it_stays_near_the_prior_unless_something_else_is_said() -> None:
    def farthest(constraint: Constraint | None) -> float:
        optimizer = search("hessian_gp", normal_space(9, constraint))
        evolve(optimizer, lambda latents: latents[:, 0].astype(np.float64), 20)
        return float(optimizer.setup.space.distances(optimizer.ask().latents).max())

    # Twice as far as draws typically lie, √9.
    assert farthest(None) <= 6 * (1 + 1e-6)
    assert farthest(Constraint(stay="free")) > 7
    assert farthest(Constraint(stay=8.0)) <= 8 * (1 + 1e-6)
    # Who bounds the norm says how far it may go.
    assert farthest(Constraint(max_norm=12.0)) > 7
    assert search("hessian_gp", normal_space(9)).setup.space.constraint == Constraint(stay=6.0)
    assert search("hessian_cma", normal_space(9)).setup.space.constraint == Constraint()


def test_a_held_class_is_no_coordinate_of_it() -> None:
    optimizer = search("hessian_gp", class_space(6, 3, held=1))
    evolve(optimizer, lambda latents: latents[:, 0].astype(np.float64), 3)
    np.testing.assert_array_equal(optimizer.ask().latents[:, 6:], [[0, 1, 0]] * optimizer.population)


def test_it_needs_an_eigenbasis() -> None:
    with pytest.raises(InvalidInputError, match="'hessian_gp' needs an eigenbasis of the space, but none came"):
        make_optimizer(SearchSettings("hessian_gp"), space=normal_space(4))
