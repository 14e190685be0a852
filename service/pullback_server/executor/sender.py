"""Sender to a worker, in a thread of its own: a worker that reads nothing holds up nobody else."""

from __future__ import annotations

import dataclasses
import logging
import queue
import threading
import time
from multiprocessing.connection import Connection

import numpy as np

from pullback_server.protocol.messages import ToWorker

_log = logging.getLogger(__name__)


class Sender:
    """Sends messages in the order in which they come. All methods may be called on the event loop: none waits.

    Args:
        connection: The server's end of the pipe.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queue: queue.SimpleQueue[ToWorker | None] = queue.SimpleQueue()
        self._began: float | None = None
        threading.Thread(target=self._send_all, name="worker-sender", daemon=True).start()

    def send(self, message: ToWorker) -> None:
        """Sends a message as soon as those before it are sent."""
        self._queue.put(message)

    def close(self) -> None:
        """Ends the thread; what was not sent is not sent any more once the worker is gone."""
        self._queue.put(None)

    @property
    def held_up_seconds(self) -> float:
        """How long the message that is being sent has taken so far."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def _send_all(self) -> None:
        while (message := self._queue.get()) is not None:
            self._began = time.monotonic()
            try:
                self._connection.send(message)
            except OSError:
                # The worker has died, which its listener notices.
                return
            except Exception:
                _log.exception("a message to a worker cannot be sent")
            finally:
                self._began = None


def weight(content: object) -> int:
    """About how many bytes a message, or a part of one, takes."""
    if isinstance(content, bytes | str):
        return len(content)
    if isinstance(content, np.ndarray):
        return content.nbytes
    if isinstance(content, tuple | list):
        return sum(map(weight, content))
    if dataclasses.is_dataclass(content):
        return sum(weight(getattr(content, field.name)) for field in dataclasses.fields(content))
    return 8
