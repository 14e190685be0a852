"""Whether a server knows what to say to requests that are nearly right, and says it soon."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from grpc_health.v1 import health_pb2, health_pb2_grpc
from machine import Machine
from reporting import QUICK, Figure, Report

from fuzzing import FAULTY, METHODS, Answer, Fuzzer, Sender, fault_of
from live_server import LiveServer
from pullback_api.v1 import access_pb2, access_pb2_grpc
from pullback_server.keeping.copies.check import check
from requests_for_tiny import begin_search
from tiny import write_catalogue

COUNT = int(os.environ.get("TRUST_REQUESTS", "1000" if QUICK else "100000"))
SECONDS = float(os.environ.get("TRUST_SECONDS", "5"))
THREADS = 4
# With whose key each round of all methods comes: of a key without quotas and with small ones, and with one of nobody.
KEYS = ("user", "operator", "user", "strict", "user", "operator", "user", "viewer", "nobody")
_ROLES = {
    "user": access_pb2.ROLE_USER,
    "strict": access_pb2.ROLE_USER,
    "operator": access_pb2.ROLE_OPERATOR,
    "viewer": access_pb2.ROLE_VIEWER,
}
_STRICT = access_pb2.Quotas(queued_jobs=1, running_jobs=1, device_seconds=5, sessions=1, streams=1, request_bytes=4096)
KEPT = Path("bench-trust")


@dataclass(frozen=True)
class Sent:
    """A request, when it was sent, and what came back."""

    began: float
    answer: Answer


def bench_fuzz(report: Report, seed: int) -> None:
    """Requests of all methods over gRPC and HTTP; what is wrong with an answer is kept in `bench-trust/`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            "PULLBACK_CATALOGUE": str(write_catalogue(folder / "catalogue")),
            "PULLBACK_CACHE": str(folder / "cache"),
        }
        server = LiveServer(folder / "data", environment, secure=True)
        server.start("--http", "127.0.0.1:0")
        try:
            with Machine() as machine:
                _attack(report, server, machine, seed)
        finally:
            server.close()
        found = check(folder / "data", None)
        detail = f"of {found.rows} jobs, results and sessions with {found.files} files that are left"
        report.add(Figure("what is kept, and cannot be read", len(found.lost), "0", not found.lost, detail))


def _attack(report: Report, server: LiveServer, machine: Machine, seed: int) -> None:
    known = (server.eigenbasis(), begin_search(server).name)
    fuzzer, sender, worker = Fuzzer(seed, known), Sender(server, _tokens(server)), server.worker.pid

    def one(number: int) -> Sent:
        began = time.monotonic()
        answer = sender.send(fuzzer.attempt(number))
        for job in answer.made:
            sender.cancel(job)
        if number % 1_000 == 999:
            report.note(sent=number + 1)
        return Sent(began, answer)

    with _Pulse(server) as pulse, ThreadPoolExecutor(THREADS) as pool:
        sent = list(pool.map(one, range(COUNT)))
    deaths = int(server.worker.pid != worker) + len(re.findall(r"worker\S* (on \S+ )?died", server.log()))
    late = [each for each in sent if each.answer.seconds > SECONDS]
    again = [_again(sender, each.answer) for each in late]
    sender.close()
    codes = Counter((each.answer.attempt.over, each.answer.code) for each in sent)
    report.note(codes={f"{over} {code}": count for (over, code), count in sorted(codes.items())})
    _report(report, sent, pulse, machine)
    _report_late(report, late, again, machine)
    report.add(Figure("deaths of server or worker", deaths, "0", deaths == 0))
    parts = server.log().split("Traceback")
    for before, after in pairwise(parts):
        report.note(traceback=before[-300:] + "Traceback" + after[:3_000])
    tracebacks = len(parts) - 1
    report.add(Figure("tracebacks in the server's log", tracebacks, "0", tracebacks == 0))


def _tokens(server: LiveServer) -> list[str]:
    access = access_pb2_grpc.AccessStub(server.channel)
    made = {"nobody": "A" * 43}
    for name, role in _ROLES.items():
        quotas = _STRICT if name == "strict" else None
        request = access_pb2.CreateKeyRequest(id=name, role=role, quotas=quotas)
        made[name] = access.CreateKey(request, timeout=60).token
    return [made[name] for name in KEYS]


def _again(sender: Sender, answer: Answer) -> float:
    """Seconds that the same request takes when nothing else is asked."""
    repeated = sender.send(answer.attempt)
    for job in repeated.made:
        sender.cancel(job)
    return repeated.seconds


def _report(report: Report, sent: list[Sent], pulse: _Pulse, machine: Machine) -> None:
    faults = [(each.answer, fault) for each in sent if (fault := fault_of(each.answer))]
    for answer, fault in faults:
        report.note(**_keep(answer), fault=fault)
    unknown = sum(answer.code in FAULTY for answer, _ in faults)
    detail = f"of {len(sent):,} calls in {pulse.took:.0f} s; a processor was given to {machine.share():.0%}"
    report.add(Figure("answers UNKNOWN or INTERNAL", unknown, "0", not unknown, detail))
    report.add(Figure("answers that are not canonical, or name no field at fault", len(faults), "0", not faults))
    seconds = sorted(each.answer.seconds for each in sent)
    detail = f"p99 {seconds[len(seconds) * 99 // 100]:.2f} s; a call of health meanwhile at most {pulse.slowest:.2f} s"
    report.add(Figure("slowest answer, s", seconds[-1], detail=detail))


def _report_late(report: Report, late: list[Sent], again: list[float], machine: Machine) -> None:
    for each, alone in zip(late, again, strict=True):
        share = machine.share(each.began, each.began + each.answer.seconds)
        report.note(**_keep(each.answer), alone_seconds=round(alone, 2), processor=round(share, 2))
    report.add(Figure(f"answers later than {SECONDS:g} s", len(late), "0", not late))
    slow = sum(alone > SECONDS for alone in again)
    report.add(Figure("of these, late again when sent alone", slow, "0", not slow))


def _keep(answer: Answer) -> dict[str, object]:
    """Keeps a request; says what it was."""
    attempt = answer.attempt
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{attempt.number}.bin").write_bytes(attempt.data)
    told = {
        "number": attempt.number,
        "method": attempt.method,
        "over": attempt.over,
        "code": answer.code,
        "key": KEYS[attempt.number // len(METHODS) % len(KEYS)],
        "message": answer.message,
        "fields": answer.fields,
        "seconds": round(answer.seconds, 2),
    }
    (KEPT / f"{attempt.number}.json").write_text(json.dumps(told), encoding="utf-8")
    return told


class _Pulse:
    """Asks for the server's health all the time, over a connection of its own."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="pulse")
        self.slowest = self.took = 0.0

    def __enter__(self) -> _Pulse:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.took = time.monotonic() - self._began

    def _ask(self) -> None:
        with self._server.connect([("grpc.use_local_subchannel_pool", 1)]) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            while not self._ended.wait(0.2):
                began = time.monotonic()
                health.Check(health_pb2.HealthCheckRequest(), timeout=60)
                self.slowest = max(self.slowest, time.monotonic() - began)
