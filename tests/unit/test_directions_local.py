"""Directions at one latent, against dense Jacobians in float64 and mappings whose singular vectors are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import jacrev

from draining import drained
from metrics import rotation
from pullback.directions import jacobian, local_basis, local_hessian, mapping_basis
from pullback.directions.methods import jacobian as method_jacobian
from pullback.directions.methods import local_hessian as method_local_hessian
from pullback.directions.methods import local_metric as method_local_metric
from pullback.directions.methods.local_metric import metric_in_pieces
from pullback.distances import Distance
from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.generators import Generator
from pullback.geometry import metric_tensor
from pullback.geometry.point import Point
from tiny_style import tiny_style
from toys import Bounded, Curved, Euclidean, Linear, Poisoned, Quadratic, Smooth

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


def falling(dim: int, power: float) -> tuple[Linear, np.ndarray]:
    """A linear generator whose singular values fall as a power, and these."""
    values = np.arange(1, dim + 1.0) ** -power
    matrix = torch.as_tensor(rotation(dim, 1) * values @ rotation(dim, 2).T)
    return Linear(matrix, (1, dim, 1)).double(), values


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many directions each call of the method `jacobian` takes through the generator."""
    counted: list[int] = []

    def counting(map_of_one: Callable[[Tensor], Tensor], block: Tensor) -> Tensor:
        counted.append(block.shape[1])
        return of_columns(map_of_one, block)

    of_columns = method_jacobian._of_columns
    monkeypatch.setattr(method_jacobian, "_of_columns", counting)
    return counted


def latent_of(generator: Generator, space: str = "z", seed: int = 0) -> Tensor:
    return generator.space(space).sample(1, seed)[0].to(generator.dtype)


def dense_image_jacobian(generator: Generator, latent: Tensor, space: str) -> np.ndarray:
    found: Tensor = jacrev(lambda z: generator.render(z[None], space)[0].flatten())(latent)
    return found.detach().numpy()


def assert_same_lines(rows: np.ndarray, expected: np.ndarray, tolerance: float = 1e-8) -> None:
    """Unit vectors that agree but for their signs."""
    np.testing.assert_allclose(np.abs(np.sum(rows * expected, axis=1)), 1, atol=tolerance)


def test_the_local_basis_of_a_linear_mapping_is_its_singular_value_decomposition() -> None:
    left, right, values = rotation(5, 1), rotation(3, 2), np.array([4.0, 2.0, 0.5])
    matrix = torch.as_tensor(left[:, :3] * values @ right.T)
    shift = torch.arange(5.0, dtype=torch.float64)
    for z in (torch.zeros(3, dtype=torch.float64), torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)):
        found = mapping_basis(lambda batch: batch @ matrix.T + shift, z)
        torch.testing.assert_close(found.w, matrix @ z + shift)
        np.testing.assert_allclose(found.values, values)
        assert_same_lines(found.left.T.numpy(), left[:, :3].T)
        assert_same_lines(found.right.T.numpy(), right.T)
        torch.testing.assert_close(found.left * found.values @ found.right.T, matrix)


def test_pairs_turn_together_so_that_the_largest_entry_of_the_left_vector_is_positive() -> None:
    matrix = -torch.diag(torch.tensor([3.0, 2.0], dtype=torch.float64))
    found = mapping_basis(lambda batch: batch @ matrix.T, torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(found.left, torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(found.right, -torch.eye(2, dtype=torch.float64))


def test_a_mapping_into_fewer_dimensions_has_as_many_pairs_as_those() -> None:
    matrix = torch.as_tensor(rotation(6)[:2])
    found = mapping_basis(lambda batch: batch @ matrix.T, torch.zeros(6, dtype=torch.float64))
    assert (found.left.shape, found.values.shape, found.right.shape) == ((2, 2), (2,), (6, 2))


def test_the_local_basis_of_a_network_is_that_of_its_dense_jacobian() -> None:
    generator = tiny_style().double()
    z = latent_of(generator)
    dense = jacrev(lambda latent: generator.network.mapping(latent[None])[0])(z).detach().numpy()
    left, values, _ = np.linalg.svd(dense)
    found = local_basis(generator, z, 4)
    np.testing.assert_allclose(found.values, values[:4])
    assert_same_lines(found.vectors, left.T[:4])
    assert found.input_vectors is not None
    # J v = σ u, the sign included
    np.testing.assert_allclose(found.input_vectors @ dense.T, found.values[:, None] * found.vectors, atol=1e-10)
    np.testing.assert_allclose(found.base, z)
    assert (found.origin.space, found.origin.method) == ("w", "local_basis")


def test_a_mapping_whose_derivative_is_not_finite_is_an_error() -> None:
    with pytest.raises(PullbackError, match="not finite; take another latent"):
        mapping_basis(torch.sqrt, torch.zeros(2, dtype=torch.float64))


def test_a_generator_without_a_mapping_network_has_no_local_basis() -> None:
    with pytest.raises(InvalidInputError, match="generator 'toy' has no mapping network"):
        local_basis(Smooth(), torch.zeros(6), 2)


@pytest.mark.parametrize("k", [1, 3, 6, 31, 32, 40])
@pytest.mark.parametrize("held", [0, 2**30])
def test_the_jacobians_axes_are_the_leading_right_singular_vectors(
    k: int, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(method_jacobian, "HELD_BYTES", held)
    generator = Smooth(dim=40, hidden=80, image_shape=(3, 6, 6)).double()
    latent = latent_of(generator)
    _, values, right = np.linalg.svd(dense_image_jacobian(generator, latent, "z"))
    found = jacobian(generator, latent, "z", k)
    np.testing.assert_allclose(found.values, values[:k], rtol=1e-9)
    assert_same_lines(found.vectors, right[:k], 1e-6)
    np.testing.assert_allclose(found.base, latent)


def test_the_jacobian_takes_few_products_where_the_spectrum_falls(products: list[int]) -> None:
    """Of 300 dimensions, 20 axes: 30 iterations of a subspace of 28 would be 868."""
    generator, values = falling(300, power=1.0)
    found = jacobian(generator, latent_of(generator), "z", 20)
    np.testing.assert_allclose(found.values, values[:20], rtol=1e-9)
    assert sum(products) < 200
    assert max(products) <= 8


def test_the_jacobian_ends_after_the_products_it_may_make(products: list[int]) -> None:
    generator, values = falling(300, power=0.05)
    found = jacobian(generator, latent_of(generator), "z", 20, iterations=2)
    # Twice 20, in whole blocks of 8, and the 20 that are found.
    assert sum(products) == 40 + 20
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(20), atol=1e-12)
    # As near as they have come: never beyond the singular values, and the first nearly there.
    assert (found.values <= values[:20] * (1 + 1e-12)).all()
    assert found.values[0] > 0.9 * values[0]


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_the_jacobian_of_a_style_based_generator_is_taken_in_any_of_its_spaces(space: str) -> None:
    generator = tiny_style().double()
    latent = latent_of(generator, space)
    _, values, right = np.linalg.svd(dense_image_jacobian(generator, latent, space))
    found = jacobian(generator, latent, space, 3, iterations=40)
    np.testing.assert_allclose(found.values, values[:3], rtol=1e-7)
    assert_same_lines(found.vectors, right[:3], 1e-5)


def test_a_jacobian_whose_every_direction_is_followed_needs_no_iterations(tiny_generator: Generator) -> None:
    latent = latent_of(tiny_generator)
    _, values, right = np.linalg.svd(dense_image_jacobian(tiny_generator, latent, "z"))
    found = jacobian(tiny_generator, latent, "z", 8, iterations=1)
    np.testing.assert_allclose(found.values, values, rtol=1e-4)
    assert_same_lines(found.vectors, right, 1e-4)


def test_a_seed_gives_the_same_directions_and_the_largest_entry_is_positive(tiny_generator: Generator) -> None:
    latent = latent_of(tiny_generator)
    once, again = (jacobian(tiny_generator, latent, "z", 3, seed=5) for _ in range(2))
    np.testing.assert_array_equal(once.vectors, again.vectors)
    assert (np.take_along_axis(once.vectors, np.abs(once.vectors).argmax(axis=1)[:, None], axis=1) > 0).all()
    assert once.origin.settings == {"k": "3", "iterations": "30", "seed": "5"}


def test_the_local_metric_of_a_linear_generator_has_its_singular_vectors_anywhere() -> None:
    matrix = torch.as_tensor(rotation(12)[:, :4] * [4.0, 3.0, 2.0, 1.0] @ rotation(4, 1).T)
    generator = Linear(matrix, (3, 2, 2)).double()
    latent = torch.full((4,), 0.3, dtype=torch.float64)
    found = local_hessian(generator, Euclidean().double(), latent, "z", 3)
    # H = 2 AᵀA
    np.testing.assert_allclose(found.values, [32, 18, 8])
    assert_same_lines(found.vectors, rotation(4, 1).T[:3])
    np.testing.assert_allclose(found.base, latent)
    assert found.origin.settings == {"distance": "euclidean", "distance_hash": "", "estimator": "gram"}


def test_a_distance_without_an_embedding_is_differentiated_twice_and_the_generator_once() -> None:
    generator = Quadratic(torch.as_tensor(np.stack([np.diag([1.0, 2.0]), np.diag([3.0, 1.0])]))).double()
    latent = torch.tensor([0.1, 0.2], dtype=torch.float64)
    plain = local_hessian(generator, Euclidean().double(), latent, "z", 2)
    general = local_hessian(generator, Bounded().double(), latent, "z", 2)
    np.testing.assert_allclose(general.values, plain.values)
    np.testing.assert_allclose(general.vectors, plain.vectors)
    assert general.origin.settings["estimator"] == "gauss_newton"


def test_others_have_their_turn_between_the_products_of_the_jacobian() -> None:
    generator = Smooth(dim=40, image_shape=(3, 6, 6))
    latent = latent_of(generator)
    turns, found = drained(jacobian.in_pieces(generator, latent, "z", 12, iterations=5))
    # Eight directions a piece: two pieces at least for the space, and two at the end.
    assert 4 <= turns <= 12
    np.testing.assert_array_equal(found.vectors, jacobian(generator, latent, "z", 12, iterations=5).vectors)


def test_others_have_their_turn_between_the_products_of_a_large_local_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method_local_hessian, "_MOST_DENSE", 30)
    generator, distance = Smooth(dim=40, image_shape=(3, 6, 6)).double(), Curved().double()
    latent = latent_of(generator)
    turns, found = drained(local_hessian.in_pieces(generator, distance, latent, "z", 3))
    assert turns >= 2
    assert found.origin.settings["estimator"] == "gram_iteration"
    values, vectors = np.linalg.eigh(metric_tensor(generator, distance, latent, "z").numpy())
    np.testing.assert_allclose(found.values, values[::-1][:3], rtol=1e-9)
    assert_same_lines(found.vectors, vectors.T[::-1][:3])


@pytest.mark.parametrize("distance", [Curved(), Bounded()])
def test_a_local_metric_whose_jacobian_is_too_large_to_hold_is_made_of_products(
    distance: Distance, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, distance = Smooth(dim=20).double(), distance.double()
    point = Point(generator, distance, latent_of(generator), "z")
    _, whole = drained(metric_in_pieces(point))
    monkeypatch.setattr(method_local_metric, "HELD_BYTES", 1000)
    turns, found = drained(metric_in_pieces(point))
    # Eight directions a piece.
    assert turns >= 3
    torch.testing.assert_close(found, whole, rtol=1e-12, atol=1e-12 * float(whole.abs().max()))


@pytest.mark.parametrize(("distance", "turns"), [(Curved(), 6), (Bounded(), 12)])
def test_the_local_metric_in_pieces_is_that_of_the_geometry(distance: Distance, turns: int) -> None:
    generator, distance = Smooth(dim=42).double(), distance.double()
    latent = latent_of(generator)
    method = "gram" if isinstance(distance, Curved) else "gauss_newton"
    taken, metric = drained(metric_in_pieces(Point(generator, distance, latent, "z")))
    assert taken >= turns
    expected = metric_tensor(generator, distance, latent, "z", method)
    torch.testing.assert_close(metric, expected, rtol=1e-12, atol=1e-12 * float(expected.abs().max()))
    again, found = drained(local_hessian.in_pieces(generator, distance, latent, "z", 5))
    assert again == taken
    np.testing.assert_array_equal(found.vectors, local_hessian(generator, distance, latent, "z", 5).vectors)


def test_a_local_metric_that_is_not_finite_is_an_error() -> None:
    matrix = torch.eye(4, dtype=torch.float64)
    with pytest.raises(PullbackError, match="is not finite; use another distance, or another latent"):
        local_hessian(Linear(matrix, (1, 2, 2)).double(), Poisoned(-1.0).double(), torch.ones(4), "z", 2)


def test_what_no_latent_has_is_refused(tiny_generator: Generator) -> None:
    latent = latent_of(tiny_generator)
    with pytest.raises(InvalidInputError, match="between 1 and 8 directions of space 'z' can be had, but 9 came"):
        jacobian(tiny_generator, latent, "z", 9)
    with pytest.raises(InvalidInputError, match="between 1 and 8 directions of space 'z' can be had, but 0 came"):
        local_hessian(tiny_generator, Euclidean(), latent, "z", 0)
    with pytest.raises(InvalidInputError, match="between 1 and 6 directions of space 'w' can be had, but 7 came"):
        local_basis(tiny_style(), torch.zeros(6), 7)
    with pytest.raises(InvalidInputError, match=r"has shape \(8,\), but shape \(2, 8\) came"):
        jacobian(tiny_generator, latent.expand(2, 8), "z", 2)
    with pytest.raises(InvalidInputError, match="this one holds NaN"):
        jacobian(tiny_generator, latent * torch.nan, "z", 2)
    with pytest.raises(InvalidInputError, match="at least 1 iteration, but iterations = 0 came"):
        jacobian(tiny_generator, latent, "z", 2, iterations=0)
    with pytest.raises(UnknownNameError, match="no space of generator 'tiny' is named 'w'"):
        jacobian(tiny_generator, latent, "w", 2)
