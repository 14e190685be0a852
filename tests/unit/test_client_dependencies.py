"""What the server computes first because a request needs it: followed by clients, and guessed by none."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from in_process import Failure, InProcessServer
from pullback_client import (
    Client,
    InvalidArgumentError,
    InversionFailure,
    JobEvent,
    JobFailedError,
    JobState,
    NotFoundError,
)
from sample_images import picture


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(picture("PNG", (20, 20)))
    return path


def kinds(client: Client) -> list[str]:
    """What the server was given to do, the oldest first."""
    return [job.kind for job in reversed(client.list_jobs())]


def made(server: InProcessServer) -> list[str]:
    return [name for name, _ in server.calls]


def test_an_inversion_is_asked_for_and_shows_how_far_its_eigenbasis_is(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    events: list[JobEvent] = []
    server.bench.pause = 0.05
    client.invert(photo, "faces", progress=events.append)
    assert [name for name in made(server) if name not in {"WatchJob", "GetJob"}] == ["Invert", "GetInversion"]
    assert kinds(client) == ["eigenbasis", "inversion"]
    inversion, needed = client.list_jobs()
    # First those of the eigenbasis, as it is computed, then those of the inversion, which waits no longer.
    assert list(dict.fromkeys(event.job for event in events)) == [needed.name, inversion.name]
    assert [event.state for event in events if event.job == needed.name][-1] is JobState.SUCCEEDED
    assert not any(event.progress.phase.startswith("waiting for jobs/") for event in events)
    assert events[-1].state is JobState.SUCCEEDED
    # Who watches the inversion alone sees it wait.
    assert next(iter(inversion.watch())).progress.phase.startswith(
        f"waiting for {needed.name}: computing the eigenbasis"
    )


def test_a_job_says_what_it_waits_for(client: Client, server: InProcessServer, photo: Path) -> None:
    server.bench.hold = True
    job = client.submit_inversion(photo, "faces")
    needed = client.get_job(job.waiting_for)
    assert (job.state, needed.kind, needed.waiting_for) == (JobState.QUEUED, "eigenbasis", "")
    server.finish(needed.name)
    server.finish(job.name)
    assert job.refresh().waiting_for == ""
    assert job.state is JobState.SUCCEEDED


def test_photographs_whose_eigenbasis_cannot_be_computed_fail_and_name_it(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    server.fail_jobs(Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "no memory is left"))
    words = r"jobs/\w+, which was to compute the eigenbasis generators/faces/eigenbases/.* failed: no memory is left"
    with pytest.raises(JobFailedError, match=words):
        client.invert(photo, "faces")
    (failure,) = client.invert([photo], "faces")
    assert isinstance(failure, InversionFailure)
    assert "no memory is left" in str(failure.error)


def test_where_no_photograph_can_be_used_nothing_is_computed(
    client: Client, server: InProcessServer, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image at all")
    found = list(client.iter_invert([tmp_path / "bad.png"] * 3, "faces", per_request=2))
    assert all(isinstance(each, InversionFailure) for each in found)
    assert server.jobs == {}


def test_directions_are_asked_for_and_show_how_far_their_eigenbasis_is(client: Client, server: InProcessServer) -> None:
    events: list[JobEvent] = []
    server.bench.pause = 0.05
    client.discover_directions("faces", progress=events.append)
    assert "ComputeEigenbasis" not in made(server)
    assert kinds(client) == ["eigenbasis", "directions"]
    assert list(dict.fromkeys(event.job for event in events)) == [job.name for job in reversed(client.list_jobs())]
    client.discover_directions("faces")
    assert len(server.jobs) == 2


def test_an_eigenbasis_that_is_named_is_taken_or_not_there(client: Client) -> None:
    with pytest.raises(NotFoundError, match="no eigenbasis 'generators/faces/eigenbases/mine'"):
        client.submit_directions("faces", eigenbasis="generators/faces/eigenbases/mine")
    assert client.list_jobs() == []
    mine = client.compute_eigenbasis("faces", samples=64).name
    assert client.discover_directions("faces", eigenbasis=mine).eigenbasis == mine
    assert kinds(client) == ["eigenbasis", "directions"]


def test_a_session_is_begun_and_its_eigenbasis_followed(client: Client, server: InProcessServer) -> None:
    events: list[JobEvent] = []
    server.bench.pause = 0.05
    session = client.evolve("faces", progress=events.append)
    assert made(server)[:2] == ["CreateSession", "GetJob"]
    assert kinds(client) == ["eigenbasis"]
    assert {event.job for event in events} == {client.list_jobs()[0].name}
    assert events[-1].state is JobState.SUCCEEDED
    assert session.ask(count=1, wait=3.5)
    # The next one finds it.
    server.calls.clear()
    client.evolve("faces", space="z")
    assert made(server) == ["CreateSession"]
    assert kinds(client) == ["eigenbasis"]
    client.evolve("faces", optimizer="cma")
    assert kinds(client) == ["eigenbasis"]


def test_a_session_whose_eigenbasis_cannot_be_computed_is_told(client: Client, server: InProcessServer) -> None:
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, "it exploded"))
    with pytest.raises(JobFailedError, match="it exploded"):
        client.evolve("faces")


def test_what_is_wrong_with_a_session_is_told_before_its_eigenbasis_is_computed(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="population"):
        client.evolve("faces", population=1)
    assert client.list_jobs() == []
    assert client.list_sessions() == []
