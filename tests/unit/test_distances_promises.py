"""What every distance promises, whatever computes it."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor
from torch.func import jvp, vmap

from pullback.distances import EmbeddingDistance, build, entry, load
from pullback.errors import InvalidInputError

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

# Tested with a seeded backbone: its weights come from no package registry.
BACKBONES = {"lpips-squeeze": "squeezenet1_1"}
NAMES = ["lpips-effnet-lite0", "st-lpips-alex", "st-lpips-vgg", "lpips-alex", "lpips-vgg", *BACKBONES, "mse"]
SIDE = 40


@functools.cache
def distance_of(name: str, dtype: torch.dtype = torch.float32) -> EmbeddingDistance:
    if name not in BACKBONES:
        return load(name, dtype=dtype)
    import torchvision  # seconds, which those processes are spared that only collect this file

    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = torchvision.models.get_model(BACKBONES[name], weights=None)
    return build(entry(name), backbone.state_dict()).to(dtype=dtype)


def images(count: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)).to(dtype)


def flat(level: float) -> Tensor:
    return torch.full((1, 3, SIDE, SIDE), level)


@pytest.mark.parametrize("name", NAMES)
def test_the_distance_is_the_squared_distance_of_the_embeddings(name: str):
    distance = distance_of(name)
    a, b = images(2, 1), images(2, 2)
    embedded = distance.embed(a) - distance.embed(b)
    assert embedded.ndim == 2
    torch.testing.assert_close(distance(a, b), embedded.square().sum(dim=1))
    assert (distance(a, b) > 0).all()
    assert (distance(a, a) == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_distance_is_frozen_and_carries_the_catalogues_hash(name: str):
    distance = distance_of(name)
    assert not distance.training
    assert not any(tensor.requires_grad for tensor in distance.parameters())
    assert (distance.name, distance.weights_hash) == (name, entry(name).weights_hash)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0], ids=["black", "constant", "white"])
def test_derivatives_at_flat_images_are_finite(name: str, level: float):
    distance = distance_of(name)
    image = flat(level).requires_grad_()
    other = images(1, 3)
    (gradient,) = torch.autograd.grad(distance(image, other).sum(), image, create_graph=True)
    assert torch.isfinite(gradient).all()
    # A Hessian-vector product, by double backward.
    direction = images(1, 4)
    (second,) = torch.autograd.grad((gradient * direction).sum(), image)
    assert torch.isfinite(second).all()
    tangent = jvp(distance.embed, (flat(level),), (direction,))[1]
    assert torch.isfinite(tangent).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_distance_of_two_equal_flat_images_has_zero_gradient(name: str):
    distance = distance_of(name)
    image = flat(0.0).requires_grad_()
    (gradient,) = torch.autograd.grad(distance(image, flat(0.0)).sum(), image)
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("name", NAMES)
def test_forward_mode_under_vmap_is_the_transpose_of_backward_mode(name: str):
    distance = distance_of(name, torch.float64)
    image, directions = images(1, 5, torch.float64), images(3, 6, torch.float64)
    columns = vmap(lambda v: jvp(distance.embed, (image,), (v[None],))[1])(directions)
    # ⟨u, J v⟩ = ⟨Jᵀ u, v⟩
    u = torch.randn(columns.shape[1:], generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    leaf = image.clone().requires_grad_()
    (pulled,) = torch.autograd.grad(distance.embed(leaf), leaf, u)
    torch.testing.assert_close((columns * u).sum(dim=(1, 2)), (pulled * directions).sum(dim=(1, 2, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_the_hessian_at_equal_images_is_twice_the_gram_matrix(name: str):
    distance = distance_of(name, torch.float64)
    image, direction = images(1, 8, torch.float64), images(1, 9, torch.float64)
    leaf = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(leaf, image).sum(), leaf, create_graph=True)
    (product,) = torch.autograd.grad((gradient * direction).sum(), leaf)
    tangent = jvp(distance.embed, (image,), (direction,))[1]
    # vᵀ H v = 2 ‖J v‖²
    torch.testing.assert_close((product * direction).sum(), 2 * tangent.square().sum())


@pytest.mark.parametrize("name", NAMES)
def test_float32_agrees_with_float64(name: str):
    a, b = images(1, 10), images(1, 11)
    double = distance_of(name, torch.float64)(a.double(), b.double())
    torch.testing.assert_close(distance_of(name)(a, b).double(), double, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mse"])
def test_greyscale_is_taken_as_three_equal_channels_and_others_are_refused(name: str):
    distance = distance_of(name)
    grey = images(1, 12)[:, :1]
    torch.testing.assert_close(distance.embed(grey), distance.embed(grey.repeat(1, 3, 1, 1)))
    with pytest.raises(InvalidInputError, match=f"'{name}' takes images of 1 or 3 channels, but 4 came"):
        distance.embed(torch.zeros(1, 4, SIDE, SIDE))


@pytest.mark.parametrize(
    ("name", "side"),
    [("lpips-alex", 31), ("lpips-vgg", 16), ("lpips-squeeze", 17), ("st-lpips-alex", 21), ("st-lpips-vgg", 18)],
)
def test_the_smallest_image_is_taken_and_a_smaller_one_refused(name: str, side: int):
    distance = distance_of(name)
    assert torch.isfinite(distance.embed(torch.rand(1, 3, side, side))).all()
    with pytest.raises(InvalidInputError, match=f"at least {side} × {side} px, but {side - 1} × {side} came"):
        distance.embed(torch.rand(1, 3, side - 1, side))


@pytest.mark.parametrize("name", NAMES)
def test_loading_leaves_torchs_random_numbers_alone(name: str):
    distance_of(name)
    before = torch.get_rng_state()
    if name not in BACKBONES:
        load(name)
    assert torch.equal(before, torch.get_rng_state())
