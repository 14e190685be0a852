"""Quotas of keys, and limits of connections: what is too much is refused or waits, and others have theirs meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from in_process import InProcessServer
from live_server import WithToken
from pullback_api.v1 import geometry_pb2, geometry_pb2_grpc, jobs_pb2, jobs_pb2_grpc
from pullback_client import Client, ResourceExhaustedError
from pullback_server import grpc_server

SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[InProcessServer]:
    """A server that begins no job until there is room, and whose jobs go on until they are told to end."""
    with InProcessServer() as server:
        server.bench.room, server.bench.hold = False, True
        yield server


@pytest.fixture
def token_of(server: InProcessServer) -> Callable[..., str]:
    """Makes keys with quotas."""

    def make(name: str, **quotas: float) -> str:
        with Client(server.target) as operator:
            return operator.create_key(name, quotas=quotas).token

    return make


@pytest.fixture
def client_of(server: InProcessServer, token_of: Callable[..., str]) -> Iterator[Callable[..., Client]]:
    """Makes clients whose keys have quotas."""
    opened: list[Client] = []

    def make(name: str, **quotas: float) -> Client:
        opened.append(Client(server.target, token=token_of(name, **quotas), timeout=SECONDS))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


def submit(client: Client, samples: int) -> str:
    """Name of a job."""
    request = geometry_pb2.ComputeEigenbasisRequest()
    request.spec.generator, request.spec.samples = "generators/faces", samples
    name: str = client._transport.call(client._transport.geometry.ComputeEigenbasis, request).name
    return name


def insist(call: Callable[[], Any]) -> Any:
    """What a call answers, once it does."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return call()
        except grpc.RpcError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_of_queued_jobs_a_key_has_its_quota_and_others_theirs(client_of: Callable[..., Client]) -> None:
    few, other = client_of("few", queued_jobs=2), client_of("other")
    for samples in (3, 4):
        submit(few, samples)
    with pytest.raises(ResourceExhaustedError, match=r"'few' may have 2 jobs waiting, and has 2"):
        submit(few, 5)
    # What is there already costs nothing.
    submit(few, 4)
    submit(other, 5)


def test_of_sessions_and_bytes_too(client_of: Callable[..., Client]) -> None:
    one = client_of("one", sessions=1)
    first = one.evolve("faces", optimizer="cma")
    with pytest.raises(ResourceExhaustedError, match=r"'one' may have 1 sessions that are not closed, and has 1"):
        one.evolve("faces", optimizer="cma")
    first.close()
    one.evolve("faces", optimizer="cma")
    full = client_of("full", stored_bytes=1)
    with pytest.raises(ResourceExhaustedError, match=r"'full' may have 1 bytes kept"):
        full.evolve("faces", optimizer="cma")


def test_of_one_request_too(client_of: Callable[..., Client]) -> None:
    small = client_of("small", request_bytes=2_000)
    with pytest.raises(ResourceExhaustedError, match=r"'small' may send 2,000 bytes"):
        small.evolve("faces", optimizer="cma", title="x" * 200, notes={f"k{n}": "y" * 90 for n in range(40)})


def test_of_running_jobs_too_and_what_is_more_waits(server: InProcessServer, client_of: Callable[..., Client]) -> None:
    one, two, other = client_of("one", running_jobs=1), client_of("two", running_jobs=2), client_of("other")
    mine = [submit(one, samples) for samples in (3, 4)]
    pair = [submit(two, samples) for samples in (5, 6, 7)]
    # It comes last, and is not held up by those that wait.
    theirs = submit(other, 8)
    server.make_room()
    for name in (mine[0], *pair[:2], theirs):
        server.wait_for_start(name)
    waiting = (mine[1], pair[2])
    assert [server.job(name).state for name in waiting] == [jobs_pb2.JOB_STATE_QUEUED] * 2
    for ended, next_one in ((mine[0], mine[1]), (pair[1], pair[2])):
        server.finish(ended)
        server.make_room()
        server.wait_for_start(next_one)


def test_of_calls_that_wait_too(server: InProcessServer, token_of: Callable[..., str]) -> None:
    with grpc.insecure_channel(server.target) as channel:
        few, other = (
            grpc.intercept_channel(channel, WithToken(token_of(name, **quotas)))
            for name, quotas in (("few", {"streams": 2}), ("other", {}))
        )
        request = geometry_pb2.ComputeEigenbasisRequest()
        request.spec.generator = "generators/faces"
        job = geometry_pb2_grpc.GeometryStub(few).ComputeEigenbasis(request, timeout=SECONDS).name
        mine, theirs = jobs_pb2_grpc.JobsStub(few), jobs_pb2_grpc.JobsStub(other)

        def watch(jobs: Any) -> Any:
            """A call that waits, once it does."""
            call = jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job), timeout=SECONDS)
            next(call)
            return call

        def wait(jobs: Any) -> jobs_pb2.Job:
            request = jobs_pb2.WaitJobRequest(name=job, timeout={"nanos": 1})
            answer: jobs_pb2.Job = jobs.WaitJob(request, timeout=SECONDS)
            return answer

        watches = [watch(mine), watch(mine)]
        for call in (watch, wait):
            with pytest.raises(grpc.RpcError) as caught:
                call(mine)
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
            said = caught.value.details()  # type: ignore[attr-defined]
            assert said == ("the key 'few' may have 2 calls that wait, and has as many; end some, or try again in 5 s")
        # What does not wait, and others, have theirs.
        assert mine.GetJob(jobs_pb2.GetJobRequest(name=job), timeout=SECONDS).name == job
        others = [watch(theirs) for _ in range(3)]
        watches[0].cancel()
        # Its place is free once the server has heard of it.
        assert insist(lambda: wait(mine)).name == job
        for each in (*watches, *others):
            each.cancel()


# Connections --------------------------------------------------------------------------------------------------------


def test_connections_of_grpc_beyond_the_limit_are_refused_and_the_others_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "grpc.max_allowed_incoming_connections"
    kept = [(key, value) for key, value in grpc_server._OPTIONS if key != name]
    assert len(kept) == len(grpc_server._OPTIONS) - 1
    monkeypatch.setattr(grpc_server, "_OPTIONS", [*kept, (name, 3)])
    request = jobs_pb2.ListJobsRequest()
    with InProcessServer() as server, Client(server.target) as operator:
        token = operator.create_key("ada").token
        operator.close()
        # Each with a connection of its own.
        opened = [
            grpc.insecure_channel(server.target, options=[("grpc.use_local_subchannel_pool", 1)]) for _ in range(8)
        ]
        stubs = [jobs_pb2_grpc.JobsStub(grpc.intercept_channel(channel, WithToken(token))) for channel in opened]
        for stub in stubs[:3]:
            stub.ListJobs(request, timeout=SECONDS)
        for channel, stub in zip(opened[3:7], stubs[3:7], strict=True):
            with pytest.raises(grpc.RpcError) as caught:
                stub.ListJobs(request, timeout=1)
            code = caught.value.code()  # type: ignore[attr-defined]
            assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            # Else it would go on trying, and take the place that is free in the end.
            channel.close()
        for stub in stubs[:3]:
            stub.ListJobs(request, timeout=SECONDS)
        opened[0].close()
        insist(lambda: stubs[7].ListJobs(request, timeout=SECONDS))
        for channel in opened:
            channel.close()
