"""Many clients of all kinds at once: whom the server refuses is told when to come again; its memory does not grow."""

from __future__ import annotations

import os
import random
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
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from machine import Machine
from reporting import QUICK, Figure, Report

from live_server import LiveServer
from memory_tree import memory_of
from pullback_api.v1 import (
    generators_pb2,
    generators_pb2_grpc,
    geometry_pb2,
    geometry_pb2_grpc,
    inversion_pb2,
    inversion_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
    search_pb2,
    search_pb2_grpc,
    specs_pb2,
)
from requests_for_tiny import made_up_score, search_spec, tiny_settings, tiny_target
from tiny import write_catalogue

CLIENTS = 64
MINUTES = float(os.environ.get("TRUST_MINUTES", "3" if QUICK else "60"))
MOST_GROWTH = 1.05
# Until everything was used once: processes begun, modules imported, pools filled.
WARM_UP = 0.2
_CALL_SECONDS = 300.0
_OPTIONS = (("grpc.use_local_subchannel_pool", 1),)


def bench_clients(report: Report, seed: int) -> None:
    """64 clients, each of one kind, on connections of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            "PULLBACK_CATALOGUE": str(write_catalogue(folder / "catalogue")),
            "PULLBACK_CACHE": str(folder / "cache"),
        }
        with LiveServer(folder / "data", environment, secure=True) as server, Machine() as machine:
            server.wait_until(serving=True)
            _measure(report, server, machine, seed)


def _measure(report: Report, server: LiveServer, machine: Machine, seed: int) -> None:
    target, ended = tiny_target(server), threading.Event()
    memory: list[tuple[float, int]] = []
    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        watching = pool.submit(_watch_memory, server, ended, memory)
        clients = [
            pool.submit(_Caller(server, KINDS[number % len(KINDS)], target, seed + number, ended).run)
            for number in range(CLIENTS)
        ]
        ended.wait(60 * MINUTES)
        ended.set()
        codes = sum((client.result() for client in clients), Counter[str]())
        watching.result()
    report.note(codes=dict(sorted(codes.items())))
    calls = codes.total()
    others = sum(count for code, count in codes.items() if code not in ("OK", "RESOURCE_EXHAUSTED, hinted"))
    detail = (
        f"of {calls:,} calls of {CLIENTS} clients in {MINUTES:g} min, {codes['RESOURCE_EXHAUSTED, hinted']:,} refused "
    )
    detail += f"with a hint; a processor was given to {machine.share():.0%}"
    report.add(Figure("refused otherwise than with when to come again", others, "0", others == 0, detail))
    warm = [size for at, size in memory if at >= WARM_UP * 60 * MINUTES]
    third = len(warm) // 3
    first, last = float(np.mean(warm[:third])), float(np.mean(warm[-third:]))
    detail = f"{first / 2**20:.0f} to {last / 2**20:.0f} MiB, PSS of the server and its disposable processes"
    growth = last / first
    tenths = [float(each[:, 1].mean()) / 2**20 for each in np.array_split(np.array(memory), 10)]
    report.note(mebibytes_by_tenths_of_the_time=[round(each) for each in tenths])
    report.add(Figure("memory, last third / first third", growth, f"≤ {MOST_GROWTH}", growth <= MOST_GROWTH, detail))
    before, *tracebacks = server.log().split("Traceback")
    if tracebacks:
        report.note(traceback=before[-300:] + "Traceback" + tracebacks[0][:3_000])
    unwell = int(not server.is_serving()) + len(tracebacks)
    report.add(Figure("unwell afterwards, or tracebacks in the log", unwell, "0", unwell == 0))


def _watch_memory(server: LiveServer, ended: threading.Event, memory: list[tuple[float, int]]) -> None:
    process, began = server.process, time.monotonic()
    while not ended.wait(1.0):
        memory.append((time.monotonic() - began, memory_of(process)))


class _Caller:
    """One client, and what it is told."""

    def __init__(
        self, server: LiveServer, kind: Callable[[_Caller], None], target: Any, seed: int, ended: threading.Event
    ) -> None:
        self._server = server
        self._kind = kind
        self.target = target
        self.rng = random.Random(seed)
        self.ended = ended
        self.codes: Counter[str] = Counter()
        self.session = ""

    def run(self) -> Counter[str]:
        """Does what it does until the end."""
        with self._server.connect(_OPTIONS) as channel:
            self.generators = generators_pb2_grpc.GeneratorsStub(channel)
            self.geometry = geometry_pb2_grpc.GeometryStub(channel)
            self.inversion = inversion_pb2_grpc.InversionStub(channel)
            self.jobs = jobs_pb2_grpc.JobsStub(channel)
            self.search = search_pb2_grpc.SearchStub(channel)
            while not self.ended.is_set():
                self._kind(self)
        return self.codes

    def call(self, method: Callable[..., Any], request: Any) -> Any:
        """What a call answers; None where it is refused, after the time that it is told to wait."""
        try:
            answer = method(request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            hint = _hint(error)
            self.codes[f"{error.code().name}, hinted" if hint is not None else error.code().name] += 1
            self.ended.wait(hint or 1.0)
            return None
        self.codes["OK"] += 1
        return answer

    def wait_for(self, job: jobs_pb2.Job | None) -> jobs_pb2.Job | None:
        """The job once it has ended; None where there is none, or everything ends."""
        while job is not None and job.state < jobs_pb2.JOB_STATE_SUCCEEDED and not self.ended.is_set():
            request = jobs_pb2.WaitJobRequest(name=job.name, timeout={"seconds": 2})
            job = self.call(self.jobs.WaitJob, request)
        return job


def _hint(error: grpc.RpcError) -> float | None:
    status = rpc_status.from_call(error)
    for detail in () if status is None else status.details:
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToTimedelta().total_seconds())
    return None


def _invert(caller: _Caller) -> None:
    settings = tiny_settings(steps=caller.rng.randrange(5, 40), seed=caller.rng.randrange(1000))
    request = inversion_pb2.InvertRequest(settings=settings, targets=[inversion_pb2.Target(image=caller.target)])
    job = caller.wait_for(caller.call(caller.inversion.Invert, request))
    if job is not None and job.state == jobs_pb2.JOB_STATE_SUCCEEDED:
        caller.call(caller.inversion.GetInversion, inversion_pb2.GetInversionRequest(name=job.result))


def _evolve(caller: _Caller) -> None:
    if not caller.session or caller.rng.random() < 0.02:
        if caller.session:
            caller.call(caller.search.CloseSession, search_pb2.CloseSessionRequest(name=caller.session))
        made = caller.call(caller.search.CreateSession, search_pb2.CreateSessionRequest(spec=search_spec()))
        caller.session = "" if made is None else made.name
        return
    asked = caller.call(caller.search.Ask, search_pb2.AskRequest(session=caller.session, wait={"seconds": 2}))
    if asked is not None and asked.trials:
        reports = [
            search_pb2.TrialReport(trial_id=trial.trial_id, score=made_up_score(trial.image_id))
            for trial in asked.trials
        ]
        caller.call(caller.search.Tell, search_pb2.TellRequest(session=caller.session, trials=reports))


def _draw(caller: _Caller) -> None:
    request = generators_pb2.SampleLatentsRequest(generator="generators/tiny", count=8, seed=caller.rng.randrange(1000))
    sampled = caller.call(caller.generators.SampleLatents, request)
    if sampled is not None:
        render = generators_pb2.RenderRequest(generator="generators/tiny", latents=sampled.latents)
        caller.call(lambda request, timeout: list(caller.generators.Render(request, timeout=timeout)), render)


def _analyse(caller: _Caller) -> None:
    spec = specs_pb2.EigenbasisSpec(
        generator="generators/tiny", distance="mse", samples=32, seed=caller.rng.randrange(20)
    )
    request = geometry_pb2.ComputeEigenbasisRequest(spec=spec)
    job = caller.wait_for(caller.call(caller.geometry.ComputeEigenbasis, request))
    if job is not None and job.state == jobs_pb2.JOB_STATE_SUCCEEDED:
        caller.call(caller.geometry.GetEigenbasis, geometry_pb2.GetEigenbasisRequest(name=job.result))


def _look(caller: _Caller) -> None:
    caller.call(caller.jobs.ListJobs, jobs_pb2.ListJobsRequest(page_size=50))
    caller.call(caller.generators.GetGenerator, generators_pb2.GetGeneratorRequest(name="generators/tiny"))
    caller.call(caller.search.ListSessions, search_pb2.ListSessionsRequest(page_size=50))
    caller.ended.wait(0.1)


KINDS = (_invert, _evolve, _draw, _analyse, _look)
