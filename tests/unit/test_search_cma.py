"""The CMA methods: against independent references, against each other, and on functions with a known optimum."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pullback.errors import InvalidInputError
from pullback.search.methods.adaptation import Distribution
from pullback.search.methods.cholesky_cma import CholeskyCMA, CholeskyState
from pullback.search.methods.cma import CMA
from pullback.search.methods.hessian_cma import HessianCMA, HessianState
from searching import (
    ADAPTED,
    CMA_METHODS,
    basis_of,
    class_space,
    ellipsoid,
    evaluations_to,
    evolve,
    normal_space,
    rotation,
    search,
)

every_cma = pytest.mark.parametrize("method", CMA_METHODS)


@every_cma
@pytest.mark.parametrize("dim", [10, 40])
def test_the_optimum_of_a_sphere_is_found(method: str, dim: int) -> None:
    optimum = np.random.default_rng(0).standard_normal(dim)
    optimizer = search(method, normal_space(dim), sigma=0.5, **ADAPTED.get(method, {}))
    evolve(optimizer, ellipsoid(np.eye(dim), optimum), 250 if dim == 10 else 400)
    np.testing.assert_allclose(optimizer.incumbent, optimum, atol=1e-4)


@pytest.mark.parametrize("method", ["cma", "hessian_cma"])
def test_the_covariance_is_learnt(method: str) -> None:
    turned = rotation(10)
    metric = turned * np.geomspace(1e4, 1, 10) @ turned.T
    optimum = np.random.default_rng(0).standard_normal(10)
    # The eigenbasis tells nothing of the metric here.
    optimizer = search(method, normal_space(10), metric=np.eye(10), sigma=0.5, **ADAPTED.get(method, {}))
    evolve(optimizer, ellipsoid(metric, optimum), 400)
    np.testing.assert_allclose(optimizer.incumbent, optimum, atol=1e-4)


@every_cma
def test_a_rotated_problem_is_the_same_problem(method: str) -> None:
    turned = rotation(8, seed=4)
    optimum = np.random.default_rng(0).standard_normal(8)
    metric = np.diag(np.geomspace(1, 1e-2, 8))
    straight = search(method, normal_space(8), metric=metric)
    rotated = search(method, normal_space(8), metric=turned @ metric @ turned.T)
    shown = np.random.default_rng(1)
    score = ellipsoid(np.diag(np.arange(1.0, 9.0)), optimum)
    for _ in range(12):
        latents = straight.incumbent + 0.5 * shown.standard_normal((14, 8))
        straight.tell(latents, score(latents))
        rotated.tell(latents @ turned.T, score(latents))
        # The `cma` package begins with variances that differ by 1e-4.
        np.testing.assert_allclose(rotated.incumbent, straight.incumbent @ turned.T, atol=2e-3)


def test_cma_is_the_package_that_was_never_taken_apart() -> None:
    import cma  # it loads Matplotlib, for every process that collects the tests

    dim = 12
    score = ellipsoid(np.diag(np.geomspace(1, 100, dim)), np.ones(dim))
    options = {"popsize": 14, "seed": np.nan, "verbose": -10, "verb_log": 0}
    package = cma.CMAEvolutionStrategy(np.zeros(dim), 0.7, options | {"randn": np.random.RandomState(1).randn})
    method = CMA(sigma=0.7)
    state = method.begin(np.zeros(dim))
    for _ in range(60):
        points = np.array(package.ask()) + 1e-9  # as if they had passed through float32
        scores = score(points)
        package.tell(list(points), list(-scores))
        package.sm.update_now()
        state = method.update(state, points, scores, ("",) * 14)
        # Up to rounding: the package lays its matrices out otherwise.
        np.testing.assert_allclose(state.mean, package.mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(state.covariance, package.sm.C, rtol=1e-6, atol=1e-9)
        root = state.axes * state.lengths @ state.axes.T
        np.testing.assert_allclose(root, package.sm.to_linear_transformation(), rtol=1e-6, atol=1e-9)
        assert state.sigma == pytest.approx(package.sigma, rel=1e-9)


def test_cma_draws_from_the_distribution_of_its_state() -> None:
    dim = 5
    optimizer = search("cma", normal_space(dim))
    evolve(optimizer, ellipsoid(np.diag([1.0, 3, 10, 30, 100]), np.ones(dim)), 30)
    # Its candidates spread as the function is wide: 1/√h along each axis.
    latents = optimizer.ask(20_000).latents.astype(np.float64)
    np.testing.assert_allclose(latents.mean(axis=0), optimizer.incumbent, atol=4 * latents.std(axis=0).max() / 140)
    spread = latents.std(axis=0)
    assert all(wide > narrow for wide, narrow in pairwise(spread))


def test_cma_refuses_a_single_coordinate() -> None:
    with pytest.raises(InvalidInputError, match="searches 2 coordinates or more, but 1 came; take 'cholesky_cma'"):
        search("cma", normal_space(1), metric=np.eye(1))
    evolve(search("cholesky_cma", normal_space(1), metric=np.eye(1)), ellipsoid(np.eye(1), np.ones(1)), 5)


class DenseReference:
    """Hansen's tutorial, written down matrix by matrix."""

    def __init__(self, mean: np.ndarray, sigma: float) -> None:
        self.m, self.sigma, self.C = mean, sigma, np.eye(mean.size)
        self.ps, self.pc, self.g = np.zeros(mean.size), np.zeros(mean.size), 0

    def tell(self, points: np.ndarray, scores: np.ndarray) -> None:
        n, lam = self.m.size, len(points)
        mu = lam // 2
        w = np.log((lam + 1) / 2) - np.log(np.arange(1, mu + 1))
        w = w / w.sum()
        mueff = 1 / (w**2).sum()
        cs = (mueff + 2) / (n + mueff + 5)
        ds = 1 + 2 * max(0, np.sqrt((mueff - 1) / (n + 1)) - 1) + cs
        cc = (4 + mueff / n) / (n + 4 + 2 * mueff / n)
        c1 = 2 / ((n + 1.3) ** 2 + mueff)
        cmu = min(1 - c1, 2 * (0.25 + mueff + 1 / mueff - 2) / ((n + 2) ** 2 + mueff))
        chi = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
        values, vectors = np.linalg.eigh(self.C)
        root = np.linalg.inv(vectors @ np.diag(np.sqrt(values)) @ vectors.T)
        y = (points[np.argsort(-scores)[:mu]] - self.m) / self.sigma
        longest = np.sqrt(n) + 2 * n / (n + 2)
        for i in range(mu):
            length = np.linalg.norm(root @ y[i])
            y[i] = y[i] * min(1, longest / length)
        mean_step = w @ y
        self.m = self.m + self.sigma * mean_step
        self.ps = (1 - cs) * self.ps + np.sqrt(cs * (2 - cs) * mueff) * root @ mean_step
        h = np.linalg.norm(self.ps) / np.sqrt(1 - (1 - cs) ** (2 * (self.g + 1))) < (1.4 + 2 / (n + 1)) * chi
        self.pc = (1 - cc) * self.pc + h * np.sqrt(cc * (2 - cc) * mueff) * mean_step
        self.C = (1 + c1 * (1 - h) * cc * (2 - cc) - c1 - cmu) * self.C + c1 * np.outer(self.pc, self.pc)
        self.C = self.C + cmu * sum(w[i] * np.outer(y[i], y[i]) for i in range(mu))
        self.sigma *= np.exp(min(1, cs / ds * (np.linalg.norm(self.ps) / chi - 1)))
        self.g += 1


@pytest.mark.parametrize("far", [1.0, 5.0])
def test_our_own_cma_is_the_tutorials(far: float) -> None:
    n = 8
    rng = np.random.default_rng(2)
    ours, reference = Distribution.begin(np.ones(n), 0.8), DenseReference(np.ones(n), 0.8)
    score = ellipsoid(np.diag(np.geomspace(1, 1e3, n)), np.zeros(n))
    for generation in range(80):
        # Generations of any size; at times from farther away than its own samples.
        points = ours.sample(5 + generation % 9, rng)
        points = ours.mean + (far if generation % 7 == 3 else 1.0) * (points - ours.mean)
        ours = ours.updated(points, score(points), first=0.8)
        reference.tell(points, score(points))
        np.testing.assert_allclose(ours.mean, reference.m, atol=1e-9)
        np.testing.assert_allclose(ours.covariance, reference.C, rtol=1e-7, atol=1e-9)
        assert ours.sigma == pytest.approx(reference.sigma, rel=1e-8)


def test_an_eigendecomposition_that_is_put_off_is_that_of_an_older_covariance() -> None:
    n = 60
    rng = np.random.default_rng(2)
    distribution = Distribution.begin(np.zeros(n), 1.0)
    put_off = 0
    for _ in range(30):
        points = distribution.sample(6, rng)
        distribution = distribution.updated(points, -np.square(points).sum(axis=1), first=1.0)
        rebuilt = distribution.axes * distribution.lengths**2 @ distribution.axes.T
        if distribution.decomposed == distribution.updates:
            np.testing.assert_allclose(rebuilt, distribution.covariance, atol=1e-12)
        else:
            put_off += 1
            np.testing.assert_allclose(rebuilt, distribution.covariance, atol=0.1)
    assert 0 < put_off < 30


def test_hessian_cma_begins_with_the_covariance_of_the_eigenbasis() -> None:
    turned, spectrum = rotation(6), np.array([100.0, 40, 10, 4, 1, 0.5])
    optimizer = search("hessian_cma", normal_space(6), metric=turned * spectrum @ turned.T, sigma=0.5, exponent=0.3)
    latents = optimizer.ask(200_000).latents
    # C₀ = U diag(λ^-2p) Uᵀ, scaled to mean square 1
    scales = spectrum**-0.3 / np.sqrt(np.mean(spectrum**-0.6))
    expected = 0.25 * (turned * scales**2 @ turned.T)
    np.testing.assert_allclose(np.cov(latents.T), expected, atol=0.01)


def test_hessian_cma_stays_in_the_span_of_the_leading_axes() -> None:
    turned = rotation(12)
    start = np.random.default_rng(1).standard_normal(12)
    metric = turned * np.geomspace(1, 1e-3, 12) @ turned.T
    optimizer = search("hessian_cma", normal_space(12), metric=metric, axes=4, start=start)
    for _ in range(10):
        latents = optimizer.ask().latents
        np.testing.assert_allclose((latents - start) @ turned[:, 4:], 0, atol=1e-5)
        # Also when it is told of others.
        optimizer.tell(latents + np.random.default_rng(0).standard_normal(latents.shape), latents[:, 0])
    np.testing.assert_allclose((optimizer.incumbent - start) @ turned[:, 4:], 0, atol=1e-5)


def test_hessian_cma_with_a_flat_spectrum_or_without_an_exponent_is_our_own_plain_cma() -> None:
    n = 7
    score = ellipsoid(np.diag(np.arange(1.0, n + 1)), np.ones(n))
    adapted = {"sigma": 1.0, "population": 9, **ADAPTED["hessian_cma"]}
    flat = search("hessian_cma", normal_space(n), metric=3 * np.eye(n), exponent=0.5, **adapted)
    order = basis_of(3 * np.eye(n)).eigenvectors.argmax(axis=1)
    # The eigenvectors of a diagonal metric are the axes themselves.
    steep = search("hessian_cma", normal_space(n), metric=np.diag(np.geomspace(9, 1, n)), exponent=0.0, **adapted)
    plain, rng = Distribution.begin(np.zeros(n), 1.0), np.random.default_rng(1)
    for _ in range(25):
        latents = plain.sample(9, rng).astype(np.float32)
        np.testing.assert_array_equal(steep.ask().latents, latents)
        # Its axes are the same, in another order.
        np.testing.assert_array_equal(flat.ask().latents, latents[:, order])
        steep.tell(latents, score(latents))
        flat.tell(latents[:, order], score(latents))
        plain = plain.updated(latents.astype(np.float64), score(latents), first=1.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hessian_cma_knows_an_ill_conditioned_ellipsoid_before_it_has_seen_it(seed: int) -> None:
    n = 20
    turned = rotation(n, seed=seed)
    metric = turned * np.geomspace(1, 1e-3, n) @ turned.T
    score = ellipsoid(metric, np.random.default_rng(seed + 100).standard_normal(n))
    # With p = ½, C₀ ∝ H⁻¹: in its coordinates the ellipsoid is a sphere.
    space, adapted = normal_space(n), ADAPTED["hessian_cma"]
    counts = {
        exponent: evaluations_to(
            search("hessian_cma", space, metric=metric, exponent=exponent, seed=seed, **adapted), score, -1e-8, 20_000
        )
        for exponent in (0.5, 0.25)
    }
    raw = evaluations_to(search("cma", normal_space(n), seed=seed), score, -1e-8, 20_000)
    assert counts[0.5] < counts[0.25] < raw
    assert counts[0.5] < 0.65 * raw


def test_the_step_size_falls_by_one_factor_to_the_last_one_and_stays_there() -> None:
    space, sigmas = normal_space(40), []
    optimizer = search("hessian_cma", space, sigma=2.0, last_sigma=0.5, decay_generations=4, adapt_covariance=False)
    for _ in range(7):
        spread = optimizer.ask(2000).latents.std(axis=0)
        sigmas.append(float(np.sqrt(np.square(spread).mean())))
        latents = optimizer.ask().latents
        optimizer.tell(latents, latents[:, 0])
    np.testing.assert_allclose(sigmas, [2.0, 2**0.5, 1.0, 0.5**0.5, 0.5, 0.5, 0.5], rtol=0.02)


@pytest.mark.parametrize("rate", [0.0, 0.5, 2.0])
def test_the_learning_rate_says_how_far_the_mean_moves(rate: float) -> None:
    space = normal_space(12)
    at, full = (search("hessian_cma", space, learning_rate=each) for each in (rate, 1.0))
    latents = full.ask().latents
    for optimizer in (at, full):
        optimizer.tell(latents, latents[:, 3])
    np.testing.assert_allclose(at.incumbent, rate * full.incumbent, atol=1e-6)


def test_a_covariance_that_is_not_adapted_stays_as_it_began() -> None:
    n = 6
    turned, spectrum = rotation(n), np.geomspace(1, 1e-2, n)
    options = {"exponent": 0.5, "adapt_covariance": False, **ADAPTED["hessian_cma"]}
    optimizer = search("hessian_cma", normal_space(n), metric=turned * spectrum @ turned.T, **options)
    evolve(optimizer, ellipsoid(np.diag(np.arange(1.0, n + 1)), np.ones(n)), 40)
    latents = optimizer.ask(100_000).latents.astype(np.float64)
    shape = turned / spectrum @ turned.T
    covariance = np.cov(latents.T)
    np.testing.assert_allclose(covariance / np.trace(covariance), shape / np.trace(shape), atol=0.01)
    assert np.trace(covariance) < 1  # of 6


def test_eigenvalues_at_zero_or_below_ask_for_no_endless_steps() -> None:
    spectrum = np.array([1.0, 1e-3, 0.0, -1e-12])
    latents = search("hessian_cma", normal_space(4), metric=np.diag(spectrum), exponent=0.5).ask(2000).latents
    assert np.isfinite(latents).all()
    spread = latents.std(axis=0)
    # As an eigenvalue of a ten thousandth of the largest.
    np.testing.assert_allclose(spread / spread[0], [1, np.sqrt(1e3), 100, 100], rtol=0.1)


def test_a_held_class_leaves_the_metric_of_the_other_coordinates() -> None:
    mixed = np.random.default_rng(0).standard_normal((9, 9))
    metric = mixed.T @ mixed
    held = search("hessian_cma", class_space(6, 3, held=1), metric=metric)
    alone = search("hessian_cma", normal_space(6), metric=metric[:6, :6])
    np.testing.assert_allclose(held.ask().latents[:, :6], alone.ask().latents, atol=1e-5)


def test_an_eigenbasis_is_needed_and_has_to_be_that_of_the_space() -> None:
    from pullback.search import SearchSettings, make_optimizer

    settings = SearchSettings("hessian_cma")
    with pytest.raises(InvalidInputError, match="'hessian_cma' needs an eigenbasis of the space, but none came"):
        make_optimizer(settings, space=normal_space(4))
    with pytest.raises(InvalidInputError, match="the space has 4 dimensions, but an eigenbasis of 5 came"):
        make_optimizer(settings, space=normal_space(4), eigenbasis=basis_of(np.eye(5)))


def factors(state: CholeskyState) -> tuple[np.ndarray, np.ndarray]:
    identity = np.eye(state.mean.size)
    return state.factor.times(identity), state.inverse.times(identity)


def test_cholesky_cma_updates_its_factor_every_tenth_generation_by_rank_one() -> None:
    n = 6
    method, rng = CholeskyCMA(sigma=0.5), np.random.default_rng(0)
    state = method.begin(np.ones(n))
    score = ellipsoid(np.diag(np.geomspace(1, 30, n)), np.zeros(n))
    covariance, rate = np.eye(n), 2 / (n + np.sqrt(2)) ** 2
    # Far more updates than dimensions, so that the pairs of rows are folded into a matrix again and again.
    for generation in range(1, 301):
        points = method.sample(state, 8, rng).points
        state = method.update(state, points, score(points), ("",) * 8)
        if generation % 10 == 0:
            covariance = (1 - rate) * covariance + rate * np.outer(state.rank_one_path, state.rank_one_path)
        factor, inverse = factors(state)
        np.testing.assert_allclose(factor.T @ factor, covariance, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(factor @ inverse, np.eye(n), atol=1e-8)
        assert len(state.factor.left) <= n


def test_cholesky_cma_has_the_published_constants() -> None:
    n = 9
    weights = np.log(5.5) - np.log(np.arange(1, 6))
    weights /= weights.sum()
    mass = 1 / np.square(weights).sum()
    rate = np.sqrt(mass) / (np.sqrt(mass) + np.sqrt(n))
    damping = 1 + rate + 2 * max(0, np.sqrt((mass - 1) / (n + 1)) - 1)
    points = 0.2 * np.random.default_rng(0).standard_normal((10, n))
    # Told in the order of rank, in a first generation: A = I.
    method = CholeskyCMA(sigma=0.2)
    state = method.update(method.begin(np.zeros(n)), points, -np.arange(10.0), ("",) * 10)
    step = weights @ points[:5]
    np.testing.assert_allclose(state.mean, step, atol=1e-12)
    np.testing.assert_allclose(state.path, np.sqrt(rate * (2 - rate) * mass) * step / 0.2, atol=1e-12)
    cc = 4 / (n + 4)
    np.testing.assert_allclose(state.rank_one_path, np.sqrt(cc * (2 - cc) * mass) * step / 0.2, atol=1e-12)
    chi = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    assert state.sigma == pytest.approx(0.2 * np.exp(rate / damping * (np.linalg.norm(state.path) / chi - 1)))


def test_thousands_of_dimensions_are_searched_by_cholesky_cma_with_little_memory() -> None:
    optimizer = search_large()
    evolve(optimizer, lambda latents: latents[:, :8].sum(axis=1).astype(np.float64), 40)
    assert optimizer.incumbent[:8].mean() > 0.3
    # Four updates: not the 134 MB of a full factor.
    assert len(optimizer.to_bytes()) < 2_000_000


def search_large() -> Any:
    from pullback.search import SearchSettings, make_optimizer

    optimizer = make_optimizer(SearchSettings("cholesky_cma"), space=normal_space(4096))
    assert optimizer.population == 40
    return optimizer


def test_thousands_of_dimensions_are_searched_by_hessian_cma_along_their_leading_axes() -> None:
    method = HessianCMA(1.0, 0.25, axes=500, adapt_covariance=True, negative_weights=False, **ADAPTED["hessian_cma"])
    state = HessianState(
        np.zeros(4096), np.eye(4096, 500), np.ones(500), Distribution.begin(np.zeros(500), method.sigma)
    )
    rng = np.random.default_rng(0)
    for _ in range(12):
        points = method.sample(state, 30, rng).points
        state = method.update(state, points, points[:, :8].sum(axis=1), ("",) * 30)
    incumbent = method.incumbent(state)
    assert incumbent.shape == (4096,)
    assert incumbent[:8].mean() > 0.3


@every_cma
def test_a_step_size_stays_within_bounds_on_a_slope_that_never_ends(method: str) -> None:
    optimizer = search(method, normal_space(4), sigma=1.0, population=8)
    evolve(optimizer, lambda latents: latents[:, 0].astype(np.float64), 400)
    assert np.isfinite(optimizer.ask().latents).all()
