"""The library on a GPU: what it computes there in float32 is what the CPU computes in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pullback.directions import jacobian, local_hessian
from pullback.generators import Generator
from pullback.geometry import global_metric, metric_eigenpairs, metric_tensor
from pullback.geometry.random_signs import random_numbers, random_signs
from pullback.inversion import Problem, invert, make_bank, nearest_starts
from pullback.pictures import to_pictures
from pullback.search import SearchSettings, make_optimizer
from searching import normal_space
from tiny_style import tiny_style
from toys import Curved

pytestmark = pytest.mark.cuda


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found.cpu().double() - expected).norm() / expected.norm())


@pytest.fixture
def there(accelerator: torch.device) -> tuple[Generator, Curved]:
    """A style-based generator and a distance on the device."""
    return tiny_style().to(accelerator), Curved().to(accelerator)


@pytest.fixture
def here() -> tuple[Generator, Curved]:
    """The same on the CPU, in float64."""
    return tiny_style().double(), Curved().double()


def latents_of(generator: Generator, space: str, n: int) -> Tensor:
    """The same latents, wherever the generator is."""
    return generator.space(space).sample(n, 3).to(generator.device, generator.dtype)


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_images_are_rendered_and_embedded(space: str, there, here):
    images, expected = (generator.render(latents_of(generator, space, 5), space) for generator, _ in (there, here))
    assert images.device == there[0].device
    assert (images.cpu().double() - expected).abs().max() < 1e-5
    assert relative_error(there[1].embed(images), here[1].embed(expected)) < 1e-5


@pytest.mark.parametrize("method", ["gram", "gauss_newton", "full_backprop", "gram_iteration", "backward_iteration"])
def test_a_metric_at_one_latent(method: str, there, here):
    k = {"k": 4} if method.endswith("iteration") else {}
    found, expected = (
        metric_tensor(*models, latents_of(models[0], "w", 1)[0], "w", method, **k) for models in (there, here)
    )
    assert relative_error(found, expected) < 1e-3


def test_a_metric_at_one_latent_within_a_bound_of_memory(there, here):
    expected = metric_tensor(*here, latents_of(here[0], "w", 1)[0], "w")
    found = metric_tensor(*there, latents_of(there[0], "w", 1)[0], "w", max_memory=2**24)
    assert relative_error(found, expected) < 1e-4


@pytest.mark.parametrize("method", ["sketch", "gram"])
def test_a_global_metric_of_the_same_draws(method: str, there, here):
    found, expected = (global_metric(*models, "w", method=method, samples=20, seed=2) for models in (there, here))
    np.testing.assert_allclose(found.metric, expected.metric, atol=1e-3 * np.abs(expected.metric).max())


def test_signs_and_numbers_are_the_same_bits_on_every_device(accelerator: torch.device):
    like = torch.empty((), device=accelerator)
    assert torch.equal(random_signs([1, 2**62], 5000, like).cpu(), random_signs([1, 2**62], 5000, like.cpu()))
    assert torch.equal(random_numbers(3, 50, 40, accelerator).cpu(), random_numbers(3, 50, 40, torch.device("cpu")))


def test_eigenpairs_without_the_matrix(there, here):
    latents = [latents_of(models[0], "w+", 1)[0] for models in (there, here)]
    values, vectors = metric_eigenpairs(*there, latents[0], "w+", k=5)
    expected, _ = metric_eigenpairs(*here, latents[1], "w+", "gram", k=5)
    assert relative_error(values, expected) < 1e-3
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(5, device=vectors.device).double(), rtol=0, atol=1e-10)


def test_an_inversion_finds_what_the_generator_drew(there):
    generator, distance = there
    target = latents_of(generator, "w", 2)
    with torch.no_grad():
        images = generator.render(target, "w")
    bank = make_bank(generator, distance, "w", size=200, rank=16)
    problem = Problem(generator, distance, "w", images)
    assert nearest_starts(bank, problem, 2).device == generator.device
    found = invert(problem, "adam", bank=bank, start="bank", restarts=2, steps=60)
    random = latents_of(generator, "w", 64)
    with torch.no_grad():
        apart = distance(images[:1].expand(64, -1, -1, -1), generator.render(random, "w"))[2:].mean()
    assert found.finished
    assert found.images.device == generator.device
    assert (found.distances < 0.1 * apart).all()


def test_directions_at_one_latent(there, here):
    for method in (
        lambda generator, distance, latent: local_hessian(generator, distance, latent, "w", 3),
        lambda generator, distance, latent: jacobian(generator, latent, "w", 3),
    ):
        found, expected = (method(*models, latents_of(models[0], "w", 1)[0]) for models in (there, here))
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-3)
        np.testing.assert_allclose(np.abs(np.sum(found.vectors * expected.vectors, axis=1)), 1, atol=1e-3)


def test_images_of_a_search_are_rendered_generation_by_generation(there):
    generator, _ = there
    search = make_optimizer(SearchSettings("cma", population=8), space=normal_space(6), seed=1)
    for _ in range(3):
        latents = search.ask().latents
        with torch.inference_mode():
            pictures = to_pictures(generator.render(torch.from_numpy(latents).to(generator.device), "z"))
        assert [picture.size for picture in pictures] == [(16, 16)] * 8
        search.tell(latents, [float(np.asarray(picture, dtype=np.float64).mean()) for picture in pictures])
    assert search.generation == 3
