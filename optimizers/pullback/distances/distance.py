"""Interface of a distance of images or of sounds, and of the kind that has an embedding."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Distance(nn.Module, ABC):
    """A distance D(a, b) ≥ 0 with D(a, a) = 0, smooth at b = a, where it pulls back a metric.

    Images have shape (B, C, H, W) and values in [0, 1]; sounds have shape (B, C, T) and values in [−1, 1].

    Frozen, in evaluation mode, differentiable once and twice; gradients are finite for every image, constant ones
    included.

    Attributes:
        name: Name in the catalogue.
        weights_hash: SHA-256 of the published weight file, hexadecimal; empty for a distance without weights.
    """

    name: str
    weights_hash: str = ""
    _anchor: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Says on which device and in which precision this distance lives, also where it has no weights.
        self.register_buffer("_anchor", torch.zeros(()), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._anchor.device

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the weights."""
        return self._anchor.dtype

    @abstractmethod
    def forward(
        self, a: Float[Tensor, "batch channels *size"], b: Float[Tensor, "batch channels *size"]
    ) -> Float[Tensor, " batch"]:
        """The distance D(a, b) of images or sounds, pair by pair."""


class EmbeddingDistance(Distance):
    """A distance of the form D(a, b) = ‖φ(a) − φ(b)‖².

    Because the residual φ(a) − φ(b) vanishes at b = a, the Hessian of D there is exactly 2 JᵀJ with J = ∂φ.

    The embedding is differentiable in forward mode too.
    """

    @abstractmethod
    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """The embedding φ of images or sounds."""

    def forward(
        self, a: Float[Tensor, "batch channels *size"], b: Float[Tensor, "batch channels *size"]
    ) -> Float[Tensor, " batch"]:
        """The distance D(a, b) of images or sounds, pair by pair."""
        # D(a, b) = ‖φ(a) − φ(b)‖²
        return (self.embed(a) - self.embed(b)).square().sum(dim=1)
