"""Tasks of a disposable process that go as well, or as wrong, as a test wants."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from typing import Any


def work(header: dict[str, Any], parts: Sequence[bytes]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Does what `do` says."""
    match header.pop("do"):
        case "tell":
            return {"process": os.getpid()}, ()
        case "print":
            print("printed by a library", flush=True)  # noqa: T201
            os.write(1, b"written by a library\n")
        case "raise":
            return {"never": 1 / 0}, ()
        case "exit":
            os._exit(3)
        case "crash":
            ctypes.string_at(0)
        case "garble":
            os.closerange(0, 100)
            os._exit(0)
        case "fill":
            return {"filled": len(bytearray(1 << 30))}, ()
        case "spin":
            end = time.process_time() + header["seconds"]
            while time.process_time() < end:
                pass
        case "sleep":
            time.sleep(600)
        case "echo":
            return header, parts
    return {}, ()
