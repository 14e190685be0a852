"""Damage in the log: each once, however often somebody asks for what is damaged."""

from __future__ import annotations

import logging
import threading

from pullback_server.store.faults import UnreadableError

# Texts that are remembered; from then on all begin anew.
_MAX_TOLD = 10_000

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_told: set[str] = set()


def log_once(error: UnreadableError) -> None:
    """Logs what is damaged, unless this process has done so before."""
    text = str(error)
    with _lock:
        if text in _told:
            return
        if len(_told) >= _MAX_TOLD:
            _told.clear()
        _told.add(text)
    _log.error("%s", text)
