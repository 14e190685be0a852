"""How the server in this process tells its service manager how it is, and how it ends."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from in_process import InProcessServer
from pullback_api.v1 import jobs_pb2
from pullback_client import Client
from pullback_server.watching import Watching, add_options
from pullback_server.watching.systemd import notify, watchdog_seconds

DEPLOYMENT = Path(__file__).parents[2] / "service" / "deployment"


@pytest.fixture
def notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where a service manager listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_a_service_manager_is_told_when_the_server_is_there_and_how_it_is(
    notices: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    with InProcessServer() as server:
        assert notices.recv(4096) == b"READY=1"
        told = [notices.recv(4096) for _ in range(3)]
        assert {each.splitlines()[-1] for each in told} == {b"WATCHDOG=1"}
        server._do(lambda _: server.server._health.part("ours").unwell("no room"))
        while b"STATUS=not serving: ours: no room" not in notices.recv(4096):
            pass


def test_nobody_is_told_where_nobody_has_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert not notify("READY=1")
    assert watchdog_seconds() is None
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify("READY=1")


@pytest.mark.parametrize(("drain", "stopped"), [(60.0, False), (45.0, True)])
def test_jobs_have_what_the_end_leaves_them(drain: float, stopped: bool) -> None:
    server = InProcessServer(watching=Watching(drain=drain))
    # Some seconds in all.
    server.bench.pause = 1.0
    with server:
        with Client(server.target) as client:
            job = client.submit_eigenbasis("faces", samples=10)
            server.wait_for_start(job.name)
        server.stop()
        server.start()
        server._wait_for(lambda: server.job(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED)
        assert (server.job(job.name).attempts > 1) == stopped


def test_whoever_ends_is_not_ready_meanwhile() -> None:
    server = InProcessServer(watching=Watching(drain=60.0, metrics="0"))
    server.bench.hold = True
    with server:
        with Client(server.target) as client:
            job = client.submit_eigenbasis("faces", samples=10)
            server.wait_for_start(job.name)
            ending = threading.Thread(target=server.stop)
            ending.start()
            server._wait_for(lambda: server.server._health.closed)
            # It is answered all the same, and what runs goes on.
            assert client.get_job(job.name).name == job.name
            server.finish(job.name)
        ending.join(60)
        assert not ending.is_alive()


@pytest.mark.parametrize("text", ["4", "-1", "nan", "1e9", "soon"])
def test_a_drain_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--drain", text])
    assert "expected 5 to 86,400 seconds" in capsys.readouterr().err


def test_the_unit_is_one_that_systemd_takes() -> None:
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd-analyze here")
    unit = DEPLOYMENT / "pullback.service"
    found = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=120, check=False)
    # Nothing is installed here.
    said = [each for each in found.stderr.splitlines() if "is not executable: No such file" not in each]
    assert said == []


def test_what_is_deployed_gives_options_that_there_are() -> None:
    from pullback_server.__main__ import _parser

    unit = (DEPLOYMENT / "pullback.service").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = [each for each in unit.splitlines() if each.startswith("ExecStart=")]
    options = _parser().parse_args(line.split(" -m pullback_server ")[1].split())
    assert f"TimeoutStopSec={options.drain + 15:.0f}" in unit
    container = (DEPLOYMENT / "Dockerfile").read_text(encoding="utf-8")
    copied = [name for names in re.findall(r"^COPY (?!--)(.*) \S+$", container, re.MULTILINE) for name in names.split()]
    assert all((DEPLOYMENT.parents[1] / name).exists() for name in copied)
    let_in = (DEPLOYMENT / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert re.findall(r"^!(.*)$", let_in, re.MULTILINE) == copied
    words = [
        word
        for name in ("ENTRYPOINT", "CMD")
        for each in container.splitlines()
        if each.startswith(f"{name} [")
        for word in json.loads(each.removeprefix(name))
    ]
    assert _parser().parse_args(words[3:]).metrics in container.split("HEALTHCHECK")[1]
