"""Density F: the distribution of a coordinate of the latents, learnt as a network that ascends everywhere."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_WIDTH = 32
# The units of a layer rise at places from −reach to reach, so that none starts as the twin of another.
_REACH = 2.0


class Density(nn.Module):
    """F(x) = Pr(τ < x) of one coordinate, in three fully connected layers (DP-LaSE, section 3.2).

    The paper takes the coordinates for independent and identically distributed, so one F serves all of them, and only
    punishes an F that falls (Eq. 4). Here F ascends by construction — positive weights, tanh, a straight line beside
    them, a logistic function at the end — and leads from 0 to 1: log F′ exists from the first step on, however far out.
    The paper approximates F′ by a difference quotient (Eq. 3); the chain rule gives it as cheaply, and without the
    cancellation of single precision.

    Args:
        rng: Where the weights come from.
    """

    def __init__(self, rng: torch.Generator) -> None:
        super().__init__()
        places = torch.linspace(-_REACH, _REACH, _WIDTH)
        self.first = nn.Parameter(_raw(_WIDTH, 1, rng))
        self.first_bias = nn.Parameter(places.clone())
        self.second = nn.Parameter(_raw(_WIDTH, _WIDTH, rng))
        self.second_bias = nn.Parameter(places / 2)
        self.third = nn.Parameter(_raw(1, _WIDTH, rng))
        self.third_bias = nn.Parameter(torch.zeros(1))
        self.line = nn.Parameter(torch.zeros(1))

    def forward(self, values: Float[Tensor, "*shape"]) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """F and log F′ of each value."""
        x = values[..., None]
        weights = [functional.softplus(raw) for raw in (self.first, self.second, self.third, self.line)]
        hidden = functional.linear(x, weights[0], self.first_bias).tanh()
        slope = (1 - hidden.square()) * weights[0][:, 0]
        hidden = functional.linear(hidden, weights[1], self.second_bias).tanh()
        slope = (1 - hidden.square()) * functional.linear(slope, weights[1])
        odds = (functional.linear(hidden, weights[2], self.third_bias) + weights[3] * x)[..., 0]
        slope = (functional.linear(slope, weights[2]) + weights[3])[..., 0]
        # F = σ(a), F′ = σ(a) σ(−a) a′
        log_slope = functional.logsigmoid(odds) + functional.logsigmoid(-odds) + slope.log()
        return odds.sigmoid(), log_slope


def _raw(rows: int, columns: int, rng: torch.Generator) -> Tensor:
    """Weights before softplus, around that of 1 / columns."""
    return math.log(math.expm1(1 / columns)) + 0.1 * torch.randn(rows, columns, generator=rng)
