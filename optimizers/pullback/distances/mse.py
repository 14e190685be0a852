"""Mean squared error as a distance of embeddings."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import Distance


class Mse(Distance):
    """The mean, over channels and pixels, of squared differences of images taken to [−1, 1].

    [−1, 1] is LPIPS's own input range, so weights of "LPIPS + MSE" losses in the literature carry over. It is 4 times
    the mean squared error of the same images in [0, 1].

    Args:
        entry: What the catalogue says of this distance.
    """

    def __init__(self, entry: DistanceEntry) -> None:
        super().__init__()
        self.name = entry.name

    def embed(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """Pixels in [−1, 1], divided by the square root of their number."""
        pixels = (2 * images - 1).flatten(start_dim=1)
        # ‖φ(a) − φ(b)‖² = mean (a − b)²
        return pixels / math.sqrt(pixels.shape[1])
