"""One client cannot fill the queue: others still find a place, and have their turns."""

from __future__ import annotations

from collections.abc import Callable

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from live_server import LiveServer
from pullback_api.v1 import geometry_pb2, geometry_pb2_grpc, specs_pb2
from pullback_server.jobs.queue_shares import MAX_QUEUED


def compute(stub: geometry_pb2_grpc.GeometryStub, seed: int) -> None:
    spec = specs_pb2.EigenbasisSpec(generator="generators/tiny", distance="mse", samples=1_000_000, seed=seed)
    stub.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec), timeout=60)


def test_a_client_that_brings_many_jobs_leaves_places_to_others(start_server: Callable[..., LiveServer]) -> None:
    server = start_server()
    caught: grpc.RpcError | None = None
    taken = 0
    try:
        for seed in range(MAX_QUEUED + 10):
            compute(server.geometry, seed)
            taken += 1
    except grpc.RpcError as error:
        caught = error
    assert isinstance(caught, grpc.Call)
    assert caught.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "jobs of this client wait already" in caught.details()
    details = rpc_status.from_call(caught).details
    retry = error_details_pb2.RetryInfo()
    assert details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 30
    # The first may have started.
    assert MAX_QUEUED // 2 <= taken <= MAX_QUEUED // 2 + 2
    for other in range(3):
        options = [("grpc.use_local_subchannel_pool", 1)]
        with server.connect(options) as channel:
            compute(geometry_pb2_grpc.GeometryStub(channel), MAX_QUEUED + 100 + other)
