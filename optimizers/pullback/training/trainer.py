"""StyleGAN2's training (Karras et al., CVPR 2020), as functions of a step's number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.generators.style_based.stylegan2_network import StyleGan2Network, StyleGan2Shape
from pullback.training.discriminator import Discriminator

_STREAMS = 2**20


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how.

    Attributes:
        shape: The generator's.
        batch: Images in a batch, a multiple of 4.
        rate: Adam's learning rate.
        gamma: Weight of R1, the squared gradient at real images (Mescheder et al., ICML 2018).
        lazy: R1 is taken in every so many steps, with as many times its weight.
        mixing: Share of images whose layers come from two latents.
        average_kimg: Thousands of images in which the average of the generator's weights forgets one half.
        seed: Of the weights and of everything that is drawn.
    """

    shape: StyleGan2Shape
    batch: int = 32
    rate: float = 0.002
    gamma: float = 0.05
    lazy: int = 16
    mixing: float = 0.9
    average_kimg: float = 10.0
    seed: int = 0


class Trainer:
    """The networks, their optimizers and the averaged generator; every draw is a function of the seed and the step.

    Args:
        recipe: What to train.
        real: The batch of real images of a number, in [−1, 1].
        device: Where to train.
    """

    def __init__(self, recipe: Recipe, real: Callable[[int], Tensor], device: torch.device) -> None:
        self.recipe, self.device, self.step = recipe, device, 0
        self._real = real
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.generator = StyleGan2Network(recipe.shape).to(device)
            self.discriminator = Discriminator(recipe.shape.channels).to(device)
        self.average = deepcopy(self.generator).requires_grad_(False)
        self._generator_adam = self._adam(self.generator, 1.0)
        # The published correction for a regularisation that is taken now and then.
        self._discriminator_adam = self._adam(self.discriminator, recipe.lazy / (recipe.lazy + 1))

    def _adam(self, network: nn.Module, share: float) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), lr=self.recipe.rate * share, betas=(0.0, 0.99**share))

    @property
    def kimg(self) -> float:
        """Thousands of real images shown."""
        return self.step * self.recipe.batch / 1000

    def advance(self) -> dict[str, float]:
        """One step of the discriminator and one of the generator.

        Returns:
            The losses and the mean logits.
        """
        rng = torch.Generator().manual_seed(self.recipe.seed * _STREAMS + self.step)
        real = self._real(self.recipe.seed * _STREAMS + self.step).to(self.device)
        said = self._advance_discriminator(real, rng) | self._advance_generator(rng)
        self._follow()
        self.step += 1
        return said

    def _advance_discriminator(self, real: Tensor, rng: torch.Generator) -> dict[str, float]:
        recipe = self.recipe
        with torch.no_grad():
            fake = self._fakes(rng)
        of_real, of_fake = self.discriminator(real), self.discriminator(fake)
        # Non-saturating logistic loss.
        loss = functional.softplus(of_fake).mean() + functional.softplus(-of_real).mean()
        total = loss
        if self.step % recipe.lazy == 0:
            # R1 = γ/2 · E‖∇D(x)‖²
            penalty = recipe.gamma / 2 * squared_gradient(self.discriminator, real)
            total = loss + recipe.lazy * penalty
        self._discriminator_adam.zero_grad()
        torch.autograd.backward(total)
        self._discriminator_adam.step()
        said = {"discriminator": loss, "real": of_real.mean(), "fake": of_fake.mean()}
        return {name: value.item() for name, value in said.items()}

    def _advance_generator(self, rng: torch.Generator) -> dict[str, float]:
        self.discriminator.requires_grad_(False)
        loss = functional.softplus(-self.discriminator(self._fakes(rng))).mean()
        self._generator_adam.zero_grad()
        torch.autograd.backward(loss)
        self._generator_adam.step()
        self.discriminator.requires_grad_(True)
        return {"generator": loss.item()}

    def _fakes(self, rng: torch.Generator) -> Tensor:
        recipe, layers = self.recipe, self.recipe.shape.layers
        drawn = torch.randn(2, recipe.batch, recipe.shape.latent_dim, generator=rng).to(self.device)
        first, second = torch.unflatten(self.generator.mapping(drawn.flatten(0, 1)), 0, (2, -1))
        # Layers from `crossing` on take the second latent.
        crossing = torch.randint(1, layers, (recipe.batch,), generator=rng)
        crossing[torch.rand(recipe.batch, generator=rng) > recipe.mixing] = layers
        mixed = (torch.arange(layers) >= crossing[:, None])[..., None].to(self.device)
        w = torch.where(mixed, second[:, None], first[:, None])
        sides = self.generator.noise_sides()
        noise = [torch.randn(recipe.batch, 1, side, side, generator=rng).to(self.device) for side in sides]
        return self.generator.synthesis(w, noise)

    @torch.no_grad()
    def _follow(self) -> None:
        # Early on the average forgets faster, or it would keep the untrained weights.
        half = min(self.recipe.average_kimg, 0.05 * self.kimg) * 1000
        keep = 0.5 ** (self.recipe.batch / half) if half else 0.0
        pairs = zip(self.average.parameters(), self.generator.parameters(), strict=True)
        for average, parameter in pairs:
            average.lerp_(parameter, 1 - keep)

    @property
    def _parts(self) -> dict[str, nn.Module | torch.optim.Adam]:
        """What a state holds, by name."""
        return {
            "generator": self.generator,
            "average": self.average,
            "discriminator": self.discriminator,
            "generator_adam": self._generator_adam,
            "discriminator_adam": self._discriminator_adam,
        }

    def state(self) -> dict[str, Any]:
        """Everything that a training needs to go on: tensors, numbers and dictionaries of them."""
        return {"step": self.step} | {name: part.state_dict() for name, part in self._parts.items()}

    def load(self, state: object) -> None:
        """Goes on from a kept state.

        Raises:
            InvalidInputError: It is not that of a training of this shape.
        """
        if not isinstance(state, Mapping):
            raise InvalidInputError(f"the state of a training is a dictionary, but {type(state).__name__} came")
        if missing := [name for name in ("step", *self._parts) if name not in state]:
            raise InvalidInputError(f"the state of a training lacks {', '.join(missing)}")
        if (shape := StyleGan2Shape.of(state["generator"], "the state")) != self.recipe.shape:
            raise InvalidInputError(f"the state is that of a {shape}, but a {self.recipe.shape} is trained")
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.step = int(state["step"])


def squared_gradient(discriminator: nn.Module, images: Float[Tensor, "batch channels h w"]) -> Float[Tensor, ""]:
    """E‖∇D(x)‖² over images x, differentiable in the discriminator's weights."""
    seen = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(seen).sum(), seen, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
