"""Mean squared error as a distance of embeddings."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import EmbeddingDistance
from pullback.distances.inputs import is_sound


class Mse(EmbeddingDistance):
    """The mean, over channels and pixels or samples, of squared differences on [−1, 1].

    Images are taken from [0, 1] to [−1, 1], LPIPS's own input range, so weights of "LPIPS + MSE" losses in the
    literature carry over: it is 4 times the mean squared error of the same images in [0, 1]. Sounds are on [−1, 1]
    already.

    Args:
        entry: What the catalogue says of this distance.
    """

    def __init__(self, entry: DistanceEntry) -> None:
        super().__init__()
        self.name = entry.name

    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """Pixels or samples in [−1, 1], divided by the square root of their number.

        Raises:
            InvalidInputError: Neither images nor sounds.
        """
        signal = images if is_sound(images, self.name) else 2 * images - 1
        values = signal.flatten(start_dim=1)
        # ‖φ(a) − φ(b)‖² = mean (a − b)²
        return values / math.sqrt(values.shape[1])
