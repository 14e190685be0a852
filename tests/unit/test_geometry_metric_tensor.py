"""The metric at one latent, by every method."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.generators.generator import Generator
from pullback.geometry import metric_eigenpairs, metric_tensor
from toys import Bounded, Curved, Euclidean, Linear, Poisoned, Quadratic, Rotated, Smooth, Sphere

DENSE = ["gram", "gauss_newton", "full_backprop"]
ITERATIVE = ["gram_iteration", "backward_iteration", "forward_iteration"]
METHODS = DENSE + ITERATIVE
WITHOUT_EMBEDDING = ["gauss_newton", "full_backprop", "backward_iteration", "forward_iteration"]
# Relative error in float64: rounding, but for the difference quotient.
EXACT = dict.fromkeys(METHODS, 1e-10) | {"forward_iteration": 1e-7}
# The same in float32.
SINGLE = dict.fromkeys(METHODS, 1e-5) | {"forward_iteration": 1e-2}


def double_backward(generator: Generator, distance: Distance, latent: Tensor, space: str) -> Tensor:
    """∂²D(G(z₀), G(z))/∂z² at z₀ in float64, row by row, with nothing of the library's geometry."""
    reference = generator.render(latent[None], space).detach()
    z = latent.clone().requires_grad_()
    d = distance(reference, generator.render(z[None], space)).sum()
    (gradient,) = torch.autograd.grad(d, z, create_graph=True)
    return torch.stack([torch.autograd.grad(entry, z, retain_graph=True)[0] for entry in gradient])


def truncated(metric: Tensor, k: int) -> Tensor:
    """U_k Λ_k U_kᵀ."""
    values, vectors = torch.linalg.eigh(metric)
    return (vectors[:, -k:] * values[-k:]) @ vectors[:, -k:].T


def relative_error(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).norm() / b.double().norm())


def expected_of(method: str, metric: Tensor) -> Tensor:
    """What a method gives of a metric unless told how many eigenpairs: the iterations of ARPACK find but n − 1."""
    return truncated(metric, len(metric) - 1) if method.endswith("ward_iteration") else metric


@pytest.mark.parametrize("method", METHODS)
def test_of_a_linear_generator_it_is_twice_the_gram_matrix(method: str) -> None:
    matrix = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    metric = metric_tensor(Linear(matrix, (3, 2, 2)), Euclidean(3.0), torch.ones(5), "z", method)
    assert metric.dtype == torch.float64
    expected = expected_of(method, 2 * 3.0 * matrix.double().T @ matrix.double())
    # Of a linear generator the difference quotient has no error but rounding.
    assert relative_error(metric, expected) < SINGLE[method]


@pytest.mark.parametrize("method", METHODS)
def test_of_the_sphere_it_is_the_round_metric(method: str) -> None:
    metric = metric_tensor(Sphere().double(), Euclidean().double(), torch.tensor([0.7, 2.0]).double(), "z", method)
    sine = torch.tensor(0.7).double().sin()
    expected = expected_of(method, 2 * torch.diag(torch.stack([torch.ones(()).double(), sine**2])))
    # 0.7 is rounded to float32 twice over.
    torch.testing.assert_close(metric, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_of_quadratic_forms_it_grows_with_the_latent(method: str) -> None:
    forms = torch.randn(9, 4, 4, generator=torch.Generator().manual_seed(1)).double()
    forms = forms + forms.transpose(1, 2)
    latent = torch.tensor([0.3, -1.0, 2.0, 0.5]).double()
    jacobian = forms @ latent
    metric = metric_tensor(Quadratic(forms).double(), Euclidean().double(), latent, "z", method)
    assert relative_error(metric, expected_of(method, 2 * jacobian.T @ jacobian)) < EXACT[method]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [0.0, 1.0], ids=["at zero", "elsewhere"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_agrees_with_double_backward_in_float64(method: str, length: float, dtype: torch.dtype) -> None:
    latent = length * torch.randn(6, generator=torch.Generator().manual_seed(2))
    metric = metric_tensor(Smooth().to(dtype), Curved().to(dtype), latent.to(dtype), "z", method)
    expected = double_backward(Smooth().double(), Curved().double(), latent.double(), "z")
    tolerance = (SINGLE if dtype == torch.float32 else EXACT)[method]
    assert relative_error(metric, expected_of(method, expected)) < tolerance


@pytest.mark.parametrize("method", WITHOUT_EMBEDDING)
def test_a_distance_without_embedding_has_a_metric_too(method: str) -> None:
    latent = torch.randn(6, generator=torch.Generator().manual_seed(2)).double()
    metric = metric_tensor(Smooth().double(), Bounded().double(), latent, "z", method)
    expected = double_backward(Smooth().double(), Bounded().double(), latent, "z")
    assert relative_error(metric, expected_of(method, expected)) < EXACT[method]
    # To second order it is the Euclidean distance.
    euclidean = metric_tensor(Smooth().double(), Euclidean().double(), latent, "z")
    assert relative_error(metric, expected_of(method, euclidean)) < EXACT[method]


@pytest.mark.parametrize("method", ["gram", "gram_iteration"])
def test_a_method_that_needs_an_embedding_names_those_that_do_not(method: str) -> None:
    message = r"'bounded' has no embedding, .*: gauss_newton, full_backprop, backward_iteration, forward_iteration$"
    with pytest.raises(InvalidInputError, match=message):
        metric_tensor(Smooth(), Bounded(), torch.ones(6), "z", method)


@pytest.mark.parametrize("method", METHODS)
def test_eigenpairs_are_those_of_the_metric(method: str) -> None:
    generator, distance = Smooth(dim=12).double(), Curved().double()
    latent = torch.randn(12, generator=torch.Generator().manual_seed(3)).double()
    values, vectors = metric_eigenpairs(generator, distance, latent, "z", method, 4)
    assert (values.dtype, values.shape, vectors.shape) == (torch.float64, (4,), (12, 4))
    expected = double_backward(generator, distance, latent, "z")
    # Descending, and not half of what they are.
    torch.testing.assert_close(values, torch.linalg.eigvalsh(expected).flip(0)[:4], rtol=1e-6, atol=0)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(4).double(), rtol=0, atol=1e-12)
    assert relative_error(expected @ vectors, vectors * values) < 1e-5


@pytest.mark.parametrize("method", ITERATIVE)
def test_an_iteration_gives_the_metric_of_its_eigenpairs(method: str) -> None:
    generator, distance, latent = Smooth().double(), Curved().double(), torch.ones(6).double()
    values, vectors = metric_eigenpairs(generator, distance, latent, "z", method, 3)
    metric = metric_tensor(generator, distance, latent, "z", method, k=3)
    assert relative_error(metric, vectors @ values.diag() @ vectors.T) < 1e-14


@pytest.mark.parametrize("method", METHODS)
def test_it_is_exactly_symmetric_and_reproducible(method: str) -> None:
    metric = metric_tensor(Smooth(), Curved(), torch.ones(6), "z", method)
    assert torch.equal(metric, metric.T)
    assert torch.equal(metric, metric_tensor(Smooth(), Curved(), torch.ones(6), "z", method))
    assert torch.linalg.eigvalsh(metric).min() > -1e-6 * metric.norm()


@pytest.mark.parametrize("method", METHODS)
def test_rotating_the_latent_space_rotates_it(method: str) -> None:
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(3)).double())
    generator, distance = Smooth().double(), Curved().double()
    latent = torch.randn(6, generator=torch.Generator().manual_seed(4)).double()
    # Of G(z R) at z = x Rᵀ it is R H(x) Rᵀ.
    rotated = metric_tensor(Rotated(generator, rotation).double(), distance, latent @ rotation.T, "z", method)
    expected = rotation @ metric_tensor(generator, distance, latent, "z", method) @ rotation.T
    assert relative_error(rotated, expected) < EXACT[method]


@pytest.mark.parametrize("method", METHODS)
def test_scaling_the_distance_scales_it(method: str) -> None:
    one = metric_tensor(Smooth().double(), Euclidean(1.0).double(), torch.ones(6).double(), "z", method)
    seven = metric_tensor(Smooth().double(), Euclidean(7.0).double(), torch.ones(6).double(), "z", method)
    assert relative_error(seven, 7 * one) < EXACT[method]


@pytest.mark.parametrize("method", DENSE)
def test_of_a_block_of_the_input_it_is_that_block_at_the_context(method: str) -> None:
    forms = torch.randn(9, 5, 5, generator=torch.Generator().manual_seed(5))
    forms = forms + forms.transpose(1, 2)
    generator = Quadratic(forms)
    whole = torch.tensor([0.3, -1.0, 2.0, 0.5, 1.5])
    full = metric_tensor(generator, Euclidean(), whole, "z", method)
    generator = Quadratic(forms, [("noise", 3), ("class", 2)])
    part = metric_tensor(generator, Euclidean(), whole[:3], "noise", method, context=whole)
    assert relative_error(part, full[:3, :3]) < 1e-6
    # The default context, zeros, is another place.
    assert relative_error(metric_tensor(generator, Euclidean(), whole[:3], "noise", method), full[:3, :3]) > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_where_images_do_not_change_it_is_zero(method: str) -> None:
    metric = metric_tensor(Linear(torch.zeros(12, 4), (3, 2, 2)), Euclidean(), torch.ones(4), "z", method)
    assert torch.equal(metric, torch.zeros(4, 4).double())


def test_block_lanczos_finds_every_vector_of_a_wide_eigenspace() -> None:
    # 2 AᵀA has the eigenvalue 8 thirty times over, more often than a block has vectors, and 2 thirty times.
    matrix = torch.diag(torch.tensor([2.0] * 30 + [1.0] * 30)).double()
    generator = Linear(matrix, (1, 6, 10)).double()
    values, vectors = metric_eigenpairs(generator, Euclidean().double(), torch.ones(60).double(), "z", k=31)
    torch.testing.assert_close(values, torch.tensor([8.0] * 30 + [2.0]).double())
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(31).double(), rtol=0, atol=1e-12)


def test_block_lanczos_finds_a_long_spectrum_from_a_basis_that_is_restarted() -> None:
    scales = torch.logspace(0, -2, 300).double()
    generator = Linear(torch.diag(scales), (3, 10, 10)).double()
    values, _ = metric_eigenpairs(generator, Euclidean().double(), torch.zeros(300).double(), "z", k=5)
    torch.testing.assert_close(values, 2 * scales[:5] ** 2, rtol=1e-9, atol=0)


@pytest.mark.parametrize("method", METHODS)
def test_in_one_dimension_it_is_a_number_or_the_method_says_it_needs_two(method: str) -> None:
    generator = Linear(torch.full((3, 1), 2.0), (3, 1, 1))
    if method.endswith("ward_iteration"):
        with pytest.raises(InvalidInputError, match="needs 2 latent dimensions or more; use full_backprop"):
            metric_tensor(generator, Euclidean(), torch.ones(1), "z", method)
    else:
        assert metric_tensor(generator, Euclidean(), torch.ones(1), "z", method).item() == pytest.approx(24)


@pytest.mark.parametrize(("method", "most"), [("gram", 6), ("gram_iteration", 6), ("backward_iteration", 5)])
def test_more_eigenpairs_than_there_are_cannot_be_asked_for(method: str, most: int) -> None:
    assert len(metric_eigenpairs(Smooth(), Curved(), torch.ones(6), "z", method, most)[0]) == most
    with pytest.raises(InvalidInputError, match=rf"'{method}' computes at most {most} .* but k = {most + 1} came"):
        metric_eigenpairs(Smooth(), Curved(), torch.ones(6), "z", method, most + 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": torch.ones(1, 6)}, r"has shape \(6,\), but shape \(1, 6\) came"),
        ({"latent": torch.full((6,), torch.nan)}, "holds NaN or infinity"),
        ({"context": torch.ones(5)}, r"a context has shape \(6,\), but shape \(5,\) came"),
        ({"distance": Curved().double()}, "one device and in one precision"),
        ({"k": 3}, "'gram' computes the whole metric, but k = 3 came"),
        ({"k": 0, "method": "gram_iteration"}, "at least 1 eigenpair is computed, but k = 0 came"),
        ({"max_memory": 0}, "from 1 on, but 0 came"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(options: dict[str, Any], message: str) -> None:
    arguments = {"distance": Curved(), "latent": torch.ones(6), "space": "z"} | options
    with pytest.raises(InvalidInputError, match=message):
        metric_tensor(Smooth(), **arguments)


def test_an_unknown_method_or_space_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="no method of a metric tensor is named 'sketch'; known: gram, gram_it"):
        metric_tensor(Smooth(), Curved(), torch.ones(6), "z", "sketch")
    with pytest.raises(UnknownNameError, match="known: z"):
        metric_tensor(Smooth(), Curved(), torch.ones(6), "w")


@pytest.mark.parametrize("method", METHODS)
def test_a_derivative_that_is_not_finite_is_an_error(method: str) -> None:
    with pytest.raises(PullbackError, match=r"distance 'poisoned' .* is not finite"):
        metric_tensor(Smooth(), Poisoned(-1.0), torch.ones(6), "z", method)
