"""What is wrong with a request is told before an eigenbasis is computed for it."""

from __future__ import annotations

from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from in_process import Failure, InProcessServer
from pullback_client import Client, InvalidArgumentError, InversionFailure

NO_IMAGE = "it holds no picture"


@pytest.fixture
def folder(tmp_path: Path) -> list[Path]:
    """A folder of three files, of which the second is no image."""
    paths = [tmp_path / name for name in ("first.png", "second.png", "third.png")]
    for path in paths:
        Image.new("RGB", (16, 16)).save(path)
    paths[1].write_bytes(b"no image at all")
    return paths


def names(server: InProcessServer) -> list[str]:
    return [name for name, _ in server.calls]


def test_a_wrong_option_is_told_before_the_eigenbasis_is_computed(
    client: Client, server: InProcessServer, folder: list[Path]
) -> None:
    violations = (("settings.distance", "no such distance", ""),)
    server.failures["Invert"] = Failure(grpc.StatusCode.INVALID_ARGUMENT, "cannot be used", violations)
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        client.invert(folder[0], "faces")
    assert names(server) == ["Invert"]
    assert server.jobs == {}


def test_a_bad_photograph_alone_is_told_before_the_eigenbasis_is_computed(
    client: Client, server: InProcessServer, folder: list[Path]
) -> None:
    with pytest.raises(InvalidArgumentError, match=NO_IMAGE):
        client.invert(folder[1], "faces")
    assert server.jobs == {}


def test_bad_photographs_of_a_folder_fail_and_the_others_are_inverted(
    client: Client, server: InProcessServer, folder: list[Path]
) -> None:
    found = list(client.iter_invert(folder, "faces", per_request=2))
    assert [isinstance(each, InversionFailure) for each in found] == [False, True, False]
    assert [each.label for each in found] == ["first.png", "second.png", "third.png"]
    assert "Invert?" not in names(server)


def test_a_check_says_what_is_wrong_with_each_photograph_and_begins_nothing(
    client: Client, server: InProcessServer, folder: list[Path]
) -> None:
    checked = client.check_inversion(folder, "faces")
    assert [failure and failure.label for failure in checked.failures] == [None, "second.png", None]
    assert not checked.is_hopeless
    assert client.check_inversion([folder[1]] * 3, "faces").is_hopeless
    assert server.jobs == {}


def test_a_number_that_a_method_does_not_have_is_told_before_anything_is_found(
    client: Client, server: InProcessServer
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"0 to 19, got 20; .*k=21.*--method hessian --k 21`") as told:
        client.find_direction("faces32", "hessian:20")
    assert "Client.discover_directions('faces32', method='hessian', k=21)" in told.value.message
    with pytest.raises(InvalidArgumentError, match="directions 0 to 19, got 20"):
        client.traverse(np.zeros(64), "hessian:20", generator="faces32")
    assert server.jobs == {}


def test_what_is_wrong_with_a_walk_is_told_before_its_photograph_is_inverted(
    client: Client, server: InProcessServer, folder: list[Path]
) -> None:
    violations = (("mask.layer", "no such layer", ""),)
    for call in (
        lambda: client.traverse(folder[0], "hessian:1", generator="faces", mask={"layer": "fifth"}),
        lambda: client.edit(folder[0], "faces", "hessian:1", 2.0, walk={"mask": {"layer": "fifth"}}),
    ):
        server.failures["Traverse"] = Failure(grpc.StatusCode.INVALID_ARGUMENT, "cannot be walked", violations)
        with pytest.raises(InvalidArgumentError, match="cannot be walked"):
            call()
    assert server.jobs == {}
    asked = server.called("Traverse?")[0]
    assert asked.mask.layer == "fifth"
    assert (asked.space, asked.direction.index, asked.direction.space) == ("z", 1, "z")
    assert not asked.HasField("latent")


def test_a_photograph_that_cannot_be_read_is_told_before_directions_are_found(
    client: Client, server: InProcessServer, folder: list[Path]
) -> None:
    for call in (
        lambda: client.traverse(folder[1], "hessian:1", generator="faces"),
        lambda: client.edit(folder[1], "faces", "hessian:1", 2.0),
    ):
        with pytest.raises(InvalidArgumentError, match=NO_IMAGE):
            call()
    assert server.jobs == {}
