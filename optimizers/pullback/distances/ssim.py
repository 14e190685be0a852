"""Structural similarity as a distance without an embedding."""

from __future__ import annotations

from jaxtyping import Float
from pytorch_msssim.ssim import ssim
from torch import Tensor

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import Distance
from pullback.distances.inputs import check_images
from pullback.errors import InvalidInputError

# The window of Wang et al.: 11 × 11 px, Gaussian with a standard deviation of 1.5 px.
WINDOW = 11


class Ssim(Distance):
    """D = 1 − SSIM, from 0 (equal) to 2: Wang et al., "Image quality assessment" (IEEE TIP 13, 2004), Eq. 13.

    The mean over channels and over all places where the window lies within the image, with K₁ = .01, K₂ = .03 and a
    range of 1; the computation is that of the package `pytorch-msssim`. It holds no root and no clamp, so its Hessian
    at equal images is finite and positive semi-definite, flat images included.

    Args:
        entry: What the catalogue says of this distance.
    """

    def __init__(self, entry: DistanceEntry) -> None:
        super().__init__()
        self.name = entry.name

    def forward(
        self, a: Float[Tensor, "batch channels *size"], b: Float[Tensor, "batch channels *size"]
    ) -> Float[Tensor, " batch"]:
        """The distance D(a, b) of images in [0, 1], pair by pair, of any number of channels.

        Raises:
            InvalidInputError: No images, or images smaller than the window of 11 × 11 px.
        """
        for images in (a, b):
            check_images(images, self.name)
            height, width = images.shape[-2:]
            if min(height, width) < WINDOW:
                raise InvalidInputError(
                    f"distance {self.name!r} takes images of at least {WINDOW} × {WINDOW} px, its window, but "
                    f"{height} × {width} came; enlarge them, or use mse"
                )
        # D = 1 − SSIM
        similarity: Tensor = ssim(a, b, data_range=1.0, size_average=False, win_size=WINDOW)
        return 1 - similarity
