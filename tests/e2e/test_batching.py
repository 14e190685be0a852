"""Inversions that are computed together: each keeps its own result, progress, cancel and fate."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_api.v1 import inversion_pb2, jobs_pb2, specs_pb2, values_pb2
from requests_for_tiny import (
    LONG,
    arrays_of,
    inversion_of,
    invert_tiny,
    left_of,
    tiny_settings,
    tiny_target,
    wait_for_checkpoint,
)

RUNNING, SUCCEEDED = jobs_pb2.JOB_STATE_RUNNING, jobs_pb2.JOB_STATE_SUCCEEDED
STEPS = 300
# What one of the jobs is that kills its worker, or raises, wherever it is computed: the weight of its prior.
POISON, FAULT = 666.0, 667.0
# Read by every Python process of the server when it starts; only workers take part.
SABOTAGE = f"""
import os, signal, sys

if any("spawn_main" in argument for argument in sys.orig_argv):
    from pullback.inversion import Adam

    ask = Adam.ask

    def sabotaged(self, problem, state):
        if state.step >= 5 and problem.weights.prior == {POISON}:
            os.kill(os.getpid(), signal.SIGKILL)
        if state.step >= 5 and problem.weights.prior == {FAULT}:
            raise RuntimeError("this one was sabotaged")
        return ask(self, problem, state)

    Adam.ask = sabotaged
"""


@pytest.fixture(scope="module")
def _sabotaged(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("sabotage")
    (folder / "sitecustomize.py").write_text(SABOTAGE, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    live = LiveServer(folder / "data", {**environment, "PYTHONPATH": path})
    yield live
    live.close()


@pytest.fixture
def sabotaged_server(_sabotaged: LiveServer) -> LiveServer:
    """A server whose workers die or raise at jobs of a certain weight; a test may end it."""
    _sabotaged.revive()
    return _sabotaged


def cancel(server: LiveServer, jobs: Sequence[jobs_pb2.Job]) -> None:
    for job in jobs:
        server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=60)


def states(server: LiveServer, jobs: Sequence[jobs_pb2.Job]) -> list[int]:
    return [server.jobs.GetJob(jobs_pb2.GetJobRequest(name=job.name), timeout=60).state for job in jobs]


def masked(server: LiveServer, **settings: Any) -> jobs_pb2.Job:
    """An inversion of two images, the second of which has a mask and a region to ignore."""
    mask = Image.new("L", (16, 16), 255)
    mask.paste(90, (0, 0, 16, 5))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    targets = [
        inversion_pb2.Target(image=tiny_target(server, seed=1)),
        inversion_pb2.Target(
            image=tiny_target(server, seed=2),
            mask=values_pb2.Image(data=buffer.getvalue()),
            ignore=[inversion_pb2.Box(left=3, top=9, width=4, height=2)],
        ),
    ]
    request = inversion_pb2.InvertRequest(settings=tiny_settings(**settings), targets=targets)
    return server.inversion.Invert(request, timeout=60)


# What is computed together --------------------------------------------------------------------------------------------


def test_jobs_of_one_batch_run_at_the_same_time(server: LiveServer) -> None:
    jobs = [invert_tiny(server, steps=LONG, seed=seed) for seed in range(4)]
    for job in jobs:
        server.wait_for_step(job.name, 1)
    assert states(server, jobs) == [RUNNING] * 4
    cancel(server, jobs)


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 60, "seed": 3, "restarts": 3},
        {"steps": 40, "seed": 4, "thin": True, "restarts": 5, "learning_rate": 0.3},
        {"steps": 25, "weights": {"l1": 1, "prior": 0.1}, "truncation": 1.0},
        {"steps": 25, "alignment": {}},
    ],
    ids=["plain", "thinned", "weights", "alignment"],
)
def test_a_result_does_not_depend_on_its_company(server: LiveServer, settings: dict[str, Any]) -> None:
    alone = inversion_of(server, server.wait(masked(server, **settings).name))
    company = [
        invert_tiny(server, steps=LONG, seed=8, restarts=1),
        invert_tiny(server, steps=LONG, images=3, restarts=7),
        masked(server, steps=LONG, alignment={}, restarts=2),
    ]
    for job in company:
        server.wait_for_step(job.name, 1)
    together = inversion_of(server, server.wait(masked(server, **settings).name))
    assert states(server, company) == [RUNNING] * 3
    cancel(server, company)
    assert arrays_of(together) == arrays_of(alone)


def test_cancelling_one_of_a_batch_leaves_the_others(server: LiveServer) -> None:
    alone = [inversion_of(server, server.wait(invert_tiny(server, steps=300, seed=seed).name)) for seed in (1, 2)]
    unwanted = invert_tiny(server, steps=LONG, restarts=5)
    jobs = [invert_tiny(server, steps=300, seed=seed) for seed in (1, 2)]
    for job in (unwanted, *jobs):
        server.wait_for_step(job.name, 1)
    cancel(server, [unwanted])
    ended = [server.wait(job.name) for job in jobs]
    assert states(server, [unwanted]) == [jobs_pb2.JOB_STATE_CANCELLED]
    assert [arrays_of(inversion_of(server, job)) for job in ended] == [arrays_of(result) for result in alone]


# Who waits for whom ---------------------------------------------------------------------------------------------------


def test_short_calls_are_answered_while_a_batch_runs(server: LiveServer) -> None:
    # A step of the large one is hundreds of chunks.
    jobs = [invert_tiny(server, steps=2_000, images=3, restarts=512), invert_tiny(server, steps=LONG, seed=1)]
    for job in jobs:
        server.wait_for_step(job.name, 1)
    assert tiny_target(server, seed=5).data.startswith(b"\x89PNG")
    assert states(server, jobs) == [RUNNING] * 2
    cancel(server, jobs)


@pytest.mark.parametrize("compatible", [True, False])
def test_a_small_job_ends_before_long_ones_that_came_earlier(server: LiveServer, compatible: bool) -> None:
    long = [
        invert_tiny(server, steps=2_000, images=3, restarts=512),
        invert_tiny(server, steps=50_000, images=4, restarts=16),
        invert_tiny(server, steps=LONG, restarts=1),
    ]
    for job in long:
        server.wait_for_step(job.name, 1)
    other = {} if compatible else {"method": specs_pb2.INVERSION_METHOD_HESSIAN_ADAM, "basis": "INVERSION_BASIS_NONE"}
    assert server.wait(invert_tiny(server, steps=20, start="START_PRIOR", **other).name).state == SUCCEEDED
    assert states(server, long) == [RUNNING] * 3
    cancel(server, long)


def test_an_eigenbasis_is_computed_while_a_long_inversion_runs(server: LiveServer) -> None:
    job = invert_tiny(server, steps=LONG)
    server.wait_for_step(job.name, 1)
    assert server.eigenbasis(samples=48, seed=77)
    assert states(server, [job]) == [RUNNING]
    cancel(server, [job])


def test_one_large_inversion_waits_for_another(server: LiveServer) -> None:
    first, second = (invert_tiny(server, steps=2_000, images=3, restarts=512, seed=seed) for seed in (1, 2))
    server.wait_for_step(first.name, 1)
    assert states(server, [first, second]) == [RUNNING, jobs_pb2.JOB_STATE_QUEUED]
    cancel(server, [first])
    server.wait_for_step(second.name, 1)
    cancel(server, [second])


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_jobs_of_a_batch_whose_worker_was_killed_end_as_if_nothing_had_happened(
    server: LiveServer, live: LiveServer
) -> None:
    asked = [{"seed": 1}, {"seed": 2, "restarts": 5}, {"seed": 3, "images": 2, "thin": True}]
    expected = [
        arrays_of(inversion_of(server, server.wait(invert_tiny(server, steps=STEPS, **settings).name)))
        for settings in asked
    ]
    jobs = [invert_tiny(live, steps=STEPS, **settings) for settings in asked]
    wait_for_checkpoint(live, *jobs)
    live.worker.kill()
    ended = [live.wait(job.name) for job in jobs]
    assert [job.state for job in ended] == [SUCCEEDED] * 3
    assert {job.attempts for job in ended} == {2}
    assert [arrays_of(inversion_of(live, job)) for job in ended] == expected
    assert not any(left_of(live, job) for job in jobs)


def test_a_job_that_kills_its_worker_does_not_take_its_company_down(
    server: LiveServer, sabotaged_server: LiveServer
) -> None:
    live = sabotaged_server
    expected = [
        arrays_of(inversion_of(server, server.wait(invert_tiny(server, steps=STEPS, seed=seed).name)))
        for seed in (1, 2, 3)
    ]
    company = [invert_tiny(live, steps=STEPS, seed=seed) for seed in (1, 2, 3)]
    poison = live.wait(invert_tiny(live, steps=STEPS, weights={"prior": POISON}).name)
    assert poison.state == jobs_pb2.JOB_STATE_FAILED
    assert "died 3 times" in poison.error.message
    ended = [live.wait(job.name) for job in company]
    assert [job.state for job in ended] == [SUCCEEDED] * 3
    assert [arrays_of(inversion_of(live, job)) for job in ended] == expected


def test_a_job_whose_step_raises_fails_alone(sabotaged_server: LiveServer) -> None:
    live = sabotaged_server
    company = [invert_tiny(live, steps=STEPS, seed=seed) for seed in (1, 2)]
    failed = live.wait(invert_tiny(live, steps=STEPS, weights={"prior": FAULT}).name)
    assert failed.state == jobs_pb2.JOB_STATE_FAILED
    assert failed.error.code == grpc.StatusCode.INTERNAL.value[0]
    reference = re.search(r"under reference (\w+)", failed.error.message)
    assert reference is not None
    assert "sabotaged" not in failed.error.message
    ended = [live.wait(job.name) for job in company]
    assert [(job.state, job.attempts) for job in ended] == [(SUCCEEDED, 1)] * 2
    assert live.terminate() == 0
    _, _, told = live.log().partition(reference[1])
    assert "this one was sabotaged" in told


def test_a_drained_server_leaves_a_whole_batch_to_the_next_one(server: LiveServer, live: LiveServer) -> None:
    expected = [
        arrays_of(inversion_of(server, server.wait(invert_tiny(server, steps=STEPS, seed=seed).name)))
        for seed in (1, 2)
    ]
    jobs = [invert_tiny(live, steps=STEPS, seed=seed) for seed in (1, 2)]
    for job in jobs:
        live.wait_for_step(job.name, 5)
    assert live.terminate() == 0
    live.start()
    assert [arrays_of(inversion_of(live, live.wait(job.name))) for job in jobs] == expected


def test_compute_seconds_are_a_jobs_own_share(server: LiveServer) -> None:
    company = [invert_tiny(server, steps=30_000, images=2, restarts=60) for _ in range(2)]
    for job in company:
        server.wait_for_step(job.name, 1)
    job = server.wait(invert_tiny(server, steps=30).name)
    cancel(server, company)
    wall = job.end_time.ToDatetime() - job.start_time.ToDatetime()
    assert 0 < inversion_of(server, job).compute_seconds < wall.total_seconds()
