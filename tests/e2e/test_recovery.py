"""Killed servers and workers: what was finished stays, what was not goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import grpc
import pytest

from live_server import LiveServer
from pullback_api.v1 import geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2
from requests_for_tiny import inversion_of, invert_tiny

StartServer = Callable[..., LiveServer]
# Long enough to be killed in the middle, a few seconds of work.
STEPS, SAMPLES, POSITIONS = 600, 10_000, 200


def arrays(result: inversion_pb2.InversionResult) -> list[bytes]:
    """Everything that was computed, as bytes."""
    return [
        part.data
        for target in result.results
        for part in (target.latent, target.distance_trace, target.loss_trace, target.restart_latents, target.image)
    ]


@dataclass(frozen=True)
class Work:
    """A job to be interrupted.

    Attributes:
        submit: Asks a server for it.
        found: Everything that a finished one has computed, as bytes.
        phase: What its progress is called while it works.
    """

    submit: Callable[[LiveServer], jobs_pb2.Job]
    found: Callable[[LiveServer, jobs_pb2.Job], list[bytes]]
    phase: str


def compute_eigenbasis(server: LiveServer) -> jobs_pb2.Job:
    spec = specs_pb2.EigenbasisSpec(generator="generators/tiny", distance="mse", samples=SAMPLES)
    return server.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec), timeout=60)


def eigenbasis_of(server: LiveServer, job: jobs_pb2.Job) -> list[bytes]:
    basis = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=job.result), timeout=60)
    return [basis.metric.data, basis.eigenvectors.data]


def analyze(server: LiveServer) -> jobs_pb2.Job:
    spec = specs_pb2.AnalysisSpec(
        generator="generators/tiny",
        distance="mse",
        positions=POSITIONS,
        control_positions=2,
        compared_distances=["ssim"],
    )
    return server.geometry.AnalyzeMetric(geometry_pb2.AnalyzeMetricRequest(spec=spec), timeout=60)


def analysis_of(server: LiveServer, job: jobs_pb2.Job) -> list[bytes]:
    analysis = server.geometry.GetAnalysis(geometry_pb2.GetAnalysisRequest(name=job.result), timeout=60)
    # Which job made it, and when, differs.
    for field in ("job", "create_time"):
        analysis.ClearField(field)
    return [analysis.SerializeToString(deterministic=True)]


WORKS = {
    "inversion": Work(
        lambda server: invert_tiny(server, steps=STEPS),
        lambda server, job: arrays(inversion_of(server, job)),
        "optimizing latents",
    ),
    "eigenbasis": Work(compute_eigenbasis, eigenbasis_of, "averaging the metric"),
    "analysis": Work(analyze, analysis_of, "metric"),
}
every_work = pytest.mark.parametrize("kind", WORKS)


def wait_for_checkpoint(server: LiveServer) -> None:
    deadline = time.monotonic() + 60
    while not list((server.data / "checkpoints").glob("*.safetensors")):
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def uninterrupted(server: LiveServer) -> Callable[[str], list[bytes]]:
    """What a job gives when nothing happens to it."""

    @cache
    def result_of(kind: str) -> list[bytes]:
        work = WORKS[kind]
        return work.found(server, server.wait(work.submit(server).name))

    return result_of


@every_work
def test_a_job_goes_on_after_the_server_was_killed_and_ends_as_if_nothing_had_happened(
    start_server: StartServer, uninterrupted: Callable[[str], list[bytes]], kind: str
) -> None:
    live, work = start_server(), WORKS[kind]
    finished = live.wait(invert_tiny(live, steps=5).name)
    before = inversion_of(live, finished)
    job = work.submit(live)
    wait_for_checkpoint(live)
    seen = live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name)).last_sequence
    live.kill()
    live.start()
    events = list(live.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job.name, after_sequence=seen), timeout=60))
    ended = events[-1].job
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert ended.attempts == 2
    assert all(event.sequence > seen for event in events)
    # It went on, it did not start over.
    steps = [event.job.progress.step for event in events if event.job.progress.phase == work.phase]
    assert min(steps, default=STEPS) > 0
    assert work.found(live, ended) == uninterrupted(kind)
    assert inversion_of(live, finished) == before
    assert not list((live.data / "checkpoints").iterdir())


@every_work
def test_a_job_goes_on_after_its_worker_was_killed_while_the_server_answers(
    start_server: StartServer, uninterrupted: Callable[[str], list[bytes]], kind: str
) -> None:
    live, work = start_server(), WORKS[kind]
    job = work.submit(live)
    wait_for_checkpoint(live)
    live.worker.kill()
    live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name), timeout=2)
    ended = live.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert ended.attempts == 2
    assert work.found(live, ended) == uninterrupted(kind)


def test_a_drained_server_leaves_its_job_to_the_next_one(
    start_server: StartServer, uninterrupted: Callable[[str], list[bytes]]
) -> None:
    live = start_server()
    job = invert_tiny(live, steps=STEPS)
    live.wait_for_step(job.name, 5)
    watch = live.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job.name))
    next(iter(watch))
    assert live.terminate() == 0
    live.start()
    ended = live.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert arrays(inversion_of(live, ended)) == uninterrupted("inversion")


def wait_for_attempt(server: LiveServer, job: jobs_pb2.Job, attempt: int) -> None:
    """Waits until a job is computed for that time."""
    deadline = time.monotonic() + 60
    while True:
        current = server.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name))
        if current.attempts == attempt and current.progress.phase == "optimizing latents":
            return
        assert time.monotonic() < deadline, current
        time.sleep(0.05)


def test_a_job_that_kills_its_worker_every_time_fails_with_a_reason(start_server: StartServer) -> None:
    # It comes no further than its start: it would write its first checkpoint much later.
    live = start_server(options=("--checkpoint-seconds", "3600"))
    job = invert_tiny(live, steps=100_000)
    for attempt in (1, 2, 3):
        wait_for_attempt(live, job, attempt)
        live.worker.kill()
    ended = live.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_FAILED
    assert ended.error.code == grpc.StatusCode.INTERNAL.value[0]
    assert "died 3 times" in ended.error.message
    assert live.wait(invert_tiny(live, steps=1).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_job_that_comes_further_between_its_workers_deaths_ends_as_if_nothing_had_happened(
    start_server: StartServer, uninterrupted: Callable[[str], list[bytes]]
) -> None:
    live = start_server()
    job = invert_tiny(live, steps=STEPS)
    checkpoints = live.data / "checkpoints"
    written = 0
    for attempt in (1, 2, 3):
        wait_for_attempt(live, job, attempt)
        deadline = time.monotonic() + 60
        while (
            latest := max((file.stat().st_mtime_ns for file in checkpoints.glob("*.safetensors")), default=0)
        ) <= written:
            assert time.monotonic() < deadline, "no further checkpoint was written"
            time.sleep(0.01)
        written = latest
        live.worker.kill()
        # What was written stays, whoever died.
        assert list(checkpoints.glob("*.safetensors"))
    ended = live.wait(job.name)
    assert (ended.state, ended.attempts) == (jobs_pb2.JOB_STATE_SUCCEEDED, 4)
    assert arrays(inversion_of(live, ended)) == uninterrupted("inversion")


def flipped(data: bytes) -> bytes:
    """One bit of a number is another one, in a file that is whole otherwise."""
    return data[:-3] + bytes([data[-3] ^ 0x10]) + data[-2:]


@pytest.mark.parametrize("damage", [lambda data: data[:100], flipped], ids=["cut", "flipped"])
def test_a_damaged_checkpoint_makes_the_job_start_over(
    start_server: StartServer, uninterrupted: Callable[[str], list[bytes]], damage: Callable[[bytes], bytes]
) -> None:
    live = start_server()
    job = invert_tiny(live, steps=STEPS)
    wait_for_checkpoint(live)
    live.kill()
    (checkpoint,) = (live.data / "checkpoints").glob("*.safetensors")
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    live.start()
    assert arrays(inversion_of(live, live.wait(job.name))) == uninterrupted("inversion")
    assert f"job {job.name.removeprefix('jobs/')} starts over" in live.log()


def test_a_second_server_over_the_same_folder_is_refused(start_server: StartServer) -> None:
    live = start_server()
    second = subprocess.run(
        [sys.executable, "-m", "pullback_server", "--listen", "127.0.0.1:0", "--data", str(live.data)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "another server uses" in second.stderr
    assert not second.stdout


@pytest.mark.parametrize("address", ["0.0.0.0:50051", "[::]:0", "192.168.1.5:50051", "nonsense"])
def test_an_address_that_others_can_reach_is_refused(address: str, start_server: StartServer) -> None:
    del start_server
    refused = subprocess.run(
        [sys.executable, "-m", "pullback_server", "--listen", address],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert address in refused.stderr
    assert "Traceback" not in refused.stderr
