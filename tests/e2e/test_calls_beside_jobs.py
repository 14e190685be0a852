"""Calls beside jobs: answered by a process of their own, whatever a job is at, and the same byte for byte."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from live_server import CALL_SECONDS, LiveServer
from pullback_api.v1 import generators_pb2, geometry_pb2, jobs_pb2, search_pb2, specs_pb2
from requests_for_tiny import ask, begin_search, exported, generations_of, invert_tiny, tell_scores

CALLS = "worker-0-calls"
# Read by every Python process of the server when it starts: a step of an eigenbasis does not end while the file is
# there.
ONE_LONG_PIECE = """
import os, sys, time

if any("spawn_main" in argument for argument in sys.orig_argv):
    from pullback_server.worker.tasks.eigenbasis import EigenbasisTask

    step = EigenbasisTask.step

    def long_step(self):
        while os.path.exists(os.environ["ONE_LONG_PIECE"]):
            time.sleep(0.02)
        step(self)

    EigenbasisTask.step = long_step
"""


class Blocked:
    """A server with a job that is at one long piece of work for as long as is asked for."""

    def __init__(self, live: LiveServer, file: Path) -> None:
        self.live = live
        self._file = file

    @contextmanager
    def piece(self) -> Iterator[jobs_pb2.Job]:
        """Has a job be at it meanwhile; the process for calls is ready."""
        self._file.touch()
        try:
            spec = specs_pb2.EigenbasisSpec(generator="generators/tiny", distance="mse", samples=16)
            request = geometry_pb2.ComputeEigenbasisRequest(spec=spec)
            job = self.live.geometry.ComputeEigenbasis(request, timeout=CALL_SECONDS)
            wait_for(lambda: state_of(self.live, job) == jobs_pb2.JOB_STATE_RUNNING)
            wait_for(lambda: is_well(self.live, CALLS))
            yield job
        finally:
            self._file.unlink()


@pytest.fixture(scope="module")
def _blocked(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Blocked]:
    folder = tmp_path_factory.mktemp("sabotage")
    file = folder / "piece"
    (folder / "sitecustomize.py").write_text(ONE_LONG_PIECE, encoding="utf-8")
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    live = LiveServer(folder / "data", {**environment, "PYTHONPATH": path, "ONE_LONG_PIECE": str(file)})
    yield Blocked(live, file)
    live.close()


@pytest.fixture
def blocked(_blocked: Blocked) -> Iterator[Blocked]:
    """A server whose eigenbases take as long as a test says, and that has none yet; a test may end it."""
    _blocked.live.revive()
    yield _blocked
    if _blocked.live.runs:
        _blocked.live.tidy()


@pytest.fixture
def idle(blocked: Blocked) -> Blocked:
    """The same, of which no job has been asked since it was started."""
    if is_well(blocked.live, CALLS):
        blocked.live.terminate()
        blocked.live.revive()
    return blocked


def wait_for(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2 * CALL_SECONDS
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state_of(live: LiveServer, job: jobs_pb2.Job) -> int:
    return live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name), timeout=CALL_SECONDS).state


def is_well(live: LiveServer, part: str) -> bool:
    """Whether there is such a part, and it is well."""
    try:
        return live.is_serving(part)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.NOT_FOUND:
            raise
        return False


def is_open(live: LiveServer, session: search_pb2.Session) -> bool:
    """Whether there is a generation to be shown."""
    found = live.search.GetSession(search_pb2.GetSessionRequest(name=session.name), timeout=CALL_SECONDS)
    return found.threads[0].state == search_pb2.THREAD_STATE_OPEN


def troubles(live: LiveServer) -> dict[str, str]:
    """What the server says it is troubled by, by part."""
    health = health_pb2_grpc.HealthStub(live.channel)
    _, call = health.Check.with_call(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS)
    said = [value.partition(": ") for key, value in call.trailing_metadata() if key == "pullback-unwell"]
    return {part: trouble for part, _, trouble in said}


def draw(live: LiveServer) -> bytes:
    """An image, by two calls that a worker answers."""
    sampled = live.generators.SampleLatents(
        generators_pb2.SampleLatentsRequest(generator="generators/tiny", seed=3), timeout=CALL_SECONDS
    )
    request = generators_pb2.RenderRequest(generator="generators/tiny", latents=sampled.latents)
    (answer,) = live.generators.Render(request, timeout=CALL_SECONDS)
    return bytes(answer.image.data)


def test_a_server_without_jobs_has_no_second_process(idle: Blocked) -> None:
    live = idle.live
    draw(live)
    session = begin_search(live, {"max_generations": 2})
    tell_scores(live, session, ask(live, session))
    assert ask(live, session)
    assert not is_well(live, CALLS)
    started = [child.pid for child in live.process.children() if "spawn_main" in " ".join(child.cmdline())]
    assert sorted(started) == sorted([live.worker.pid, live.searches.pid])


def test_a_session_is_the_same_whichever_process_answers(idle: Blocked) -> None:
    live = idle.live

    def evolve(shown: int) -> tuple[dict[str, bytes], list[tuple[bytes, bytes]]]:
        """So many images by their ids, and the latents and scores of all generations."""
        session: search_pb2.Session = begin_search(live, seed=4)
        images: dict[str, bytes] = {}
        while len(images) < shown:
            # Of a generation, maybe not all are there yet.
            trials = ask(live, session, include_images=True)
            images.update({trial.image_id: trial.image.data for trial in trials})
            tell_scores(live, session, trials)
        wait_for(lambda: is_open(live, session))
        return images, [(each.latents.data, each.scores.data) for each in generations_of(exported(live, session))]

    # Before the first job there is nobody else.
    by_worker = evolve(18)
    assert len(live.workers) == 1
    with idle.piece():
        # And now the worker is at something else.
        assert evolve(18) == by_worker


def test_calls_are_answered_while_a_piece_of_a_job_takes_for_ever(blocked: Blocked) -> None:
    live = blocked.live
    before = draw(live)
    with blocked.piece() as job:
        assert draw(live) == before
        session = begin_search(live, {"max_generations": 3})
        while trials := ask(live, session):
            tell_scores(live, session, trials)
        if sys.platform == "linux":
            # Jobs give way to whoever waits for an answer, to the last of their threads.
            own = live.process.nice()
            assert {os.getpriority(os.PRIO_PROCESS, each.id) for each in live.calls_worker.threads()} == {own}
            assert {os.getpriority(os.PRIO_PROCESS, each.id) for each in live.worker.threads()} == {min(own + 5, 19)}
        # It is at it still, and nobody counts as not well for that.
        assert state_of(live, job) == jobs_pb2.JOB_STATE_RUNNING
        assert live.is_serving()
    assert live.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_killed_process_for_calls_is_named_and_comes_back_and_others_answer_meanwhile(
    live: LiveServer,
) -> None:
    job = invert_tiny(live, steps=100_000)
    live.wait_for_step(job.name, 1)
    # Starting for the first time is no trouble of the server's.
    assert live.is_serving()
    wait_for(lambda: is_well(live, CALLS))
    before = draw(live)
    first = live.calls_worker
    first.kill()
    live.wait_until(serving=False)
    assert troubles(live).keys() <= {CALLS}
    assert live.is_serving("worker-0")
    # The worker of jobs takes it, between two pieces of its job.
    assert draw(live) == before
    live.wait_until(serving=True)
    assert live.calls_worker.pid != first.pid
    assert f"{CALLS} is not well: killed by signal 9" in live.log()
    assert draw(live) == before
    # Its job has noticed nothing.
    assert live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name), timeout=CALL_SECONDS).attempts == 1


@pytest.mark.skipif(sys.platform != "linux", reason="a stopped process is told from others as Linux tells")
def test_a_stopped_process_for_calls_is_replaced_and_others_answer_meanwhile(live: LiveServer) -> None:
    job = invert_tiny(live, steps=100_000)
    live.wait_for_step(job.name, 1)
    wait_for(lambda: is_well(live, CALLS))
    before = draw(live)
    stopped = live.calls_worker
    stopped.suspend()
    try:
        live.wait_until(serving=False)
        assert draw(live) == before
        stopped.wait(timeout=CALL_SECONDS)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            stopped.resume()
    live.wait_until(serving=True)
    assert f"{CALLS} is not well: no sign of life" in live.log()
    assert draw(live) == before


def test_sigterm_ends_both_processes_in_the_middle_of_a_piece(blocked: Blocked) -> None:
    with blocked.piece():
        processes = blocked.live.workers
        assert len(processes) == 2
        assert blocked.live.terminate() == 0
        _, alive = psutil.wait_procs(processes, timeout=CALL_SECONDS)
        assert not alive


@pytest.mark.skipif(sys.platform != "linux", reason="a stopped process hears of nothing but the kernel")
def test_neither_process_outlives_a_killed_server(live: LiveServer) -> None:
    live.wait_for_step(invert_tiny(live, steps=100_000).name, 1)
    wait_for(lambda: is_well(live, CALLS))
    processes = live.workers
    assert len(processes) == 2
    for process in processes:
        process.suspend()
    live.process.kill()
    _, alive = psutil.wait_procs(processes, timeout=CALL_SECONDS)
    assert not alive
    live.close()
