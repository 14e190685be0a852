"""Geometry and inversion with the real generators and the default distance."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pullback import distances, generators
from pullback.geometry import global_metric, metric_tensor
from pullback.inversion import Problem, draw_starts, invert


def hessian_products(latent: Tensor, directions: Tensor) -> Tensor:
    """H v for each direction, by double backward in float64."""
    generator = generators.load("faces", dtype=torch.float64)
    distance = distances.load(distances.DEFAULT_DISTANCE, dtype=torch.float64)
    reference = generator.render(latent[None], "z").detach()
    z = latent.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(reference, generator.render(z[None], "z")).sum(), z, create_graph=True)
    products = [torch.autograd.grad(gradient @ v, z, retain_graph=True)[0] for v in directions]
    return torch.stack(products)


def test_in_float32_the_gram_metric_agrees_with_double_backward_in_float64() -> None:
    generator, distance = generators.load("faces"), distances.load(distances.DEFAULT_DISTANCE)
    latent = generator.space("z").sample(1, seed=3)[0]
    # For Gaussian directions E‖E v‖² = ‖E‖², so that they stand for the Frobenius norm.
    directions = torch.randn(2, 100, generator=torch.Generator().manual_seed(0)).double()
    expected = hessian_products(latent.double(), directions)
    error = directions @ metric_tensor(generator, distance, latent, "z") - expected
    assert error.norm() / expected.norm() < 1e-5


@pytest.mark.parametrize(("space", "dim"), [("noise", 100), ("class", 8), ("full", 108)])
def test_each_space_of_a_conditional_generator_has_a_metric_and_can_be_searched(space: str, dim: int) -> None:
    generator, distance = generators.load("eyes"), distances.load("mse")
    basis = global_metric(generator, distance, space, samples=8, batch_size=4)
    assert basis.dim == dim
    context = generator.space("full").sample(1, seed=5)[0]
    target = generator.render(context[None], "full")
    problem = Problem(generator, distance, space, target, context=context)
    start = draw_starts(problem, 1, seed=1)
    result = invert(problem, eigenbasis=basis, starts=start, steps=4, learning_rate=0.02)
    assert result.losses[0] < result.trace_loss[0, 0, 0]
