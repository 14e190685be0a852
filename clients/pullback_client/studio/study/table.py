"""Table of the study as it was published: for each group of axes who saw a change, and what those said of it.

Means, and their standard errors, are over the responses in which a change was seen. Groups are compared with the top
axes by Student's t-test of two samples with equal variances, two-sided.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pullback_client.studio.study.protocol import GROUPS, Group
from pullback_client.studio.study.responses import Response, Study

MEASURES = ("magnitude", "consistency", "difficulty", "shared")
"""What is averaged, by the names of `Response`."""


class Mean(NamedTuple):
    """A mean.

    Attributes:
        value: It; NaN of nothing.
        error: Its standard error; NaN of fewer than two.
        responses: Of how many.
        p: That it differs so much from the top axes' by chance; NaN of the top axes themselves, and where there are too
            few responses.
    """

    value: float
    error: float
    responses: int
    p: float


@dataclass(frozen=True)
class Row:
    """What was said of a group of axes.

    Attributes:
        group: The group.
        responses: How many there are.
        seen: The share in which a change was seen; NaN of none.
        means: By measure.
    """

    group: Group
    responses: int
    seen: float
    means: dict[str, Mean]


def make_table(studies: Sequence[Study]) -> list[Row]:
    """The table of some observers' responses taken together."""
    by_group: dict[Group, list[Response]] = {group: [] for group in GROUPS}
    for study in studies:
        for trial in study.trials:
            if (response := study.responses.get(trial.number)) is not None:
                by_group[trial.group].append(response)
    values = {
        group: {name: [float(getattr(each, name)) for each in given if each.seen] for name in MEASURES}
        for group, given in by_group.items()
    }
    return [
        Row(
            group,
            len(given),
            statistics.fmean(each.seen for each in given) if given else math.nan,
            {
                name: _mean(
                    values[group][name], math.nan if group == "top" else _p(values["top"][name], values[group][name])
                )
                for name in MEASURES
            },
        )
        for group, given in by_group.items()
    ]


def _mean(values: Sequence[float], p: float) -> Mean:
    count = len(values)
    error = statistics.stdev(values) / math.sqrt(count) if count > 1 else math.nan
    return Mean(statistics.fmean(values) if values else math.nan, error, count, p)


def _p(first: Sequence[float], second: Sequence[float]) -> float:
    """Student's t-test; NaN where it has no answer."""
    n, m = len(first), len(second)
    if n < 2 or m < 2:
        return math.nan
    freedom = n + m - 2
    # s² = ((n − 1) s₁² + (m − 1) s₂²) / (n + m − 2),  t = (x̄₁ − x̄₂) / (s √(1/n + 1/m))
    pooled = ((n - 1) * statistics.variance(first) + (m - 1) * statistics.variance(second)) / freedom
    ahead = statistics.fmean(first) - statistics.fmean(second)
    if pooled == 0:
        return math.nan if ahead == 0 else 0.0
    t = ahead / math.sqrt(pooled * (1 / n + 1 / m))
    # P(|T| > t) = I_{ν / (ν + t²)}(ν/2, 1/2)
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    Args:
        a: > 0.
        b: > 0.
        x: 0 to 1.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        # Where the fraction converges fast: I_x(a, b) = 1 − I_{1−x}(b, a).
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    # Lentz's way to evaluate 1 / (1 + d₁ / (1 + d₂ / (1 + …))).
    tiny = 1e-300
    c, d = 1.0, 0.0
    fraction = 1.0
    for number in range(1000):
        m = number // 2
        if number == 0:
            term = 1.0
        elif number % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / ((1 + term * d) or tiny)
        c = (1 + term / c) or tiny
        fraction *= c * d
        if number and abs(c * d - 1) < 1e-15:
            break
    return front * (fraction - 1)
