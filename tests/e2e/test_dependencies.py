"""Jobs and sessions that need an eigenbasis which is not there: they wait for the job that computes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from live_server import LiveServer
from pullback_api.v1 import directions_pb2, geometry_pb2, jobs_pb2, search_pb2, specs_pb2
from requests_for_tiny import arrays_of, inversion_of, invert_tiny, search_spec

StartServer = Callable[..., LiveServer]
HESSIAN_ADAM = specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
QUEUED, RUNNING, SUCCEEDED = jobs_pb2.JOB_STATE_QUEUED, jobs_pb2.JOB_STATE_RUNNING, jobs_pb2.JOB_STATE_SUCCEEDED
FAILED, CANCELLED = jobs_pb2.JOB_STATE_FAILED, jobs_pb2.JOB_STATE_CANCELLED


def invert(server: LiveServer, **settings: Any) -> jobs_pb2.Job:
    return invert_tiny(server, method=HESSIAN_ADAM, steps=5, **settings)


def compute(server: LiveServer, **spec: Any) -> jobs_pb2.Job:
    asked = specs_pb2.EigenbasisSpec(generator="generators/tiny", distance="mse", **spec)
    return server.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=asked), timeout=60)


def occupy(server: LiveServer) -> jobs_pb2.Job:
    """A job that keeps the worker from computing another eigenbasis, until it is cancelled."""
    job = compute(server, samples=1_000_000, seed=99)
    server.wait_for_step(job.name, 1)
    return job


def get(server: LiveServer, name: str) -> jobs_pb2.Job:
    return server.jobs.GetJob(jobs_pb2.GetJobRequest(name=name), timeout=60)


def cancel(server: LiveServer, name: str) -> jobs_pb2.Job:
    return server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=name), timeout=60)


def jobs(server: LiveServer) -> list[jobs_pb2.Job]:
    return list(server.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=60).jobs)


def evolve(server: LiveServer, **fields: Any) -> search_pb2.Session:
    method = {"method": search_pb2.SEARCH_METHOD_HESSIAN_CMA, "population": 6}
    return server.search.CreateSession(
        search_pb2.CreateSessionRequest(spec=search_spec({"optimizer": method}, **fields)), timeout=60
    )


def ask(server: LiveServer, session: search_pb2.Session, seconds: int) -> search_pb2.AskResponse:
    request = search_pb2.AskRequest(session=session.name, include_images=False)
    request.wait.FromSeconds(seconds)
    return server.search.Ask(request, timeout=60)


# Jobs ---------------------------------------------------------------------------------------------------------------


def test_inversions_without_an_eigenbasis_share_one_that_is_computed_first(live: LiveServer) -> None:
    busy = occupy(live)
    first, second = invert(live), invert(live, seed=1)
    assert first.state == second.state == QUEUED
    assert first.waiting_for == second.waiting_for
    needed = get(live, first.waiting_for)
    assert (needed.compute_eigenbasis.distance, needed.compute_eigenbasis.samples) == ("mse", 2000)
    assert needed.result == first.invert.eigenbasis
    assert first.progress.phase.startswith(f"waiting for {needed.name}: computing the eigenbasis")
    assert [job.name for job in jobs(live)[:4]] == [second.name, first.name, needed.name, busy.name]
    # What cannot wait for it does not: another inversion is computed beside them.
    assert live.wait(invert_tiny(live, steps=5).name).state == SUCCEEDED
    assert get(live, first.name).state == QUEUED
    cancel(live, busy.name)
    for job in (first, second):
        ended = live.wait(job.name)
        assert (ended.state, ended.attempts, ended.waiting_for) == (SUCCEEDED, 1, "")
        assert inversion_of(live, ended).settings.eigenbasis == needed.result
        assert get(live, needed.name).end_time.ToDatetime() <= ended.start_time.ToDatetime()
    # It is there now.
    assert invert(live, seed=2).waiting_for == ""


def test_who_watches_a_waiting_job_sees_how_far_the_other_one_has_come(live: LiveServer) -> None:
    job = invert(live)
    events = list(live.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job.name), timeout=60))
    states = [event.job.state for event in events]
    assert states == sorted(states)
    assert states[-1] == SUCCEEDED
    waiting = [event.job for event in events if event.job.waiting_for]
    assert waiting
    assert {each.waiting_for for each in waiting} == {job.waiting_for}
    words = f"waiting for {job.waiting_for}: computing the eigenbasis ("
    assert all(each.progress.phase.startswith(words) for each in waiting)
    assert waiting[0].progress.total == 2000
    released = next(event.job for event in events if not event.job.waiting_for)
    assert (released.state, released.progress.phase) == (QUEUED, "waiting for a worker")
    # Nothing of it depends on whether it had to wait.
    again = live.wait(invert(live).name)
    assert arrays_of(inversion_of(live, again)) == arrays_of(inversion_of(live, get(live, job.name)))


def test_one_that_is_being_computed_is_waited_for_and_not_computed_again(live: LiveServer) -> None:
    before = jobs(live)
    busy = occupy(live)
    asked = compute(live)
    assert invert(live).waiting_for == asked.name
    assert compute(live).name == asked.name
    # The inversion, and nothing else.
    assert [job.name for job in jobs(live)[1:4]] == [job.name for job in (asked, busy, *before[:1])]


def test_directions_without_an_eigenbasis_wait_for_it(live: LiveServer) -> None:
    occupy(live)
    spec = specs_pb2.DirectionsSpec(generator="generators/tiny", k=2)
    request = directions_pb2.DiscoverDirectionsRequest(spec=spec)
    job = live.directions.DiscoverDirections(request, timeout=60)
    assert job.state == QUEUED
    assert get(live, job.waiting_for).result == job.discover_directions.eigenbasis
    assert live.directions.DiscoverDirections(request, timeout=60).name == job.name
    spec.eigenbasis = "generators/tiny/eigenbases/none"
    with pytest.raises(grpc.RpcError) as caught:
        live.directions.DiscoverDirections(directions_pb2.DiscoverDirectionsRequest(spec=spec), timeout=60)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_waiting_job_that_is_cancelled_takes_along_what_nobody_else_wants(live: LiveServer) -> None:
    occupy(live)
    first, second = invert(live), invert(live, seed=1)
    needed = first.waiting_for
    assert cancel(live, first.name).state == CANCELLED
    assert invert(live, seed=2).waiting_for == needed
    assert cancel(live, jobs(live)[0].name).state == CANCELLED
    assert get(live, needed).state == QUEUED
    assert cancel(live, second.name).state == CANCELLED
    assert live.wait(needed).state == CANCELLED
    # It is computed for the next one who needs it.
    assert invert(live, seed=3).waiting_for not in {"", needed}


def test_one_that_somebody_asked_for_by_itself_outlives_the_jobs_that_waited(live: LiveServer) -> None:
    busy = occupy(live)
    waiting = invert(live)
    # Asked for before or after does not matter.
    assert compute(live).name == waiting.waiting_for
    cancel(live, waiting.name)
    cancel(live, busy.name)
    assert live.wait(waiting.waiting_for).state == SUCCEEDED


def test_jobs_whose_eigenbasis_is_cancelled_fail_and_say_so(live: LiveServer) -> None:
    occupy(live)
    waiting = invert(live)
    assert cancel(live, waiting.waiting_for).state == CANCELLED
    ended = live.wait(waiting.name)
    assert (ended.state, ended.error.code) == (FAILED, grpc.StatusCode.ABORTED.value[0])
    assert f"{waiting.waiting_for}, which was to compute the eigenbasis" in ended.error.message
    assert "was cancelled" in ended.error.message


def test_jobs_whose_eigenbasis_fails_name_its_failure(start_server: StartServer, tmp_path: Any) -> None:
    live = start_server(PULLBACK_OFFLINE="1", TORCH_HOME=str(tmp_path / "torch"), PULLBACK_CACHE=str(tmp_path / "new"))
    waiting = invert(live, distance="lpips-squeeze")
    ended, needed = live.wait(waiting.name), live.wait(waiting.waiting_for)
    assert (ended.state, needed.state) == (FAILED, FAILED)
    assert ended.attempts == 0
    assert ended.error.code == needed.error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
    assert ended.error.message.startswith(
        f"{needed.name}, which was to compute the eigenbasis {needed.result}, failed:"
    )
    assert needed.error.message[:100] in ended.error.message


def test_a_waiting_job_goes_on_after_the_server_was_killed(live: LiveServer) -> None:
    expected = arrays_of(inversion_of(live, live.wait(invert(live).name)))
    # Without its eigenbasis, all over again.
    live.tidy()
    busy = occupy(live)
    waiting, other = invert(live), invert(live, seed=1)
    needed = waiting.waiting_for
    live.kill()
    live.start()
    assert (get(live, waiting.name).state, get(live, waiting.name).waiting_for) == (QUEUED, needed)
    # Who waits is known to the next server: the last one who wants it takes it along, and not the first.
    cancel(live, other.name)
    cancel(live, busy.name)
    live.wait_for_step(needed, 1)
    live.kill()
    live.start()
    ended = live.wait(waiting.name)
    assert (ended.state, get(live, needed).state) == (SUCCEEDED, SUCCEEDED)
    assert arrays_of(inversion_of(live, ended)) == expected


# Sessions -----------------------------------------------------------------------------------------------------------


def test_a_session_without_an_eigenbasis_waits_for_it_and_says_so_also_when_the_server_is_killed(
    live: LiveServer,
) -> None:
    occupy(live)
    session = evolve(live)
    (thread,) = session.threads
    assert thread.state == search_pb2.THREAD_STATE_EVOLVING
    assert get(live, thread.waiting_for).result == session.spec.threads[0].eigenbasis
    answer = ask(live, session, 1)
    assert (list(answer.trials), answer.finished, answer.waiting_for) == ([], False, thread.waiting_for)
    assert answer.retry_after_ms >= 500
    live.kill()
    live.start()
    request = search_pb2.GetSessionRequest(name=session.name)
    assert live.search.GetSession(request, timeout=60).threads[0].waiting_for == thread.waiting_for
    cancel(live, thread.waiting_for)
    deadline = time.monotonic() + 60
    while not ask(live, session, 3).finished:
        assert time.monotonic() < deadline
    (ended,) = live.search.GetSession(request, timeout=60).threads
    assert (ended.state, ended.waiting_for) == (search_pb2.THREAD_STATE_FAILED, "")
    assert f"{thread.waiting_for}, which was to compute the eigenbasis" in ended.error.message


def test_what_a_session_waits_for_goes_on_when_an_inversion_that_wanted_it_first_is_cancelled(
    live: LiveServer,
) -> None:
    occupy(live)
    # Its distance is served by eigenbases of the default one.
    job = invert(live, distance="lpips-vgg")
    assert evolve(live).threads[0].waiting_for == job.waiting_for
    cancel(live, job.name)
    assert get(live, job.waiting_for).state == QUEUED
