"""A full disk, played by a limit on the size of the server's files (Linux): refused clearly, nothing lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import grpc
import pytest

from live_server import LiveServer
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


def test_a_full_disk_refuses_new_work_and_loses_nothing(start_server: Callable[..., LiveServer]) -> None:
    live = start_server()
    finished = live.wait(invert_tiny(live, steps=3).name)
    before = inversion_of(live, finished)
    files = sorted((live.data / "blobs").rglob("*"))
    fill_disk(live)
    with pytest.raises(grpc.RpcError) as caught:
        invert_tiny(live, steps=3, restarts=3)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "no room to write" in caught.value.details()
    assert sorted((live.data / "blobs").rglob("*")) == files
    assert [job.name for job in live.jobs.ListJobs(jobs_pb2.ListJobsRequest()).jobs] == [finished.name]
    assert inversion_of(live, finished) == before
    free_disk(live)
    assert live.wait(invert_tiny(live, steps=3, restarts=3).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_result_that_finds_no_room_waits_for_it(start_server: Callable[..., LiveServer]) -> None:
    live = start_server()
    job = invert_tiny(live, steps=400)
    live.wait_for_step(job.name, 1)
    fill_disk(live)
    # The worker, whose files are not limited, ends its work meanwhile.
    deadline = time.monotonic() + 60
    while "trying again" not in live.log():
        assert time.monotonic() < deadline, "the result was never tried"
        time.sleep(0.1)
    assert live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name)).state == jobs_pb2.JOB_STATE_RUNNING
    free_disk(live)
    ended = live.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert len(inversion_of(live, ended).results) == 1
