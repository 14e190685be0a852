"""`make bench-latency`: what those who wait for images notice of the jobs beside them.

Two parts. `pieces`: the longest piece of every kind of job, which is how long a cancelled job, a checkpoint or another
job waits; `beside`: from a told generation to the next 40 encoded images, on a live server, beside every kind of job.
`QUICK=1` takes some minutes; GENERATORS asks for others than `faces`, KINDS for kinds of jobs whose names contain one
of these words; `ONLY=pieces` runs one part. As many threads as $OMP_NUM_THREADS says, or processors.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from bench_sessions import IMAGES, milliseconds, whole_generation
from kinds_of_job import DISTANCE, SPACES, TARGETS, Asked, Spec, jobs_of, targets_of
from reporting import QUICK, Figure, Report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from live_server import LiveServer
from pullback import distances, generators
from pullback.geometry import global_metric
from pullback.weights import cache_folder
from pullback_api.v1 import directions_pb2, geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2
from pullback_client import Client
from pullback_server.protocol.batching import MEASUREMENT
from pullback_server.protocol.messages import FromWorker, Progressed, StartJob
from pullback_server.protocol.payload import write_payload
from pullback_server.specs import inversion_load
from pullback_server.worker.jobs import RunningJob
from pullback_server.worker.models import Models
from pullback_server.worker.turns import Turn
from storing import stored

GENERATORS = os.environ.get("GENERATORS", "faces").split(",")
KINDS = os.environ.get("KINDS", "").split(",")
# Of an eigenbasis that is not measured itself.
PROBES_OF_BASIS = 200
# Longest pause between two generations.
LOOK_SECONDS = 0.3
# Generations beside each kind of job; seconds in which a job's pieces are timed.
GENERATIONS, SECONDS = (12, 15.0) if QUICK else (100, 120.0)
# A job that is to be cancelled soon, or holds up a checkpoint, does so for no longer than this.
PIECE_SECONDS = 1.0
CALL_SECONDS = 600.0


def asked_for(generator: str) -> list[Asked]:
    """The jobs of the kinds that $KINDS names."""
    return [each for each in jobs_of(generator) if any(kind in each.name for kind in KINDS)]


@contextmanager
def without_banks() -> Iterator[None]:
    """A cache that holds the weights, but no bank of starts: it is made by whoever asks for it first."""
    weights = cache_folder() / "weights"
    before = os.environ.get("PULLBACK_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "weights").symlink_to(weights.resolve(), target_is_directory=True)
        os.environ["PULLBACK_CACHE"] = folder
        try:
            yield
        finally:
            del os.environ["PULLBACK_CACHE"]
            if before is not None:
                os.environ["PULLBACK_CACHE"] = before


# Pieces ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pieces:
    """Processor seconds of a job's pieces, what it was at in the longest, and whether all were timed."""

    seconds: list[float]
    phase: str
    whole: bool


@lru_cache
def eigenbasis(generator: str, space: str) -> bytes:
    """The file of an eigenbasis; a rough one does for a job whose time is taken."""
    made = global_metric(generators.load(generator), distances.load(DISTANCE), space, samples=PROBES_OF_BASIS)
    return made.to_bytes()


def start_of(asked: Asked, generator: str, folder: Path) -> StartJob:
    """What a worker is told of a job, whose files are in a folder."""
    basis = stored(eigenbasis(generator, asked.space), folder) if asked.space else None
    payload, load = None, MEASUREMENT
    if isinstance(asked.spec, specs_pb2.InversionSettings):
        payload = stored(write_payload(targets_of(generator)), folder)
        load = inversion_load(asked.spec, TARGETS)
    return StartJob("1", asked.kind, load, False, asked.spec.SerializeToString(), payload, basis, "/nowhere/checkpoint")


def timed(start: StartJob, models: Models) -> Pieces:
    """Does the pieces of a job as a worker does, all of them or so many that take `SECONDS`.

    Processor time, which neighbours do not change much; with one thread it is what a quiet machine takes.
    """
    phase = "starting"

    def hear(message: FromWorker) -> None:
        nonlocal phase
        if isinstance(message, Progressed):
            phase = message.phase

    job = RunningJob(start, models, hear, checkpoint_seconds=float("inf"), progress_seconds=lambda: 0.0)
    seconds: list[float] = []
    longest = ""
    # What it loads first, once in the life of a worker, is no piece of its work.
    while not Turn([job]).advance():
        pass
    while job.result is None and sum(seconds) < SECONDS:
        turn, ended = Turn([job]), False
        while not ended:
            at, began = phase, time.process_time()
            ended = turn.advance()
            seconds.append(time.process_time() - began)
            longest = at if seconds[-1] == max(seconds) else longest
        for error in turn.failed.values():
            raise error
    return Pieces(seconds, longest, job.result is not None)


def bench_pieces(report: Report) -> None:
    """The longest piece of every kind of job."""
    models = Models("cpu")
    for generator in GENERATORS:
        for asked in asked_for(generator):
            with without_banks(), tempfile.TemporaryDirectory() as folder:
                pieces = timed(start_of(asked, generator, Path(folder)), models)
            longest = max(pieces.seconds)
            detail = f"{len(pieces.seconds)} pieces{'' if pieces.whole else ' of more'}, {milliseconds(pieces.seconds)}"
            detail += f"; at the longest: {pieces.phase}"
            name = f"{generator} {asked.name}: longest piece, processor s"
            report.add(Figure(name, longest, f"< {PIECE_SECONDS:.0f}", longest < PIECE_SECONDS, detail))


# Beside jobs -------------------------------------------------------------------------------------------------------


def eigenbasis_on(live: LiveServer, generator: str, space: str) -> str:
    """The name of an eigenbasis on a server, made where it is not there yet, however long that takes."""
    spec = specs_pb2.EigenbasisSpec(
        generator=f"generators/{generator}", space=space, distance=DISTANCE, samples=PROBES_OF_BASIS
    )
    job = live.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec), timeout=CALL_SECONDS)
    while job.state < jobs_pb2.JOB_STATE_SUCCEEDED:
        job = live.jobs.WaitJob(jobs_pb2.WaitJobRequest(name=job.name), timeout=CALL_SECONDS)
    return str(job.result)


class Beside:
    """Has a live server do jobs of one kind, one after the other.

    Args:
        live: The server.
        generator: Name of the generator.
        asked: The kind; None for no job.
    """

    def __init__(self, live: LiveServer, generator: str, asked: Asked | None) -> None:
        self._live = live
        self._generator = generator
        self._asked = asked
        self._job: jobs_pb2.Job | None = None
        self._basis = ""
        self.made = 0
        if asked is not None and asked.space:
            self._basis = eigenbasis_on(live, generator, asked.space)
        self._targets = targets_of(generator) if asked is not None and asked.kind == "inversion" else []

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *arguments: object) -> None:
        if self._job is not None:
            self._live.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=self._job.name), timeout=CALL_SECONDS)

    def keep_busy(self) -> None:
        """Asks for another job where there is none, or the one before has ended."""
        if self._asked is None:
            return
        if self._job is not None:
            job = self._live.jobs.GetJob(jobs_pb2.GetJobRequest(name=self._job.name), timeout=CALL_SECONDS)
            if job.state < jobs_pb2.JOB_STATE_SUCCEEDED:
                return
            if job.state != jobs_pb2.JOB_STATE_SUCCEEDED:
                raise RuntimeError(f"{self._asked.name}: {job.error.message}")
        self.made += 1
        self._job = self._ask(self._asked.again(self.made, self._basis).spec)

    def _ask(self, spec: Spec) -> jobs_pb2.Job:
        live, job = self._live, None
        match spec:
            case specs_pb2.EigenbasisSpec():
                computed = geometry_pb2.ComputeEigenbasisRequest(spec=spec)
                job = live.geometry.ComputeEigenbasis(computed, timeout=CALL_SECONDS)
            case specs_pb2.AnalysisSpec():
                analysed = geometry_pb2.AnalyzeMetricRequest(spec=spec)
                job = live.geometry.AnalyzeMetric(analysed, timeout=CALL_SECONDS)
            case specs_pb2.DirectionsSpec():
                discovered = directions_pb2.DiscoverDirectionsRequest(spec=spec)
                job = live.directions.DiscoverDirections(discovered, timeout=CALL_SECONDS)
            case specs_pb2.InversionSettings():
                inverted = inversion_pb2.InvertRequest(settings=spec, targets=self._targets)
                job = live.inversion.Invert(inverted, timeout=CALL_SECONDS)
        assert isinstance(job, jobs_pb2.Job)
        return job


def waits_beside(live: LiveServer, client: Client, generator: str, asked: Asked | None) -> tuple[list[float], int]:
    """Seconds from Tell to the next images, generation by generation, beside jobs; and how many jobs there were."""
    rng = np.random.default_rng(0)
    session = client.evolve(generator, population=IMAGES, progress=False)
    trials = whole_generation(session)
    waits = []
    with Beside(live, generator, asked) as beside:
        for _ in range(GENERATIONS):
            beside.keep_busy()
            # As someone looks at them meanwhile; without a pause, no piece of a job would be met at its beginning.
            time.sleep(rng.uniform(0.0, LOOK_SECONDS))
            began = time.perf_counter()
            session.tell(trials, rng.random(IMAGES))
            trials = whole_generation(session)
            waits.append(time.perf_counter() - began)
    session.close()
    return waits, beside.made


def bench_beside(report: Report) -> None:
    """Tell → next images beside every kind of job, on one server, which has had a job already."""
    environment = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))}
    for generator in GENERATORS:
        with (
            without_banks(),
            tempfile.TemporaryDirectory() as folder,
            LiveServer(Path(folder) / "data", environment) as live,
            Client(live.target) as client,
        ):
            eigenbasis_on(live, generator, SPACES[generator])
            while "worker-0-calls is ready" not in live.log():
                time.sleep(0.1)
            report.note(memory_mib={name: memory(live, name) for name in ("worker", "calls_worker")})
            for asked in (None, *asked_for(generator)):
                load = os.getloadavg()[0]
                waits, jobs = waits_beside(live, client, generator, asked)
                high = float(np.percentile(waits, 99))
                detail = f"{GENERATIONS} generations, {milliseconds(waits)}, at most {1000 * max(waits):.0f} ms; "
                detail += f"{jobs} jobs; load average {load:.1f}"
                name = f"{generator} beside {asked.name if asked else 'nothing'}: p99, s"
                report.add(Figure(name, high, "< 1", high < 1, detail))
            report.note(memory_mib={name: memory(live, name) for name in ("worker", "calls_worker")})


def memory(live: LiveServer, name: str) -> dict[str, int]:
    """Resident memory of a process, and what of it no other has, in MiB."""
    info = getattr(live, name).memory_full_info()
    return {"rss": info.rss >> 20, "uss": info.uss >> 20}


def main() -> None:
    """Runs both parts, or those that $ONLY names, and prints the table."""
    report = Report("latency")
    report.note(generators=GENERATORS, generations=GENERATIONS, load=os.getloadavg())
    report.run({"pieces": lambda: bench_pieces(report), "beside": lambda: bench_beside(report)})


if __name__ == "__main__":
    main()
