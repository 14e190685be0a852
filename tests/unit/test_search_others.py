"""The methods that are no CMA of the plain space: on the sphere, genetic, and random."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.errors import InvalidInputError
from pullback.search.methods.genetic import Genetic, Pool
from pullback.search.methods.sphere_cma import SphereCMA
from searching import class_space, ellipsoid, evolve, normal_space, search


def angles(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Angles in degrees."""
    one, others = one.astype(np.float64), others.astype(np.float64)
    cosines = others @ one / np.linalg.norm(one) / np.linalg.norm(others, axis=1)
    return np.degrees(np.arccos(cosines.clip(-1, 1)))


def test_latents_on_the_sphere_have_its_radius() -> None:
    for radius in (None, 3.0):
        optimizer = search("sphere_cma", normal_space(16), radius=radius)
        evolve(optimizer, lambda latents: latents[:, 0].astype(np.float64), 5)
        expected = 4.0 if radius is None else radius
        np.testing.assert_allclose(np.linalg.norm(optimizer.ask().latents, axis=1), expected, rtol=1e-6)
        assert np.linalg.norm(optimizer.incumbent) == pytest.approx(expected)


def test_the_best_direction_is_found() -> None:
    optimum = np.random.default_rng(0).standard_normal(30)
    optimizer = search("sphere_cma", normal_space(30))
    evolve(optimizer, ellipsoid(np.eye(30), optimum), 100)
    assert angles(optimum, optimizer.incumbent[None])[0] < 10


def test_a_full_generation_begins_with_the_mean_and_a_part_has_offspring_alone() -> None:
    optimizer = search("sphere_cma", normal_space(16), start=np.ones(16))
    full, part = optimizer.ask(), optimizer.ask(40)
    assert [origin.kind for origin in full.origins] == ["mean"] + ["sampled"] * 40
    np.testing.assert_array_equal(full.latents[0], optimizer.incumbent)
    assert {origin.kind for origin in part.origins} == {"sampled"}


def test_offspring_lie_at_an_angle_that_falls_and_then_stays() -> None:
    optimizer = search(
        "sphere_cma",
        normal_space(400),
        start=np.ones(400),
        first_angle=40.0,
        last_angle=10.0,
        decay_generations=4,
        learning_rate=0.0,
    )
    means = []
    for _ in range(7):
        latents = optimizer.ask().latents
        means.append(float(np.sqrt(np.square(angles(optimizer.incumbent, latents[1:])).mean())))
        optimizer.tell(latents, latents[:, 0])
    # By the same factor every time: 4^-¼.
    np.testing.assert_allclose(means, [40, 40 / 4**0.25, 20, 40 / 4**0.75, 10, 10, 10], rtol=0.02)


def test_the_first_generation_covers_the_sphere_and_its_better_half_makes_the_mean() -> None:
    optimizer = search("sphere_cma", normal_space(400))
    np.testing.assert_array_equal(optimizer.incumbent, np.zeros(400))
    drawn = optimizer.ask()
    assert {origin.kind for origin in drawn.origins} == {"sampled"}
    # Independent directions of so many dimensions are nearly orthogonal.
    away = angles(drawn.latents[0], drawn.latents[1:])
    assert away.min() > 75
    optimizer.tell(drawn.latents, np.r_[np.arange(40.0, 0.0, -1.0), -1.0])
    # w_i ∝ ln(m/2 + ½) − ln i of the better half, as Hansen's tutorial says it (49).
    weights = np.log(21) - np.log(np.arange(1, 21))
    mean = weights @ drawn.latents[:20]
    np.testing.assert_allclose(optimizer.incumbent, 20 * mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-4)
    following = optimizer.ask()
    assert following.origins[0].kind == "mean"
    assert np.sqrt(np.square(angles(optimizer.incumbent, following.latents[1:])).mean()) == pytest.approx(50, rel=0.02)


def test_the_published_schedule_is_the_default() -> None:
    settings = search("sphere_cma", normal_space(16)).settings
    # Over the generations that 1,500 images make, as in the paper over those that are shown.
    assert (settings.first_angle, settings.last_angle, settings.decay_generations) == (50.0, 7.33, 36)
    assert (settings.population, settings.parents, settings.learning_rate) == (41, 20, 1.5)


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 0.0), (0.5, 30.0), (1.0, 60.0), (1.5, 90.0)])
def test_the_mean_moves_along_the_great_circle_by_the_learning_rate(rate: float, expected: float) -> None:
    method = SphereCMA(2.0, 4, 1, 50.0, 7.33, 75, rate)
    state = method.begin(np.array([3.0, 0.0, 0.0]))
    target = np.array([np.cos(np.pi / 3), np.sin(np.pi / 3), 0.0])
    points = np.stack([5 * target, np.zeros(3), -target, np.eye(3)[2]])
    moved = method.incumbent(method.update(state, points, np.array([3.0, 2.0, 1.0, 0.0]), ("",) * 4))
    angle = np.radians(expected)
    np.testing.assert_allclose(moved, 2 * np.array([np.cos(angle), np.sin(angle), 0]), atol=1e-12)


def test_directions_that_say_nothing_leave_the_mean() -> None:
    method = SphereCMA(1.0, 4, 2, 50.0, 7.33, 75, 1.5)
    state = method.begin(np.array([1.0, 0.0]))
    # Zeros have none, and the opposite point has all.
    for points in (np.zeros((4, 2)), np.array([[-1.0, 0.0]] * 4), np.array([[2.0, 0.0]] * 4)):
        after = method.update(state, points, np.arange(4.0), ("",) * 4)
        np.testing.assert_array_equal(method.incumbent(after), [1.0, 0.0])
        assert after.updates == 1


def test_a_part_of_a_generation_selects_the_same_share() -> None:
    method = SphereCMA(1.0, 40, 20, 50.0, 7.33, 75, 1.0)
    state = method.begin(np.array([1.0, 0.0, 0.0]))
    points = np.eye(3)[[1, 1, 2, 2]]
    # Half of four: those along the second axis.
    moved = method.incumbent(method.update(state, points, np.array([4.0, 3.0, 2.0, 1.0]), ("",) * 4))
    np.testing.assert_allclose(moved, [0.0, 1.0, 0.0], atol=1e-12)


def test_the_sphere_is_not_searched_where_coordinates_are_one_hot() -> None:
    with pytest.raises(InvalidInputError, match="'sphere_cma' searches coordinates around zero alone"):
        search("sphere_cma", class_space(4, 3))
    latents = search("sphere_cma", class_space(4, 3, held=2)).ask().latents
    np.testing.assert_allclose(np.linalg.norm(latents[:, :4], axis=1), 2.0, rtol=1e-6)
    np.testing.assert_array_equal(latents[:, 4:], [[0, 0, 1]] * 41)


def genetic(**options: float) -> Genetic:
    chosen = {"mutation_rate": 0.0, "mutation_size": 0.5, "selectivity": 2.0} | options
    return Genetic(normal_space(1000), 4, **chosen)


def test_offspring_mix_the_coordinates_of_two_parents() -> None:
    method, rng = genetic(), np.random.default_rng(0)
    pool = Pool(np.arange(3.0)[:, None].repeat(1000, axis=1), np.zeros(3), ("a", "b", ""))
    drawn = method.sample(pool, 300, rng)
    mixed = 0
    for point, origin in zip(drawn.points, drawn.origins, strict=True):
        assert origin.kind == "offspring"
        values, counts = np.unique(point, return_counts=True)
        assert set(origin.parents) == {pool.ids[int(value)] for value in values} - {""}
        if len(values) == 2:
            mixed += 1
            assert 400 < counts[0] < 600
    assert mixed > 100


def test_parents_are_chosen_by_the_exponential_of_their_standard_score() -> None:
    scores = np.array([0.0, 1.0, 2.0, 5.0])
    pool = Pool(np.arange(4.0)[:, None].repeat(1000, axis=1), scores, ("",) * 4)
    points = genetic(selectivity=1.5).sample(pool, 20_000, np.random.default_rng(0)).points
    shares = [np.mean(points == value) for value in range(4)]
    expected = np.exp(1.5 * (scores - scores.mean()) / scores.std())
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=0.01)


def test_the_asked_share_of_the_coordinates_mutates_by_the_asked_size() -> None:
    pool = Pool(np.zeros((2, 1000)), np.array([1.0, 2.0]), ("a", "b"))
    points = genetic(mutation_rate=0.3, mutation_size=0.7).sample(pool, 200, np.random.default_rng(0)).points
    changed = points != 0
    assert changed.mean() == pytest.approx(0.3, abs=0.01)
    assert points[changed].std() == pytest.approx(0.7, rel=0.01)


def test_a_part_of_a_generation_is_filled_up_by_the_best_of_those_before() -> None:
    method = genetic()
    pool = Pool(np.arange(4.0)[:, None].repeat(1000, axis=1), np.array([1.0, 9.0, 3.0, 5.0]), tuple("abcd"))
    pool = method.update(pool, np.full((2, 1000), 7.0), np.array([0.0, -1.0]), ("x", "y"))
    assert pool.ids == ("x", "y", "b", "d")
    np.testing.assert_array_equal(pool.scores, [0.0, -1.0, 9.0, 5.0])
    np.testing.assert_array_equal(pool.points[:, 0], [7.0, 7.0, 1.0, 3.0])
    assert method.update(pool, np.zeros((5, 1000)), np.zeros(5), tuple("fghij")).ids == tuple("fghij")


def test_offspring_call_their_parents_by_the_ids_that_were_told() -> None:
    optimizer = search("genetic", normal_space(5), population=6)
    first = optimizer.ask()
    assert {origin.kind for origin in first.origins} == {"sampled"}
    optimizer.tell(first.latents, np.arange(6.0), ids=[f"thread000_gen000_{i:06d}" for i in range(6)])
    offspring = optimizer.ask(40).origins
    told = {f"thread000_gen000_{i:06d}" for i in range(6)}
    assert all(1 <= len(origin.parents) <= 2 and told.issuperset(origin.parents) for origin in offspring)


def test_the_published_genetic_algorithm_is_the_default() -> None:
    settings = search("genetic", normal_space(5)).settings
    assert (settings.population, settings.mutation_rate, settings.mutation_size, settings.selectivity) == (
        20,
        0.5,
        0.5,
        2.0,
    )


def test_random_search_draws_from_the_prior_whatever_it_was_told() -> None:
    optimizer, untold = (search("random", class_space(3, 4)) for _ in range(2))
    latents = optimizer.ask(5000).latents
    np.testing.assert_allclose(latents[:, :3].mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(latents[:, :3].std(axis=0), 1, atol=0.05)
    np.testing.assert_array_equal(np.sort(latents[:, 3:], axis=1), [[0, 0, 0, 1]] * 5000)
    np.testing.assert_allclose(latents[:, 3:].mean(axis=0), 0.25, atol=0.03)
    untold.ask(5000)
    optimizer.tell(latents, latents[:, 0])
    np.testing.assert_array_equal(optimizer.ask().latents, untold.ask().latents)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("random", {"initial_latents": np.zeros((2, 5))}, "'random' takes no initial latents; leave them out"),
        ("random", {"start": np.zeros(5)}, "'random' takes no start"),
        ("genetic", {"start": np.zeros(5)}, "'genetic' takes no start"),
        ("cma", {"start": np.zeros(4)}, r"have shape \(n, 5\) with n at least 1, but shape \(1, 4\) came"),
        ("cma", {"start": np.full(5, np.nan)}, "finite numbers of float32"),
        ("cma", {"initial_latents": np.zeros((0, 5))}, r"initial latents have shape \(n, 5\)"),
        ("cma", {"seed": -1}, "a seed is a whole number from 0 on, but -1 came"),
    ],
)
def test_what_a_search_cannot_begin_with_is_refused(method: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        search(method, normal_space(5), **options)
