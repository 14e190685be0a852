"""What comes in is bounded: the field at fault is named at once, and others are answered meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from bombs import (
    encoded,
    jpeg_of_scans,
    npy_of_claims,
    npz_of_zeros,
    pickle_of_bytes,
    pickle_of_lists,
    png_of_zeros,
    tiff_of_zeros,
    webp_bomb,
)
from live_server import LiveServer
from memory_tree import memory_of
from pullback_api.v1 import (
    directions_pb2,
    directions_pb2_grpc,
    geometry_pb2,
    inversion_pb2,
    inversion_pb2_grpc,
    jobs_pb2,
    search_pb2,
    specs_pb2,
    values_pb2,
)

Bomb = inversion_pb2.InvertRequest | directions_pb2.ImportDirectionsRequest
# An answer that is slower than this was not bounded by what it is about.
SOON = 5.0
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    """A server that speaks HTTP too."""
    server = LiveServer(tmp_path_factory.mktemp("limits") / "data", environment)
    server.start("--http", "127.0.0.1:0")
    yield server
    server.close()


def names(count: int) -> geometry_pb2.AnalyzeMetricRequest:
    spec = specs_pb2.AnalysisSpec(generator="generators/tiny", compared_distances=[f"d{i}" for i in range(count)])
    return geometry_pb2.AnalyzeMetricRequest(spec=spec)


def test_names_beyond_number_are_refused_and_stall_nobody(live: LiveServer) -> None:
    # Before there was a limit, 4,000 names took eight seconds, in which nobody was answered.
    with ThreadPoolExecutor() as pool:
        began = time.monotonic()
        calls = [pool.submit(live.geometry.AnalyzeMetric, names(4_000), timeout=60) for _ in range(8)]
        live.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=60)
        assert time.monotonic() - began < SOON
        for call in calls:
            with pytest.raises(grpc.RpcError) as caught:
                call.result()
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert "spec.compared_distances: expected at most 64 entries, but 4,000 came" in caught.value.details()


def test_names_within_the_limit_read_the_catalogue_once(live: LiveServer) -> None:
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        live.geometry.AnalyzeMetric(names(64), timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("method", ["ListJobs", "ListSessions"])
def test_a_million_states_are_refused_at_once(live: LiveServer, method: str) -> None:
    call, request = {
        "ListJobs": (live.jobs.ListJobs, jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_QUEUED] * 1_000_000)),
        "ListSessions": (
            live.search.ListSessions,
            search_pb2.ListSessionsRequest(states=[search_pb2.SESSION_STATE_ACTIVE] * 1_000_000),
        ),
    }[method]
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "states: expected at most 16 entries, but 1,000,000 came" in caught.value.details()
    assert time.monotonic() - began < SOON


def test_tiny_entries_do_not_become_gigabytes(live: LiveServer) -> None:
    # 16 MiB of empty reports would be objects of a gigabyte.
    request = search_pb2.TellRequest.DESCRIPTOR.fields_by_name["trials"]
    data = bytes([request.number << 3 | 2, 0]) * (8 * MEBIBYTE)
    before = live.process.memory_info().rss
    call = live.channel.unary_unary("/pullback_api.v1.Search/Tell", request_serializer=None, response_deserializer=None)
    with pytest.raises(grpc.RpcError) as caught:
        call(data, timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "trials: expected at most 100,000 entries, but more than" in caught.value.details()
    assert live.process.memory_info().rss - before < 256 * MEBIBYTE


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"], ids=["tag", "cut off", "UTF-8"])
def test_bytes_that_are_no_message_are_refused_without_a_traceback(live: LiveServer, data: bytes) -> None:
    before = live.log().count("Traceback")
    call = live.channel.unary_unary("/pullback_api.v1.Jobs/GetJob", request_serializer=None, response_deserializer=None)
    with pytest.raises(grpc.RpcError) as caught:
        call(data, timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "expected a serialised pullback_api.v1.GetJobRequest" in caught.value.details()
    answer = httpx.post(
        f"{live.http}/pullback_api.v1.Jobs/GetJob",
        content=data,
        headers={"Content-Type": "application/proto", **live.headers},
        timeout=60,
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
    assert live.log().count("Traceback") == before


def test_large_requests_wait_for_each_other_and_leave_room_for_small_ones(live: LiveServer) -> None:
    # Twelve of 62 MiB at once took 4.1 GiB.
    big = bytes(62 * MEBIBYTE)
    requests = [
        directions_pb2.ImportDirectionsRequest(generator="generators/tiny", format=1, content=big, space="nowhere"),
        inversion_pb2.InvertRequest(
            settings=specs_pb2.InversionSettings(generator="generators/tiny", space="nowhere"),
            targets=[inversion_pb2.Target(image=values_pb2.Image(data=big))],
        ),
    ]
    peak = before = live.process.memory_info().rss
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]

    def send(number: int) -> grpc.StatusCode:
        path, request = (
            ("Directions/ImportDirections", requests[0]) if number % 2 else ("Inversion/Invert", requests[1])
        )
        with live.connect(options) as channel:
            try:
                channel.unary_unary(
                    f"/pullback_api.v1.{path}",
                    request_serializer=type(request).SerializeToString,
                    response_deserializer=None,
                )(request, timeout=120)
            except grpc.RpcError as error:
                return error.code()
        return grpc.StatusCode.OK

    with ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(send, number) for number in range(12)]
        while not all(each.done() for each in sent):
            live.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=60)
            peak = max(peak, live.process.memory_info().rss)
            time.sleep(0.02)
    codes = {each.result() for each in sent}
    assert codes <= {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert grpc.StatusCode.INVALID_ARGUMENT in codes
    assert peak - before < 1024 * MEBIBYTE


def test_bombs_from_many_clients_neither_fill_the_memory_nor_hold_up_others(live: LiveServer) -> None:
    # 34 bytes took 980 MiB, a file of 345 KB three quarters of a minute, sixteen clients 3.5 GiB.
    bombs = [
        webp_bomb(8_000, 7_999),
        webp_bomb(4_000, 4_000),
        jpeg_of_scans(1_000),
        jpeg_of_scans(60),
        png_of_zeros(4_000, "RGB"),
        png_of_zeros(8_000),
        tiff_of_zeros(8_000),
    ]
    basis = live.eigenbasis()
    requests: list[Bomb] = [
        directions_pb2.ImportDirectionsRequest(
            generator="generators/tiny", eigenbasis=basis, format=import_format, content=content
        )
        for import_format, content in (
            (directions_pb2.IMPORT_FORMAT_GANSPACE, npz_of_zeros(60_000_000)),
            (directions_pb2.IMPORT_FORMAT_SEFA, npy_of_claims((10**6, 10**6))),
            (directions_pb2.IMPORT_FORMAT_DEFORMATOR, pickle_of_lists(1_000_000)),
            (directions_pb2.IMPORT_FORMAT_HESSIAN_PENALTY, pickle_of_bytes(8 * 10**12)),
        )
    ]
    requests += [
        inversion_pb2.InvertRequest(
            settings=specs_pb2.InversionSettings(
                generator="generators/tiny",
                distance="mse",
                method=specs_pb2.INVERSION_METHOD_ADAM,
                steps=1,
                restarts=1,
            ),
            targets=[inversion_pb2.Target(image=values_pb2.Image(data=bomb))],
        )
        for bomb in bombs * 2
    ][:12]
    process = live.process

    def send(request: Bomb) -> grpc.StatusCode:
        with live.connect([("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                if isinstance(request, inversion_pb2.InvertRequest):
                    inversion_pb2_grpc.InversionStub(channel).Invert(request, timeout=240)
                else:
                    directions_pb2_grpc.DirectionsStub(channel).ImportDirections(request, timeout=240)
            except grpc.RpcError as error:
                return error.code()
        return grpc.StatusCode.OK

    peak = before = memory_of(process)
    waits = []
    with ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(send, request) for request in requests]
        while not all(each.done() for each in sent):
            began = time.monotonic()
            live.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=60)
            waits.append(time.monotonic() - began)
            peak = max(peak, memory_of(process))
            time.sleep(0.05)
    codes = {each.result() for each in sent}
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert peak - before < 1024 * MEBIBYTE
    assert sorted(waits)[len(waits) * 99 // 100] < SOON
    # And the server decodes on.
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8))
    good = inversion_pb2.InvertRequest()
    good.CopyFrom(requests[-1])
    good.targets[0].image.data = encoded(noise)
    assert send(good) == grpc.StatusCode.OK


def test_a_call_that_is_cancelled_decodes_no_more(live: LiveServer) -> None:
    large = encoded(Image.new("RGB", (7_990, 8_000), "teal"), "PNG")
    target = inversion_pb2.Target(image=values_pb2.Image(data=large))
    settings = specs_pb2.InversionSettings(
        generator="generators/tiny", distance="mse", method=specs_pb2.INVERSION_METHOD_ADAM, steps=1
    )
    call = live.inversion.Invert.future(inversion_pb2.InvertRequest(settings=settings, targets=[target] * 200))

    def decoding() -> list[int]:
        found = []
        for child in live.process.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "pullback_server.decoding.tasks" in child.cmdline() and child.memory_info().rss > 200 * MEBIBYTE:
                    found.append(child.pid)
        return found

    wait_until(lambda: bool(decoding()))
    call.cancel()
    wait_until(lambda: not decoding())


def wait_until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)
