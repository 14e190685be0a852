"""Logs of all processes: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from datetime import datetime, timezone
from types import TracebackType

from pullback_server.watching.context import context

FORMATS = ("text", "json")
FORMAT_VARIABLE = "PULLBACK_LOG_FORMAT"
"""Environment variable by which the server's processes hear of the format."""
# Whatever a library may say of a request's head.
_SECRET = re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",;]+")

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Makes of a record one line of JSON: `time` (UTC), `level`, `logger`, `process`, `pid`, `message`.

    Also what is known of what was being done (see `context`), and as `error` what was raised, with its traceback.

    Args:
        process: What the process is called: `server`, `worker-0`, …
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": self._process,
            "pid": record.process,
            "message": _without_secrets(record.getMessage()),
            **context(),
        }
        if record.exc_info:
            said["error"] = _without_secrets(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False, default=str)


def announce_format(log_format: str) -> None:
    """Has this process, and those that it starts, log in that format once they call `configure`."""
    os.environ[FORMAT_VARIABLE] = log_format
    if log_format == "json":
        # gRPC's core writes lines of its own to the standard error.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def configure(level: int, process: str, text: str = "%(asctime)s %(levelname)s %(name)s: %(message)s") -> None:
    """Has this process log to its standard error, from a level on.

    Args:
        level: Of the standard library's logging.
        process: What the process is called.
        text: Format of the lines for people.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(text))
    if os.environ.get(FORMAT_VARIABLE) == "json":
        handler.setFormatter(JsonFormatter(process))
        # What would be written to the standard error by itself is a line of the log too.
        logging.captureWarnings(True)
        sys.excepthook = _log_uncaught
        threading.excepthook = lambda raised: _log_uncaught(
            raised.exc_type, raised.exc_value or raised.exc_type(), raised.exc_traceback
        )
    logging.basicConfig(level=level, handlers=[handler])


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, SystemExit):
        return
    _log.critical("ended by an error that nobody has caught", exc_info=(kind, error, trace))


def _without_secrets(text: str) -> str:
    return _SECRET.sub(r"\1 …", text)
