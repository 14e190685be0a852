"""Heap of the server: what is there when it has started is not looked through by every full collection."""

from __future__ import annotations

import json
import subprocess
import sys

# In a process of its own: what is left alone there is left alone for good.
_STARTED = """
import asyncio, gc, json, os, signal, weakref
from pathlib import Path
from types import SimpleNamespace
from pullback_server import __main__ as program

class Started:
    endpoint, http_endpoint, studio = "127.0.0.1:1", None, None
    watch = SimpleNamespace(exposition=None)

    def __init__(self, config):
        pass

    async def start(self):
        asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)

    async def stop(self):
        class Cycle:
            pass
        later = Cycle()
        later.itself, told = later, weakref.ref(later)
        del later
        gc.collect()
        print(json.dumps({"left": gc.get_freeze_count(), "looked": len(gc.get_objects()), "freed": told() is None}))

program.Server = Started
asyncio.run(program._serve(program.Config("127.0.0.1:0", Path("."))))
"""


def test_a_full_collection_leaves_alone_what_a_server_has_started_with() -> None:
    ran = subprocess.run([sys.executable, "-c", _STARTED], capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["left"] > 50_000
    assert found["looked"] < found["left"] / 10
    # What becomes garbage later is collected as ever.
    assert found["freed"]
