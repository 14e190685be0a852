"""The values of each distance, against independent computations of them."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pullback.distances import build, entry, load
from pullback.distances.features import EPSILON, LpipsEmbedding
from pullback.errors import InvalidInputError, WeightsError


def images(count: int, seed: int, side: int = 64) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def uncalibrated(taps_a: list[Tensor], taps_b: list[Tensor]) -> Tensor:
    """Mean over layers of the spatial average of the squared distance of unit vectors."""
    layers = [
        (functional.normalize(a, dim=1) - functional.normalize(b, dim=1)).square().sum(dim=1).mean(dim=(1, 2))
        for a, b in zip(taps_a, taps_b, strict=True)
    ]
    return torch.stack(layers).mean(dim=0)


def test_mse_is_the_mean_squared_error_on_minus_one_to_one():
    a, b = images(3, 0), images(3, 1)
    expected = functional.mse_loss(2 * a - 1, 2 * b - 1, reduction="none").mean(dim=(1, 2, 3))
    torch.testing.assert_close(load("mse")(a, b), expected)
    torch.testing.assert_close(load("mse")(torch.zeros(1, 1, 5, 7), torch.ones(1, 1, 5, 7)), torch.tensor([4.0]))


def test_mse_takes_sounds_as_they_are():
    a, b = images(2, 2).flatten(2), images(2, 3).flatten(2)
    torch.testing.assert_close(load("mse")(a, b), (a - b).square().mean(dim=(1, 2)))
    with pytest.raises(InvalidInputError, match=r"takes images of shape .* or sounds .* but shape \(2, 3\) came"):
        load("mse").embed(torch.zeros(2, 3))


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
@pytest.mark.parametrize("side", [64, 71])
def test_published_lpips_equals_the_lpips_package(net: str, side: int):
    import lpips  # seconds, which those processes are spared that only collect this file

    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(3)
        reference = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = {f"features.{name.split('.', 1)[1]}": value for name, value in reference.net.state_dict().items()}
    a, b = images(3, 4, side), images(3, 5, side)
    expected = reference(a, b, normalize=True).flatten()
    distance = build(entry(f"lpips-{net}"), state)
    torch.testing.assert_close(distance(a, b), expected, rtol=1e-5, atol=1e-6)


def test_lpips_over_efficientnet_is_the_uncalibrated_form_over_timms_network():
    distance = load("lpips-effnet-lite0")
    a, b = images(2, 6), images(2, 7)

    def taps(batch: Tensor) -> list[Tensor]:
        resized = functional.interpolate(batch, (96, 96), mode="bilinear", align_corners=False)
        return list(distance.backbone((resized - 127 / 255) / (128 / 255)))

    assert [tap.shape[1:] for tap in taps(a)] == [
        (16, 48, 48),
        (24, 24, 24),
        (40, 12, 12),
        (112, 6, 6),
        (320, 3, 3),
    ]
    torch.testing.assert_close(distance(a, b), uncalibrated(taps(a), taps(b)))


# Computed once outside this library, in float64, on the images of `smooth_pair`: by the authors' own code
# (stlpips-pytorch 0.0.2), and by timm's network with the published tensors assigned in the file's order.
REFERENCE = {
    "st-lpips-alex": 0.6500547709241753,
    "st-lpips-vgg": 0.7117949360324889,
    "lpips-effnet-lite0": 1.2310059194696197,
}


def smooth_pair() -> tuple[Tensor, Tensor]:
    """Two images of 64 px that are formulas of the coordinates."""
    axis = torch.arange(64, dtype=torch.float64) / 63
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    first = torch.stack([x, y, x * y])[None]
    second = torch.stack([(1 - x) ** 2, (6 * y).sin().square(), 0.5 * (x + y)])[None]
    return first, second


@pytest.mark.parametrize("name", REFERENCE)
def test_a_published_network_gives_its_reference_value(name: str):
    found = load(name, dtype=torch.float64)(*smooth_pair())
    assert found.item() == pytest.approx(REFERENCE[name], rel=1e-6)


@pytest.mark.parametrize("name", ["st-lpips-alex", "st-lpips-vgg"])
def test_st_lpips_hardly_notices_a_shift(name: str):
    base = functional.interpolate(images(1, 8, 12), (80, 80), mode="bicubic").clamp(0, 1)
    here, shifted, other = base[..., 4:68, 4:68], base[..., 4:68, 5:69], base.flip(3)[..., 4:68, 4:68]
    distance = load(name)
    assert distance(here, shifted) < 0.1 * distance(here, other)


def test_the_embedding_is_the_formula_and_refuses_negative_weights():
    activation = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(9))
    weight = torch.tensor([0.5, 0.0, 2.0])
    found = LpipsEmbedding([weight])([activation])
    norm = (activation.square().sum(dim=1, keepdim=True) + EPSILON).sqrt()
    expected = activation / norm * weight.sqrt()[:, None, None] / math.sqrt(20)
    torch.testing.assert_close(found, expected.flatten(1))
    with pytest.raises(WeightsError, match="must be ≥ 0, but those of layer 0 go down to -1"):
        LpipsEmbedding([torch.tensor([1.0, -1.0])])
