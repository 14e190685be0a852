"""Where searches take place: bounds, classes, units; and that every candidate keeps to them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.catalogue_file import CatalogueEntry, entry
from pullback.generators.space_entry import SpaceEntry
from pullback.search import METHODS, Block, Constraint, Moments, SearchSpace, catalogue_space, restore
from pullback.weights import WeightsSource
from searching import basis_of, class_space, evolve, normal_space, search

BOUNDS = [
    Constraint(max_norm=2.0),
    Constraint(min_norm=5.0),
    Constraint(min_norm=3.0, max_norm=3.0),
    Constraint(truncation=0.7),
    Constraint(min_norm=2.4, max_norm=2.6, truncation=0.9),
    Constraint(min_norm=2.7, truncation=0.9),
]


def test_points_that_are_admitted_stay_as_they_are() -> None:
    points = np.random.default_rng(0).standard_normal((20, 6))
    np.testing.assert_array_equal(Constraint().nearest(points), points)
    loose = Constraint(min_norm=1e-3, max_norm=100.0, truncation=50.0)
    np.testing.assert_array_equal(loose.nearest(points), points)


def test_a_norm_is_reached_by_scaling_and_a_truncation_by_clipping() -> None:
    point = np.array([[3.0, -4.0, 0.0]])
    np.testing.assert_allclose(Constraint(max_norm=1.0).nearest(point), [[0.6, -0.8, 0.0]])
    np.testing.assert_allclose(Constraint(min_norm=10.0).nearest(point), [[6.0, -8.0, 0.0]])
    np.testing.assert_allclose(Constraint(truncation=3.5).nearest(point), [[3.0, -3.5, 0.0]])


def test_both_at_once_clip_what_is_scaled() -> None:
    # clip(s · (1, 2, 4), ±2) of norm 2.5: s² (1 + 4) = 6.25 − 4
    s = np.sqrt(2.25 / 5)
    constraint = Constraint(max_norm=2.5, truncation=2.0)
    np.testing.assert_allclose(constraint.nearest(np.array([[1.0, 2.0, 4.0]])), [[s, 2 * s, 2.0]])
    outward = Constraint(min_norm=3.4, truncation=2.0)
    np.testing.assert_allclose(outward.nearest(np.array([[1.0, 3.0, 4.0]])), [[np.sqrt(3.56), 2.0, 2.0]])


def test_zero_has_no_nearest_point_on_a_shell_and_takes_the_even_one() -> None:
    np.testing.assert_allclose(Constraint(min_norm=2.0).nearest(np.zeros((1, 4))), [[1.0] * 4])
    corner = Constraint(min_norm=1.5, truncation=1.0).nearest(np.array([[5.0, 0.0, 0.0]]))
    np.testing.assert_allclose(corner, [[1.0, np.sqrt(0.625), np.sqrt(0.625)]])
    np.testing.assert_allclose(Constraint(min_norm=2.0, truncation=1.0).nearest(np.full((1, 4), -0.1)), [[-1.0] * 4])


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"min_norm": -1.0}, "min_norm is finite and at least 0, but -1.0 came"),
        ({"min_norm": float("nan")}, "min_norm is finite"),
        ({"max_norm": 0.0}, "max_norm is finite and above 0, but 0.0 came"),
        ({"max_norm": float("inf")}, "max_norm is finite and above 0, but inf came"),
        ({"truncation": -2.0}, "truncation is finite and above 0, but -2.0 came"),
        ({"min_norm": 3.0, "max_norm": 2.0}, "min_norm is at most max_norm, but 3.0 and 2.0 came"),
    ],
)
def test_bounds_out_of_range_are_refused(bounds: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Constraint(**bounds)


def test_bounds_that_no_latent_satisfies_are_refused() -> None:
    with pytest.raises(
        InvalidInputError, match=r"4 coordinates of at most 0\.5 have a norm of at most 1, but a min_norm of"
    ):
        normal_space(4, Constraint(min_norm=1.1, truncation=0.5))
    with pytest.raises(InvalidInputError, match="but the space has none; leave them out"):
        SearchSpace((Block("one-hot", 4),), Constraint(max_norm=1.0))


@pytest.mark.parametrize("constraint", BOUNDS)
@pytest.mark.parametrize("method", METHODS)
def test_every_candidate_keeps_to_the_bounds(method: str, constraint: Constraint) -> None:
    optimizer = search(method, normal_space(9, constraint))
    for generation in range(6):
        latents = optimizer.ask(None if generation else 30).latents.astype(np.float64)
        norms = np.linalg.norm(np.concatenate([latents, optimizer.incumbent[None]]), axis=1)
        assert norms.min() >= (constraint.min_norm or 0) * (1 - 1e-6)
        assert norms.max() <= (constraint.max_norm or np.inf) * (1 + 1e-6)
        assert np.abs(latents).max() <= (constraint.truncation or np.inf) * (1 + 1e-6)
        optimizer.tell(latents, latents[:, 0] + 10)


@pytest.mark.parametrize("method", METHODS)
def test_a_held_class_is_in_every_candidate_and_bounds_hold_for_the_rest(method: str) -> None:
    space = class_space(6, 3, Constraint(max_norm=1.0), held=1)
    assert (space.dim, space.searched) == (9, 6)
    optimizer = search(method, space)
    for _ in range(4):
        latents = optimizer.ask().latents
        np.testing.assert_array_equal(latents[:, 6:], np.tile([0.0, 1.0, 0.0], (len(latents), 1)))
        assert np.linalg.norm(latents[:, :6], axis=1).max() <= 1 + 1e-6
        optimizer.tell(latents, latents[:, 0])
    np.testing.assert_array_equal(optimizer.incumbent[6:], [0.0, 1.0, 0.0])


def test_what_is_given_for_the_first_generation_is_moved_to_where_it_may_be() -> None:
    given = np.array([[3.0, 4.0, 0.2, 0.8], [0.3, 0.4, 1.0, 0.0]])
    latents = search("cma", class_space(2, 2, Constraint(max_norm=1.0), held=0), initial_latents=given).ask(2).latents
    np.testing.assert_allclose(latents, [[0.6, 0.8, 1.0, 0.0], [0.3, 0.4, 1.0, 0.0]], rtol=1e-6)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "sphere_cma"])
def test_a_free_class_stays_between_zero_and_one(method: str) -> None:
    optimizer = search(method, class_space(4, 3, Constraint(truncation=0.5)))
    evolve(optimizer, lambda latents: latents.sum(axis=1).astype(np.float64), 6)
    latents = optimizer.ask().latents
    assert latents[:, 4:].min() >= 0
    assert latents[:, 4:].max() <= 1
    assert np.abs(latents[:, :4]).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("method", ["cma", "cholesky_cma"])
def test_one_hot_coordinates_are_searched_in_units_of_their_prior(method: str) -> None:
    space = class_space(4, 10)
    latents = search(method, space, sigma=0.01, start=np.full(14, 0.5)).ask(4000).latents
    # √(p (1 − p)) with p = 1/10
    np.testing.assert_allclose(latents.std(axis=0), [0.01] * 4 + [0.01 * 0.3] * 10, rtol=0.1)
    np.testing.assert_allclose(search(method, space).incumbent, [0] * 4 + [0.1] * 10, atol=1e-7)


@pytest.mark.parametrize("kind", ["bounded", "truncated-normal"])
@pytest.mark.parametrize("method", METHODS)
def test_a_bounded_space_is_searched_within_its_bounds(method: str, kind: str) -> None:
    optimizer = search(method, SearchSpace((Block(kind, 6, (-3.0, 3.0)),)))
    evolve(optimizer, lambda latents: latents.sum(axis=1).astype(np.float64), 6)
    latents = optimizer.ask().latents
    assert np.abs(latents).max() <= 3
    assert np.abs(optimizer.incumbent).max() <= 3
    # It goes on as it was, bounds included.
    again = restore(optimizer.to_bytes())
    assert again.setup.space == optimizer.setup.space
    np.testing.assert_array_equal(again.ask().latents, optimizer.ask().latents)


def test_a_sphere_is_not_searched_within_bounds_around_something_else_than_zero() -> None:
    with pytest.raises(InvalidInputError, match="'sphere_cma' searches coordinates around zero alone"):
        search("sphere_cma", SearchSpace((Block("bounded", 6, (0.0, 3.0)),)))


def test_points_and_latents_are_each_others_inverse() -> None:
    bounded = SearchSpace((Block("bounded", 4, (-1.0, 5.0)), Block("one-hot", 3)), held_class=0)
    truncated = SearchSpace((Block("truncated-normal", 4, (-1.0, 1.0)),))
    others = (class_space(4, 3), class_space(4, 3, held=2), SearchSpace((Block("one-hot", 4),)), bounded, truncated)
    for space in (normal_space(5), *others):
        rng = np.random.default_rng(0)
        latents = space.latents(space.draw(50, rng))
        np.testing.assert_allclose(space.latents(space.points(latents)), latents, atol=1e-6)
        # A draw has the prior's mean and spread.
        points = space.draw(20_000, rng)
        np.testing.assert_allclose(points.mean(axis=0), space.centre, atol=0.05)
        np.testing.assert_allclose(points.std(axis=0), 1, atol=0.05)


@pytest.mark.parametrize(
    ("blocks", "held", "message"),
    [
        ((), None, "has at least one block, but none came"),
        ((Block("standard-normal", 3),), 0, "with one one-hot block beside others, but the blocks are standard-normal"),
        ((Block("one-hot", 3),), 0, "beside others, but the blocks are one-hot"),
        ((Block("standard-normal", 3), Block("one-hot", 2)), 2, "a class is a number from 0 to 1, but 2 came"),
    ],
)
def test_spaces_that_cannot_be_are_refused(blocks: tuple[Block, ...], held: int | None, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SearchSpace(blocks, Constraint(), held)


def test_blocks_that_cannot_be_are_refused() -> None:
    with pytest.raises(
        InvalidInputError,
        match=r"a block is standard-normal or truncated-normal or .* or held, but 'uniform' came",
    ):
        Block("uniform", 3)
    with pytest.raises(InvalidInputError, match="a one-hot block has at least 2 coordinates, but 1 came"):
        Block("one-hot", 1)
    with pytest.raises(
        InvalidInputError,
        match="a truncated-normal or bounded block has bounds, and no other, but None",
    ):
        Block("bounded", 3)
    with pytest.raises(InvalidInputError, match=r"a least value and a greater one, but \(1.0, 1.0\) came"):
        Block("bounded", 3, (1.0, 1.0))


def test_spaces_of_the_catalogue_are_found_with_their_classes() -> None:
    eyes = entry("eyes")
    whole = catalogue_space(eyes, "")
    assert whole.blocks == (Block("standard-normal", 100), Block("one-hot", 8))
    assert (whole.dim, whole.searched) == (108, 108)
    green = catalogue_space(eyes, "full", class_label="green", constraint=Constraint(max_norm=12.0))
    assert (green.searched, green.held_class, green.constraint.max_norm) == (100, 5, 12.0)
    assert catalogue_space(eyes, "class").blocks == (Block("one-hot", 8),)
    assert catalogue_space(entry("faces"), "z").blocks == (Block("standard-normal", 100),)
    with pytest.raises(
        UnknownNameError, match=r"no class of space 'full' of generator 'eyes' is named 'pink'; known: amber"
    ):
        catalogue_space(eyes, "full", class_label="pink")
    with pytest.raises(UnknownNameError, match="'pixels'"):
        catalogue_space(eyes, "pixels")
    with pytest.raises(InvalidInputError, match="beside others"):
        catalogue_space(eyes, "class", class_label="green")


def test_truncated_noise_is_searched_at_the_scale_of_its_truncation() -> None:
    spaces = (
        SpaceEntry("noise", 4, "truncated-normal"),
        SpaceEntry("class", 3, "class-embeddings", start=4, labels=("a", "b"), default="a"),
        SpaceEntry("full", 7, "product"),
    )
    source = WeightsSource("path", "/nowhere/pytorch_model.bin", "1" * 64)
    big = CatalogueEntry("big", "Big", "biggan-deep", spaces, "full", (3, 16, 16), source, {"truncation": 0.4})
    space = catalogue_space(big, "noise")
    assert space.blocks == (Block("truncated-normal", 4, (-0.8, 0.8)),)
    drawn = space.latents(space.draw(4000, np.random.default_rng(0)))
    assert scipy.stats.kstest(drawn.ravel(), scipy.stats.truncnorm(-2, 2, scale=0.4).cdf).pvalue > 0.01
    # Embeddings are in the weights, which a search does not read.
    assert catalogue_space(big, "full").stands_in_weights


# Priors that stand in the weights ------------------------------------------------------------------------------------


def mapped_space(layers: int = 1, constraint: Constraint | None = None) -> SearchSpace:
    """Around (10, −4, 2) in every layer, with a deviation of .5."""
    block = Block("mapped", 3 * layers, None, Moments((10.0, -4.0, 2.0), 0.5))
    return SearchSpace((block,), constraint or Constraint())


@pytest.mark.parametrize("method", ["cma", "hessian_cma", "cholesky_cma"])
@pytest.mark.parametrize("layers", [1, 4])
def test_a_mapped_space_is_searched_around_its_mean_in_units_of_its_deviation(method: str, layers: int) -> None:
    space = mapped_space(layers)
    optimizer = search(method, space, sigma=0.1, metric=np.eye(3))
    centre = np.tile([10.0, -4.0, 2.0], layers)
    np.testing.assert_allclose(optimizer.incumbent, centre, rtol=1e-6)
    latents = optimizer.ask(6000).latents
    np.testing.assert_allclose(latents.mean(axis=0), centre, atol=0.01)
    np.testing.assert_allclose(np.square(latents - centre).mean() ** 0.5, 0.1 * 0.5, rtol=0.05)
    optimizer.tell(latents[:20], latents[:20, 0])
    again = restore(optimizer.to_bytes())
    np.testing.assert_array_equal(again.ask().latents, optimizer.ask().latents)
    assert again.setup.space == space


def test_the_axes_of_w_stand_in_every_layer_of_w_plus() -> None:
    basis = basis_of(np.diag([4.0, 1.0, 0.25]))
    layered = mapped_space(layers=4).layered(basis, 6)
    np.testing.assert_array_equal(layered.eigenvalues, [4, 4, 4, 4, 1, 1])
    # The first axis of w in the first layer, then in the second, …
    np.testing.assert_array_equal(np.abs(layered.eigenvectors).argmax(axis=0), [0, 3, 6, 9, 1, 4])
    assert layered.floor == pytest.approx((2 * 1 + 4 * 0.25) / 6)
    whole = mapped_space(layers=2).layered(basis, 100)
    np.testing.assert_array_equal(whole.rates(np.eye(6)), [4, 1, 0.25, 4, 1, 0.25])
    assert mapped_space().layered(basis, 2) is basis


def test_how_far_a_mapped_space_is_searched_from_its_mean_is_counted_in_its_deviation() -> None:
    space = mapped_space(2, Constraint(stay=2.0))
    latents = search("cholesky_cma", space, sigma=5.0).ask(200).latents
    away = (latents - np.tile([10.0, -4.0, 2.0], 2)) / 0.5
    assert np.linalg.norm(away, axis=1).max() == pytest.approx(2, rel=1e-5)
    np.testing.assert_allclose(space.distances(latents), np.linalg.norm(away, axis=1), rtol=1e-5)


def test_embeddings_are_free_within_their_bounds_or_one_of_them_is_held() -> None:
    noise = Block("truncated-normal", 4, (-1.0, 1.0))
    free = SearchSpace((noise, Block("class-embeddings", 2, (-0.3, 0.3), Moments((0.1, -0.2), 0.05))))
    optimizer = search("hessian_cma", free, sigma=4.0)
    np.testing.assert_allclose(optimizer.incumbent, [0, 0, 0, 0, 0.1, -0.2], atol=1e-7)
    latents = optimizer.ask(500).latents
    assert np.abs(latents[:, 4:]).max() == pytest.approx(0.3)
    held = SearchSpace((noise, Block("held", 2, None, Moments((0.1, -0.2)))))
    assert (held.searched, held.is_measured, held.stands_in_weights) == (4, False, True)
    for method in METHODS:
        latents = search(method, held).ask().latents
        np.testing.assert_allclose(latents[:, 4:], np.tile([0.1, -0.2], (len(latents), 1)), rtol=1e-6)


def test_methods_that_need_the_prior_itself_say_so() -> None:
    with pytest.raises(InvalidInputError, match="method 'random' draws from the prior, which stands in the"):
        search("random", mapped_space())
    with pytest.raises(InvalidInputError, match="method 'sphere_cma' searches coordinates around zero alone"):
        search("sphere_cma", mapped_space())
    with pytest.raises(InvalidInputError, match="has moments, and no other, but None came of mapped"):
        Block("mapped", 3)
    with pytest.raises(InvalidInputError, match="a mean of 4 coordinates has as many, or those of one of its layers"):
        Block("mapped", 4, None, Moments((0.0, 1.0, 2.0)))
