"""Collector of the parts of a server: how they are, how often they were begun again, and their memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pullback_server.supervision import Health, Part


class PartsCollector(Collector):
    """Looks at the parts whenever somebody asks for the metrics.

    Args:
        health: Knows the parts.
        registry: Asks.
    """

    def __init__(self, health: Health, registry: CollectorRegistry) -> None:
        self._health = health
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """The metrics without their values."""
        return iter(_families())

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        serving, well, restarts, resident, device = _families()
        serving.add_metric((), float(self._health.serving))
        for name, part in self._health.items():
            well.add_metric((name,), float(part.trouble is None))
            restarts.add_metric((name,), part.restarts)
            if (size := resident_bytes(part)) is not None:
                resident.add_metric((name,), size)
            for what, value in part.device_memory.items():
                device.add_metric((name, what), value)
        yield from (serving, well, restarts, resident, device)


def _families() -> tuple[
    GaugeMetricFamily, GaugeMetricFamily, CounterMetricFamily, GaugeMetricFamily, GaugeMetricFamily
]:
    return (
        GaugeMetricFamily("pullback_serving", "1 while the server is well and not going down."),
        GaugeMetricFamily("pullback_part_well", "1 while the part is well.", labels=("part",)),
        CounterMetricFamily(
            "pullback_part_restarts", "How often the part has ended and was begun again.", labels=("part",)
        ),
        GaugeMetricFamily("pullback_resident_bytes", "Resident memory of the part's process.", labels=("part",)),
        GaugeMetricFamily(
            "pullback_device_memory_bytes",
            "Memory on the device of a worker: what it may take, what there is, what its tensors have, what it keeps.",
            labels=("part", "what"),
        ),
    )


def resident_bytes(part: Part) -> int | None:
    """Resident memory of a part's process; None where there is none, or this system does not say."""
    if part.pid is None:
        return None
    try:
        return int(Path(f"/proc/{part.pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
