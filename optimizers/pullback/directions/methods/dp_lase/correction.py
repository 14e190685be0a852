"""Correction C: what brings a step back to the density that it left."""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_WIDTH = 128
_LAYERS = 6
_LEAK = 0.2


class Correction(nn.Module):
    """C(z₀, ε, γ) in six fully connected layers (DP-LaSE, Eq. 6).

    The paper leaves its form open. Here it is proportional to ε, so that no step is no change, and zero at first, so
    that walks begin straight.

    Args:
        dim: Number n of coordinates of a latent.
        rng: Where the weights come from.
    """

    def __init__(self, dim: int, rng: torch.Generator) -> None:
        super().__init__()
        widths = [2 * dim + 1, *[_WIDTH] * (_LAYERS - 1), dim]
        sides = list(itertools.pairwise(widths))
        weights = [torch.randn(after, before, generator=rng) * (2 / before) ** 0.5 for before, after in sides]
        self.weights = nn.ParameterList([*weights[:-1], torch.zeros_like(weights[-1])])
        self.biases = nn.ParameterList([torch.zeros(after) for _, after in sides])

    def forward(
        self,
        starts: Float[Tensor, "batch n"],
        steps: Float[Tensor, "batch k"],
        directions: Float[Tensor, "k n"],
    ) -> Float[Tensor, "batch k n"]:
        """The correction of each start for each direction.

        Args:
            starts: z₀, each coordinate in its deviations from its mean.
            steps: ε as a share of the longest step, −1 to 1.
            directions: γ_j, unit vectors.
        """
        batch, k = steps.shape
        sides = (starts[:, None].expand(-1, k, -1), steps[..., None], directions.expand(batch, -1, -1))
        values = torch.cat(sides, dim=-1)
        *inner, (last, last_bias) = zip(self.weights, self.biases, strict=True)
        for weight, bias in inner:
            values = functional.leaky_relu(functional.linear(values, weight, bias), _LEAK)
        return steps[..., None] * functional.linear(values, last, last_bias)
