"""A tiny generator of sounds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pullback.generators.generator import Generator, LatentSpace, Prior
from toys import Normal

SAMPLES = 512


class Fixed(Prior):
    """Always the same latent: the average of anything over it is the thing itself."""

    def __init__(self, latent: Tensor) -> None:
        self.latent = latent

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Tensor:
        del dim, rng
        return self.latent.expand(n, -1)


class Chirp(Generator):
    """z of 6 coordinates → 512 samples of one channel in [−1, 1], by two transposed convolutions, as in WaveGAN."""

    def __init__(self, prior: Prior | None = None) -> None:
        super().__init__()
        self.name = "chirp"
        self.weights_hash = "1" * 64
        self.image_shape = (1, SAMPLES)
        self.input_space = "z"
        self.spaces = {"z": LatentSpace("z", 6, prior or Normal())}
        self.register_buffer("rest", torch.zeros(6))
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.layers = nn.Sequential(
                nn.Linear(6, 16 * 32),
                nn.Tanh(),
                nn.Unflatten(1, (16, 32)),
                nn.ConvTranspose1d(16, 8, 8, stride=4, padding=2),
                nn.Tanh(),
                nn.ConvTranspose1d(8, 1, 8, stride=4, padding=2),
                nn.Tanh(),
            )
        self.requires_grad_(False).eval()

    @property
    def default_context(self) -> Tensor:
        return self.get_buffer("rest")

    def synthesize(self, inputs: Tensor) -> Tensor:
        sounds: Tensor = self.layers(inputs)
        return sounds
