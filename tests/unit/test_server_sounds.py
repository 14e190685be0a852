"""Generators of sounds: what may be asked of them, and how what is of images is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pullback import generators
from pullback.errors import InvalidInputError
from pullback.weights import Availability
from pullback_api.tensors import pack
from pullback_api.v1 import directions_pb2, search_pb2, specs_pb2, tunings_pb2, values_pb2
from pullback_server.errors import ApiError, Violations
from pullback_server.servicers.generators import _message
from pullback_server.specs import (
    complete_analysis_spec,
    complete_directions_spec,
    complete_eigenbasis_spec,
    complete_inversion_settings,
    complete_session_spec,
    complete_traversal_between,
)
from pullback_server.specs.common import rate_of
from pullback_server.specs.inversion.tuning import complete_tuning_settings

NAME = "generators/drums"
CATALOGUE = """
[drums]
family = "wavegan"
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
    assert (message.channels, message.height, message.width, message.sample_rate) == (2, 0, 16384, 16000)
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


def test_what_is_left_out_is_what_goes_with_sounds() -> None:
    settings = complete_inversion_settings(specs_pb2.InversionSettings(generator=NAME), targets=1)
    assert (settings.distance, settings.weights.l2, settings.weights.distance) == ("stft", 0, 1)
    analysis = complete_analysis_spec(specs_pb2.AnalysisSpec(generator=NAME))
    assert (analysis.distance, list(analysis.compared_distances)) == ("stft", ["mse"])
    spec = search_pb2.SessionSpec(threads=[search_pb2.ThreadSpec(generator=NAME)])
    assert complete_session_spec(spec).images.format == values_pb2.IMAGE_FORMAT_WAV
    between = directions_pb2.TraverseRequest(
        generator=NAME, latent=pack(np.zeros(100, np.float32)), end=pack(np.ones(100, np.float32)), strip=True
    )
    assert complete_traversal_between(between, generators.entry("drums")).image_format == "WAV"


def test_what_is_of_images_is_refused() -> None:
    alone = specs_pb2.InversionSettings(generator=NAME, preset=specs_pb2.INVERSION_PRESET_PROJECTOR)
    with pytest.raises(ApiError, match="compares images, but 'drums' draws sounds"):
        complete_inversion_settings(alone, targets=1)
    mixed = search_pb2.SessionSpec(
        threads=[search_pb2.ThreadSpec(generator=NAME), search_pb2.ThreadSpec(generator="generators/faces")]
    )
    with pytest.raises(ApiError, match="all threads draw images, or all draw sounds, but 'drums' draws sounds and"):
        complete_session_spec(mixed)
    with pytest.raises(ApiError, match="this is of images, but 'drums' draws sounds"):
        complete_tuning_settings(
            tunings_pb2.TuneRequest(settings=specs_pb2.TuningSettings(generator=NAME)), Violations()
        )


def test_the_rate_is_that_of_published_sounds_unless_the_entry_says_another() -> None:
    drums = generators.entry("drums")
    assert drums.sample_rate == 16_000
    other = replace(drums, options={"sample_rate": 44_100})
    assert other.sample_rate == 44_100
    assert other.weights_hash != drums.weights_hash
    assert generators.entry("faces").sample_rate is None
    with pytest.raises(ApiError, match=r"state sample_rate = … under \[drums.options\]"):
        rate_of(replace(drums, family="torchscript", options={"levels": "-1..1"}))
