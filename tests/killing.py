"""Kills of servers and workers at random moments while they have everything to do at once: nothing may come of them."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from insisting import (
    VARIANTS,
    Analyst,
    Client,
    Evolver,
    Inverter,
    Load,
    begin_evolutions,
    history,
    lasting_eigenbasis,
    report_of,
    target,
)
from live_server import LiveServer
from pullback_api.v1 import jobs_pb2, search_pb2
from requests_for_tiny import ask, exported, generations_of, trials_of

# Within which a kill comes after the one before, soon or later, and after the start of a server.
_PAUSES_SECONDS, _START_UP_SECONDS = (0.5, 4.0), 1.5
# How long a file is waited for that is written at this moment.
_FILE_SECONDS = 2.0
_SETTLE_SECONDS = 600.0
_TARGET_SEED, _SESSION_SEED = 7, 11


@dataclass
class Life:
    """What a server went through, and what was found afterwards.

    Attributes:
        kills: How many, by what was killed and at which moment.
        inversions: How many jobs of each kind ended, all of them alike.
        eigenbases: See there.
        tells: How many scores were acknowledged.
        generations: How many the evolutions have made.
    """

    kills: Counter[str] = field(default_factory=Counter)
    inversions: int = 0
    eigenbases: int = 0
    tells: int = 0
    generations: int = 0

    @property
    def total(self) -> int:
        """How many kills there were."""
        return self.kills.total()


class Killer:
    """Kills, and starts again what does not start by itself.

    Args:
        live: The server.
        rng: Says what is killed, and when.
    """

    def __init__(self, live: LiveServer, rng: random.Random) -> None:
        self._live = live
        self._rng = rng
        self._deaths = 0
        self.kills: Counter[str] = Counter()

    def kill(self) -> None:
        """Kills once, or a few times in a row; the server listens afterwards."""
        victim = self._rng.choices(("server", "worker", "both"), (4, 4, 2))[0]
        moment = self._rng.choices(("any time", "checkpoint", "file"), (7, 2, 1))[0]
        if victim == "worker":
            self._let_it_come_further()
        self._wait_for(moment)
        if victim != "server":
            self._kill_workers()
        if victim != "worker":
            self._live.kill()
        self.kills[f"{victim}, {moment}"] += 1
        if victim == "worker":
            self._deaths += 1
            return
        while self._rng.random() < 0.25:
            self._live.spawn()
            time.sleep(self._rng.uniform(0.0, _START_UP_SECONDS))
            self._live.kill()
            self.kills["server, start-up"] += 1
        self._live.start()

    def _kill_workers(self) -> None:
        """One of the processes that compute, or all."""
        computing = []
        for child in self._live.process.children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    computing.append(child)
        chosen = computing if self._rng.random() < 0.5 else computing and [self._rng.choice(computing)]
        for child in chosen:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def _wait_for(self, moment: str) -> None:
        """Waits for some time, or until a checkpoint or a file of the store is being written."""
        if moment == "any time":
            time.sleep(self._rng.uniform(0.0, self._rng.choice(_PAUSES_SECONDS)))
            return
        folder, pattern = ("checkpoints", ".*") if moment == "checkpoint" else ("blobs", "??/.tmp-*")
        deadline = time.monotonic() + _FILE_SECONDS
        while not any((self._live.data / folder).glob(pattern)) and time.monotonic() < deadline:
            time.sleep(0.001)

    def _let_it_come_further(self) -> None:
        """Three deaths of workers in a row between which a job came no further fail it, and rightly so."""
        if self._deaths < 2:
            return
        self._deaths = 0
        began = time.time()
        deadline = time.monotonic() + _SETTLE_SECONDS
        while any(not self._came_further(job, began) for job in self._running()):
            assert time.monotonic() < deadline, "some job comes no further"
            time.sleep(0.05)

    def _running(self) -> list[str]:
        request = jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING])
        return [job.name for job in self._live.jobs.ListJobs(request, timeout=60).jobs]

    def _came_further(self, job: str, since: float) -> bool:
        checkpoint = self._live.data / "checkpoints" / f"{job.removeprefix('jobs/')}.safetensors"
        try:
            return checkpoint.stat().st_mtime > since
        except FileNotFoundError:
            return False


def live_through(live: LiveServer, quiet: LiveServer, load: Load, *, kills: int, seed: int) -> Life:
    """Kills a server, or its workers, so many times at least, and looks whether all is as if nothing had happened.

    Args:
        live: A server that has just been started.
        quiet: Another one, for the same without kills.
        load: What it has to do meanwhile.
        kills: How many kills.
        seed: Of the moments.
    """
    for server in (live, quiet):
        server.wait_until(serving=True, seconds=_SETTLE_SECONDS)
    image, basis = target(live, load, _TARGET_SEED), lasting_eigenbasis(live, load)
    evolver = Evolver(live, begin_evolutions(live, load, basis, _SESSION_SEED))
    inverter, analyst = Inverter(live, load, image, basis), Analyst(live, load)
    killer = Killer(live, random.Random(seed))
    with _working(inverter, analyst, evolver):
        while killer.kills.total() < kills:
            killer.kill()
            for client in (inverter, analyst, evolver):
                assert client.error is None, client.error
        _go_on(inverter, analyst, evolver)
    pieces = _check_what_is_kept(live, inverter, evolver)
    _check_jobs_alike(quiet, load, inverter, analyst)
    generations = _check_evolutions_alike(quiet, load, pieces)
    return Life(killer.kills, len(inverter.done), analyst.done, len(evolver.acknowledged), generations)


@contextmanager
def _working(*clients: Client) -> Iterator[None]:
    for client in clients:
        client.begin()
    try:
        yield
    except BaseException:
        for client in clients:
            client.abandon()
        raise
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.stop()


def _go_on(inverter: Inverter, analyst: Analyst, evolver: Evolver) -> None:
    """The last server alive shows that it goes on: with jobs of each kind, and with all evolutions."""
    before = len(inverter.done), analyst.done, len(evolver.acknowledged)
    wanted = max(before[0] + 1, VARIANTS), max(before[1] + 1, VARIANTS), before[2] + 30
    deadline = time.monotonic() + _SETTLE_SECONDS
    while not all(
        now >= least
        for now, least in zip((len(inverter.done), analyst.done, len(evolver.acknowledged)), wanted, strict=True)
    ):
        for client in (inverter, analyst, evolver):
            assert client.error is None, client.error
        assert time.monotonic() < deadline, "the clients do not get on"
        threading.Event().wait(0.05)


def _check_what_is_kept(live: LiveServer, inverter: Inverter, evolver: Evolver) -> list[search_pb2.SessionPiece]:
    """Nothing that was acknowledged is lost; returns the session's export."""
    states = Counter(job.state for job in _all_jobs(live))
    assert set(states) == {jobs_pb2.JOB_STATE_SUCCEEDED}, states
    for result, variant in inverter.done.items():
        inverter.look(result, variant)
    pieces = exported(live, evolver.session)
    kept = {record.report.trial_id: record for record in trials_of(pieces)}
    assert len(kept) == len(trials_of(pieces))
    for trial_id, report in evolver.acknowledged.items():
        assert kept[trial_id].report.outcome == (report.outcome or search_pb2.OUTCOME_SCORED)
        assert kept[trial_id].report.score == report.score
    made = Counter(
        name
        for each in generations_of(pieces)
        for name, origin in zip(each.image_ids, each.origins, strict=True)
        if origin.kind != "carried"
    )
    assert set(made.values()) == {1}, "an image's id was used again"
    assert "starts over" not in live.log(), "a checkpoint was damaged"
    assert not list(live.data.rglob("*aside*")), "something was moved aside"
    return pieces


def _all_jobs(live: LiveServer) -> Iterator[jobs_pb2.Job]:
    token = ""
    while True:
        page = live.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=100, page_token=token), timeout=60)
        yield from page.jobs
        if not (token := page.next_page_token):
            return


def _check_jobs_alike(quiet: LiveServer, load: Load, inverter: Inverter, analyst: Analyst) -> None:
    """Each variant of the jobs comes out as on a server that nobody harms."""
    image, basis = target(quiet, load, _TARGET_SEED), lasting_eigenbasis(quiet, load)
    alone = Inverter(quiet, load, image, basis), Analyst(quiet, load)
    for client, found in zip(alone, (inverter.found, analyst.found), strict=True):
        client.found = found
        for number in range(VARIANTS):
            assert number in found
            client.step(number)


def _check_evolutions_alike(quiet: LiveServer, load: Load, pieces: list[search_pb2.SessionPiece]) -> int:
    """The evolutions are those of a server that nobody harms; returns how many generations they have made."""
    session = begin_evolutions(quiet, load, lasting_eigenbasis(quiet, load), _SESSION_SEED)
    threads = range(len(session.spec.threads))
    expected = [history(pieces, thread) for thread in threads]
    counts = [0] * len(threads)
    while any(count <= len(expected[thread]) for thread, count in enumerate(counts)):
        for _ in range(10):
            trials = ask(quiet, session, count=7)
            reports = [report_of(trial) for trial in trials]
            quiet.search.Tell(search_pb2.TellRequest(session=session.name, trials=reports), timeout=60)
        found = exported(quiet, session)
        counts = [len(history(found, thread)) for thread in threads]
    for thread, generations in enumerate(expected):
        same = history(found, thread)[: len(generations)]
        assert same[:-1] == generations[:-1]
        # The last one may be open in the one and closed in the other.
        assert same[-1][:-1] == generations[-1][:-1]
    return sum(map(len, expected))
