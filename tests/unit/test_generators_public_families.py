"""What holds of the public families alike: derivatives of every kind, recognition, spaces and first weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import jacfwd, jacrev, vmap

from pullback.generators import Generator, build
from pullback.generators.registry import recognised
from pullback.generators.style_based.named_layers import activation_layers
from tiny_published import (
    dcgan_zoo_shapes,
    deepsim_shapes,
    entry_of,
    fastgan_shapes,
    pggan_shapes,
    random_state,
    wavegan_shapes,
)

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

DIM = 5
BOUNDS = (-3.0, 3.0)
MADE: dict[str, Callable[[], tuple[Generator, dict[str, Tensor]]]] = {}


def made(name: str, entry, shapes, settings=None) -> None:
    def make() -> tuple[Generator, dict[str, Tensor]]:
        state = random_state(shapes)
        return build(entry, state, settings), state

    MADE[name] = make


CONFIG = {"lossCriterion": "MSE"}
made("pggan", entry_of("pggan", DIM, (3, 16, 16)), pggan_shapes(DIM), {**CONFIG, "alpha": 0.25})
made("dcgan-zoo", entry_of("dcgan-zoo", DIM, (3, 32, 32)), dcgan_zoo_shapes(DIM), CONFIG)
made("deepsim-fc6", entry_of("deepsim", DIM, (3, 256, 256), BOUNDS), deepsim_shapes("fc6", DIM))
made("deepsim-norm2", entry_of("deepsim", 169, (3, 240, 240), BOUNDS), deepsim_shapes("norm2", 1))
made("fastgan", entry_of("fastgan", DIM, (3, 256, 256)), fastgan_shapes(256, DIM))
made(
    "wavegan",
    entry_of("wavegan", DIM, (2, 16384)),
    wavegan_shapes(5, nearest=True, normalized=True, width=3, channels=2),
)


@pytest.fixture(params=MADE)
def family(request: pytest.FixtureRequest) -> tuple[Generator, dict[str, Tensor]]:
    return MADE[request.param]()


def few_outputs(generator: Generator) -> Callable[[Tensor], Tensor]:
    """From one latent to twenty values of its image or sound, from all over it."""

    def outputs(latent: Tensor) -> Tensor:
        values = generator.render(latent[None], "z").flatten()
        return values[:: len(values) // 20][:20]

    return outputs


def test_derivatives_of_every_kind_agree_with_differences(family: tuple[Generator, dict[str, Tensor]]):
    generator = family[0].double()
    outputs = few_outputs(generator)
    latent = torch.randn(generator.space("z").dim, generator=torch.Generator().manual_seed(2)).double()
    along = torch.nn.functional.normalize(torch.randn(latent.shape, generator=torch.Generator()).double(), dim=0)
    step = 1e-6

    def slope(at: Tensor) -> Tensor:
        """Derivatives along one direction, by forward mode."""
        return torch.func.jvp(outputs, (at,), (along,))[1]

    differences = (outputs(latent + step * along) - outputs(latent - step * along)) / (2 * step)
    assert float(differences.abs().max()) > 1e-6
    torch.testing.assert_close(slope(latent), differences, rtol=1e-4, atol=1e-8)
    if len(latent) > 2 * DIM:
        return
    jacobian = jacrev(outputs)(latent)
    torch.testing.assert_close(jacobian @ along, slope(latent), rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(jacfwd(outputs)(latent), jacobian, rtol=1e-8, atol=1e-12)
    # Twice: the gradient of half the squared outputs, along a direction, by reverse mode over reverse mode.
    point = latent.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(outputs(point).square().sum() / 2, point, create_graph=True)
    (twice,) = torch.autograd.grad(gradient @ along, point)

    def gradient_at(at: Tensor) -> Tensor:
        return torch.func.vjp(outputs, at)[1](outputs(at))[0]

    second = (gradient_at(latent + step * along) - gradient_at(latent - step * along)) / (2 * step)
    torch.testing.assert_close(twice, second, rtol=1e-3, atol=1e-8)


def test_images_do_not_depend_on_their_company(family: tuple[Generator, dict[str, Tensor]]):
    generator = family[0]
    latents = generator.space("z").sample(3, seed=1)
    images = generator.render(latents, "z")
    assert images.shape == (3, *generator.image_shape)
    low = -1 if len(generator.image_shape) == 2 else 0
    assert low <= float(images.min()) < float(images.max()) <= 1
    torch.testing.assert_close(images[1:2], generator.render(latents[1:2], "z"), rtol=0, atol=1e-4)
    mapped = vmap(lambda latent: generator.render(latent[None], "z")[0])(latents)
    torch.testing.assert_close(mapped, images, rtol=0, atol=1e-4)


def test_a_file_is_recognised_as_what_it_is_and_as_nothing_else(family: tuple[Generator, dict[str, Tensor]]):
    generator, state = family
    found = [(each.name, prefix) for each, prefix in recognised(state)]
    assert [name for name, _ in found] == [type(generator).__module__.rpartition(".")[2].replace("_", "-")]
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    assert [(name, f"module.{prefix}") for name, prefix in found] == [
        (each.name, prefix) for each, prefix in recognised(wrapped)
    ]


def test_layers_are_named_as_the_server_expects(family: tuple[Generator, dict[str, Tensor]]):
    generator, state = family
    del state
    names = [*generator.activations(generator.default_context[None])]
    assert names[-1] == "image"
    entry = entry_of(type(generator).__module__.rpartition(".")[2].replace("_", "-"), DIM, generator.image_shape)
    expected = activation_layers(entry)
    assert expected == tuple(names[: len(expected)])
    until = names[0]
    assert [*generator.activations(generator.default_context[None], until=until)] == [until]
