"""Availability of weights on this machine: told at a glance, without reading or fetching them."""

from __future__ import annotations

from enum import Enum

from pullback.weights.cache import is_converted
from pullback.weights.fetch import is_on_this_machine, may_download
from pullback.weights.source import WeightsSource


class Availability(Enum):
    """Where weights are."""

    NOT_NEEDED = "not needed"
    HERE = "here"
    TO_DOWNLOAD = "to download"
    MISSING = "missing"


def availability(source: WeightsSource | None) -> Availability:
    """Where the weights of a source are; whether they are whole is seen when they are loaded.

    Args:
        source: The source; None where there are no weights. Those of code are its own affair.

    Returns:
        `HERE` where they are cached or their file is; `TO_DOWNLOAD` where the first use fetches them; `MISSING` where
        it cannot, because they are a file that is not there, or `PULLBACK_OFFLINE` is set.
    """
    if source is None or source.kind == "code":
        return Availability.NOT_NEEDED
    if is_converted(source) or any(is_on_this_machine(way) for way in source.ways):
        return Availability.HERE
    return Availability.TO_DOWNLOAD if any(map(may_download, source.ways)) else Availability.MISSING
