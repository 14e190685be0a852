"""A few hundred nearly right requests of all methods: `ONLY=fuzz make bench-trust` in short."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from fuzzing import CALL_SECONDS, METHODS, Answer, Fuzzer, Sender, faults_of
from live_server import LiveServer
from requests_for_tiny import begin_search

COUNT = 320
SEED = int(os.environ.get("TRUST_SEED", "1"))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    """A server that speaks HTTP too."""
    server = LiveServer(tmp_path_factory.mktemp("faults") / "data", environment)
    server.start("--http", "127.0.0.1:0")
    yield server
    server.close()


def test_nearly_right_requests_are_answered_by_what_is_wrong_with_them(live: LiveServer) -> None:
    known = (live.eigenbasis(), begin_search(live).name)
    fuzzer, sender, worker = Fuzzer(SEED, known), Sender(live), live.worker.pid
    answers: list[Answer] = []
    for number in range(COUNT):
        answers.append(sender.send(fuzzer.attempt(number)))
        for job in answers[-1].made:
            sender.cancel(job)
    sender.close()
    faults = [
        f"{number} {answers[number].attempt.method} over {answers[number].attempt.over}: {fault}: {answers[number]}"
        for number, fault in faults_of(answers, CALL_SECONDS).items()
    ]
    assert not faults, f"seed {SEED}"
    assert live.worker.pid == worker
    assert "Traceback" not in live.log(), live.log()[-3_000:]
    # All methods were asked, and some of it was right.
    assert {answer.attempt.method for answer in answers} == set(METHODS)
    codes = Counter(answer.code for answer in answers)
    assert codes["INVALID_ARGUMENT"] > COUNT // 5
    assert codes["OK"] > COUNT // 20


def test_what_is_sent_follows_from_the_seed() -> None:
    first, second = (Fuzzer(7).attempt(12) for _ in range(2))
    assert first == second
    assert len({Fuzzer(seed).attempt(12).data for seed in range(20)}) > 3
