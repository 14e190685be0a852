"""Priors: means, penalties and truncation, against what their formulae say."""

from __future__ import annotations

import pytest
import scipy.stats
import torch
from torch import Tensor, nn

from pullback.errors import InvalidInputError
from pullback.generators import (
    Bounded,
    CatalogueEntry,
    ClassEmbeddings,
    Mapped,
    OneHot,
    Prior,
    Product,
    SpaceEntry,
    StandardNormal,
    TruncatedNormal,
)
from pullback.generators.priors import latent_spaces
from pullback.weights.source import WeightsSource

# w = A z + b
MATRIX = torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.3, -0.2, 0.1]])
OFFSET = torch.tensor([1.0, -2.0, 0.5])
PRODUCT = Product(((StandardNormal(), 4), (OneHot(), 3)))
BOUNDED = Bounded(-4.0, 8.0)


def random_latents(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("prior", [StandardNormal(), OneHot(), PRODUCT, BOUNDED])
def test_the_mean_is_that_of_many_draws(prior: Prior) -> None:
    draws = prior.sample(20_000, 7, torch.Generator().manual_seed(0))
    torch.testing.assert_close(prior.mean(7), draws.mean(dim=0), atol=0.1, rtol=0)


def test_a_bounded_prior_draws_evenly_within_its_bounds() -> None:
    draws = BOUNDED.sample(20_000, 3, torch.Generator().manual_seed(0))
    assert -4 <= float(draws.min()) < -3.99
    assert 7.99 < float(draws.max()) <= 8
    assert float(draws.std()) == pytest.approx(BOUNDED.spread(), rel=0.01)
    assert float((draws < -1).float().mean()) == pytest.approx(1 / 4, abs=0.01)


def test_within_its_bounds_a_bounded_prior_has_no_preference_and_outside_the_way_back_counts() -> None:
    assert torch.equal(BOUNDED.penalty(BOUNDED.sample(5, 7, torch.Generator())), torch.zeros(5))
    outside = torch.tensor([[-4.0, 8.0 + BOUNDED.spread(), -4.0 - 2 * BOUNDED.spread()]])
    torch.testing.assert_close(BOUNDED.penalty(outside), torch.tensor([(1 + 4) / 2]))
    assert BOUNDED.truncate(outside, 0.1).tolist() == [[-4, 8, -4]]
    assert BOUNDED.bounded
    assert Product(((StandardNormal(), 4), (BOUNDED, 3))).bounded
    assert not PRODUCT.bounded


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


def linear_prior(layers: int = 1, matrix: Tensor = MATRIX) -> Mapped:
    """The prior of a linear mapping: N(b, A Aᵀ), whose moments but the mean are those of a large sample."""
    mapping = nn.Linear(3, 3)
    mapping.load_state_dict({"weight": matrix, "bias": OFFSET})
    return Mapped.of(mapping.requires_grad_(False), 3, OFFSET).repeated(layers)


def test_a_mapped_prior_draws_what_the_mapping_makes_of_normal_latents_in_every_layer() -> None:
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(7))
    w = z @ MATRIX.T + OFFSET
    torch.testing.assert_close(linear_prior().sample(5, 3, torch.Generator().manual_seed(7)), w)
    torch.testing.assert_close(linear_prior(2).sample(5, 6, torch.Generator().manual_seed(7)), torch.cat([w, w], dim=1))


def test_the_mean_of_a_mapped_prior_is_estimated_where_it_is_not_known() -> None:
    mapping = nn.Linear(3, 3).requires_grad_(False)
    assert torch.equal(linear_prior(2).mean(6), OFFSET.repeat(2))
    torch.testing.assert_close(Mapped.of(mapping, 3).mean(3), mapping.bias, rtol=0, atol=0.02)


def test_the_penalty_of_a_mapped_prior_is_that_of_the_normal_latent_that_is_mapped() -> None:
    # ½ (w − b)ᵀ (A Aᵀ)⁻¹ (w − b) = ½ ‖z‖²
    z = random_latents(6, 2, 3)
    w = z @ MATRIX.double().T + OFFSET
    torch.testing.assert_close(linear_prior().penalty(w), z.square().sum(dim=-1) / 2, rtol=0.06, atol=0.0)


def test_the_penalty_of_layers_is_the_mean_of_theirs() -> None:
    w = random_latents(4, 2, 3)
    each = linear_prior().penalty(w)
    torch.testing.assert_close(linear_prior(2).penalty(w.flatten(1)), each.mean(dim=1))


def test_directions_in_which_a_mapping_does_not_vary_have_a_finite_penalty() -> None:
    flat = MATRIX.clone()
    flat[2] = 0
    penalties = linear_prior(matrix=flat).penalty(OFFSET + torch.eye(3))
    assert penalties.isfinite().all()
    assert penalties.argmax() == 2


def test_truncation_of_a_mapped_prior_clamps_to_standard_deviations_around_the_mean() -> None:
    deviations = (MATRIX @ MATRIX.T).diagonal().sqrt()
    far = OFFSET + torch.tensor([[10.0, -10.0, 0.0]])
    expected = OFFSET + torch.tensor([[2.0, -2.0, 0.0]]) * deviations
    torch.testing.assert_close(linear_prior().truncate(far, 2.0), expected, rtol=0.02, atol=0.0)
    within = OFFSET + 0.1 * deviations
    assert torch.equal(linear_prior(2).truncate(within.repeat(2), 2.0), within.repeat(2))


@pytest.mark.parametrize(
    ("prior", "dim"),
    [
        (StandardNormal(), 7),
        (OneHot(), 7),
        (PRODUCT, 7),
        (BOUNDED, 7),
        (linear_prior(), 3),
        (linear_prior(layers=2), 6),
    ],
)
def test_the_curvature_is_the_hessian_of_the_penalty(prior: Prior, dim: int) -> None:
    latent = random_latents(dim)
    expected = torch.autograd.functional.hessian(prior.penalty, latent)
    torch.testing.assert_close(prior.curvature(dim).double(), expected, rtol=1e-4, atol=1e-4)


def test_the_spread_is_the_root_mean_square_of_the_standard_deviations() -> None:
    assert StandardNormal().spread() == 1
    expected = (MATRIX @ MATRIX.T).diagonal().mean().sqrt()
    assert linear_prior(4).spread() == pytest.approx(float(expected), rel=0.02)


def test_a_mapped_space_of_a_family_without_a_mapping_network_is_refused() -> None:
    spaces = (SpaceEntry("z", 4, "standard-normal"), SpaceEntry("w", 4, "mapped"))
    source = WeightsSource(kind="path", location="nowhere", sha256="1" * 64)
    entry = CatalogueEntry("odd", "Odd", "dcgan", spaces, "z", (3, 16, 16), source)
    with pytest.raises(InvalidInputError, match=r"family 'dcgan' has no space of prior 'mapped' \('w'\)"):
        latent_spaces(entry)


TRUNCATED = TruncatedNormal(0.5)
EMBEDDINGS = ClassEmbeddings(0.3 * torch.randn(5, 7, generator=torch.Generator().manual_seed(3)) + 0.1)


def test_truncated_noise_is_normal_within_two_standard_deviations() -> None:
    draws = TRUNCATED.sample(4000, 7, torch.Generator().manual_seed(0))
    assert draws.abs().max() <= 1
    reference = scipy.stats.truncnorm(-2, 2, scale=0.5)
    assert scipy.stats.kstest(draws.flatten().numpy(), reference.cdf).pvalue > 0.01
    assert TRUNCATED.spread() == pytest.approx(reference.std())
    assert torch.equal(TRUNCATED.mean(7), torch.zeros(7))


def test_the_penalty_of_truncated_noise_is_its_negative_log_density_up_to_a_constant() -> None:
    latents = random_latents(5, 7).clamp(-2, 2) / 2
    density = torch.from_numpy(scipy.stats.truncnorm(-2, 2, scale=0.5).logpdf(latents.numpy()).sum(axis=1))
    at_zero = float(scipy.stats.truncnorm(-2, 2, scale=0.5).logpdf(0)) * 7
    torch.testing.assert_close(TRUNCATED.penalty(latents), at_zero - density)


def test_truncated_noise_never_leaves_its_bounds() -> None:
    far = torch.tensor([[3.0, -3.0, 0.2]])
    assert TRUNCATED.truncate(far, 1.0).tolist() == [[0.5, -0.5, pytest.approx(0.2)]]
    assert TRUNCATED.truncate(far, 9.0).tolist() == [[1.0, -1.0, pytest.approx(0.2)]]


def test_embeddings_are_drawn_equally_often_and_penalised_by_the_distance_to_the_nearest() -> None:
    codes = EMBEDDINGS.embeddings
    draws = EMBEDDINGS.sample(5000, 7, torch.Generator().manual_seed(0))
    rows = torch.cdist(draws, codes).argmin(dim=1)
    assert torch.equal(draws, codes[rows])
    assert rows.bincount().min() > 800
    torch.testing.assert_close(EMBEDDINGS.mean(7), codes.mean(dim=0))
    assert EMBEDDINGS.spread() == pytest.approx(float(codes.std(dim=0, correction=0).square().mean().sqrt()))
    latents = random_latents(5, 2, 7)
    nearest = torch.cdist(latents.flatten(0, 1), codes.double()).amin(dim=1).reshape(5, 2)
    torch.testing.assert_close(EMBEDDINGS.penalty(latents), (nearest / EMBEDDINGS.spread()).square() / 2)
    assert torch.equal(EMBEDDINGS.class_codes(7), codes)


def test_embeddings_are_truncated_to_the_box_around_them() -> None:
    codes = EMBEDDINGS.embeddings
    truncated = EMBEDDINGS.truncate(10 * random_latents(50, 7).float(), 1.0)
    assert torch.equal(truncated.amax(dim=0), codes.amax(dim=0))
    assert torch.equal(truncated.amin(dim=0), codes.amin(dim=0))
    one = ClassEmbeddings(codes[:1])
    assert torch.equal(one.truncate(10 * codes, 1.0), 10 * codes)
    assert one.spread() == pytest.approx(float(codes[0].square().mean().sqrt()))


def test_one_hot_classes_are_unit_vectors_and_noise_has_none() -> None:
    assert torch.equal(OneHot().class_codes(3), torch.eye(3))
    with pytest.raises(InvalidInputError, match="whose prior is a StandardNormal has no classes"):
        StandardNormal().class_codes(3)


@pytest.mark.parametrize("prior", [TRUNCATED, EMBEDDINGS])
def test_gradients_and_curvatures_of_biggans_priors_are_those_of_their_penalties(prior: Prior) -> None:
    assert torch.autograd.gradcheck(prior.penalty, random_latents(3, 7).requires_grad_())
    expected = torch.autograd.functional.hessian(prior.penalty, random_latents(7))
    torch.testing.assert_close(prior.curvature(7).double(), expected, rtol=1e-4, atol=1e-4)
