"""Memory of workers and devices that are lost to them: a bound that is too small, and a kernel that goes astray."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from live_server import LiveServer
from pullback_api.v1 import inversion_pb2, jobs_pb2
from requests_for_tiny import inversion_of, invert_tiny, tiny_target

StartServer = Callable[..., LiveServer]
STEPS = 600

# Every process of the server runs it as it starts. From the signal on all that is asked of the device fails, as it does
# after a kernel has gone astray.
_CUSTOMIZE = """
import signal

def lose(*_):
    import torch

    def fail(*_, **__):
        raise RuntimeError("CUDA error: device-side assert triggered")

    torch.autograd.grad = fail

signal.signal(signal.SIGUSR1, lose)
"""


def found(server: LiveServer, job: jobs_pb2.Job) -> list[bytes]:
    result: inversion_pb2.InversionResult = inversion_of(server, job)
    return [part.data for target in result.results for part in (target.latent, target.loss_trace, target.image)]


@pytest.mark.skipif(sys.platform != "linux", reason="signals tell the worker to fail")
def test_a_worker_whose_device_is_lost_ends_and_its_job_goes_on_in_the_next(
    start_server: StartServer, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_CUSTOMIZE, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    live = start_server(PYTHONPATH=path)
    job = invert_tiny(live, steps=STEPS)
    live.wait_for_step(job.name, STEPS // 3)
    first = live.worker.pid
    os.kill(first, signal.SIGUSR1)
    ended = live.wait(job.name)
    assert (ended.state, ended.attempts) == (jobs_pb2.JOB_STATE_SUCCEEDED, 2)
    assert live.worker.pid != first
    assert "its device was lost to it" in live.log()
    assert found(live, ended) == found(live, live.wait(invert_tiny(live, steps=STEPS).name))


def test_a_bound_that_not_one_image_fits_into_is_said_to_be_too_small(start_server: StartServer) -> None:
    live = start_server(options=("--memory", "4KiB"))
    with pytest.raises(grpc.RpcError) as raised:
        tiny_target(live)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "images of space 'z': one row takes about" in raised.value.details()
    assert "--memory" in raised.value.details()
