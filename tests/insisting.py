"""Clients of a server that is killed again and again: they insist, and look at what they get.

Each works in a thread of its own until it is told to stop. What it finds wrong is raised by `stop`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from live_server import LiveServer
from pullback_api.v1 import generators_pb2, geometry_pb2, inversion_pb2, jobs_pb2, search_pb2, specs_pb2, values_pb2
from requests_for_tiny import arrays_of, generations_of, made_up_score

# What a client sees of a server that is killed; ValueError: its channel was closed meanwhile.
_GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}
_AGAIN_SECONDS = 0.02
_LOOK_SECONDS = 0.1
# Of each kind of work, that many different ones are done in turns.
VARIANTS = 3
SCORES = search_pb2.ScoreOptions(repetitions=2, missing=search_pb2.MISSING_POLICY_CARRY_OVER)


@dataclass(frozen=True)
class Load:
    """How much there is to do in one piece.

    Attributes:
        generator: Of what.
        steps: Of an inversion.
        samples: Of an eigenbasis.
    """

    generator: str = "tiny"
    steps: int = 200
    samples: int = 4_000

    def settings(self, variant: int, basis: str) -> specs_pb2.InversionSettings:
        """An inversion's: with gradients, with an eigenbasis, and with random numbers."""
        method, steps = [
            (specs_pb2.INVERSION_METHOD_ADAM, self.steps),
            (specs_pb2.INVERSION_METHOD_HESSIAN_ADAM, self.steps),
            (specs_pb2.INVERSION_METHOD_BASIN_CMA, max(35, self.steps // 5)),
        ][variant]
        return specs_pb2.InversionSettings(
            generator=f"generators/{self.generator}",
            distance="mse",
            method=method,
            restarts=None if method == specs_pb2.INVERSION_METHOD_BASIN_CMA else 2,
            steps=steps,
            seed=variant,
            eigenbasis=basis if method == specs_pb2.INVERSION_METHOD_HESSIAN_ADAM else "",
        )

    def eigenbasis(self, variant: int) -> specs_pb2.EigenbasisSpec:
        """One of the eigenbases; the one of the number `VARIANTS` is that of the evolutions."""
        samples = self.samples if variant < VARIANTS else max(8, self.samples // 100)
        return specs_pb2.EigenbasisSpec(
            generator=f"generators/{self.generator}", distance="mse", samples=samples, seed=variant
        )

    def threads(self, basis: str) -> list[search_pb2.ThreadSpec]:
        """Three evolutions beside each other."""
        options: list[dict[str, Any]] = [
            {"method": search_pb2.SEARCH_METHOD_CMA, "population": 6},
            {"method": search_pb2.SEARCH_METHOD_HESSIAN_CMA, "population": 5},
            {"method": search_pb2.SEARCH_METHOD_GENETIC, "population": 4},
        ]
        return [
            search_pb2.ThreadSpec(
                generator=f"generators/{self.generator}",
                optimizer=search_pb2.SearchOptions(**each),
                eigenbasis=basis if each["method"] == search_pb2.SEARCH_METHOD_HESSIAN_CMA else "",
            )
            for each in options
        ]


class Client(ABC):
    """A client that works until it is told to stop, whatever becomes of the server."""

    def __init__(self, live: LiveServer) -> None:
        self.live = live
        self.error: BaseException | None = None
        self.stopping = threading.Event()
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._work, name=type(self).__name__)

    def begin(self) -> None:
        """Begins to work."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after what it is at; raises what it has found wrong."""
        self.stopping.set()
        self._thread.join(timeout=300)
        assert not self._thread.is_alive(), f"{type(self).__name__} does not end"
        if self.error is not None:
            raise self.error

    def abandon(self) -> None:
        """Ends at once, whatever becomes of what it is at."""
        self.stopping.set()
        self._abandoned.set()

    @abstractmethod
    def step(self, number: int) -> None:
        """Does one piece of work, the one of that number."""

    def _work(self) -> None:
        number = 0
        try:
            while not self.stopping.is_set():
                self.step(number)
                number += 1
        except BaseException as error:
            self.error = error

    def insist(self, call: Callable[[], Any]) -> Any:
        """Makes the same call again until some server has answered it."""
        while not self._abandoned.is_set():
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() not in _GONE:
                    raise
            except ValueError as error:
                if "closed channel" not in str(error):
                    raise
            time.sleep(_AGAIN_SECONDS)
        raise AssertionError("abandoned")

    def wait(self, job: jobs_pb2.Job) -> jobs_pb2.Job:
        """Waits until a job has ended, well."""
        while job.state < jobs_pb2.JOB_STATE_SUCCEEDED:
            request = jobs_pb2.WaitJobRequest(name=job.name)
            job = self.insist(lambda request=request: self.live.jobs.WaitJob(request, timeout=60))
        assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED, job
        return job


def target(server: LiveServer, load: Load, seed: int) -> values_pb2.Image:
    """An image that the generator can draw."""
    name = f"generators/{load.generator}"
    sampled = server.generators.SampleLatents(
        generators_pb2.SampleLatentsRequest(generator=name, seed=seed), timeout=120
    )
    request = generators_pb2.RenderRequest(generator=name, latents=sampled.latents)
    return next(iter(server.generators.Render(request, timeout=120))).image


class Inverter(Client):
    """Inverts the same images again and again.

    Args:
        live: The server.
        load: How much there is to do.
        image: What is inverted.
        basis: The eigenbasis that some of it is done with.

    Attributes:
        found: What came of each variant; another time it must be the same.
        done: The jobs that have succeeded, and their variants.
    """

    def __init__(self, live: LiveServer, load: Load, image: values_pb2.Image, basis: str) -> None:
        super().__init__(live)
        self._load = load
        self._image = image
        self._basis = basis
        self.found: dict[int, list[bytes]] = {}
        self.done: dict[str, int] = {}

    def step(self, number: int) -> None:
        """An inversion, and what came of it."""
        variant = number % VARIANTS
        request = inversion_pb2.InvertRequest(
            request_id=f"inversion-{number}",
            settings=self._load.settings(variant, self._basis),
            targets=[inversion_pb2.Target(image=self._image)],
        )
        job = self.wait(self.insist(lambda: self.live.inversion.Invert(request, timeout=60)))
        self.look(job.result, variant)
        self.done[job.result] = variant

    def look(self, result: str, variant: int) -> None:
        """Asserts that a result is what it was the first time."""
        request = inversion_pb2.GetInversionRequest(name=result)
        arrays = arrays_of(self.insist(lambda: self.live.inversion.GetInversion(request, timeout=60)))
        assert arrays == self.found.setdefault(variant, arrays), f"{result}: variant {variant} came out another way"


class Analyst(Client):
    """Computes the same eigenbases again and again, and deletes them.

    Attributes:
        found: What came of each variant; another time it must be the same.
        done: How many were computed.
    """

    def __init__(self, live: LiveServer, load: Load) -> None:
        super().__init__(live)
        self._load = load
        self.found: dict[int, list[bytes]] = {}
        self.done = 0

    def step(self, number: int) -> None:
        """An eigenbasis, and its end."""
        variant = number % VARIANTS
        spec = self._load.eigenbasis(variant)
        request = geometry_pb2.ComputeEigenbasisRequest(request_id=f"eigenbasis-{number}", spec=spec)
        job = self.wait(self.insist(lambda: self.live.geometry.ComputeEigenbasis(request, timeout=60)))
        get = geometry_pb2.GetEigenbasisRequest(name=job.result, with_metric=True)
        basis = self.insist(lambda: self.live.geometry.GetEigenbasis(get, timeout=60))
        arrays = [basis.metric.data, basis.eigenvectors.data, basis.eigenvalues.data]
        assert arrays == self.found.setdefault(variant, arrays), f"{job.name}: variant {variant} came out another way"
        self.done += 1
        if not self.stopping.is_set():
            self._delete(job.result)

    def _delete(self, name: str) -> None:
        request = geometry_pb2.DeleteEigenbasisRequest(name=name)
        try:
            self.insist(lambda: self.live.geometry.DeleteEigenbasis(request, timeout=60))
        except grpc.RpcError as error:
            # It was deleted by a call that heard no answer.
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise


class Evolver(Client):
    """Shows the images of a session, and tells scores that depend on nothing but the showing.

    Attributes:
        acknowledged: What was told, and heard, by trial.
    """

    def __init__(self, live: LiveServer, session: search_pb2.Session) -> None:
        super().__init__(live)
        self.session = session
        self.acknowledged: dict[str, search_pb2.TrialReport] = {}

    def step(self, number: int) -> None:
        """Some images."""
        request = search_pb2.AskRequest(
            session=self.session.name, request_id=f"ask-{number}", count=4, wait={"seconds": 1}
        )
        trials = self.insist(lambda: self.live.search.Ask(request, timeout=60)).trials
        reports = [report_of(trial) for trial in trials]
        tell = search_pb2.TellRequest(session=self.session.name, trials=reports)
        self.insist(lambda: self.live.search.Tell(tell, timeout=60))
        self.acknowledged.update({report.trial_id: report for report in reports})
        # An animal looks at them; the jobs have their turn.
        time.sleep(_LOOK_SECONDS)


def fails(trial: search_pb2.Trial) -> bool:
    """Some images fail at their first showing of a generation, always the same."""
    return trial.repetition == 0 and made_up_score(f"{trial.image_id} {trial.generation}") < 0.05


def report_of(trial: search_pb2.Trial) -> search_pb2.TrialReport:
    """What is told of a trial."""
    if fails(trial):
        return search_pb2.TrialReport(trial_id=trial.trial_id, outcome=search_pb2.OUTCOME_FAILED)
    # Another score at every showing.
    score = made_up_score(f"{trial.image_id} {trial.repetition}")
    return search_pb2.TrialReport(trial_id=trial.trial_id, score=score)


def lasting_eigenbasis(server: LiveServer, load: Load) -> str:
    """The name of the eigenbasis that evolutions and inversions use."""
    request = geometry_pb2.ComputeEigenbasisRequest(spec=load.eigenbasis(VARIANTS))
    return Analyst(server, load).wait(server.geometry.ComputeEigenbasis(request, timeout=60)).result


def begin_evolutions(server: LiveServer, load: Load, basis: str, seed: int) -> search_pb2.Session:
    """A session of three evolutions, one of which has an eigenbasis."""
    spec = search_pb2.SessionSpec(threads=load.threads(basis), scores=SCORES, seed=seed)
    return server.search.CreateSession(search_pb2.CreateSessionRequest(spec=spec), timeout=60)


def history(pieces: list[search_pb2.SessionPiece], thread: int) -> list[tuple[Any, ...]]:
    """Everything that was computed of a thread's closed generations, and the latents of its open one."""
    found: list[tuple[Any, ...]] = []
    for each in generations_of(pieces):
        if each.summary.thread == thread:
            made = (list(each.image_ids), each.latents.data, [(o.kind, list(o.parents)) for o in each.origins])
            found.append((*made, each.scores.data if each.summary.closed else None))
    return found
