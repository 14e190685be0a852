"""What is wrong with a request is told before an eigenbasis is computed for it; the fake server stands in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from fake_directions import FakeDirectionsServer
from fake_search import FakeSearchServer
from fake_server import NO_IMAGE, Failure
from pullback_client import Client, InvalidArgumentError, InversionFailure


@pytest.fixture
def server() -> Iterator[FakeDirectionsServer]:
    with FakeDirectionsServer() as server:
        yield server


@pytest.fixture
def client(server: FakeDirectionsServer) -> Iterator[Client]:
    with Client(server.target) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> list[Path]:
    """A folder of three files, of which the second is no image."""
    paths = [tmp_path / name for name in ("first.png", "second.png", "third.png")]
    for path in paths:
        Image.new("RGB", (16, 16)).save(path)
    paths[1].write_bytes(b"no image at all")
    return paths


def names(server: FakeDirectionsServer) -> list[str]:
    return [name for name, _ in server.state.calls]


def test_a_wrong_option_is_told_before_the_eigenbasis_is_computed(
    client: Client, server: FakeDirectionsServer, folder: list[Path]
) -> None:
    violations = (("settings.distance", "no such distance", ""),)
    server.state.failures["Invert"] = Failure(grpc.StatusCode.INVALID_ARGUMENT, "cannot be used", violations)
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        client.invert(folder[0], "faces")
    assert names(server) == ["ComputeEigenbasis?", "Invert?"]
    assert server.state.jobs == {}


def test_a_bad_photograph_alone_is_told_before_the_eigenbasis_is_computed(
    client: Client, server: FakeDirectionsServer, folder: list[Path]
) -> None:
    with pytest.raises(InvalidArgumentError, match=NO_IMAGE):
        client.invert(folder[1], "faces")
    assert server.state.jobs == {}


def test_bad_photographs_of_a_folder_fail_before_the_eigenbasis_and_are_not_sent_again(
    client: Client, server: FakeDirectionsServer, folder: list[Path]
) -> None:
    found = list(client.iter_invert(folder, "faces", per_request=2))
    assert [isinstance(each, InversionFailure) for each in found] == [False, True, False]
    assert [each.label for each in found] == ["first.png", "second.png", "third.png"]
    calls = names(server)
    assert calls.index("ComputeEigenbasis") > max(place for place, name in enumerate(calls) if name == "Invert?")
    assert [[target.label for target in request.targets] for request in server.state.called("Invert")] == [
        ["first.png", "third.png"]
    ]


def test_where_the_eigenbasis_is_there_nothing_is_checked_apart(
    client: Client, server: FakeDirectionsServer, folder: list[Path]
) -> None:
    client.eigenbasis("faces")
    server.state.calls.clear()
    found = client.invert(folder, "faces")
    assert [isinstance(each, InversionFailure) for each in found] == [False, True, False]
    assert "Invert?" not in names(server)
    assert server.state.called("ComputeEigenbasis") == []


def test_a_check_says_what_is_wrong_with_each_photograph_and_begins_nothing(
    client: Client, server: FakeDirectionsServer, folder: list[Path]
) -> None:
    checked = client.check_inversion(folder, "faces")
    assert [failure and failure.label for failure in checked.failures] == [None, "second.png", None]
    assert not checked.is_hopeless
    assert client.check_inversion([folder[1]] * 3, "faces").is_hopeless
    assert server.state.jobs == {}


def test_a_number_that_a_method_does_not_have_is_told_before_anything_is_found(
    client: Client, server: FakeDirectionsServer
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"directions 0 to 3, got 4; .*k=5.*--method hessian --k 5`") as told:
        client.direction("faces", "hessian:4")
    assert "Client.directions('faces', method='hessian', k=5)" in told.value.message
    with pytest.raises(InvalidArgumentError, match="directions 0 to 3, got 4"):
        client.traverse(np.zeros(5), "hessian:4", generator="faces")
    assert server.state.jobs == {}


def test_what_is_wrong_with_a_walk_is_told_before_its_photograph_is_inverted(
    client: Client, server: FakeDirectionsServer, folder: list[Path]
) -> None:
    violations = (("mask.layer", "no such layer", ""),)
    for call in (
        lambda: client.traverse(folder[0], "hessian:1", generator="faces", mask={"layer": "fifth"}),
        lambda: client.edit(folder[0], "faces", "hessian:1", 2.0, walk={"mask": {"layer": "fifth"}}),
    ):
        server.state.failures["Traverse"] = Failure(grpc.StatusCode.INVALID_ARGUMENT, "cannot be walked", violations)
        with pytest.raises(InvalidArgumentError, match="cannot be walked"):
            call()
    assert server.state.jobs == {}
    asked = server.state.called("Traverse?")[0]
    assert asked.mask.layer == "fifth"
    assert (asked.space, asked.direction.index, asked.direction.space) == ("z", 1, "z")
    assert not asked.HasField("latent")


def test_a_photograph_that_cannot_be_read_is_told_before_directions_are_found(
    client: Client, server: FakeDirectionsServer, folder: list[Path]
) -> None:
    for call in (
        lambda: client.traverse(folder[1], "hessian:1", generator="faces"),
        lambda: client.edit(folder[1], "faces", "hessian:1", 2.0),
    ):
        with pytest.raises(InvalidArgumentError, match=NO_IMAGE):
            call()
    assert server.state.jobs == {}


def test_what_is_wrong_with_a_session_is_told_before_its_eigenbasis_is_computed() -> None:
    with FakeSearchServer() as server, Client(server.target) as client:
        violations = (("spec.threads[0].optimizer.population", "too few", ""),)
        server.state.failures["CreateSession"] = Failure(grpc.StatusCode.INVALID_ARGUMENT, "no session", violations)
        with pytest.raises(InvalidArgumentError, match="no session"):
            client.evolve("faces")
        assert server.state.jobs == {}
        client.evolve("faces")
        calls = [name for name, _ in server.state.calls]
        assert calls.index("ComputeEigenbasis") > calls.index("CreateSession?")
        server.state.calls.clear()
        client.evolve("faces")
        assert "CreateSession?" not in [name for name, _ in server.state.calls]
