"""1 − SSIM: its value, and that its Hessian at equal images is a metric."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian

from pullback.distances import EmbeddingDistance, load
from pullback.errors import InvalidInputError
from pullback.geometry import metric_tensor
from toys import Linear

SIDE = 13


def images(count: int, seed: int, channels: int = 3, side: int = 32) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, side, side, generator=rng, dtype=torch.float64)


def metric_of(image: Tensor) -> Tensor:
    """The Hessian of b ↦ D(image, b) at b = image, flattened."""
    distance = load("ssim", dtype=image.dtype)
    n = image.numel()
    return hessian(lambda other: distance(image, other).sum(), image).reshape(n, n)


@pytest.mark.parametrize("channels", [1, 3])
def test_it_equals_scikit_images_where_the_window_lies_within_the_image(channels: int):
    a, b = images(1, 0, channels), images(1, 1, channels)
    b = 0.7 * a + 0.3 * b
    from skimage.metrics import structural_similarity

    _, similarity = structural_similarity(
        a[0].numpy(),
        b[0].numpy(),
        channel_axis=0,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    inside = similarity[:, 5:-5, 5:-5]
    found = load("ssim", dtype=torch.float64)(a, b)
    assert found.item() == pytest.approx(1 - inside.mean(), rel=1e-5)


def test_it_is_zero_for_equal_images_and_symmetric_and_pair_by_pair():
    distance = load("ssim", dtype=torch.float64)
    a, b = images(3, 2), images(3, 3)
    assert (distance(a, a) == 0).all()
    torch.testing.assert_close(distance(a, b), distance(b, a))
    torch.testing.assert_close(distance(a, b)[1:2], distance(a[1:2], b[1:2]))


def test_it_has_no_embedding_and_no_weights():
    distance = load("ssim")
    assert not isinstance(distance, EmbeddingDistance)
    assert (distance.name, distance.weights_hash) == ("ssim", "")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("kind", ["random", "black", "grey", "white"])
def test_its_hessian_at_equal_images_is_finite_symmetric_and_positive(kind: str, dtype: torch.dtype):
    levels = {"black": 0.0, "grey": 0.5, "white": 1.0}
    image = torch.full((1, 1, SIDE, SIDE), levels[kind]) if kind in levels else images(1, 4, 1, SIDE)
    metric = metric_of(image.to(dtype)).double()
    eigenvalues = torch.linalg.eigvalsh((metric + metric.T) / 2)
    tolerance = torch.finfo(dtype).eps * eigenvalues[-1] * len(metric)
    assert (metric - metric.T).abs().max() <= tolerance
    assert eigenvalues[0] >= -tolerance
    assert eigenvalues[-1] > 0


def closed_form(image: Tensor) -> Tensor:
    """The Hessian of 1 − SSIM at equal images of one channel, from its definition.

    With means μ and variances σ² under the window w, and a difference d: 1 − SSIM is (w·d)² / (2 μ² + C₁) +
    (w·d² − (w·d)²) / (2 σ² + C₂) to second order, averaged over the places of the window.
    """
    offsets = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = torch.outer(line, line) / line.sum() ** 2
    pixels = image.flatten()
    total = torch.zeros(len(pixels), len(pixels), dtype=torch.float64)
    places = [(top, left) for top in range(SIDE - 10) for left in range(SIDE - 10)]
    for top, left in places:
        weights = torch.zeros(SIDE, SIDE, dtype=torch.float64)
        weights[top : top + 11, left : left + 11] = window
        w = weights.flatten()
        mean = w @ pixels
        luminance = 2 * mean**2 + 0.01**2
        structure = 2 * (w @ pixels**2 - mean**2) + 0.03**2
        total += (1 / luminance - 1 / structure) * torch.outer(w, w) + w.diag() / structure
    return 2 * total / len(places)


@pytest.mark.parametrize("kind", ["random", "grey"])
def test_its_hessian_at_equal_images_is_the_closed_form(kind: str) -> None:
    image = torch.full((1, 1, SIDE, SIDE), 0.5).double() if kind == "grey" else images(1, 4, 1, SIDE)
    expected = closed_form(image)
    # The package's window is float32, so that its sum is 1 to 1e-7, and the variance of a flat image not quite zero.
    tolerance = 1e-4 * float(expected.abs().max())
    torch.testing.assert_close(metric_of(image), expected, rtol=0, atol=tolerance)
    # And so through a generator: pixels that are the latent itself.
    pixels = Linear(torch.eye(SIDE**2).double(), (1, SIDE, SIDE)).double()
    metric = metric_tensor(pixels, load("ssim", dtype=torch.float64), image.flatten() - 0.5, "z", "gauss_newton")
    torch.testing.assert_close(metric, expected, rtol=0, atol=tolerance)


def test_its_gradient_at_equal_images_is_zero():
    image = images(1, 5, 3, SIDE).requires_grad_()
    (gradient,) = torch.autograd.grad(load("ssim", dtype=torch.float64)(image, image.detach()).sum(), image)
    assert gradient.abs().max() < 1e-12


def test_second_derivatives_can_be_taken_for_many_directions_at_once():
    distance = load("ssim", dtype=torch.float64)
    image = images(1, 6, 1, SIDE)
    leaf = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(image, leaf).sum(), leaf, create_graph=True)
    directions = torch.eye(image.numel(), dtype=torch.float64).reshape(-1, *image.shape)[:5]
    (rows,) = torch.autograd.grad(gradient, leaf, directions, is_grads_batched=True)
    torch.testing.assert_close(rows.flatten(1), metric_of(image)[:5])


def test_images_smaller_than_its_window_are_refused():
    distance = load("ssim")
    assert torch.isfinite(distance(torch.rand(1, 1, 11, 11), torch.rand(1, 1, 11, 11))).all()
    with pytest.raises(InvalidInputError, match="at least 11 × 11 px, its window, but 10 × 11 came"):
        distance(torch.rand(1, 1, 10, 11), torch.rand(1, 1, 10, 11))
