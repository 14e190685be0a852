"""Paired comparisons over targets: the form of the paper's Table 5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats


@dataclass(frozen=True)
class Comparison:
    """How one method does against another on the same targets.

    Attributes:
        ratio: Mean of the first over mean of the second.
        difference: Mean difference, first minus second.
        error: Standard error of that mean.
        p: Two-sided p-value of the paired t-test.
        wins: Share of the targets on which the first is better.
        targets: How many targets.
    """

    ratio: float
    difference: float
    error: float
    p: float
    wins: float
    targets: int

    def __str__(self) -> str:
        return f"Δ {self.difference:+.4f} ± {self.error:.4f}, p {self.p:.1e}, wins {self.wins:.0%} of {self.targets}"


def compare(first: NDArray[np.floating], second: NDArray[np.floating], *, higher_is_better: bool = False) -> Comparison:
    """Compares two columns of values, one row for each target."""
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return Comparison(
        ratio=float(np.mean(first) / np.mean(second)),
        difference=float(difference.mean()),
        error=float(difference.std(ddof=1) / np.sqrt(len(difference))),
        p=float(stats.ttest_rel(first, second).pvalue),
        wins=float((difference > 0 if higher_is_better else difference < 0).mean()),
        targets=len(difference),
    )
