"""A server that cannot be stalled: stopped, hung and killed workers, and what cannot be started at first."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
import torch
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bombs import exponential_pickle
from hanging import SECONDS, environment_to_hang, hang
from live_server import CALL_SECONDS, LiveServer
from pullback_api.tensors import pack
from pullback_api.v1 import directions_pb2, generators_pb2, jobs_pb2
from requests_for_tiny import have_calls_answered, invert_tiny
from tiny import DIM

if sys.platform != "linux":
    pytest.skip("stops processes, and limits them, as Linux does", allow_module_level=True)

import resource

StartServer = Callable[..., LiveServer]


@contextmanager
def stopped(*processes: psutil.Process) -> Iterator[None]:
    """Processes that do nothing for a while, as if a disk or a debugger held them."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def send_large_render(server: LiveServer) -> grpc.Future:
    """Sends more than any pipe holds, 0.3 MB; whatever comes of it is not looked at."""
    latents = pack(np.zeros((10_000, DIM), np.float32))
    request = generators_pb2.RenderRequest(generator="generators/tiny", latents=latents)
    return server.generators.Render(request, timeout=CALL_SECONDS)


def processes_of(server: LiveServer) -> list[psutil.Process]:
    return [server.process, *server.process.children(recursive=True)]


def test_a_stopped_worker_holds_up_nobody_is_seen_and_goes_on(live: LiveServer) -> None:
    job = invert_tiny(live, steps=400)
    live.wait_for_step(job.name, 1)
    with stopped(*live.workers):
        answers = send_large_render(live)
        live.wait_until(serving=False)
        assert live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name), timeout=60).state == jobs_pb2.JOB_STATE_RUNNING
        # Whichever of the two is noticed first.
        while "worker-0: " not in live.troubles():
            time.sleep(0.05)
        assert not live.is_serving("worker-0")
        assert live.is_serving("store")
        assert live.is_serving("dispatcher")
    # Going on, or replaced meanwhile: either way it ends as it should.
    live.wait_until(serving=True)
    assert live.troubles() == ""
    answers.cancel()
    assert live.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_worker_that_stays_stopped_is_replaced_and_its_job_goes_on(live: LiveServer) -> None:
    have_calls_answered(live)
    job = invert_tiny(live, steps=400)
    live.wait_for_step(job.name, 1)
    worker = live.worker
    with stopped(*live.workers):
        # A call that one has got already is told.
        with pytest.raises(grpc.RpcError) as caught:
            list(send_large_render(live))
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        # Whichever is noticed first, on a busy machine.
        assert re.search("it stood still|it has read nothing", caught.value.details())
        worker.wait(timeout=CALL_SECONDS)
        live.wait_until(serving=True)
    ended = live.wait(job.name)
    assert (ended.state, ended.attempts) == (jobs_pb2.JOB_STATE_SUCCEEDED, 2)


def test_a_worker_that_hangs_in_c_is_seen_and_goes_on(start_server: StartServer, tmp_path: Path) -> None:
    live = start_server(**environment_to_hang(tmp_path, SECONDS))
    live.wait_until(serving=True)
    job = invert_tiny(live, steps=400)
    live.wait_for_step(job.name, 1)
    over = hang(live)
    while "worker-0: " not in live.troubles():
        assert not over.exists(), "nobody has seen it"
        time.sleep(0.05)
    # Others are answered meanwhile.
    assert live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name), timeout=60).state == jobs_pb2.JOB_STATE_RUNNING
    live.wait_until(serving=True)
    assert live.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_killed_worker_is_seen_by_those_who_watch(live: LiveServer) -> None:
    watch = health_pb2_grpc.HealthStub(live.channel).Watch(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS)
    statuses = (answer.status for answer in watch)
    assert next(statuses) == health_pb2.HealthCheckResponse.SERVING
    live.worker.kill()
    assert next(statuses) == health_pb2.HealthCheckResponse.NOT_SERVING
    assert next(statuses) == health_pb2.HealthCheckResponse.SERVING
    assert "worker-0 is not well: killed by signal 9" in live.log()


def test_a_worker_that_cannot_be_started_is_tried_again(live: LiveServer) -> None:
    pid = live.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # What is open stays open; nothing more can be.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (live.opening_nothing, before[1]))
    try:
        live.worker.kill()
        deadline = time.monotonic() + CALL_SECONDS
        while "cannot be started" not in live.troubles():
            assert time.monotonic() < deadline, live.log()[-2000:]
            time.sleep(0.05)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    job = invert_tiny(live, steps=3)
    live.wait_until(serving=True)
    assert live.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED


@pytest.mark.parametrize("at_work", [False, True])
def test_nothing_outlives_a_killed_server(live: LiveServer, at_work: bool) -> None:
    if at_work:
        live.wait_for_step(invert_tiny(live, steps=100_000).name, 1)
    workers, processes = live.workers, processes_of(live)
    assert set(workers) <= set(processes)
    # A stopped process reads no pipe, and so never hears of its end.
    for worker in workers:
        worker.suspend()
    live.process.kill()
    _, alive = psutil.wait_procs(processes, timeout=CALL_SECONDS)
    assert not alive
    live.close()


def test_sigterm_ends_a_server_whose_worker_is_stopped(live: LiveServer) -> None:
    job = invert_tiny(live, steps=400)
    live.wait_for_step(job.name, 1)
    processes = processes_of(live)
    for process in live.workers:
        process.suspend()
    send_large_render(live)
    # `terminate` waits for it, and not for ever.
    assert live.terminate() == 0
    _, alive = psutil.wait_procs(processes, timeout=CALL_SECONDS)
    assert not alive
    live.start()
    assert live.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED


# A server whose loop is held up by something in C, and that is to end within five seconds.
HELD_UP = """
import sys, time
from pullback_server import __main__ as main, server
sys.argv += ["--drain", "5"]
async def stop(self):
    time.sleep(600)
server.Server.stop = stop
sys.exit(main.main(sys.argv[1:]))
"""


def test_sigterm_ends_a_server_that_is_held_up(tmp_path: Path, environment: dict[str, str]) -> None:
    options = ["--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")]
    process = subprocess.Popen(
        [sys.executable, "-c", HELD_UP, *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("pullback-server listening")
    process.terminate()
    _, said = process.communicate(timeout=CALL_SECONDS)
    assert process.returncode == 1
    assert "not stopped after 5 s" in said
    assert "in stop" in said  # where it was


def import_tensors(server: LiveServer, content: bytes, basis: str) -> directions_pb2.DirectionSet:
    request = directions_pb2.ImportDirectionsRequest(
        generator="generators/tiny",
        eigenbasis=basis,
        format=directions_pb2.IMPORT_FORMAT_HESSIAN_PENALTY,
        content=content,
    )
    return server.directions.ImportDirections(request, timeout=4 * CALL_SECONDS)


# What a file of directions may take to be read: seconds of a processor.
READ_SECONDS = 6
READ_IN_SECONDS = f"""
from dataclasses import replace
from pullback_server.importing import importers
importers.LIMITS = replace(importers.LIMITS, cpu_seconds={READ_SECONDS})
"""


def test_a_file_that_takes_for_ever_to_read_ends_in_an_error_and_holds_up_nobody(start_server: StartServer) -> None:
    live = start_server(first=READ_IN_SECONDS)
    basis = live.eigenbasis()
    rows = torch.eye(DIM)[:3]
    content = io.BytesIO()
    torch.save(rows, content)
    live.wait_until(serving=True)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(import_tensors, live, exponential_pickle(60), basis)
        while not hanging.done():
            assert live.is_serving()
            assert live.wait(invert_tiny(live, steps=2).name).state == jobs_pb2.JOB_STATE_SUCCEEDED
        error = hanging.exception()
    assert isinstance(error, grpc.RpcError)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert f"content: reading the file failed: it takes more than {READ_SECONDS} s of processor time" in error.details()
    # The next file finds a process of its own.
    assert import_tensors(live, content.getvalue(), basis).count == 3
    assert not live.log().count("worker-0 is not well")


def test_a_file_that_is_being_read_does_not_outlive_a_killed_server(live: LiveServer) -> None:
    basis = live.eigenbasis()
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(import_tensors, live, exponential_pickle(60), basis)
        deadline = time.monotonic() + CALL_SECONDS
        while not (
            readers := [each for each in live.process.children() if "pickled_tasks" in " ".join(each.cmdline())]
        ):
            assert time.monotonic() < deadline, "no process reads it"
        while readers[0].cpu_times().user < 4:
            time.sleep(0.1)
        processes = processes_of(live)
        live.process.kill()
        _, alive = psutil.wait_procs(processes, timeout=CALL_SECONDS)
        assert not alive
        assert isinstance(hanging.exception(), grpc.RpcError)
    live.close()
