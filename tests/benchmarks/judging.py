"""What distances that did not guide an inversion say of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from pullback import distances

JUDGES = ("lpips-alex", "lpips-vgg", "lpips-effnet-lite0", "st-lpips-alex", "st-lpips-vgg", "mse", "ssim")


@dataclass(frozen=True)
class Ratios:
    """One judge's values of some images over those of others, pair by pair.

    Attributes:
        mean: Mean of the ratios.
        error: Standard error of that mean.
        p: Two-sided p-value of the paired t-test of their logarithms.
    """

    mean: float
    error: float
    p: float

    def __str__(self) -> str:
        return f"± {self.error:.3f}, p {self.p:.1e}"


def judged_by(judge: str, images: Tensor, targets: Tensor) -> NDArray[np.float64]:
    """That judge's distance of each image to its target; one after the other, as long embeddings take much memory."""
    distance = distances.load(judge)
    with torch.no_grad():
        values = [float(distance(image[None], target[None])) for image, target in zip(images, targets, strict=True)]
    return np.array(values)


def ratios(first: NDArray[np.float64], second: NDArray[np.float64]) -> Ratios:
    """Compares two columns of distances, one row for each target."""
    each = first / second
    return Ratios(
        mean=float(each.mean()),
        error=float(each.std(ddof=1) / np.sqrt(len(each))),
        p=float(stats.ttest_rel(np.log(first), np.log(second)).pvalue),
    )
