"""A full disk, played by a limit on the size of the server's files (Linux), and a database that another program holds:
refused clearly, nothing lost.
"""

from __future__ import annotations

import subprocess
import sys
import time

import grpc
import pytest

from live_server import LiveServer
from locking import write_locked
from pullback_api.v1 import jobs_pb2
from requests_for_tiny import inversion_of, invert_tiny

if sys.platform != "linux":
    pytest.skip("prlimit is Linux'", allow_module_level=True)

import resource

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def fill_disk(server: LiveServer) -> None:
    """From now on the server process cannot write beyond the first bytes of any file."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))


def free_disk(server: LiveServer) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)


def test_a_full_disk_refuses_new_work_and_loses_nothing(live: LiveServer) -> None:
    finished = live.wait(invert_tiny(live, steps=3).name)
    before, listed = inversion_of(live, finished), live.jobs.ListJobs(jobs_pb2.ListJobsRequest())
    files = sorted((live.data / "blobs").rglob("*"))
    fill_disk(live)
    with pytest.raises(grpc.RpcError) as caught:
        invert_tiny(live, steps=3, restarts=3)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "no room to write" in caught.value.details()
    assert sorted((live.data / "blobs").rglob("*")) == files
    assert live.jobs.ListJobs(jobs_pb2.ListJobsRequest()) == listed
    assert inversion_of(live, finished) == before
    free_disk(live)
    assert live.wait(invert_tiny(live, steps=3, restarts=3).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_result_that_finds_no_room_waits_for_it(live: LiveServer) -> None:
    job = invert_tiny(live, steps=400)
    live.wait_for_step(job.name, 1)
    fill_disk(live)
    # The worker, whose files are not limited, ends its work meanwhile.
    deadline = time.monotonic() + 60
    while "recorder is not well" not in live.log():
        assert time.monotonic() < deadline, "the result was never tried"
        time.sleep(0.1)
    assert live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name)).state == jobs_pb2.JOB_STATE_RUNNING
    free_disk(live)
    ended = live.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert len(inversion_of(live, ended).results) == 1


def test_a_job_is_cancelled_although_the_disk_is_full(live: LiveServer) -> None:
    job = invert_tiny(live, steps=100_000)
    live.wait_for_step(job.name, 1)
    fill_disk(live)
    told = live.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=60)
    assert told.progress.phase.startswith("cancelled, which is yet to be written down: no room to write")
    assert str(live.data) not in told.progress.phase
    free_disk(live)
    assert live.wait(job.name).state == jobs_pb2.JOB_STATE_CANCELLED
    # The worker is free for others.
    assert live.wait(invert_tiny(live, steps=3).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_health_tells_of_a_full_disk_before_anybody_needs_it(live: LiveServer) -> None:
    live.wait_until(serving=True)
    files = sorted(live.data.rglob("*"))
    fill_disk(live)
    live.wait_until(serving=False)
    assert live.troubles().startswith("store: no room to write on the server's disk")
    free_disk(live)
    live.wait_until(serving=True)
    assert sorted(live.data.rglob("*")) == files


def test_health_tells_that_nothing_more_can_be_opened(live: LiveServer) -> None:
    live.wait_until(serving=True)
    pid = live.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # What is open stays open.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (live.opening_nothing, before[1]))
    live.wait_until(serving=False)
    assert live.troubles().startswith("store: the server has no file descriptors left")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    live.wait_until(serving=True)
    assert live.wait(invert_tiny(live, steps=3).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_server_that_starts_on_a_full_disk_says_so_or_serves_what_there_is(
    live: LiveServer,
) -> None:
    finished = live.wait(invert_tiny(live, steps=3).name)
    before = inversion_of(live, finished)
    job = invert_tiny(live, steps=400)
    live.wait_for_step(job.name, 1)
    live.kill()
    limits = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16, {resource.RLIM_INFINITY}))"
    run = f"{limits}; from pullback_server.__main__ import main; raise SystemExit(main())"
    command = [sys.executable, "-c", run, "--listen", "127.0.0.1:0", "--data", str(live.data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # It may begin to serve; nothing is lost either way.
        process.stdout.readline()
        process.terminate()
        _, log = process.communicate(timeout=120)
    assert "no room to write" in log
    assert "Traceback" not in log
    live.start()
    assert inversion_of(live, finished) == before
    assert live.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_database_that_another_program_holds_stalls_nobody_and_loses_nothing(
    live: LiveServer,
) -> None:
    running = invert_tiny(live, steps=400)
    live.wait_for_step(running.name, 1)
    with write_locked(live.data):
        with pytest.raises(grpc.RpcError) as caught:
            invert_tiny(live, steps=3, restarts=2)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "held by another program" in caught.value.details()
        # It ends meanwhile; who asks is answered.
        deadline = time.monotonic() + 120
        while "recorder is not well" not in live.log():
            assert time.monotonic() < deadline, "the result was never tried"
            live.jobs.GetJob(jobs_pb2.GetJobRequest(name=running.name), timeout=60)
            time.sleep(0.1)
    ended = live.wait(running.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert len(inversion_of(live, ended).results) == 1
    assert live.wait(invert_tiny(live, steps=3, restarts=2).name).state == jobs_pb2.JOB_STATE_SUCCEEDED
