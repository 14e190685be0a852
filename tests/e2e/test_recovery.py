"""Killed servers and workers: what was finished stays, what was not goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import grpc
import pytest
import safetensors.numpy

from live_server import JOB_SECONDS, LiveServer
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import generators_pb2, geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2, tunings_pb2
from pullback_server.__main__ import main
from requests_for_tiny import (
    arrays_of,
    checkpoint_of,
    inversion_of,
    invert_tiny,
    left_of,
    tiny_settings,
    tiny_target,
    wait_for_checkpoint,
)

StartServer = Callable[..., LiveServer]
# Long enough to be killed in the middle, a few seconds of work.
STEPS, SAMPLES, POSITIONS = 600, 10_000, 40


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
    basis = server.geometry.GetEigenbasis(
        geometry_pb2.GetEigenbasisRequest(name=job.result, with_metric=True), timeout=60
    )
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


def tune(server: LiveServer) -> jobs_pb2.Job:
    settings = specs_pb2.TuningSettings(generator="generators/tiny", distance="mse", steps=5 * STEPS, threshold=0)
    pivot = server.generators.SampleLatents(generators_pb2.SampleLatentsRequest(generator="generators/tiny", seed=3))
    target = inversion_pb2.Target(image=tiny_target(server), start=pack(unpack(pivot.latents)[0]))
    return server.tunings.Tune(tunings_pb2.TuneRequest(settings=settings, targets=[target]), timeout=60)


def tuning_of(server: LiveServer, job: jobs_pb2.Job) -> list[bytes]:
    pieces = server.tunings.StreamTuning(tunings_pb2.StreamTuningRequest(name=job.result), timeout=60)
    tensors = safetensors.numpy.load(b"".join(piece.data for piece in pieces))
    tuning = server.tunings.GetTuning(tunings_pb2.GetTuningRequest(name=job.result), timeout=60)
    return [tuning.trace.data, *(tensors[name].tobytes() for name in sorted(tensors))]


WORKS = {
    "inversion": Work(
        lambda server: invert_tiny(server, steps=STEPS),
        lambda server, job: arrays_of(inversion_of(server, job)),
        "optimizing latents",
    ),
    "eigenbasis": Work(compute_eigenbasis, eigenbasis_of, "averaging the metric"),
    "analysis": Work(analyze, analysis_of, "metric"),
    "tuning": Work(tune, tuning_of, "tuning weights"),
}
every_work = pytest.mark.parametrize("kind", WORKS)


@pytest.fixture(scope="module")
def uninterrupted(server: LiveServer) -> Callable[[str], list[bytes]]:
    """What a job gives when nothing happens to it."""

    @cache
    def result_of(kind: str) -> list[bytes]:
        work = WORKS[kind]
        return work.found(server, server.wait(work.submit(server).name))

    return result_of


@every_work
def test_a_job_goes_on_after_the_server_and_its_worker_were_killed_and_ends_as_if_nothing_had_happened(
    live: LiveServer, uninterrupted: Callable[[str], list[bytes]], kind: str
) -> None:
    work = WORKS[kind]
    finished = live.wait(invert_tiny(live, steps=5).name)
    before = inversion_of(live, finished)
    job = work.submit(live)
    written = wait_for_checkpoint(live, job)
    seen = live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name)).last_sequence
    live.kill()
    live.start()
    wait_for_checkpoint(live, job, after=written)
    live.worker.kill()
    # The server answers meanwhile.
    live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name), timeout=60)
    request = jobs_pb2.WatchJobRequest(name=job.name, after_sequence=seen)
    events = list(live.jobs.WatchJob(request, timeout=JOB_SECONDS))
    ended = events[-1].job
    assert (ended.state, ended.attempts) == (jobs_pb2.JOB_STATE_SUCCEEDED, 3)
    assert all(event.sequence > seen for event in events)
    # It went on, it did not start over. What the first worker said may have been written down after its checkpoint.
    again = [event.job.progress for event in events if event.job.attempts > 1]
    assert min((progress.step for progress in again if progress.phase == work.phase), default=STEPS) > 0
    assert work.found(live, ended) == uninterrupted(kind)
    assert inversion_of(live, finished) == before
    assert not left_of(live, job)


def test_a_drained_server_leaves_its_job_to_the_next_one(
    live: LiveServer, uninterrupted: Callable[[str], list[bytes]]
) -> None:
    job = invert_tiny(live, steps=STEPS)
    live.wait_for_step(job.name, 5)
    watch = live.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job.name))
    next(iter(watch))
    assert live.terminate() == 0
    live.start()
    ended = live.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert arrays_of(inversion_of(live, ended)) == uninterrupted("inversion")


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
    live: LiveServer, uninterrupted: Callable[[str], list[bytes]]
) -> None:
    job, written = invert_tiny(live, steps=STEPS), 0
    for attempt in (1, 2, 3):
        wait_for_attempt(live, job, attempt)
        written = wait_for_checkpoint(live, job, after=written)
        live.worker.kill()
        # What was written stays, whoever died.
        assert checkpoint_of(live, job).exists()
    ended = live.wait(job.name)
    assert (ended.state, ended.attempts) == (jobs_pb2.JOB_STATE_SUCCEEDED, 4)
    assert arrays_of(inversion_of(live, ended)) == uninterrupted("inversion")


def flipped(data: bytes) -> bytes:
    """One bit of a number is another one, in a file that is whole otherwise."""
    return data[:-3] + bytes([data[-3] ^ 0x10]) + data[-2:]


@pytest.mark.parametrize("damage", [lambda data: data[:100], flipped], ids=["cut", "flipped"])
def test_a_damaged_checkpoint_makes_the_job_start_over(
    live: LiveServer, uninterrupted: Callable[[str], list[bytes]], damage: Callable[[bytes], bytes]
) -> None:
    job = invert_tiny(live, steps=STEPS)
    wait_for_checkpoint(live, job)
    live.kill()
    checkpoint = checkpoint_of(live, job)
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    live.start()
    assert arrays_of(inversion_of(live, live.wait(job.name))) == uninterrupted("inversion")
    assert f"job {job.name.removeprefix('jobs/')} starts over" in live.log()


def test_photographs_or_an_eigenbasis_damaged_before_their_job_begins_fail_it_alone(live: LiveServer) -> None:
    basis = live.eigenbasis()
    plain, named = {}, {"method": specs_pb2.INVERSION_METHOD_HESSIAN_ADAM, "eigenbasis": basis}
    requests = [
        inversion_pb2.InvertRequest(
            settings=tiny_settings(steps=3, **settings), targets=[{"image": tiny_target(live, seed)}]
        )
        for seed, settings in enumerate((plain, named))
    ]
    # Whatever it is given now, it has not read yet.
    live.worker.suspend()
    before = set(live.data.glob("blobs/??/*"))
    jobs = [live.inversion.Invert(requests[0], timeout=60)]
    (photographs,) = set(live.data.glob("blobs/??/*")) - before
    jobs.append(live.inversion.Invert(requests[1], timeout=60))
    (eigenbasis,) = (path for path in before if b"pullback-eigenbasis" in path.read_bytes())
    photographs_whole, eigenbasis_whole = photographs.read_bytes(), eigenbasis.read_bytes()
    photographs.write_bytes(flipped(photographs_whole))
    eigenbasis.write_bytes(eigenbasis_whole[:100])
    live.worker.resume()
    for job, name, remedy in zip(
        jobs, (jobs[0].name, basis), ("under a new request_id", "compute it again"), strict=True
    ):
        failed = live.wait(job.name)
        assert failed.state == jobs_pb2.JOB_STATE_FAILED
        assert failed.error.code == grpc.StatusCode.DATA_LOSS.value[0]
        assert f"{name} cannot be read: its file was changed or damaged" in failed.error.message
        assert remedy in failed.error.message
        assert str(live.data) not in failed.error.message
    eigenbasis.write_bytes(eigenbasis_whole)
    done = live.wait(live.inversion.Invert(requests[1], timeout=60).name)
    assert done.state == jobs_pb2.JOB_STATE_SUCCEEDED


@pytest.mark.parametrize("address", ["0.0.0.0:50051", "[::]:0", "192.168.1.5:50051", "nonsense"])
def test_an_address_that_others_can_reach_is_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--listen", address]) == 1
    said = capsys.readouterr().err
    assert address in said
    assert "Traceback" not in said
