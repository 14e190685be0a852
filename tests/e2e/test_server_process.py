"""What the server process is, and is not."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from live_server import START_SECONDS, LiveServer
from pullback_client import Client
from requests_for_tiny import invert_tiny


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_torch_is_loaded_in_the_worker_and_not_in_the_server(server: LiveServer) -> None:
    server.wait(invert_tiny(server, steps=1).name)

    def libraries(pid: int) -> str:
        return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")

    assert "libtorch" in libraries(server.worker.pid)
    assert "libtorch" not in libraries(server.process.pid)


def test_the_server_leaves_no_process_behind(live: LiveServer) -> None:
    processes = [live.process, live.worker]
    assert live.terminate() == 0
    assert not any(process.is_running() for process in processes)


def refused(*options: str) -> str:
    """What a server says that does not start."""
    command = [sys.executable, "-m", "pullback_server", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_server_does_not_start_beside_whoever_has_its_port_or_its_folder(server: LiveServer, tmp_path: Path) -> None:
    port = server.target.rpartition(":")[2]
    data = str(tmp_path / "data")
    for option in ("--listen", "--http"):
        # gRPC would be content with ::1 alone, and two servers could share the port by SO_REUSEPORT.
        others = ["--listen", "127.0.0.1:0"] if option == "--http" else []
        said = refused(*others, option, f"localhost:{port}", "--data", data)
        assert f"pullback-server: cannot listen on localhost:{port}: another program has that port on 127.0.0.1" in said
        assert "another program has that port. " in refused(*others, option, server.target, "--data", data)
    assert f"another server uses {server.data}" in refused("--listen", "127.0.0.1:0", "--data", str(server.data))
    (tmp_path / "file").touch()
    said = refused("--listen", "127.0.0.1:0", "--data", str(tmp_path / "file"))
    assert f"cannot keep data in {tmp_path / 'file'}: File exists; choose another --data folder" in said


def test_one_port_for_grpc_and_http_is_said(tmp_path: Path) -> None:
    said = refused("--listen", "127.0.0.1:50989", "--http", "127.0.0.1:50989", "--data", str(tmp_path / "data"))
    assert "--listen and --http need ports of their own, but both are 127.0.0.1:50989" in said


@pytest.mark.skipif(sys.platform != "linux" or not socket.has_ipv6, reason="needs ::1")
def test_every_address_of_a_name_answers_on_one_port(tmp_path: Path, environment: dict[str, str]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no ::1")
    # A machine whose localhost is both, as most are.
    code = """
import socket, sys
socket.getaddrinfo = lambda *_, **__: [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
]
from pullback_server.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    options = ["--listen", "localhost:0", "--http", "localhost:0", "--data", str(tmp_path / "data"), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        both = r"localhost:(\d+), that is \[::1\]:\%d and 127\.0\.0\.1:\%d"
        match = re.fullmatch(rf"pullback-server listening on {both % (1, 1)} \(http: {both % (2, 2)}\)\n", line)
        assert match, line
        for address in ("[::1]", "127.0.0.1"):
            with Client(f"{address}:{match[1]}") as client:
                assert client.list_generators()
        for host in ("::1", "127.0.0.1"):
            with closing(socket.create_connection((host, int(match[2])), timeout=60)) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                # 503 while the worker is starting.
                assert connection.recv(100).startswith((b"HTTP/1.1 200", b"HTTP/1.1 503"))
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()
