"""Several devices: eigenbases and banks are computed by all workers that have nothing else to do, to the same bits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from live_server import CALL_SECONDS, JOB_SECONDS, LiveServer
from pullback_api.v1 import geometry_pb2, jobs_pb2, specs_pb2
from requests_for_tiny import arrays_of, inversion_of, invert_tiny

StartServer = Callable[..., LiveServer]
SHARED = "computes a part of job"
# Of 40 shards, each of which takes at least a tenth of a second with several devices, however fast the machine is.
# A bank is of 750, and takes 15 seconds.
PROBES = 640
SLOW_SHARDS = """
import sys, time

if any("spawn_main" in argument for argument in sys.orig_argv):
    from pullback.geometry.estimators.sketch import GradientSketch

    gradients = GradientSketch._gradients

    def slow_gradients(self, *arguments):
        time.sleep(0.1)
        return gradients(self, *arguments)

    GradientSketch._gradients = slow_gradients

    from pullback.inversion import BankSamples

    shard = BankSamples.shard

    def slow_shard(self, number):
        time.sleep(0.02)
        return shard(self, number)

    BankSamples.shard = slow_shard
"""


@pytest.fixture
def devices(start_server: StartServer, tmp_path: Path) -> LiveServer:
    """A server of two devices, whose shards take some time; its cache is empty."""
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLOW_SHARDS, encoding="utf-8")
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    live = start_server(
        options=("--device", "cpu", "--device", "cpu", "--memory", "2GiB"),
        PYTHONPATH=path,
        PULLBACK_CACHE=str(tmp_path / "cache"),
    )
    live.wait_until(serving=True, seconds=JOB_SECONDS)
    return live


def compute(live: LiveServer, seed: int) -> jobs_pb2.Job:
    """Begins an eigenbasis."""
    spec = specs_pb2.EigenbasisSpec(generator="generators/tiny", distance="mse", samples=PROBES, seed=seed)
    return live.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec), timeout=CALL_SECONDS)


def content_of(live: LiveServer, job: jobs_pb2.Job) -> bytes:
    """The file of an eigenbasis."""
    ended = live.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED, ended
    request = geometry_pb2.GetEigenbasisRequest(name=ended.result)
    found = live.geometry.GetEigenbasis(request, timeout=CALL_SECONDS)
    for own in ("name", "job", "create_time"):
        found.ClearField(own)
    return found.SerializeToString(deterministic=True)


def wait_until_shared(live: LiveServer, job: jobs_pb2.Job) -> None:
    deadline = time.monotonic() + JOB_SECONDS
    while f"{SHARED} {job.name.removeprefix('jobs/')}" not in live.log():
        assert time.monotonic() < deadline, live.log()[-2000:]
        time.sleep(0.02)


def test_an_eigenbasis_is_shared_and_the_same_whichever_worker_dies(server: LiveServer, devices: LiveServer) -> None:
    job = compute(devices, seed=1)
    wait_until_shared(devices, job)
    assert content_of(devices, job) == content_of(server, compute(server, seed=1))
    assert SHARED not in server.log()

    # A helper dies: the job goes on by itself.
    job = compute(devices, seed=2)
    wait_until_shared(devices, job)
    devices.process_of("worker-1").kill()
    assert content_of(devices, job) == content_of(server, compute(server, seed=2))
    assert devices.wait(job.name).attempts == 1
    devices.wait_until(serving=True, seconds=JOB_SECONDS)

    # Its own worker dies: it goes on from its checkpoint, on whichever worker.
    job = compute(devices, seed=3)
    wait_until_shared(devices, job)
    devices.process_of("worker-0").kill()
    assert content_of(devices, job) == content_of(server, compute(server, seed=3))
    assert devices.wait(job.name).attempts == 2


def test_a_shared_eigenbasis_that_is_cancelled_or_suspended_holds_up_nobody(
    server: LiveServer, devices: LiveServer
) -> None:
    job = compute(devices, seed=4)
    wait_until_shared(devices, job)
    devices.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=CALL_SECONDS)
    others = [invert_tiny(devices, steps=3) for _ in range(2)]
    assert {devices.wait(each.name).state for each in others} == {jobs_pb2.JOB_STATE_SUCCEEDED}
    assert devices.wait(job.name).state == jobs_pb2.JOB_STATE_CANCELLED

    # A server that ends meanwhile ends as soon as ever, and the next one goes on, with one device or with several.
    job = compute(devices, seed=5)
    wait_until_shared(devices, job)
    assert devices.terminate() == 0
    devices.start("--device", "cpu", "--memory", "2GiB")
    assert content_of(devices, job) == content_of(server, compute(server, seed=5))


@pytest.mark.parametrize("fate", ["nothing", "worker-0", "worker-1", "cancelled"])
def test_a_bank_is_shared_and_the_same_whichever_worker_dies(
    server: LiveServer, devices: LiveServer, environment: dict[str, str], tmp_path: Path, fate: str
) -> None:
    job = invert_tiny(devices, start=specs_pb2.START_BANK, steps=2)
    wait_until_shared(devices, job)
    attempts = 1
    if fate == "cancelled":
        # Another job waits for the same bank.
        begun, job = job, invert_tiny(devices, start=specs_pb2.START_BANK, steps=2)
        devices.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=begun.name), timeout=CALL_SECONDS)
        assert devices.wait(begun.name).state == jobs_pb2.JOB_STATE_CANCELLED
    elif fate != "nothing":
        # Where its own worker dies it begins anew; without a helper it goes on by itself.
        attempts += fate == "worker-0"
        devices.process_of(fate).kill()
    shared = devices.wait(job.name)
    assert (shared.state, shared.attempts) == (jobs_pb2.JOB_STATE_SUCCEEDED, attempts), shared

    alone = server.wait(invert_tiny(server, start=specs_pb2.START_BANK, steps=2).name)
    assert arrays_of(inversion_of(devices, shared)) == arrays_of(inversion_of(server, alone))
    (bank,) = (tmp_path / "cache" / "banks").iterdir()
    assert bank.read_bytes() == (Path(environment["PULLBACK_CACHE"]) / "banks" / bank.name).read_bytes()
