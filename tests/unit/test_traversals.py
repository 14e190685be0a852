"""Walks that need no derivative: straight, on a sphere, at one density, over a plane, on some layers; their frames."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from pullback.directions.traversals.density_preserving import density_preserving
from pullback.directions.traversals.layered import layer_count, lift, spread, write
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.measurement import frame_distances, measure_walk, measured_frames
from pullback.directions.traversals.pictures import animation, strip
from pullback.directions.traversals.spherical import spherical
from pullback.directions.traversals.subspace import subspace
from pullback.directions.traversals.walk import Walk, even_steps
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import Generator, StyleGan2
from tiny_style import tiny_style
from toys import Bounded, Euclidean, Smooth

STEPS = even_steps(-3.0, 3.0, 7)
KINDS = (linear, spherical, density_preserving)


def draw(seed: int, n: int = 6) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def style() -> StyleGan2:
    return tiny_style()


@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_passes_its_start_and_leaves_it_along_the_direction(kind: type) -> None:
    start, vector = draw(0).double(), draw(1).double()
    walk = kind(start, vector, torch.tensor([-1e-6, 0, 1e-6]), "z")
    torch.testing.assert_close(walk.latents[1], start)
    left = walk.latents[2] - walk.latents[0]
    across = vector if kind is linear else vector - (vector @ start) / start.square().sum() * start
    torch.testing.assert_close(left / left.norm(), across / across.norm(), atol=1e-6, rtol=0)


def test_a_straight_walk_adds_the_vector_as_it_is() -> None:
    start, vector = draw(0), draw(1)
    walk = linear(start, vector, STEPS, "z")
    for latent, step in zip(walk.latents, STEPS, strict=True):
        torch.testing.assert_close(latent, start + float(step) * vector)
    assert walk.latents.dtype == torch.float32
    assert walk.space == "z"


@pytest.mark.parametrize("kind", [spherical, density_preserving])
def test_norms_are_kept(kind: type) -> None:
    start = draw(0).double()
    norms = kind(start, 5 * draw(1), STEPS, "z").latents.norm(dim=1)
    torch.testing.assert_close(norms, start.norm().expand(7))


def test_steps_on_a_sphere_are_arc_lengths() -> None:
    start, vector = draw(0).double(), draw(1).double()
    walk = spherical(start, vector, even_steps(0.0, 2.0, 5), "z")
    radius = start.norm()
    angles = (walk.latents[1:] * walk.latents[:-1]).sum(dim=1).div(radius**2).acos()
    torch.testing.assert_close(radius * angles, torch.full((4,), 0.5, dtype=torch.float64))
    half = spherical(start, vector, torch.tensor([float(math.pi * radius)]), "z")
    torch.testing.assert_close(half.latents[0], -start)


def test_a_density_preserving_walk_is_the_straight_one_scaled_back() -> None:
    start, vector = draw(0).double(), draw(1).double()
    straight = linear(start, vector, STEPS, "z").latents
    expected = straight / straight.norm(dim=1, keepdim=True) * start.norm()
    torch.testing.assert_close(density_preserving(start, vector, STEPS, "z").latents, expected)


def test_a_plane_is_walked_row_by_row() -> None:
    start, first, second = (draw(seed).double() for seed in range(3))
    walk = subspace(start, first, second, even_steps(-1.0, 1.0, 3), "w")
    assert walk.steps.tolist() == [[x, y] for y in (-1, 0, 1) for x in (-1, 0, 1)]
    for latent, (x, y) in zip(walk.latents, walk.steps.tolist(), strict=True):
        torch.testing.assert_close(latent, start + x * first + y * second)
    torch.testing.assert_close(walk.latents[4], start)


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_a_lifted_latent_gives_the_same_image(style: StyleGan2, space: str) -> None:
    latent = style.space(space).sample(1, 3)[0]
    lifted = lift(style, latent, space)
    torch.testing.assert_close(style.render(lifted[None], "w+"), style.render(latent[None], space))


def test_a_direction_acts_on_its_layers_and_leaves_the_others(style: StyleGan2) -> None:
    total = layer_count(style)
    assert total == 6
    start = lift(style, draw(0), "z", (1, 4))
    walk = linear(start, spread(draw(1), (1, 4), total), STEPS, "w+")
    moved = (walk.latents - start).unflatten(1, (total, 6))
    for layer in range(total):
        expected = STEPS.float()[:, None] * draw(1) if layer in {1, 4} else torch.zeros(7, 6)
        torch.testing.assert_close(moved[:, layer], expected)


def test_a_direction_on_every_layer_is_the_one_of_w(style: StyleGan2) -> None:
    w, vector = style.space("w").sample(1, 0)[0], draw(1)
    layered = linear(lift(style, w, "w"), spread(vector, (), 6), STEPS, "w+")
    whole = linear(w, vector, STEPS, "w")
    torch.testing.assert_close(style.render(layered.latents, "w+"), style.render(whole.latents, "w"))


def test_a_trajectory_is_written_into_its_layers() -> None:
    base, w = draw(0, 12), torch.stack([draw(seed, 4) for seed in (1, 2)])
    written = write(base, w, (0, 2)).reshape(2, 3, 4)
    torch.testing.assert_close(written[:, 0], w)
    torch.testing.assert_close(written[:, 2], w)
    torch.testing.assert_close(written[:, 1], base[4:8].expand(2, 4))


def test_frames_are_what_the_generator_renders_and_distances_what_the_distance_says() -> None:
    generator, distance = Smooth().double(), Euclidean(2).double()
    walk = linear(draw(0).double(), draw(1), even_steps(-2.0, 1.0, 40), "z")
    images, distances = measure_walk(generator, distance, walk)
    expected = generator.render(walk.latents, "z")
    torch.testing.assert_close(images, expected)
    torch.testing.assert_close(
        distances, distance(generator.render(walk.start[None], "z").expand_as(expected), expected)
    )
    torch.testing.assert_close(frame_distances(generator, distance, walk), distance(expected[:-1], expected[1:]))


def test_a_distance_without_an_embedding_measures_too() -> None:
    generator, distance = Smooth().double(), Bounded().double()
    walk = linear(draw(0).double(), draw(1), even_steps(-1.0, 1.0, 18), "z")
    images, distances = measure_walk(generator, distance, walk)
    start = generator.render(walk.start[None], "z").expand_as(images)
    torch.testing.assert_close(distances, distance(start, images))
    torch.testing.assert_close(frame_distances(generator, distance, walk), distance(images[:-1], images[1:]))


def test_endpoints_equal_direct_renders(tiny_generator: Generator) -> None:
    walk = linear(draw(0, 8), draw(1, 8), STEPS, "z")
    images, _ = measure_walk(tiny_generator, Euclidean(), walk)
    for end in (0, -1):
        direct = tiny_generator.render(walk.latents[end][None], "z")[0]
        torch.testing.assert_close(images[end], direct, atol=1e-6, rtol=0)


def test_frames_come_some_at_a_time() -> None:
    walk = linear(draw(0), draw(1), even_steps(-2.0, 1.0, 40), "z")
    assert [len(images) for images, _ in measured_frames(Smooth(), Euclidean(), walk)] == [16, 16, 8]


def test_a_strip_and_a_grid_show_every_frame_exactly() -> None:
    images = torch.rand(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    levels = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
    row = np.asarray(Image.open(io.BytesIO(strip(images))))
    np.testing.assert_array_equal(row, np.concatenate(levels, axis=1))
    grid = np.asarray(Image.open(io.BytesIO(strip(images, 3))))
    np.testing.assert_array_equal(grid, np.concatenate([np.concatenate(levels[i : i + 3], axis=1) for i in (0, 3)]))
    grey = Image.open(io.BytesIO(strip(images[:, :1])))
    assert (grey.mode, grey.size) == ("L", (30, 4))
    assert Image.open(io.BytesIO(strip(images, 4))).size == (20, 8)


def test_an_animation_goes_forth_and_back_for_ever() -> None:
    levels = torch.linspace(0, 1, 4)
    film = Image.open(io.BytesIO(animation(levels[:, None, None, None].expand(4, 3, 8, 8), 50)))
    assert (film.n_frames, film.info["loop"], film.info["duration"]) == (6, 0, 50)
    shown = []
    for frame in range(6):
        film.seek(frame)
        shown.append(int(np.asarray(film.convert("L"))[0, 0]))
    assert shown == [0, 85, 170, 255, 170, 85]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "vector", "steps", "message"),
    [
        (torch.ones(2, 3), torch.ones(3), STEPS, r"one latent of shape \(n,\), but shape \(2, 3\) came"),
        (torch.full((3,), math.nan), torch.ones(3), STEPS, "a finite latent, but this one holds NaN"),
        (torch.ones(3), torch.ones(4), STEPS, r"a vector of shape \(3,\), but shape \(4,\) came"),
        (torch.ones(3), torch.full((3,), math.inf), STEPS, "a finite vector"),
        (torch.ones(3), torch.zeros(3), STEPS, "a vector that is not zero, but zero came"),
        (torch.ones(3), torch.eye(3)[0], torch.tensor([1.0, 0.0]), r"finite and ascend, but \[1.0, 0.0\] came"),
        (torch.ones(3), torch.eye(3)[0], torch.zeros(2, 2), r"steps of shape \(frames,\), but shape \(2, 2\) came"),
    ],
)
def test_what_is_no_walk_is_refused(
    kind: type, start: torch.Tensor, vector: torch.Tensor, steps: torch.Tensor, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        kind(start, vector, steps, "z")


def test_walks_without_a_sphere_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="parallel to the start"):
        spherical(draw(0), -2 * draw(0), STEPS, "z")
    with pytest.raises(InvalidInputError, match="the walk starts there"):
        spherical(torch.zeros(3), torch.ones(3), STEPS, "z")
    with pytest.raises(InvalidInputError, match="the norm 0"):
        density_preserving(torch.zeros(3), torch.ones(3), STEPS, "z")
    with pytest.raises(InvalidInputError, match="step -2 leads to the origin"):
        density_preserving(2 * torch.ones(3), torch.ones(3), STEPS, "z")


def test_layers_that_are_not_there_are_refused(style: StyleGan2, tiny_generator: Generator) -> None:
    with pytest.raises(InvalidInputError, match="has no layers with a w each, only the spaces z"):
        layer_count(tiny_generator)
    with pytest.raises(InvalidInputError, match="the layers 0 to 5, but 6 came"):
        lift(style, draw(0), "z", (0, 6))
    with pytest.raises(InvalidInputError, match=r"shape \(6,\), but shape \(5,\) came"):
        lift(style, draw(0, 5), "z")
    with pytest.raises(UnknownNameError, match="no space"):
        lift(style, draw(0), "v")
    with pytest.raises(InvalidInputError, match="the layers 0 to 2, but -1 came"):
        spread(draw(0), (-1,), 3)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"but shape \(2, 4, 3, 3\) came"):
        strip(torch.zeros(2, 4, 3, 3))
    with pytest.raises(InvalidInputError, match="but 0 columns came"):
        strip(torch.zeros(2, 3, 3, 3), 0)
    with pytest.raises(InvalidInputError, match="at least 20 ms, but 5 came"):
        animation(torch.zeros(2, 3, 3, 3), 5)
    with pytest.raises(InvalidInputError, match="2 latents of a walk, but 3 steps came"):
        Walk(torch.zeros(2, 3), "z", torch.zeros(3), torch.zeros(3))
