"""Priors: means, penalties and truncation, against what their formulae say."""

from __future__ import annotations

import pytest
import torch

from pullback.generators import OneHot, Product, StandardNormal

PRODUCT = Product(((StandardNormal(), 4), (OneHot(), 3)))


def random_latents(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("prior", [StandardNormal(), OneHot(), PRODUCT])
def test_the_mean_is_that_of_many_draws(prior: StandardNormal | OneHot | Product) -> None:
    draws = prior.sample(20_000, 7, torch.Generator().manual_seed(0))
    torch.testing.assert_close(prior.mean(7), draws.mean(dim=0), atol=0.03, rtol=0)


def test_the_penalty_of_a_normal_prior_is_its_negative_log_density_up_to_a_constant() -> None:
    latents = random_latents(5, 2, 7)
    density = torch.distributions.Normal(0.0, 1.0).log_prob(latents).sum(dim=-1)
    at_zero = torch.distributions.Normal(0.0, 1.0).log_prob(torch.zeros(7).double()).sum()
    torch.testing.assert_close(StandardNormal().penalty(latents), at_zero - density)


def test_the_penalty_of_classes_is_half_the_squared_distance_to_the_nearest_one() -> None:
    latents = random_latents(5, 2, 7)
    distances = torch.cdist(latents, torch.eye(7).double()).square().amin(dim=-1)
    torch.testing.assert_close(OneHot().penalty(latents), distances / 2)
    assert torch.equal(OneHot().penalty(torch.eye(7)), torch.zeros(7))


def test_a_product_penalises_each_block_by_its_own_prior() -> None:
    latents = random_latents(5, 7)
    expected = StandardNormal().penalty(latents[:, :4]) + OneHot().penalty(latents[:, 4:])
    torch.testing.assert_close(PRODUCT.penalty(latents), expected)


@pytest.mark.parametrize("prior", [StandardNormal(), OneHot(), PRODUCT])
def test_the_gradient_of_a_penalty_is_that_of_finite_differences(prior: StandardNormal | OneHot | Product) -> None:
    assert torch.autograd.gradcheck(prior.penalty, random_latents(3, 7).requires_grad_())


def test_truncation_clamps_normal_coordinates_to_the_limit_and_classes_to_their_range() -> None:
    latents = 3 * random_latents(50, 7)
    normal = latents[:, :4].numpy().clip(-1.5, 1.5)
    classes = latents[:, 4:].numpy().clip(0, 1)
    truncated = PRODUCT.truncate(latents, 1.5)
    assert truncated[:, :4].tolist() == normal.tolist()
    assert truncated[:, 4:].tolist() == classes.tolist()
    # Again, it changes nothing; and neither does it where nothing lies outside.
    assert torch.equal(PRODUCT.truncate(truncated, 1.5), truncated)
    inside = torch.cat([normal_inside := 0.1 * random_latents(2, 4), torch.eye(3)[:2]], dim=1)
    assert torch.equal(PRODUCT.truncate(inside, 1.5), inside)
    assert torch.equal(StandardNormal().truncate(normal_inside, 1.5), normal_inside)
