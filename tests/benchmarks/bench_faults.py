"""Benchmark of faults: how often a live server that is sent nearly right requests does not know what to say.

`FAULTS` requests (default 30,000) of the seed `FAULTS_SEED` (default: one that is drawn, and told) over gRPC and HTTP.
Prints a table of the codes and one JSON object; ends with status 1 where there was one UNKNOWN, one INTERNAL, one
answer later than `FAULTS_SECONDS` (default 5), one traceback in the log, or a worker that died. What was sent then is
kept in `bench-faults/`.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzzing import Answer, Fuzzer, Sender, faults_of
from live_server import LiveServer
from requests_for_tiny import begin_search
from tiny import write_catalogue

COUNT = int(os.environ.get("FAULTS", "30000"))
SECONDS = float(os.environ.get("FAULTS_SECONDS", "5"))
SEED = int(os.environ.get("FAULTS_SEED", "0")) or secrets.randbelow(2**31)
THREADS = 4
KEPT = Path("bench-faults")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    say(f"seed {SEED}, {COUNT:,} requests")
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PULLBACK_CATALOGUE": str(write_catalogue(Path(folder) / "catalogue")),
            "PULLBACK_CACHE": str(Path(folder) / "cache"),
        }
        server = LiveServer(Path(folder) / "data", environment)
        server.start("--http", "127.0.0.1:0")
        try:
            return report(*attack(server))
        finally:
            server.close()


def attack(server: LiveServer) -> tuple[list[Answer], bool, int]:
    """The answers, whether the worker is the same, and the tracebacks in the log."""
    known = (server.eigenbasis(), begin_search(server).name)
    fuzzer, sender, worker = Fuzzer(SEED, known), Sender(server), server.worker.pid

    def one(number: int) -> Answer:
        answer = sender.send(fuzzer.attempt(number))
        for job in answer.made:
            sender.cancel(job)
        if number % 1_000 == 999:
            say(f"{number + 1:,}")
        return answer

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(one, range(COUNT)))
    sender.close()
    return answers, server.worker.pid == worker, server.log().count("Traceback")


def report(answers: list[Answer], same_worker: bool, tracebacks: int) -> int:
    """Prints what came, keeps what was wrong; the exit status."""
    counts = Counter((answer.attempt.over, answer.code) for answer in answers)
    for (over, code), count in sorted(counts.items()):
        say(f"{over:6} {code:22} {count:8,}")
    faults = faults_of(answers, SECONDS)
    for fault in faults:
        KEPT.mkdir(exist_ok=True)
        stem = KEPT / f"{SEED}-{fault.attempt.number}"
        stem.with_suffix(".bin").write_bytes(fault.attempt.data)
        told = {
            "method": fault.attempt.method,
            "over": fault.attempt.over,
            "code": fault.code,
            "message": fault.message,
        }
        stem.with_suffix(".json").write_text(json.dumps({**told, "seconds": fault.seconds}), encoding="utf-8")
        say(f"{stem}: {told} {fault.seconds:.1f} s")
    slowest = max(answers, key=lambda answer: answer.seconds)
    summary = {
        "seed": SEED,
        "requests": len(answers),
        "faults": len(faults),
        "same_worker": same_worker,
        "tracebacks": tracebacks,
        "slowest_seconds": round(slowest.seconds, 2),
        "slowest": slowest.attempt.method,
    }
    say(json.dumps(summary))
    return 0 if not faults and same_worker and not tracebacks else 1


if __name__ == "__main__":
    raise SystemExit(main())
