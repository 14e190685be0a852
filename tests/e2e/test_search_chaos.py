"""Servers and workers killed at random moments of an evolution: nothing acknowledged is lost, and nothing changes.

`CHAOS_KILLS` says how many times (6 unless said otherwise; `make chaos` takes 200), `CHAOS_SEED` at which moments.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc
import psutil
import pytest

from live_server import LiveServer
from pullback_api.v1 import search_pb2
from requests_for_tiny import ask, begin_search, exported, generations_of, made_up_score, tell_scores, trials_of

KILLS = int(os.environ.get("CHAOS_KILLS", "6"))
SEED = int(os.environ.get("CHAOS_SEED", "0"))
# What a client sees of a server that is killed; ValueError: its channel was closed meanwhile.
GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}
SCORES = search_pb2.ScoreOptions(repetitions=2, missing=search_pb2.MISSING_POLICY_CARRY_OVER)


def threads_on(server: LiveServer) -> tuple[dict[str, Any], ...]:
    """Three evolutions; the eigenbasis is named, for other tests may have made newer ones on the server they share."""
    hessian = {"method": search_pb2.SEARCH_METHOD_HESSIAN_CMA, "population": 5}
    return (
        {"optimizer": {"method": search_pb2.SEARCH_METHOD_CMA, "population": 6}},
        {"optimizer": hessian, "eigenbasis": server.eigenbasis()},
        {"optimizer": {"method": search_pb2.SEARCH_METHOD_GENETIC, "population": 4}},
    )


def fails(trial: search_pb2.Trial) -> bool:
    """Some images fail at their first showing of a generation, always the same."""
    return trial.repetition == 0 and made_up_score(f"{trial.image_id} {trial.generation}") < 0.05


def report_of(trial: search_pb2.Trial) -> search_pb2.TrialReport:
    if fails(trial):
        return search_pb2.TrialReport(trial_id=trial.trial_id, outcome=search_pb2.OUTCOME_FAILED)
    # Another score at every showing.
    score = made_up_score(f"{trial.image_id} {trial.repetition}")
    return search_pb2.TrialReport(trial_id=trial.trial_id, score=score)


class Rig:
    """A client that evolves until it is told to stop, whatever becomes of the server."""

    def __init__(self, live: LiveServer, session: search_pb2.Session) -> None:
        self.live = live
        self.session = session
        self.acknowledged: dict[str, search_pb2.TrialReport] = {}
        self.asks = 0
        self.error: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=120)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                self._show()
        except BaseException as error:
            self.error = error

    def _show(self) -> None:
        self.asks += 1
        request = search_pb2.AskRequest(
            session=self.session.name, request_id=f"ask-{self.asks}", count=4, wait={"seconds": 1}
        )
        trials = self._insist(lambda: self.live.search.Ask(request, timeout=60)).trials
        reports = [report_of(trial) for trial in trials]
        tell = search_pb2.TellRequest(session=self.session.name, trials=reports)
        self._insist(lambda: self.live.search.Tell(tell, timeout=60))
        self.acknowledged.update({report.trial_id: report for report in reports})

    def _insist(self, call: Callable[[], Any]) -> Any:
        """Makes the same call again until some server has answered it."""
        while True:
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() not in GONE:
                    raise
            except ValueError as error:
                if "closed channel" not in str(error):
                    raise
            threading.Event().wait(0.02)


def kill_something(live: LiveServer, rng: random.Random) -> None:
    if rng.random() < 0.5:
        with contextlib.suppress(psutil.NoSuchProcess):
            live.worker.kill()
    else:
        live.kill()
        live.start()


def history(pieces: list[search_pb2.SessionPiece], thread: int) -> list[tuple[Any, ...]]:
    """Everything that was computed of a thread's closed generations, and the latents of its open one."""
    found: list[tuple[Any, ...]] = []
    for each in generations_of(pieces):
        if each.summary.thread == thread:
            made = (list(each.image_ids), each.latents.data, [(o.kind, list(o.parents)) for o in each.origins])
            found.append((*made, each.scores.data if each.summary.closed else None))
    return found


@pytest.mark.timeout(120 + 30 * KILLS)
def test_an_evolution_through_kills_ends_as_an_uninterrupted_one(
    start_server: Callable[..., LiveServer], server: LiveServer
) -> None:
    rng = random.Random(SEED)
    live = start_server()
    threads = threads_on(live)
    session = begin_search(live, *threads, scores=SCORES, seed=11)
    rig = Rig(live, session)
    for _ in range(KILLS):
        threading.Event().wait(rng.uniform(0.0, 3.0))
        kill_something(live, rng)
    # The last one alive shows that it goes on.
    before = len(generations_of(exported(live, session)))
    while len(generations_of(exported(live, session))) < before + len(threads):
        assert rig.error is None, rig.error
        threading.Event().wait(0.05)
    rig.stop()
    pieces = exported(live, session)

    # No acknowledged tell is lost.
    kept = {record.report.trial_id: record for record in trials_of(pieces)}
    for trial_id, report in rig.acknowledged.items():
        assert kept[trial_id].report.outcome == (report.outcome or search_pb2.OUTCOME_SCORED)
        assert kept[trial_id].report.score == report.score
    # No image's id is used again.
    made = Counter(
        name
        for each in generations_of(pieces)
        for name, origin in zip(each.image_ids, each.origins, strict=True)
        if origin.kind != "carried"
    )
    assert set(made.values()) == {1}
    assert len(kept) == len(trials_of(pieces))

    # The same without kills.
    quiet = begin_search(server, *threads_on(server), scores=SCORES, seed=11)
    expected = [history(pieces, thread) for thread in range(len(threads))]
    while True:
        found = exported(server, quiet)
        if all(len(history(found, thread)) > len(expected[thread]) for thread in range(len(threads))):
            break
        trials = ask(server, quiet, count=7)
        reports = [report_of(trial) for trial in trials]
        server.search.Tell(search_pb2.TellRequest(session=quiet.name, trials=reports), timeout=60)
    for thread, generations in enumerate(expected):
        same = history(found, thread)[: len(generations)]
        assert same[:-1] == generations[:-1]
        # The last one may be open in the one and closed in the other.
        assert same[-1][:-1] == generations[-1][:-1]


def test_scores_told_by_a_client_that_vanished_are_there(start_server: Callable[..., LiveServer]) -> None:
    live = start_server()
    session = begin_search(live)
    trials = ask(live, session)
    tell_scores(live, session, trials[:3])
    live.kill()
    live.start()
    kept = [record for record in trials_of(exported(live, session)) if record.HasField("score")]
    assert {record.report.trial_id for record in kept} == {trial.trial_id for trial in trials[:3]}
