"""Liveness and readiness: what supervisors are answered, wherever they ask over HTTP."""

from __future__ import annotations

from pullback_server.supervision import Health

Answer = tuple[int, dict[str, object]]


def livez() -> Answer:
    """Status and content of the answer whether the server lives: whoever gets it knows that its event loop turns."""
    return 200, {"status": "ALIVE"}


def readyz(health: Health) -> Answer:
    """Status and content of the answer whether calls should be sent here: not while a part is unwell, or it ends.

    `parts` says of each part "well", or what it is troubled by.
    """
    parts = {name: trouble or "well" for name, trouble in health.parts.items()}
    if health.serving:
        return 200, {"status": "SERVING", "parts": parts}
    unwell = "; ".join(f"{name}: {trouble}" for name, trouble in health.troubles.items())
    return 503, {"code": "unavailable", "message": f"the server is NOT_SERVING: {unwell}", "parts": parts}
