"""Notices to systemd, or whoever set `NOTIFY_SOCKET`: the server is there, lives, goes down; see sd_notify(3)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

from pullback_server.deadlines import within
from pullback_server.supervision import Health

_LOOK_SECONDS = 60.0


def notify(*lines: str) -> bool:
    """Sends a notice; returns whether somebody has asked for it, and it could be sent."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    # An abstract socket's name begins with a zero byte.
    target = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        sender.sendto("\n".join(lines).encode(), target)
        return True
    return False


def watchdog_seconds() -> float | None:
    """How often the service manager wants to hear that this process lives; None where it does not."""
    try:
        microseconds = int(os.environ.get("WATCHDOG_USEC", ""))
        meant = int(os.environ.get("WATCHDOG_PID", os.getpid())) == os.getpid()
    except ValueError:
        return None
    return microseconds / 1e6 if meant and microseconds > 0 else None


async def tell_how_it_is(health: Health) -> None:
    """Says for ever how the server is, and as often as is wanted that its event loop turns."""
    wanted = watchdog_seconds()
    while True:
        change = health.next_change
        troubles = "; ".join(f"{name}: {trouble}" for name, trouble in health.troubles.items())
        lines = [f"STATUS={'serving' if health.serving else f'not serving: {troubles}'[:500]}"]
        notify(*lines, *(["WATCHDOG=1"] if wanted else []))
        with contextlib.suppress(asyncio.TimeoutError):
            await within(wanted / 3 if wanted else _LOOK_SECONDS, change.wait())
