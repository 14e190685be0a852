"""A style-based generator over a real socket: draws, pictures, eigenbases and inversions in its spaces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import (
    directions_pb2,
    generators_pb2,
    geometry_pb2,
    inversion_pb2,
    jobs_pb2,
    specs_pb2,
    tunings_pb2,
    values_pb2,
)
from pullback_client import Client, InvalidArgumentError, Inversion
from tiny_style import tiny_style, write_style_catalogue

GENERATOR = "generators/tiny-style"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that knows the seeded StyleGAN2 alone."""
    folder = tmp_path_factory.mktemp("style")
    environment = {
        "PULLBACK_CATALOGUE": str(write_style_catalogue(folder, strength=0.2)),
        "PULLBACK_CACHE": str(folder / "cache"),
    }
    with LiveServer(folder / "data", environment) as live:
        yield live


def sampled(server: LiveServer, space: str, count: int = 1, seed: int = 7) -> np.ndarray:
    request = generators_pb2.SampleLatentsRequest(generator=GENERATOR, space=space, count=count, seed=seed)
    return unpack(server.generators.SampleLatents(request, timeout=60).latents)


def rendered(server: LiveServer, space: str, latents: np.ndarray) -> list[values_pb2.Image]:
    request = generators_pb2.RenderRequest(generator=GENERATOR, space=space, latents=pack(latents))
    return [answer.image for answer in server.generators.Render(request, timeout=60)]


def test_the_catalogue_says_which_spaces_are_mapped(server: LiveServer) -> None:
    found = server.generators.GetGenerator(generators_pb2.GetGeneratorRequest(name=GENERATOR), timeout=60)
    spaces = [(space.name, space.dim, space.prior) for space in found.spaces]
    assert spaces == [("z", 6, "standard-normal"), ("w", 6, "mapped"), ("w+", 36, "mapped")]


def test_the_same_seed_draws_the_same_image_in_every_space(server: LiveServer) -> None:
    generator = tiny_style(strength=0.2)
    for space in ("z", "w", "w+"):
        expected = generator.space(space).sample(2, 7).numpy()
        np.testing.assert_allclose(sampled(server, space, 2), expected, rtol=1e-5, atol=1e-6)
    pictures = [
        [image.data for image in rendered(server, space, sampled(server, space, 2))] for space in ("z", "w", "w+")
    ]
    assert pictures[0] == pictures[1] == pictures[2]
    assert pictures[0][0] != pictures[0][1]


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_an_eigenbasis_and_an_inversion_that_takes_it_are_computed_in_every_space(
    server: LiveServer, space: str
) -> None:
    spec = specs_pb2.EigenbasisSpec(generator=GENERATOR, space=space, distance="mse", samples=200)
    job = server.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec), timeout=60)
    ended = server.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED, ended.error
    basis = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=ended.result), timeout=60)
    dim = 36 if space == "w+" else 6
    assert (basis.spec.space, basis.dim) == (space, dim)
    target = rendered(server, "z", sampled(server, "z", seed=3))[0]
    if space == "w+":
        # That of w serves too, in every layer, and is the default.
        of_w = specs_pb2.InversionSettings(generator=GENERATOR, space="w+", distance="mse", steps=3)
        request = inversion_pb2.InvertRequest(settings=of_w, targets=[inversion_pb2.Target(image=target)])
        default = server.wait(server.inversion.Invert(request, timeout=60).name)
        assert default.state == jobs_pb2.JOB_STATE_SUCCEEDED, default.error
        assert "/eigenbases/w-mse-" in default.invert.eigenbasis
        of_w.eigenbasis = default.invert.eigenbasis
        named = server.inversion.Invert(request, timeout=60)
        assert server.wait(named.name).state == jobs_pb2.JOB_STATE_SUCCEEDED
    settings = specs_pb2.InversionSettings(
        generator=GENERATOR, space=space, distance="mse", eigenbasis=ended.result, steps=60, restarts=2, truncation=3.0
    )
    job = server.inversion.Invert(
        inversion_pb2.InvertRequest(settings=settings, targets=[inversion_pb2.Target(image=target)]), timeout=60
    )
    ended = server.wait(job.name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED, ended.error
    found = server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=ended.result), timeout=60)
    (result,) = found.results
    assert found.settings.method == specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
    assert found.settings.start == specs_pb2.START_BANK
    assert result.distance < 1e-3
    latent = unpack(result.latent)
    assert latent.shape == (dim,)
    assert rendered(server, space, latent[None])[0].data == result.image.data


@pytest.mark.parametrize("space", ["w", "w+"])
@pytest.mark.parametrize("method", ["hessian_cma", "cma", "genetic"])
def test_a_session_in_w_starts_from_the_prior_of_w(server: LiveServer, space: str, method: str) -> None:
    prior = tiny_style().space(space).prior
    options: dict[str, Any] = {} if method == "genetic" else {"sigma": 0.05}
    with Client(server.target) as client:
        if method == "hessian_cma":
            # Those of w serve w+.
            options["eigenbasis"] = client.compute_eigenbasis("tiny-style", space="w", distance="mse", samples=32)
        session = client.evolve("tiny-style", space=space, optimizer=method, population=40, seed=1, **options)
        batch = next(iter(session))
        session.tell(batch, [float(np.asarray(image).mean()) for image in batch.images])
        next(iter(session))
        record = session.history().generations[0]
    found = record.latents
    if method == "genetic":
        # Draws of the mapping network: the same w in every layer.
        assert np.abs(found - np.tile(found[:, :6], found.shape[1] // 6)).max() == 0
        return
    deviation = np.square(found - prior.mean(found.shape[1]).numpy()).mean() ** 0.5
    assert deviation == pytest.approx(0.05 * prior.spread(), rel=0.25)


def test_a_random_session_in_w_is_refused_with_the_space_to_take(server: LiveServer) -> None:
    with (
        Client(server.target) as client,
        pytest.raises(InvalidArgumentError, match=r"optimizer.method.*of w and w\+: z"),
    ):
        client.evolve("tiny-style", space="w", optimizer="random")


def test_a_tuning_draws_a_photograph_and_the_generator_draws_as_before(server: LiveServer) -> None:
    w = sampled(server, "w")
    (before,) = rendered(server, "w", w)
    darker = Image.open(io.BytesIO(before.data)).point(lambda level: level // 2)
    file = io.BytesIO()
    darker.save(file, "PNG")
    target = inversion_pb2.Target(image=values_pb2.Image(data=file.getvalue()), start=pack(w[0]))
    settings = specs_pb2.TuningSettings(
        generator=GENERATOR, space="w+", distance="mse", steps=30, learning_rate=0.01, threshold=0
    )
    request = tunings_pb2.TuneRequest(settings=settings, targets=[target], pivot_space="w")
    job = server.wait(server.tunings.Tune(request, timeout=60).name)
    assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED, job.error
    (photograph,) = server.tunings.GetTuning(tunings_pb2.GetTuningRequest(name=job.result), timeout=60).photographs
    assert photograph.squared_error < 0.5 * photograph.squared_error_before
    latents = unpack(photograph.pivot)[None]
    request = generators_pb2.RenderRequest(generator=job.result, space="w+", latents=pack(latents))
    (tuned,) = [answer.image for answer in server.generators.Render(request, timeout=60)]
    levels = [np.asarray(Image.open(io.BytesIO(each)), np.float64) / 255 for each in (tuned.data, file.getvalue())]
    assert np.square(levels[0] - levels[1]).mean() == pytest.approx(photograph.squared_error, abs=1e-3)
    assert rendered(server, "w", w)[0].data == before.data
    # A walk with the tuned weights begins, at its middle frame, with the tuned image.
    walk = directions_pb2.TraverseRequest(
        generator=job.result,
        space="w+",
        latent=pack(latents[0]),
        direction={"directions": direction_of(server)},
        distance="mse",
        frames=3,
    )
    frames = [answer.frame for answer in server.directions.Traverse(walk, timeout=60) if answer.HasField("frame")]
    assert frames[1].image.data == tuned.data
    server.tunings.DeleteTuning(tunings_pb2.DeleteTuningRequest(name=job.result), timeout=60)
    with pytest.raises(grpc.RpcError) as caught:
        list(server.generators.Render(request, timeout=60))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def direction_of(server: LiveServer) -> str:
    """Directions in w of the generator itself."""
    basis = specs_pb2.EigenbasisSpec(generator=GENERATOR, space="w", distance="mse", samples=200)
    request = geometry_pb2.ComputeEigenbasisRequest(spec=basis)
    computed = server.wait(server.geometry.ComputeEigenbasis(request, timeout=60).name)
    spec = specs_pb2.DirectionsSpec(generator=GENERATOR, space="w", k=1, eigenbasis=computed.result)
    request = directions_pb2.DiscoverDirectionsRequest(spec=spec)
    found = server.wait(server.directions.DiscoverDirections(request, timeout=60).name)
    assert found.state == jobs_pb2.JOB_STATE_SUCCEEDED, found.error
    return found.result


def test_noise_maps_are_found_and_draw_the_image_again(server: LiveServer) -> None:
    target = rendered(server, "z", sampled(server, "z", seed=5))[0]
    settings = specs_pb2.InversionSettings(
        generator=GENERATOR, preset=specs_pb2.INVERSION_PRESET_PROJECTOR, space="w+", distance="mse", steps=20
    )
    request = inversion_pb2.InvertRequest(settings=settings, targets=[inversion_pb2.Target(image=target)])
    ended = server.wait(server.inversion.Invert(request, timeout=60).name)
    assert ended.state == jobs_pb2.JOB_STATE_SUCCEEDED, ended.error
    found = server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=ended.result), timeout=60)
    assert (found.settings.noise_maps, found.settings.weights.noise) == (True, 1e5)
    (solution,) = found.results[0].solutions
    assert [list(each.shape) for each in solution.noise_maps] == [[4, 4], [8, 8], [8, 8], [16, 16], [16, 16]]

    def render(noise: list[values_pb2.Tensor]) -> bytes:
        latents = pack(unpack(solution.latent)[None])
        again = generators_pb2.RenderRequest(generator=GENERATOR, space="w+", latents=latents, noise_maps=noise)
        return next(iter(server.generators.Render(again, timeout=60))).image.data

    assert render(list(solution.noise_maps)) == solution.image.data
    assert render([]) != solution.image.data
    with pytest.raises(grpc.RpcError) as caught:
        render(list(solution.noise_maps)[1:])
    assert "expected 5 noise maps" in caught.value.details()


def test_a_client_keeps_the_noise_maps_with_the_latent(server: LiveServer, tmp_path: Path) -> None:
    with Client(server.target) as client:
        target = client.render("tiny-style", client.sample("tiny-style", seed=6), space="z")[0]
        found = client.invert(target, "tiny-style", preset="projector", distance="mse", steps=10, restarts=2, top_k=2)
        assert (found.settings["space"], found.settings["noise_maps"]) == ("w", True)
        found.save(tmp_path / "found.safetensors")
        loaded = Inversion.load(tmp_path / "found.safetensors")
        for solution, kept in zip(found.solutions, loaded.solutions, strict=True):
            assert len(kept.noise_maps) == 5
            assert all(np.array_equal(*pair) for pair in zip(solution.noise_maps, kept.noise_maps, strict=True))
        (again,) = client.render("tiny-style", loaded.latent, space="w", noise_maps=loaded.noise_maps)
        assert np.array_equal(np.asarray(again), np.asarray(found.image))
