"""What bombs from many clients cost: memory of the server and its decoders, and the time of others' calls."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from machine import Machine
from PIL import Image
from reporting import QUICK, Figure, Report

from bombs import encoded, files_of_directions, photographs
from live_server import LiveServer
from memory_tree import memory_of
from pullback_api.v1 import (
    directions_pb2,
    directions_pb2_grpc,
    generators_pb2,
    generators_pb2_grpc,
    inversion_pb2,
    inversion_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    specs_pb2,
    values_pb2,
)
from tiny import write_catalogue

CLIENTS = 16
SECONDS = 30.0 if QUICK else 180.0
GIBIBYTE = 2**30
# A connection of its own.
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))


def bench_bombs(report: Report, seed: int) -> None:
    """16 clients send nothing but bombs, in turns of an order of their own; others go on with their work."""
    del seed  # Each client begins at a place of its own.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            "PULLBACK_CATALOGUE": str(write_catalogue(folder / "catalogue")),
            "PULLBACK_CACHE": str(folder / "cache"),
        }
        with LiveServer(folder / "data", environment, secure=True) as server:
            bombs = _requests(server.eigenbasis())
            server.wait_until(serving=True)
            ended = threading.Event()
            with Machine() as machine, ThreadPoolExecutor(CLIENTS + 3) as pool:
                memory = pool.submit(_watch_memory, server.process, ended)
                others = pool.submit(_work, server, ended)
                photographer = pool.submit(_photograph, server, ended)
                clients = [pool.submit(_bomb, server, number, bombs, ended) for number in range(CLIENTS)]
                time.sleep(SECONDS)
                ended.set()
                codes = sum((client.result() for client in clients), Counter[str]())
            report.note(codes=dict(sorted(codes.items())))
            _report(report, memory.result(), others.result(), photographer.result(), codes.total(), machine)
            well = server.is_serving("worker-0")
            report.add(Figure("workers that were not well", int(not well), "0", well))
            tracebacks = server.log().count("Traceback")
            report.add(Figure("tracebacks in the server's log", tracebacks, "0", tracebacks == 0))


def _report(
    report: Report,
    memory: tuple[int, int],
    others: dict[str, list[float]],
    photographer: list[float],
    sent: int,
    machine: Machine,
) -> None:
    before, peak = memory
    more = (peak - before) / GIBIBYTE
    detail = f"{sent} bombs of {CLIENTS} clients in {SECONDS:.0f} s; PSS, {before / GIBIBYTE:.2f} before"
    report.add(Figure("memory of server and decoders, GiB more", more, "< 1", more < 1, detail))
    seconds = sorted(itertools.chain.from_iterable(others.values()))
    high = float(np.percentile(seconds, 99))
    slowest = ", ".join(f"{name} {max(each):.2f}" for name, each in others.items())
    detail = f"{len(seconds)} calls; slowest: {slowest} s; a processor was given to {machine.share():.0%}"
    report.add(Figure("others' calls, p99, s", high, "< 1", high < 1, detail))
    if photographer:
        detail = f"{len(photographer)} photographs, median {np.median(photographer):.2f} s"
        report.add(Figure("others' photographs, slowest, s", max(photographer), detail=detail))


def _settings() -> specs_pb2.InversionSettings:
    return specs_pb2.InversionSettings(
        generator="generators/tiny", distance="mse", method=specs_pb2.INVERSION_METHOD_ADAM, steps=1, restarts=1
    )


def _requests(basis: str) -> dict[str, inversion_pb2.InvertRequest | directions_pb2.ImportDirectionsRequest]:
    made: dict[str, inversion_pb2.InvertRequest | directions_pb2.ImportDirectionsRequest] = {}
    for what, data in photographs().items():
        target = inversion_pb2.Target(image=values_pb2.Image(data=data))
        made[what] = inversion_pb2.InvertRequest(settings=_settings(), targets=[target])
    for what, (import_format, data) in files_of_directions().items():
        made[what] = directions_pb2.ImportDirectionsRequest(
            generator="generators/tiny", eigenbasis=basis, format=import_format, content=data
        )
    return made


def _bomb(
    server: LiveServer,
    number: int,
    bombs: dict[str, inversion_pb2.InvertRequest | directions_pb2.ImportDirectionsRequest],
    ended: threading.Event,
) -> Counter[str]:
    """What one client is told, by bomb."""
    codes: Counter[str] = Counter()
    with server.connect(OPTIONS) as channel:
        invert = inversion_pb2_grpc.InversionStub(channel).Invert
        read = directions_pb2_grpc.DirectionsStub(channel).ImportDirections
        for what, request in itertools.islice(itertools.cycle(bombs.items()), number, None):
            if ended.is_set():
                return codes
            code = "OK"
            try:
                if isinstance(request, inversion_pb2.InvertRequest):
                    invert(request, timeout=300)
                else:
                    read(request, timeout=300)
            except grpc.RpcError as error:
                code = error.code().name
            codes[f"{what}: {code}"] += 1
            if code == "RESOURCE_EXHAUSTED":
                # As it is told.
                ended.wait(1.0)
    raise AssertionError


def _work(server: LiveServer, ended: threading.Event) -> dict[str, list[float]]:
    """Seconds of the calls of somebody who has nothing to do with bombs."""
    with server.connect(OPTIONS) as channel:
        jobs, generators = jobs_pb2_grpc.JobsStub(channel), generators_pb2_grpc.GeneratorsStub(channel)
        health = health_pb2_grpc.HealthStub(channel)
        calls: dict[str, Callable[[], Any]] = {
            "Check": lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=60),
            "ListJobs": lambda: jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=60),
            "GetGenerator": lambda: generators.GetGenerator(
                generators_pb2.GetGeneratorRequest(name="generators/tiny"), timeout=60
            ),
            "SampleLatents": lambda: generators.SampleLatents(
                generators_pb2.SampleLatentsRequest(generator="generators/tiny"), timeout=60
            ),
        }
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        while not ended.is_set():
            for name, call in calls.items():
                began = time.monotonic()
                call()
                seconds[name].append(time.monotonic() - began)
                ended.wait(0.02)
        return seconds


def _photograph(server: LiveServer, ended: threading.Event) -> list[float]:
    """Seconds until an ordinary photograph is taken, among the bombs."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8))
    image = values_pb2.Image(data=encoded(noise, "JPEG"))
    request = inversion_pb2.InvertRequest(settings=_settings(), targets=[inversion_pb2.Target(image=image)])
    seconds = []
    with server.connect(OPTIONS) as channel:
        invert = inversion_pb2_grpc.InversionStub(channel).Invert
        while not ended.is_set():
            began = time.monotonic()
            # Others may have all the places: it comes again, as it is told.
            while not ended.is_set():
                try:
                    invert(request, timeout=300)
                    break
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                        raise
                    ended.wait(1.0)
            else:
                break
            seconds.append(time.monotonic() - began)
            ended.wait(0.5)
    return seconds


def _watch_memory(process: psutil.Process, ended: threading.Event) -> tuple[int, int]:
    """Bytes of the server and its disposable processes: before, and at most."""
    before = peak = memory_of(process)
    while not ended.wait(0.05):
        peak = max(peak, memory_of(process))
    return before, peak
