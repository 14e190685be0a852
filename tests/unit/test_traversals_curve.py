"""Iterative Curve-Traversal against mappings whose curves are known, and against a second way to compute it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import jacrev

from draining import drained
from metrics import rotation
from pullback.directions.traversals.curve import curve, trace
from pullback.directions.traversals.layered import lift
from pullback.directions.traversals.walk import even_steps
from pullback.errors import InvalidInputError
from pullback.generators import Generator, StyleGan2
from tiny_style import tiny_style

STEPS = even_steps(-3.0, 3.0, 13)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def linear_mapping(values: list[float], seed: int = 0) -> tuple[Callable[[Tensor], Tensor], Tensor, Tensor]:
    """z ↦ U diag(σ) Vᵀ z + b, with U and b."""
    n = len(values)
    left, right = (torch.from_numpy(rotation(n, seed + part)) for part in range(2))
    matrix = left @ torch.diag(doubles(*values)) @ right.T
    offset = torch.arange(n, dtype=torch.float64)
    return lambda z: z @ matrix.T + offset, left, offset


def polar(z: Tensor) -> Tensor:
    """(r, θ) ↦ r (cos θ, sin θ): singular value 1 along the radius, r along the circle."""
    radius, angle = z.unbind(dim=1)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def traced(mapping: Callable[[Tensor], Tensor], z: Tensor, steps: Tensor, **settings: Any) -> Tensor:
    """The curve of one latent."""
    return trace(mapping, z[None], steps, **settings)[0]


@pytest.fixture(scope="module")
def style() -> StyleGan2:
    return tiny_style()


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_linear_mapping_gives_a_straight_line(rank: int) -> None:
    mapping, left, offset = linear_mapping([5.0, 2.0, 0.1])
    w = traced(mapping, torch.zeros(3, dtype=torch.float64), STEPS, rank=rank, pieces=7)
    sign = ((w[-1] - w[0]) @ left[:, rank]).sign()
    torch.testing.assert_close(w, offset + sign * STEPS[:, None] * left[:, rank])


def test_signs_and_pairs_stay_aligned_round_a_circle() -> None:
    # The axis turns through every direction of the plane, so any rule for its sign that looks at it alone breaks.
    w = traced(polar, doubles(2, 0.3), even_steps(-12.0, 12.0, 25), rank=0, pieces=30)
    angles = 0.3 + even_steps(-6.0, 6.0, 25)
    torch.testing.assert_close(w, 2 * torch.stack([angles.cos(), angles.sin()], dim=1))


def test_an_axis_is_kept_where_singular_values_cross() -> None:
    # Along the radius the singular values are 1 and r: at r = 1 the axis goes from rank 0 to rank 1.
    w = traced(polar, doubles(0.8, 0.5), even_steps(0.0, 2.0, 9), rank=0, pieces=20)
    axis = doubles(math.cos(0.5), math.sin(0.5))
    torch.testing.assert_close(w, (0.8 + even_steps(0.0, 2.0, 9))[:, None] * axis)


def test_the_curve_is_that_of_algorithm_2(style: StyleGan2) -> None:
    mapping = tiny_style().double().network.mapping
    z = style.space("z").sample(1, 4)[0].double()
    pieces, length, rank = 6, 1.5, 1
    expected = []
    for side in (1, -1):
        here, before = z.clone(), None
        for _ in range(pieces):
            jacobian = jacrev(lambda point: mapping(point[None])[0])(here)
            left, values, right = np.linalg.svd(jacobian.numpy())
            if before is None:
                index, sign = rank, side * np.sign(left[np.abs(left[:, rank]).argmax(), rank])
            else:
                overlaps = left.T @ before
                index = int(np.abs(overlaps).argmax())
                sign = np.sign(overlaps[index])
            before = sign * left[:, index]
            here = here + torch.from_numpy(length / pieces / values[index] * sign * right[index])
        expected.append(mapping(here[None])[0])
    w = traced(mapping, z, even_steps(-length, length, 3), rank=rank, pieces=pieces)
    torch.testing.assert_close(w[2], expected[0])
    torch.testing.assert_close(w[0], expected[1])
    torch.testing.assert_close(w[1], mapping(z[None])[0])


def test_places_within_a_piece_lie_on_the_same_curve(style: StyleGan2) -> None:
    mapping, z = style.network.mapping, style.space("z").sample(1, 4)[0]
    few = traced(mapping, z, doubles(0.0, 1.0), pieces=30)
    many = traced(mapping, z, even_steps(0.0, 1.0, 12), pieces=30)
    torch.testing.assert_close(many[-1], few[-1])
    # The path within a piece is short enough to have nearly the length that its steps say.
    gaps = (many[1:] - many[:-1]).norm(dim=1)
    torch.testing.assert_close(gaps, torch.full_like(gaps, 1 / 11), rtol=0.15, atol=0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_guide_chooses_the_most_similar_axis_at_every_piece(sign: int) -> None:
    mapping, left, offset = linear_mapping([3.0, 2.0, 1.0])
    guide = sign * (left @ doubles(0.5, 1, 0.2))
    w = traced(mapping, torch.zeros(3, dtype=torch.float64), STEPS, guide=guide, pieces=4)
    torch.testing.assert_close(w, offset + sign * STEPS[:, None] * left[:, 1])
    # On the circle the axes turn while the guide stays.
    w = traced(polar, doubles(2, 1), doubles(0.5), guide=doubles(0, sign), pieces=4)
    assert float(w[0, 1] - 2 * math.sin(1)) * sign > 0


def test_jitter_is_a_function_of_its_seed_and_keeps_the_length(style: StyleGan2) -> None:
    mapping, z = style.network.mapping, style.space("z").sample(1, 4)[0]
    even, one, again, other = (
        traced(mapping, z, STEPS, pieces=5, jitter=jitter, seed=seed)
        for jitter, seed in ((0.0, 0), (0.9, 0), (0.9, 0), (0.9, 1))
    )
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
    assert not torch.allclose(one, even)
    turned = traced(polar, doubles(2, 0), doubles(3.0), pieces=5, jitter=0.9)
    assert float(turned.norm()) == pytest.approx(2)
    assert math.acos(float(turned[0, 0]) / 2) == pytest.approx(1.5)


def test_curves_of_several_latents_are_those_of_each(style: StyleGan2) -> None:
    mapping, z = style.network.mapping, style.space("z").sample(3, 6)
    together = trace(mapping, z, STEPS, rank=1, pieces=4, jitter=0.5)
    for one, latent in zip(together, z, strict=True):
        torch.testing.assert_close(one, traced(mapping, latent, STEPS, rank=1, pieces=4, jitter=0.5))


def test_axes_that_do_not_move_w_are_no_axes_of_the_curve(style: StyleGan2) -> None:
    def scaled(z: Tensor) -> Tensor:
        return z / z.norm(dim=1, keepdim=True) * doubles(3, 2, 1)

    z = doubles(1, 1, 1)
    with pytest.raises(InvalidInputError, match=r"along local axis 2 \(singular value .*; take a rank below 2"):
        traced(scaled, z, STEPS, rank=2)
    # What the guide shares with the axes that do move decides.
    w = traced(scaled, z, doubles(0.0, 0.1), guide=doubles(1, 0.1, 0.5))
    assert w[1, 0] > w[0, 0]
    flat = linear_mapping([1.0, 0.5, 0.0])
    with pytest.raises(InvalidInputError, match="moves w along no axis that resembles"):
        traced(lambda point: point * doubles(1, 1, 0), z, doubles(1.0), guide=doubles(0, 0, 1))
    with pytest.raises(InvalidInputError, match="singular value"):
        traced(flat[0], z, STEPS, rank=2)
    with pytest.raises(InvalidInputError, match="take a rank below 0"):
        traced(lambda point: 0 * point, z, STEPS)


def test_a_curve_starts_where_its_latent_is_mapped(style: StyleGan2) -> None:
    z = style.space("z").sample(1, 2)[0]
    walk = curve(style, z, STEPS, rank=1, pieces=5)
    assert walk.space == "w"
    torch.testing.assert_close(walk.latents[6], style.map(z[None], "z")[0])
    torch.testing.assert_close(walk.start, walk.latents[6])
    assert torch.equal(walk.steps, STEPS)


def test_a_curve_is_written_into_the_chosen_layers_only(style: StyleGan2) -> None:
    z = style.space("z").sample(1, 2)[0]
    whole = curve(style, z, STEPS, pieces=5)
    walk = curve(style, z, STEPS, pieces=5, layers=(0, 3))
    assert walk.space == "w+"
    layers = walk.latents.reshape(13, 6, 6)
    for layer in range(6):
        expected = whole.latents if layer in {0, 3} else whole.start.expand(13, 6)
        torch.testing.assert_close(layers[:, layer], expected)
    torch.testing.assert_close(walk.start, lift(style, z, "z"))


def test_what_is_no_curve_is_refused(style: StyleGan2, tiny_generator: Generator) -> None:
    z = torch.zeros(6)
    with pytest.raises(InvalidInputError, match="'tiny' has no mapping network"):
        curve(tiny_generator, torch.zeros(8), STEPS)
    with pytest.raises(InvalidInputError, match=r"of shape \(6,\), but shape \(5,\) came"):
        curve(style, torch.zeros(5), STEPS)
    with pytest.raises(InvalidInputError, match="a finite latent"):
        curve(style, torch.full((6,), math.nan), STEPS)
    with pytest.raises(InvalidInputError, match="at least 1 piece, but 0 came"):
        curve(style, z, STEPS, pieces=0)
    with pytest.raises(InvalidInputError, match=r"from 0 to below 1, but 1\.0 came"):
        curve(style, z, STEPS, jitter=1.0)
    z = style.space("z").sample(1, 2)[0]
    with pytest.raises(InvalidInputError, match="numbered 0 to 5, but rank 6 came"):
        curve(style, z, STEPS, rank=6)
    with pytest.raises(InvalidInputError, match=r"a vector of shape \(6,\), but shape \(4,\) came"):
        curve(style, z, STEPS, guide=torch.ones(4))
    with pytest.raises(InvalidInputError, match="layers 0 to 5, but 6 came"):
        curve(style, z, STEPS, layers=(6,))


def test_others_have_their_turn_after_every_piece(style: StyleGan2) -> None:
    z = style.space("z").sample(1, 4)[0]
    turns, walk = drained(curve.in_pieces(style, z, even_steps(-1.0, 2.0, 5), pieces=6))
    assert turns == 12
    torch.testing.assert_close(
        walk.latents, curve(style, z, even_steps(-1.0, 2.0, 5), pieces=6).latents, rtol=0, atol=0
    )
