"""How soon a server says what it is troubled by, and is well again: each cause in turn, with a job under way."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil
from machine import Machine
from reporting import QUICK, Figure, Report

from hanging import FOR_EVER, SECONDS, environment_to_hang, hang
from live_server import LiveServer
from locking import write_locked
from pullback_api.v1 import jobs_pb2
from requests_for_tiny import arrays_of, have_calls_answered, inversion_of, invert_tiny
from tiny import write_catalogue

NOTICED_SECONDS, WELL_SECONDS = 5.0, 10.0
LOCKED_SECONDS, FULL_SECONDS = (8.0, 8.0) if QUICK else (60.0, 30.0)
# Whatever the machine does, a cause is given up after so many.
_PATIENCE_SECONDS = 300.0
_LOOK_SECONDS = 0.05
# A job of some seconds, which goes on while the cause lasts, and ends in it or after it.
STEPS = 400


@dataclass(frozen=True)
class Cause:
    """Something that happens to a server.

    Attributes:
        name: What it is.
        why: What health must say of it, as a regular expression.
        happens: Begins it; it has ended when the block has.
        environment: What its server needs for it.
    """

    name: str
    why: str
    happens: Callable[[LiveServer], AbstractContextManager[None]]
    environment: Callable[[Path], dict[str, str]] = lambda _: {}


def bench_causes(report: Report, seed: int) -> None:
    """Each cause on a server of its own."""
    del seed  # Nothing is drawn.
    for cause in CAUSES:
        if not re.search(os.environ.get("TRUST_CAUSES", ""), cause.name):
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            environment = {
                "PULLBACK_CATALOGUE": str(write_catalogue(folder / "catalogue")),
                "PULLBACK_CACHE": str(folder / "cache"),
                **cause.environment(folder),
            }
            with LiveServer(folder / "data", environment, secure=True) as server, Machine() as machine:
                _measure(report, server, machine, cause)


def _measure(report: Report, server: LiveServer, machine: Machine, cause: Cause) -> None:
    server.wait_until(serving=True)
    expected = server.wait(invert_tiny(server, steps=STEPS).name)
    before = arrays_of(inversion_of(server, expected))
    have_calls_answered(server)
    job = invert_tiny(server, steps=STEPS)
    server.wait_for_step(job.name, 1)
    began = time.monotonic()
    with cause.happens(server):
        noticed, troubles = _until_noticed(server, began, cause.why)
    ended = time.monotonic()
    well = server.wait_until(serving=True, seconds=_PATIENCE_SECONDS)
    given = f"a processor was given to {machine.share(began, began + noticed):.0%}"
    share = machine.share(ended, ended + well)
    report.add(
        Figure(
            f"{cause.name}: seconds until health says so",
            noticed,
            f"≤ {NOTICED_SECONDS:g}",
            noticed <= NOTICED_SECONDS,
            f"{troubles[:100]}; {given}",
        )
    )
    report.add(
        Figure(
            f"{cause.name}: seconds after its end until SERVING",
            well,
            f"≤ {WELL_SECONDS:g}",
            well <= WELL_SECONDS,
            f"a processor was given to {share:.0%}",
        )
    )
    done = server.wait(job.name)
    kept = done.state == jobs_pb2.JOB_STATE_SUCCEEDED and arrays_of(inversion_of(server, done)) == before
    kept = kept and arrays_of(inversion_of(server, expected)) == before
    report.add(Figure(f"{cause.name}: lost or changed", int(not kept), "0", kept, f"{done.attempts} attempts"))


def _until_noticed(server: LiveServer, began: float, why: str) -> tuple[float, str]:
    """Seconds until health names the cause, and what it says."""
    while not re.search(why, troubles := server.troubles()):
        if time.monotonic() - began > _PATIENCE_SECONDS:
            return float("inf"), troubles
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - began, troubles


# What happens -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _killed(server: LiveServer) -> Iterator[None]:
    server.worker.kill()
    yield


def _stopped(seconds: float) -> Callable[[LiveServer], AbstractContextManager[None]]:
    @contextlib.contextmanager
    def stopped(server: LiveServer) -> Iterator[None]:
        worker = server.worker
        worker.suspend()
        yield
        time.sleep(seconds - NOTICED_SECONDS)
        # One that was given up meanwhile has a successor.
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.resume()

    return stopped


@contextlib.contextmanager
def _calls_killed(server: LiveServer) -> Iterator[None]:
    server.calls_worker.kill()
    yield


@contextlib.contextmanager
def _calls_stopped(server: LiveServer) -> Iterator[None]:
    calls_worker = server.calls_worker
    calls_worker.suspend()
    yield
    calls_worker.wait(_PATIENCE_SECONDS)


@contextlib.contextmanager
def _stopped_for_good(server: LiveServer) -> Iterator[None]:
    worker = server.worker
    worker.suspend()
    yield
    worker.wait(_PATIENCE_SECONDS)


@contextlib.contextmanager
def _hung(server: LiveServer) -> Iterator[None]:
    worker, over = server.worker, hang(server)
    yield
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while worker.is_running() and not over.exists() and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _hanging(steps: int) -> Callable[[Path], dict[str, str]]:
    return lambda folder: environment_to_hang(folder, steps)


@contextlib.contextmanager
def _locked(server: LiveServer) -> Iterator[None]:
    with write_locked(server.data):
        began = time.monotonic()
        yield
        time.sleep(max(0.0, LOCKED_SECONDS - (time.monotonic() - began)))


@contextlib.contextmanager
def _limited(server: LiveServer, what: int, most: int) -> Iterator[None]:
    pid = server.process.pid
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (most, before[1]))
    try:
        began = time.monotonic()
        yield
        time.sleep(max(0.0, FULL_SECONDS - (time.monotonic() - began)))
    finally:
        resource.prlimit(pid, what, before)


def _full(server: LiveServer) -> AbstractContextManager[None]:
    return _limited(server, resource.RLIMIT_FSIZE, 16)


@contextlib.contextmanager
def _read_only(server: LiveServer) -> Iterator[None]:
    """Folders in which nothing can be made any more, not even by root; what is open stays so."""
    folders = [server.data, server.data / "checkpoints", *(each for each in (server.data / "blobs").rglob("*"))]
    folders = [each for each in (*folders, server.data / "blobs") if each.is_dir()]
    subprocess.run(["chattr", "+i", *folders], check=True)
    try:
        began = time.monotonic()
        yield
        time.sleep(max(0.0, FULL_SECONDS - (time.monotonic() - began)))
    finally:
        subprocess.run(["chattr", "-i", *folders], check=True)


def _without_descriptors(server: LiveServer) -> AbstractContextManager[None]:
    # What is open stays open; nothing more can be.
    return _limited(server, resource.RLIMIT_NOFILE, server.opening_nothing)


@contextlib.contextmanager
def _killed_without_descriptors(server: LiveServer) -> Iterator[None]:
    with _without_descriptors(server):
        server.worker.kill()
        yield


CAUSES = (
    Cause("worker killed", "worker-0: ", _killed),
    Cause("worker stopped for 6 s", "worker-0: ", _stopped(6.0)),
    Cause("worker stopped for 60 s", "worker-0: ", _stopped(60.0)),
    Cause("worker stopped for good", "worker-0: ", _stopped_for_good),
    Cause("worker hung for seconds", "worker-0: ", _hung, _hanging(SECONDS)),
    Cause("worker hung for good", "worker-0: ", _hung, _hanging(FOR_EVER)),
    Cause("process for calls killed", "worker-0-calls: ", _calls_killed),
    Cause("process for calls stopped for good", "worker-0-calls: ", _calls_stopped),
    Cause(f"store locked for {LOCKED_SECONDS:g} s", "held by another program", _locked),
    Cause("disk full", "no room to write", _full),
    Cause("data folder read-only", "store: ", _read_only),
    Cause("no descriptors", "no file descriptors|Too many open files", _without_descriptors),
    Cause("worker killed, no descriptors", "worker-0: ", _killed_without_descriptors),
)
