"""Limits of a search: when it is stopped before its steps are made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError

# A plateau: the best loss falls by less than this share of itself.
_PROGRESS = 1e-3


@dataclass(frozen=True)
class Limits:
    """What ends a search early; the best so far is its result.

    Attributes:
        seconds: Seconds of optimization, above 0; None for no bound.
        patience: Steps for which no target's best loss has fallen by a thousandth of itself, at least 1; None for
            no bound. (`invert` asks for each target by itself.)

    Raises:
        InvalidInputError: A limit is out of range.
    """

    seconds: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise InvalidInputError(f"seconds are finite and above 0, but {self.seconds} came")
        if self.patience is not None and self.patience < 1:
            raise InvalidInputError(f"a patience is a number of steps from 1 on, but {self.patience} came")

    def reached(self, trace_loss: Float[Tensor, "images restarts step"], seconds: float) -> bool:
        """Whether a search with these losses, which took these seconds, has come to an end."""
        if self.seconds is not None and seconds >= self.seconds:
            return True
        if self.patience is None or trace_loss.shape[2] <= self.patience:
            return False
        finite = trace_loss.nan_to_num(nan=math.inf, posinf=math.inf)
        before = finite[..., : -self.patience].flatten(1).amin(dim=1)
        now = finite.flatten(1).amin(dim=1)
        # A target that never had a finite loss stands still too.
        return bool((before.isinf() & now.isinf() | (now >= (1 - _PROGRESS) * before)).all())
