"""LPIPS's uncalibrated ("baseline") form over any backbone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import EmbeddingDistance
from pullback.distances.features import LpipsEmbedding
from pullback.distances.inputs import as_rgb


class BackboneLpips(EmbeddingDistance):
    """LPIPS without learned weights: the mean over layers of the spatial average of ‖â − b̂‖².

    â are activations divided by their norm over channels (Zhang et al., CVPR 2018, "baseline").

    Args:
        entry: What the catalogue says of this distance.
        backbone: Gives a list of activations, each (B, C, H, W), of normalised images.
        channels: C of each activation.
        side: Height and width in pixels that images are resized to, so that a network trained on large pictures sees
            small ones at a useful scale.
        mean: Subtracted from images in [0, 1]; one number, or one for each channel.
        std: What they are then divided by; likewise.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        entry: DistanceEntry,
        backbone: nn.Module,
        channels: Sequence[int],
        *,
        side: int,
        mean: float | Sequence[float],
        std: float | Sequence[float],
    ) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.backbone = backbone
        self.side = side
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(-1, 1, 1), persistent=False)
        # The mean over layers: every channel of every layer weighs the same.
        self.embedding = LpipsEmbedding([torch.full((count,), 1 / len(channels)) for count in channels])

    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """The embedding φ of images in [0, 1] of any size, greyscale or colour.

        Raises:
            InvalidInputError: No images, or images of neither 1 nor 3 channels.
        """
        size = (self.side, self.side)
        resized = functional.interpolate(as_rgb(images, self.name), size, mode="bilinear", antialias=True)
        features: Tensor = self.embedding(self.backbone((resized - self.mean) / self.std))
        return features
