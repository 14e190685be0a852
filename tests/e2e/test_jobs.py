"""Following and cancelling jobs over a real socket."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from live_server import CALL_SECONDS, LiveServer
from pullback_api.v1 import geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2
from pullback_client import Client
from requests_for_tiny import LONG, invert_tiny, tiny_settings, tiny_target


def compute_tiny(server: LiveServer, **spec: Any) -> jobs_pb2.Job:
    asked = specs_pb2.EigenbasisSpec(generator="generators/tiny", distance="mse", **spec)
    return server.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=asked), timeout=60)


def watch(server: LiveServer, name: str, after: int = 0) -> list[jobs_pb2.JobEvent]:
    return list(server.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=name, after_sequence=after), timeout=60))


def test_a_watch_shows_the_job_from_queue_to_end(server: LiveServer) -> None:
    job = invert_tiny(server, steps=40)
    events = watch(server, job.name)
    states = [event.job.state for event in events]
    assert states[0] == jobs_pb2.JOB_STATE_QUEUED
    assert jobs_pb2.JOB_STATE_RUNNING in states
    assert states[-1] == jobs_pb2.JOB_STATE_SUCCEEDED
    assert states == sorted(states)
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))
    last = events[-1].job
    assert (last.progress.step, last.progress.total) == (40, 40)
    assert last.progress.loss > 0
    assert last.attempts == 1
    assert last.create_time.ToDatetime() <= last.start_time.ToDatetime() <= last.end_time.ToDatetime()


def test_the_server_says_which_worker_is_at_it_on_which_device(server: LiveServer) -> None:
    job = invert_tiny(server, steps=LONG)
    # Begun before it is asked what is computed.
    next(
        event
        for event in server.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job.name), timeout=CALL_SECONDS)
        if event.job.state == jobs_pb2.JOB_STATE_RUNNING
    )
    with Client(server.target) as client:
        status = client.get_server_status()
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=CALL_SECONDS)

    assert (status.running_jobs, status.draining) == (1, False)
    workers = {each.name: each for each in status.workers}
    searches, worker = workers["searches"], workers["worker-0"]
    assert searches.device is None
    assert worker.device is not None
    assert (worker.device.name, worker.device.model, worker.device.memory_total) == ("cpu", "cpu", None)
    assert worker.device.memory_limit is not None
    assert worker.device.memory_limit >= 2**20
    ((name, kind, generator),) = [(each.name, each.kind, each.generator) for each in worker.jobs]
    assert (name, kind, generator) == (job.name, "inversion", "tiny")
    assert 0 <= worker.jobs[0].seconds < status.uptime
    for each in (searches, worker):
        assert each.resident is None or each.resident > 2**20


def test_a_watch_goes_on_after_a_sequence_number(server: LiveServer) -> None:
    job = invert_tiny(server, steps=40)
    server.wait(job.name)
    events = watch(server, job.name)
    assert watch(server, job.name, after=events[0].sequence) == events[1:]
    assert watch(server, job.name, after=events[-1].sequence) == []


def test_dropping_a_watch_does_not_cancel_the_job(server: LiveServer) -> None:
    job = invert_tiny(server, steps=300)
    call = server.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job.name))
    next(iter(call))
    call.cancel()
    assert server.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_previews_come_with_the_steps_that_were_asked_for(server: LiveServer) -> None:
    job = invert_tiny(server, steps=40, preview_every=20)
    previews = {event.job.progress.step: event.previews for event in watch(server, job.name) if event.previews}
    assert set(previews) <= {0, 20, 40}
    assert all(image.data.startswith(b"\x89PNG") for images in previews.values() for image in images)


def test_a_running_job_is_cancelled_between_two_steps_and_leaves_the_worker_free(server: LiveServer) -> None:
    job = invert_tiny(server, steps=LONG)
    server.wait_for_step(job.name, 1)
    cancelled = server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=60)
    assert cancelled.state == jobs_pb2.JOB_STATE_CANCELLED
    assert watch(server, job.name)[-1].job.state == jobs_pb2.JOB_STATE_CANCELLED
    assert server.wait(invert_tiny(server, steps=1).name).state == jobs_pb2.JOB_STATE_SUCCEEDED
    with pytest.raises(grpc.RpcError) as caught:
        server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=job.result), timeout=60)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "CANCELLED" in caught.value.details()


def test_a_queued_job_is_cancelled_at_once_and_never_starts(server: LiveServer) -> None:
    # A worker computes one eigenbasis at a time.
    running, queued = (compute_tiny(server, samples=1_000_000, seed=seed) for seed in (1, 2))
    server.wait_for_step(running.name, 1)
    for job in (queued, running):
        assert server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name)).state == jobs_pb2.JOB_STATE_CANCELLED
    assert [event.job.state for event in watch(server, queued.name)] == [
        jobs_pb2.JOB_STATE_QUEUED,
        jobs_pb2.JOB_STATE_CANCELLED,
    ]


def test_jobs_cancelled_at_any_moment_of_their_start_leave_the_worker_free(server: LiveServer) -> None:
    image = tiny_target(server)
    for _ in range(30):
        request = inversion_pb2.InvertRequest(
            settings=tiny_settings(steps=LONG), targets=[inversion_pb2.Target(image=image)]
        )
        job = server.inversion.Invert(request, timeout=60)
        server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=60)
    assert server.wait(invert_tiny(server, steps=1).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_cancelling_a_job_that_has_ended_changes_nothing(server: LiveServer) -> None:
    job = invert_tiny(server, steps=1)
    ended = server.wait(job.name)
    assert server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name)) == ended


def test_a_wait_returns_the_unfinished_job_when_its_time_is_up(server: LiveServer) -> None:
    job = invert_tiny(server, steps=LONG)
    request = jobs_pb2.WaitJobRequest(name=job.name)
    request.timeout.FromMilliseconds(100)
    assert server.jobs.WaitJob(request, timeout=60).state < jobs_pb2.JOB_STATE_SUCCEEDED
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name))
    assert server.jobs.WaitJob(request, timeout=60).state == jobs_pb2.JOB_STATE_CANCELLED


def test_jobs_are_listed_newest_first_page_by_page_and_by_state(server: LiveServer) -> None:
    names = [invert_tiny(server, steps=1).name for _ in range(3)]
    for name in names:
        server.wait(name)
    first = server.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=2))
    second = server.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=1, page_token=first.next_page_token))
    assert [job.name for job in (*first.jobs, *second.jobs)] == names[::-1]
    queued = server.jobs.ListJobs(jobs_pb2.ListJobsRequest(states=[jobs_pb2.JOB_STATE_QUEUED]))
    assert not queued.jobs


def test_the_same_request_id_returns_the_same_job_and_another_request_under_it_is_refused(
    server: LiveServer,
) -> None:
    first = invert_tiny(server, steps=2, request_id="once")
    assert invert_tiny(server, steps=2, request_id="once").name == first.name
    with pytest.raises(grpc.RpcError) as caught:
        invert_tiny(server, steps=3, request_id="once")
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_short_calls_are_answered_while_a_job_runs(server: LiveServer) -> None:
    job = invert_tiny(server, steps=LONG)
    server.wait_for_step(job.name, 1)
    assert tiny_target(server, seed=5).data.startswith(b"\x89PNG")
    server.wait_until(serving=True)
    health = health_pb2_grpc.HealthStub(server.channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service="pullback_api.v1.Inversion"), timeout=60)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert server.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name)).state == jobs_pb2.JOB_STATE_RUNNING
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name))


@pytest.mark.filterwarnings("ignore:.*(GetPrototype|label)")
def test_the_server_describes_its_services_by_reflection(server: LiveServer) -> None:
    database = ProtoReflectionDescriptorDatabase(server.channel)
    assert set(database.get_services()) >= {
        "grpc.health.v1.Health",
        "pullback_api.v1.Generators",
        "pullback_api.v1.Geometry",
        "pullback_api.v1.Inversion",
        "pullback_api.v1.Jobs",
    }
