"""Generators of sounds: what may be asked of them, and how what shows images is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pullback import generators
from pullback.errors import InvalidInputError
from pullback.weights import Availability
from pullback_api.v1 import directions_pb2, search_pb2, specs_pb2
from pullback_server.errors import ApiError
from pullback_server.servicers.generators import _message
from pullback_server.specs import (
    complete_analysis_spec,
    complete_directions_spec,
    complete_eigenbasis_spec,
    complete_inversion_settings,
    complete_session_spec,
    complete_traversal,
)

NAME = "generators/drums"
CATALOGUE = """
[drums]
family = "dcgan"
input_space = "z"
image_shape = [2, 16384]

[[drums.spaces]]
name = "z"
dim = 100
prior = "standard-normal"

[drums.source]
kind = "path"
location = "/nowhere/drums.pth"
sha256 = "{sha256}"
"""
REFUSED = "this shows images, but 'drums' draws sounds; of such generators there are latents, eigenbases"


@pytest.fixture(autouse=True)
def _catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "drums.toml"
    file.write_text(CATALOGUE.format(sha256="ab" * 32))
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(file))


def test_a_sound_has_channels_and_samples_and_no_height() -> None:
    drums = generators.entry("drums")
    assert drums.draws == "sounds"
    assert drums.image_shape == (2, 16384)
    message = _message(drums, Availability.HERE)
    assert (message.channels, message.height, message.width) == (2, 0, 16384)
    with pytest.raises(InvalidInputError, match="images are wanted, but generator 'drums' draws sounds"):
        _ = drums.picture_shape


def test_metrics_of_sounds_are_those_of_the_distance_of_sounds() -> None:
    basis = complete_eigenbasis_spec(specs_pb2.EigenbasisSpec(generator=NAME), "spec")
    assert basis.distance == "stft"
    directions = complete_directions_spec(specs_pb2.DirectionsSpec(generator=NAME), "spec")
    assert directions.eigenbasis.startswith("generators/drums/eigenbases/")
    wrong = specs_pb2.EigenbasisSpec(generator=NAME, distance="lpips-alex")
    with pytest.raises(ApiError, match="'lpips-alex' compares images, but 'drums' draws sounds; take mse or stft"):
        complete_eigenbasis_spec(wrong, "spec")


def test_what_shows_images_is_refused() -> None:
    with pytest.raises(ApiError, match=REFUSED):
        complete_inversion_settings(specs_pb2.InversionSettings(generator=NAME), targets=1)
    with pytest.raises(ApiError, match=REFUSED):
        complete_analysis_spec(specs_pb2.AnalysisSpec(generator=NAME))
    with pytest.raises(ApiError, match=REFUSED):
        complete_session_spec(search_pb2.SessionSpec(threads=[search_pb2.ThreadSpec(generator=NAME)]))
    with pytest.raises(ApiError, match=REFUSED):
        complete_traversal(directions_pb2.TraverseRequest(generator=NAME), generators.entry("drums"), [])
