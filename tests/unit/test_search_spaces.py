"""Where searches take place: bounds, classes, units; and that every candidate keeps to them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.catalogue_file import CatalogueEntry, SpaceEntry, entry
from pullback.search import METHODS, Block, Constraint, SearchSpace, catalogue_space, restore, searchable_spaces
from pullback.weights import WeightsSource
from searching import class_space, evolve, normal_space, search

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
        match=r"a block is standard-normal or truncated-normal or .* bounded, but 'uniform' came",
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
    assert searchable_spaces(big) == ("noise",)
    with pytest.raises(InvalidInputError, match=r"space 'full' .* search one of its other spaces: noise"):
        catalogue_space(big, "full")
