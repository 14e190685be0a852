"""The exact metric at one latent."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.generators.generator import Generator
from pullback.geometry import gram_metric, metric_tensor
from toys import Curved, Euclidean, Linear, Poisoned, Quadratic, Rotated, Smooth, Sphere


def double_backward(generator: Generator, distance: Distance, latent: Tensor, space: str) -> Tensor:
    """∂²D(G(z₀), G(z))/∂z² at z₀ in float64, row by row, with nothing of the library's geometry."""
    reference = generator.render(latent[None], space).detach()
    z = latent.clone().requires_grad_()
    d = distance(reference, generator.render(z[None], space)).sum()
    (gradient,) = torch.autograd.grad(d, z, create_graph=True)
    return torch.stack([torch.autograd.grad(entry, z, retain_graph=True)[0] for entry in gradient])


def relative_error(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).norm() / b.double().norm())


def test_of_a_linear_generator_it_is_twice_the_gram_matrix() -> None:
    matrix = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    metric = metric_tensor(Linear(matrix, (3, 2, 2)), Euclidean(3.0), torch.ones(5), "z")
    assert metric.dtype == torch.float64
    expected = 2 * 3.0 * matrix.double().T @ matrix.double()
    assert relative_error(metric, expected) < 1e-6


def test_of_the_sphere_it_is_the_round_metric() -> None:
    metric = metric_tensor(Sphere().double(), Euclidean().double(), torch.tensor([0.7, 2.0]).double(), "z")
    sine = torch.tensor(0.7).double().sin()
    expected = 2 * torch.diag(torch.stack([torch.ones(()).double(), sine**2]))
    torch.testing.assert_close(metric, expected, rtol=1e-6, atol=1e-7)


def test_of_quadratic_forms_it_grows_with_the_latent() -> None:
    forms = torch.randn(9, 4, 4, generator=torch.Generator().manual_seed(1))
    forms = forms + forms.transpose(1, 2)
    latent = torch.tensor([0.3, -1.0, 2.0, 0.5])
    jacobian = (forms @ latent).double()
    metric = metric_tensor(Quadratic(forms), Euclidean(), latent, "z")
    assert relative_error(metric, 2 * jacobian.T @ jacobian) < 1e-6


@pytest.mark.parametrize("block", [1, 4, 32])
def test_in_float32_it_agrees_with_double_backward_in_float64(block: int) -> None:
    latent = torch.randn(6, generator=torch.Generator().manual_seed(2))
    metric = gram_metric(Smooth(), Curved(), latent, "z", block=block)
    expected = double_backward(Smooth().double(), Curved().double(), latent.double(), "z")
    assert relative_error(metric, expected) < 1e-5


def test_it_is_exactly_symmetric_and_positive_semidefinite() -> None:
    metric = metric_tensor(Smooth(), Curved(), torch.ones(6), "z")
    assert torch.equal(metric, metric.T)
    assert torch.linalg.eigvalsh(metric).min() > -1e-9


def test_rotating_the_latent_space_rotates_it() -> None:
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(3)).double())
    generator, distance = Smooth().double(), Curved().double()
    latent = torch.randn(6, generator=torch.Generator().manual_seed(4)).double()
    # Of G(z R) at z = x Rᵀ it is R H(x) Rᵀ.
    rotated = metric_tensor(Rotated(generator, rotation).double(), distance, latent @ rotation.T, "z")
    expected = rotation @ metric_tensor(generator, distance, latent, "z") @ rotation.T
    assert relative_error(rotated, expected) < 1e-10


def test_scaling_the_distance_scales_it() -> None:
    one = metric_tensor(Smooth().double(), Euclidean(1.0).double(), torch.ones(6).double(), "z")
    seven = metric_tensor(Smooth().double(), Euclidean(7.0).double(), torch.ones(6).double(), "z")
    assert relative_error(seven, 7 * one) < 1e-12


def test_of_a_block_of_the_input_it_is_that_block_at_the_context() -> None:
    forms = torch.randn(9, 5, 5, generator=torch.Generator().manual_seed(5))
    forms = forms + forms.transpose(1, 2)
    generator = Quadratic(forms)
    whole = torch.tensor([0.3, -1.0, 2.0, 0.5, 1.5])
    full = metric_tensor(generator, Euclidean(), whole, "z")
    generator = Quadratic(forms, [("noise", 3), ("class", 2)])
    part = metric_tensor(generator, Euclidean(), whole[:3], "noise", context=whole)
    assert relative_error(part, full[:3, :3]) < 1e-6
    # The default context, zeros, is another place.
    assert relative_error(metric_tensor(generator, Euclidean(), whole[:3], "noise"), full[:3, :3]) > 0.1


def test_a_latent_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"has shape \(6,\), but shape \(1, 6\) came"):
        metric_tensor(Smooth(), Curved(), torch.ones(1, 6), "z")


def test_a_latent_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="holds NaN or infinity"):
        metric_tensor(Smooth(), Curved(), torch.full((6,), torch.nan), "z")


def test_a_context_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"a context has shape \(6,\), but shape \(5,\) came"):
        metric_tensor(Smooth(), Curved(), torch.ones(6), "z", context=torch.ones(5))


def test_an_unknown_method_or_space_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="no method of a metric tensor is named 'sketch'; known: gram"):
        metric_tensor(Smooth(), Curved(), torch.ones(6), "z", "sketch")
    with pytest.raises(UnknownNameError, match="known: z"):
        metric_tensor(Smooth(), Curved(), torch.ones(6), "w")


def test_parts_in_different_precisions_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="one device and in one precision"):
        metric_tensor(Smooth().double(), Curved(), torch.ones(6), "z")


def test_a_derivative_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(PullbackError, match=r"distance 'poisoned' .* is not finite"):
        metric_tensor(Smooth(), Poisoned(-1.0), torch.ones(6), "z")
