"""What a server is doing: its jobs, to those who see them, and to others how many there are."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import stub_results
from commands import Run
from in_process import InProcessServer
from pullback_api.v1 import server_pb2
from pullback_client import Client, ServerStatus
from pullback_client.aio import AsyncClient
from pullback_client.text.quantities import duration, size
from pullback_server.executor.occupation import occupation
from pullback_server.protocol.batching import MEASUREMENT, Load
from pullback_server.supervision import Health
from sample_images import SIZE

PHOTO = Image.new("RGB", (SIZE, SIZE))
EXAMPLE = server_pb2.ServerStatus(
    version="1.4.0",
    uptime_seconds=7_300,
    queued_jobs=3,
    running_jobs=2,
    troubles=[server_pb2.PartTrouble(part="store", trouble="the disk is full")],
    workers=[
        server_pb2.WorkerStatus(name="searches", open_calls=1),
        server_pb2.WorkerStatus(
            name="worker-0",
            device=server_pb2.Device(
                name="cuda:0",
                model="NVIDIA H200",
                memory_limit_bytes=96 * 2**30,
                memory_used_bytes=5.25 * 2**30,
                memory_total_bytes=139 * 2**30,
            ),
            resident_bytes=700 * 2**20,
            jobs=[
                server_pb2.WorkerJob(
                    name="jobs/a", kind=server_pb2.JOB_KIND_INVERSION, generator="generators/faces", seconds=75
                ),
                server_pb2.WorkerJob(name="jobs/b", kind=server_pb2.JOB_KIND_TUNING, seconds=2, helping=True),
            ],
            other_jobs=2,
        ),
        server_pb2.WorkerStatus(
            name="worker-0-calls",
            trouble="starting",
            restarts=1,
            device=server_pb2.Device(name="cpu", model="cpu", memory_limit_bytes=8 * 2**30),
            resident_bytes=350 * 2**20,
            open_calls=2,
        ),
    ],
)


def test_an_idle_server_says_what_it_is(client: Client) -> None:
    status = client.get_server_status()
    assert status.version == version("pullback")
    assert 0 < status.uptime < 60
    assert (status.draining, status.queued_jobs, status.running_jobs, status.troubles) == (False, 0, 0, {})
    (worker,) = status.workers
    assert (worker.name, worker.doing, worker.trouble) == ("worker-0", ("idle",), None)
    assert worker.device is not None
    assert (worker.device.name, worker.device.kind) == ("cpu", "cpu")


def test_awaited_it_is_the_same(server: InProcessServer) -> None:
    async def main() -> ServerStatus:
        async with AsyncClient(server.target) as client:
            return await client.get_server_status()

    assert asyncio.run(main()).workers[0].name == "worker-0"


def test_each_key_is_told_of_the_jobs_that_it_sees_and_how_many_there_are_beside_them() -> None:
    with InProcessServer() as server, Client(server.target) as operator:
        tokens = {
            name: operator.create_key(name, role=role).token
            for name, role in (("ada", "user"), ("bob", "user"), ("val", "viewer"))
        }
        server.bench.hold = True
        with Client(server.target, token=tokens["ada"]) as ada:
            # One that is its own, one that is everybody's, and one that waits for that.
            own = ada.submit_inversion([PHOTO], "faces", method="adam").name
            everybodys = ada.submit_eigenbasis("faces").name
            ada.submit_inversion([PHOTO], "faces")
            server.wait_for_start(own)
            server.wait_for_start(everybodys)
            ada.share(own, "val")

        def told(token: str | None) -> tuple[set[str], int]:
            with Client(server.target, token=token) as client:
                status = client.get_server_status()
            assert (status.queued_jobs, status.running_jobs) == (1, 2)
            (worker,) = status.workers
            assert all(job.seconds >= 0 and job.generator == "faces" and not job.helping for job in worker.jobs)
            return {f"{job.name} {job.kind}" for job in worker.jobs}, worker.other_jobs

        both = {f"{own} inversion", f"{everybodys} eigenbasis"}
        assert told(None) == told(tokens["ada"]) == told(tokens["val"]) == (both, 0)
        assert told(tokens["bob"]) == ({f"{everybodys} eigenbasis"}, 1)


def test_a_server_that_goes_down_says_so(server: InProcessServer, client: Client) -> None:
    server.server._health.close()
    status = client.get_server_status()
    assert status.draining
    assert status.troubles == {"server": "going down"}
    assert "going down" in status.summary


def test_what_is_said_to_people(run: Run) -> None:
    status = ServerStatus.from_wire(EXAMPLE)
    searches, jobs, calls = status.workers
    assert status.summary == "Pullback 1.4.0, not well, up 2 h; jobs: 2 running, 3 queued"
    assert searches.doing == ("answers a call",)
    assert jobs.doing == ("inversion of faces, 1 min", "helps with tuning, 2 s", "2 jobs of other keys")
    assert calls.doing == ("starting", "answers 2 calls")
    assert [each.memory for each in status.workers] == [
        "",
        "5.2 GiB in use of 139 GiB, may take 96 GiB",
        "350 MiB in use, may take 8.0 GiB",
    ]
    assert str(jobs.device) == "cuda:0 (NVIDIA H200)"
    markup = status._repr_html_()
    for words in (status.summary, "2 jobs of other keys", "the disk is full", "5.2 GiB in use of 139 GiB"):
        assert words in markup

    result = run("status")

    assert result.code == 0
    assert "well, up" in result.out
    for words in ("worker-0", "cpu", "idle"):
        assert words in result.out


def test_a_kind_of_a_newer_server_is_unknown() -> None:
    message = server_pb2.ServerStatus(workers=[{"jobs": [{"name": "jobs/a", "kind": 99}]}])
    assert ServerStatus.from_wire(message).workers[0].jobs[0].kind == "unknown"


def test_every_kind_of_job_has_its_name_in_the_contract() -> None:
    kinds = {name.removeprefix("JOB_KIND_").lower() for name in server_pb2.JobKind.keys()[1:]}
    assert kinds == stub_results.MAKERS.keys()


def test_a_part_of_a_job_counts_as_help() -> None:
    jobs = {"a": Load("x", 3), "b/1": MEASUREMENT, "b/2": MEASUREMENT}
    worker: Any = SimpleNamespace(
        part=Health().part("worker-1"), device="cuda:1", kind=("NVIDIA H200", 5, False), jobs=jobs, open_calls=4
    )
    found = occupation(worker)
    assert (found.jobs, found.helping, found.model, found.open_calls) == (("a",), ("b",), "NVIDIA H200", 4)


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (7_199, "1 h"), (86_400 * 12, "12 d")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0.0 MiB"), (2**19, "0.5 MiB"), (630 * 2**20, "630 MiB"), (2.5 * 2**30, "2.5 GiB")]
)
def test_sizes(count: float, words: str) -> None:
    assert size(count) == words
