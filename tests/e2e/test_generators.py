"""The catalogue, draws and pictures over a real socket, against the library itself."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from live_server import LiveServer
from pullback import generators
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import generators_pb2, values_pb2


@pytest.fixture
def tiny(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> generators.Generator:
    """The generator that the server serves, loaded here."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return generators.load("tiny")


def test_the_catalogue_is_listed_page_by_page(server: LiveServer) -> None:
    everything = server.generators.ListGenerators(generators_pb2.ListGeneratorsRequest())
    names = [generator.name for generator in everything.generators]
    assert names == ["generators/eyes", "generators/faces", "generators/faces32", "generators/tiny"]
    assert not everything.next_page_token
    paged, token = [], ""
    while True:
        page = server.generators.ListGenerators(generators_pb2.ListGeneratorsRequest(page_size=2, page_token=token))
        paged += [generator.name for generator in page.generators]
        if not (token := page.next_page_token):
            break
    assert paged == names


def test_a_generator_says_what_its_spaces_are(server: LiveServer) -> None:
    eyes = server.generators.GetGenerator(generators_pb2.GetGeneratorRequest(name="generators/eyes"))
    assert {space.name: space.dim for space in eyes.spaces} == {"full": 108, "noise": 100, "class": 8}
    assert "hazel" in next(space for space in eyes.spaces if space.name == "class").labels
    assert (eyes.channels, eyes.height, eyes.width) == (3, 128, 128)
    assert len(eyes.weights_hash) == 64
    assert eyes.licence
    assert eyes.citation


def test_sampled_latents_are_those_of_the_library(server: LiveServer, tiny: generators.Generator) -> None:
    request = generators_pb2.SampleLatentsRequest(generator="generators/tiny", count=5, seed=3)
    response = server.generators.SampleLatents(request, timeout=60)
    assert response.space == "z"
    np.testing.assert_array_equal(unpack(response.latents), tiny.space("z").sample(5, 3).numpy())


def render(server: LiveServer, latents: torch.Tensor, chosen: str) -> list[np.ndarray]:
    """Pictures of latents as the server sends them, levels 0 to 255."""
    request = generators_pb2.RenderRequest(
        generator="generators/tiny", latents=pack(latents.double().numpy()), format=chosen
    )
    responses = list(server.generators.Render(request, timeout=60))
    assert [response.index for response in responses] == list(range(len(latents)))
    assert {response.image.format for response in responses} == {values_pb2.ImageFormat.Value(chosen)}
    return [np.asarray(Image.open(io.BytesIO(r.image.data)), dtype=float) for r in responses]


def test_pictures_come_in_order_and_are_those_of_the_library(server: LiveServer, tiny: generators.Generator) -> None:
    latents = tiny.space("z").sample(40, 1)
    with torch.no_grad():
        expected = tiny.render(latents, "z").movedim(1, -1).numpy() * 255
    # Half a level is what rounding to 8 bits may change.
    assert np.abs(np.stack(render(server, latents, "IMAGE_FORMAT_PNG")) - expected).max() <= 0.501
    # JPEG keeps the mean of each channel, whatever it does to noise.
    lossy = np.stack(render(server, latents, "IMAGE_FORMAT_JPEG"))
    assert np.abs(lossy.mean(axis=(1, 2)) - expected.mean(axis=(1, 2))).max() < 3


def test_a_client_that_leaves_in_the_middle_harms_nobody(server: LiveServer) -> None:
    latents = pack(np.zeros((2000, 8), dtype=np.float32))
    request = generators_pb2.RenderRequest(generator="generators/tiny", latents=latents)
    call = server.generators.Render(request, timeout=60)
    next(iter(call))
    call.cancel()
    again = generators_pb2.RenderRequest(generator="generators/tiny", latents=pack(np.zeros((1, 8), dtype=np.float32)))
    assert len(list(server.generators.Render(again, timeout=60))) == 1


def test_the_weights_of_tiny_were_converted_once_into_the_cache(
    server: LiveServer, environment: dict[str, str]
) -> None:
    request = generators_pb2.SampleLatentsRequest(generator="generators/tiny")
    server.generators.SampleLatents(request, timeout=60)
    assert list(Path(environment["PULLBACK_CACHE"]).rglob("*.safetensors"))
