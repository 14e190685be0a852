"""What the server process is, and is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from live_server import LiveServer
from requests_for_tiny import invert_tiny


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_torch_is_loaded_in_the_worker_and_not_in_the_server(server: LiveServer) -> None:
    server.wait(invert_tiny(server, steps=1).name)

    def libraries(pid: int) -> str:
        return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")

    assert "libtorch" in libraries(server.worker.pid)
    assert "libtorch" not in libraries(server.process.pid)


def test_the_server_leaves_no_process_behind(start_server) -> None:  # type: ignore[no-untyped-def]
    live = start_server()
    processes = [live.process, live.worker]
    assert live.terminate() == 0
    assert not any(process.is_running() for process in processes)
