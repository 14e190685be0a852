"""Supervision: the health of the server's parts, its tasks and its processes; `service/README.md` draws it."""

from pullback_server.supervision.health import Health, HealthServicer, Part
from pullback_server.supervision.tasks import supervised

__all__ = ["Health", "HealthServicer", "Part", "supervised"]
