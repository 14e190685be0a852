"""Inversions over a real socket, against the library itself."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from live_server import LiveServer
from pullback import distances, generators
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback.inversion import LossWeights, Problem, invert
from pullback_api.tensors import unpack
from pullback_api.v1 import geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2, values_pb2
from requests_for_tiny import inversion_of, invert_tiny, tiny_settings, tiny_target


def as_image(data: bytes) -> torch.Tensor:
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(data)), dtype=np.float32) / 255).movedim(-1, 0)


@pytest.fixture
def library(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> generators.Generator:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return generators.load("tiny")


def stored_basis(server: LiveServer, name: str) -> Eigenbasis:
    basis = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=name))
    provenance = Provenance(
        generator="tiny",
        weights_hash=basis.generator_weights_hash,
        space="z",
        distance="mse",
        distance_hash="",
        method="sketch",
        samples=basis.spec.samples,
        seed=basis.spec.seed,
        version=basis.version,
    )
    return Eigenbasis(unpack(basis.eigenvalues), unpack(basis.eigenvectors), unpack(basis.metric), provenance)


def test_hessian_adam_gives_what_the_library_gives(server: LiveServer, library: generators.Generator) -> None:
    name = server.eigenbasis()
    job = invert_tiny(
        server,
        images=2,
        steps=30,
        restarts=3,
        seed=5,
        method=specs_pb2.INVERSION_METHOD_HESSIAN_ADAM,
        eigenbasis=name,
        exponent=0.25,
        learning_rate=0.2,
        schedule=specs_pb2.SCHEDULE_COSINE,
        weights=specs_pb2.LossWeights(distance=2, l1=0.5, l2=0),
    )
    result = inversion_of(server, server.wait(job.name))
    targets = torch.stack([as_image(target.target.data) for target in result.results])
    problem = Problem(library, distances.load("mse"), "z", targets, weights=LossWeights(2.0, 0.5, 0.0))
    expected = invert(
        problem,
        "hessian_adam",
        eigenbasis=stored_basis(server, name),
        restarts=3,
        steps=30,
        seed=5,
        exponent=0.25,
        learning_rate=0.2,
        schedule="cosine",
    )
    assert result.settings.eigenbasis == name
    assert result.compute_seconds > 0
    for number, target in enumerate(result.results):
        np.testing.assert_allclose(unpack(target.latent), expected.latents[number].numpy(), atol=1e-4)
        np.testing.assert_allclose(unpack(target.loss_trace), expected.trace_loss[number].numpy(), rtol=1e-3)
        assert unpack(target.distance_trace).shape == (3, 31)
        assert unpack(target.restart_latents).shape == (3, 8)
        picture = as_image(target.image.data)
        assert (picture - expected.images[number]).abs().max() < 0.02
        best = unpack(target.loss_trace)[target.best_restart, target.best_step]
        assert best == pytest.approx(target.loss)
        assert best == unpack(target.loss_trace).min()


def test_the_same_request_gives_the_same_result_bit_for_bit(server: LiveServer) -> None:
    results = []
    for _ in range(2):
        result = inversion_of(server, server.wait(invert_tiny(server, steps=20, seed=9).name))
        results.append([target.SerializeToString(deterministic=True) for target in result.results])
    assert results[0] == results[1]


def test_every_default_is_filled_in_and_kept(server: LiveServer) -> None:
    name = server.eigenbasis(samples=2000)
    request = inversion_pb2.InvertRequest(
        settings=specs_pb2.InversionSettings(generator="generators/tiny", distance="mse", steps=2),
        targets=[inversion_pb2.Target(image=tiny_target(server))],
    )
    settings = inversion_of(server, server.wait(server.inversion.Invert(request).name)).settings
    assert settings.method == specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
    assert settings.eigenbasis == name
    assert settings.space == "z"
    assert settings.restarts == 4
    assert (settings.weights.distance, settings.weights.l1, settings.weights.l2) == (1, 0, 1)


def test_what_a_mask_hides_has_no_influence(server: LiveServer) -> None:
    target = tiny_target(server)
    clean = Image.open(io.BytesIO(target.data)).convert("RGB")
    spoiled = clean.copy()
    spoiled.paste((255, 0, 255), (0, 0, 8, 16))
    mask = Image.new("L", clean.size, 255)
    mask.paste(0, (0, 0, 8, 16))

    def png(image: Image.Image) -> values_pb2.Image:
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return values_pb2.Image(data=buffer.getvalue())

    latents = []
    for image in (clean, spoiled):
        request = inversion_pb2.InvertRequest(
            settings=tiny_settings(steps=10), targets=[inversion_pb2.Target(image=png(image), mask=png(mask))]
        )
        result = inversion_of(server, server.wait(server.inversion.Invert(request).name))
        latents.append(result.results[0].latent.data)
    assert latents[0] == latents[1]


def test_inversions_are_listed_without_their_results(server: LiveServer) -> None:
    job = server.wait(invert_tiny(server, steps=1).name)
    listed = server.inversion.ListInversions(inversion_pb2.ListInversionsRequest(page_size=1))
    assert [inversion.name for inversion in listed.inversions] == [job.result]
    assert listed.next_page_token
    assert not listed.inversions[0].results
    assert listed.inversions[0].job == job.name


def test_labels_come_back_with_their_targets(server: LiveServer) -> None:
    request = inversion_pb2.InvertRequest(
        settings=tiny_settings(steps=1),
        targets=[inversion_pb2.Target(image=tiny_target(server, seed=seed), label=f"seed {seed}") for seed in (1, 2)],
    )
    job = server.wait(server.inversion.Invert(request).name)
    assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert [target.label for target in inversion_of(server, job).results] == ["seed 1", "seed 2"]
