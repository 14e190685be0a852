"""Inversions over a real socket, against the library itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from PIL import Image

from live_server import LiveServer
from pullback import distances, generators
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback.inversion import METHODS, LossWeights, Problem, cached_bank, invert
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import generators_pb2, geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2, values_pb2
from requests_for_tiny import LONG, inversion_of, invert_tiny, tiny_settings, tiny_target
from tiny import CLASSES, DIM, write_catalogue


def as_image(data: bytes) -> torch.Tensor:
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(data)), dtype=np.float32) / 255).movedim(-1, 0)


@pytest.fixture
def library(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> generators.Generator:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return generators.load("tiny")


def stored_basis(server: LiveServer, name: str) -> Eigenbasis:
    basis = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=name, with_metric=True))
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


@pytest.mark.parametrize("start", ["prior", "bank"])
def test_hessian_adam_gives_what_the_library_gives(
    server: LiveServer, library: generators.Generator, start: str
) -> None:
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
        weights=specs_pb2.LossWeights(distance=2, l1=0.5, l2=0, prior=0.01),
        start=f"START_{start.upper()}",
        thin=False,
    )
    result = inversion_of(server, server.wait(job.name))
    targets = torch.stack([as_image(target.target.data) for target in result.results])
    distance = distances.load("mse")
    problem = Problem(library, distance, "z", targets, weights=LossWeights(2.0, 0.5, 0.0, 0.01))
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
        start=start,
        bank=cached_bank(library, distance, "z") if start == "bank" else None,
        thin=False,
    )
    assert result.settings.eigenbasis == name
    assert result.compute_seconds > 0
    for number, target in enumerate(result.results):
        np.testing.assert_allclose(unpack(target.latent), expected.latents[number].numpy(), atol=1e-4)
        np.testing.assert_allclose(unpack(target.loss_trace), expected.trace_loss[number].numpy(), rtol=1e-3)
        assert unpack(target.distance_trace).shape == (3, 31)
        assert unpack(target.restart_latents).shape == (3, 8)
        assert target.evaluations == 3 * 31
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


def test_an_eigenbasis_of_another_distance_serves(server: LiveServer) -> None:
    name = server.eigenbasis(distance="mse")
    hessian_adam = specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
    job = invert_tiny(
        server, steps=2, method=hessian_adam, distance="st-lpips-alex@64", start="START_PRIOR", eigenbasis=name
    )
    settings = inversion_of(server, server.wait(job.name)).settings
    assert (settings.distance, settings.eigenbasis) == ("st-lpips-alex@64", name)


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
    assert settings.restarts == METHODS["hessian_adam"].restarts
    assert (settings.weights.distance, settings.weights.l1, settings.weights.l2) == (1, 0, 3)


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


# What is asked of an inversion, and comes back -----------------------------------------------------------------------


def results_of(server: LiveServer, **settings: Any) -> list[inversion_pb2.InvertedTarget]:
    return list(inversion_of(server, server.wait(invert_tiny(server, **settings).name)).results)


def test_the_best_restarts_come_back_as_solutions_the_best_first(server: LiveServer) -> None:
    for target in results_of(server, steps=12, restarts=6, images=2, top_k=4):
        assert len(target.solutions) == 4
        best = unpack(target.loss_trace).min(axis=1)
        assert [solution.restart for solution in target.solutions] == list(best.argsort(kind="stable")[:4])
        for solution in target.solutions:
            assert solution.loss == pytest.approx(best[solution.restart])
            assert unpack(solution.latent) == pytest.approx(unpack(target.restart_latents)[solution.restart])
            assert unpack(target.loss_trace)[solution.restart, solution.step] == pytest.approx(solution.loss)
            assert as_image(solution.image.data).shape == (3, 16, 16)
        first = target.solutions[0]
        assert (first.latent, first.image) == (target.latent, target.image)
        assert (first.distance, first.loss) == (target.distance, target.loss)
        assert (first.restart, first.step) == (target.best_restart, target.best_step)
        assert not target.HasField("aligned_target")


def test_restarts_that_were_given_up_leave_nan_in_the_traces(server: LiveServer) -> None:
    (target,) = results_of(server, steps=30, restarts=8, thin=True)
    trace = unpack(target.loss_trace)
    alive = np.isfinite(trace).sum(axis=0)
    assert alive[0] == 8
    assert alive[-1] == 1
    assert target.evaluations == alive.sum()


def test_a_bound_on_evaluations_holds(server: LiveServer) -> None:
    (target,) = results_of(server, evaluations=50, restarts=4, thin=True)
    assert 40 <= target.evaluations <= 50


def test_too_few_evaluations_for_the_restarts_are_refused_and_the_message_says_how_many_are_needed(
    server: LiveServer,
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        invert_tiny(server, evaluations=5, restarts=8)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "settings.evaluations" in refused.value.details()
    assert "expected at least 16" in refused.value.details()


VARIANTS = [(method, basis) for method, known in METHODS.items() for basis in known.bases if basis != "separate"]


@pytest.mark.parametrize(("method", "basis"), VARIANTS)
def test_every_method_inverts_within_its_budget(server: LiveServer, method: str, basis: str) -> None:
    server.eigenbasis(samples=2000)
    found = results_of(
        server,
        images=2,
        method=f"INVERSION_METHOD_{method.upper()}",
        basis=f"INVERSION_BASIS_{basis.upper()}",
        evaluations=600,
        restarts=3 if METHODS[method].restarts else None,
        weights=specs_pb2.LossWeights(prior=0),
        seed=4,
    )
    for target in found:
        assert 0 < target.evaluations <= 600
        trace = unpack(target.loss_trace)
        assert target.loss == np.nanmin(trace) < np.nanmin(trace[:, 0]) / 2


def test_a_bound_on_seconds_ends_the_job_with_its_best_so_far(server: LiveServer) -> None:
    job = server.wait(invert_tiny(server, steps=LONG, seconds=0.5).name)
    assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED
    result = inversion_of(server, job)
    assert 0.5 <= result.compute_seconds < 30
    assert 1 < unpack(result.results[0].loss_trace).shape[1] < LONG


def test_an_inversion_that_makes_no_more_progress_stops(server: LiveServer) -> None:
    (target,) = results_of(server, steps=50_000, patience=20, learning_rate=1e-9)
    assert unpack(target.loss_trace).shape == (2, 21)


def test_a_searched_alignment_comes_back_with_what_the_image_resembles(server: LiveServer) -> None:
    settings = {"steps": 40, "restarts": 4, "top_k": 2}
    (target,) = results_of(server, alignment={"scale": 0.2, "shift": 0.2}, **settings)
    for solution in target.solutions:
        assert solution.HasField("alignment")
        assert np.exp(-0.6) <= solution.alignment.scale <= np.exp(0.6)
        assert max(abs(solution.alignment.shift_x), abs(solution.alignment.shift_y)) <= 0.6
    assert as_image(target.aligned_target.data).shape == (3, 16, 16)
    assert target.aligned_target.data != target.target.data


def test_a_truncation_clamps_every_latent(server: LiveServer) -> None:
    (target,) = results_of(server, steps=20, truncation=0.5)
    assert np.abs(unpack(target.restart_latents)).max() <= 0.5


@pytest.fixture(scope="module")
def conditional_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("conditional")
    environment = {
        "PULLBACK_CATALOGUE": str(write_catalogue(folder, conditional=True)),
        "PULLBACK_CACHE": str(folder / "cache"),
    }
    with LiveServer(folder / "data", environment) as live:
        yield live


def drawn_of(server: LiveServer, label: str) -> values_pb2.Image:
    """An image of that class."""
    latent = np.zeros((1, DIM), np.float32)
    latent[0, :5] = [0.5, -1, 0.2, 1.1, -0.4]
    latent[0, 5 + CLASSES.index(label)] = 1
    request = generators_pb2.RenderRequest(generator="generators/tiny", space="full", latents=pack(latent))
    return next(iter(server.generators.Render(request, timeout=60))).image


@pytest.mark.parametrize("start", ["START_PRIOR", "START_BANK"])
def test_a_class_that_is_given_stays_and_one_that_is_searched_is_found(
    conditional_server: LiveServer, start: str
) -> None:
    def invert(mode: str, **fields: str) -> list[inversion_pb2.InvertedTarget]:
        targets = [inversion_pb2.Target(image=drawn_of(conditional_server, label)) for label in ("blue", "green")]
        targets[0].class_label = fields.get("first", "")
        targets[1].class_label = fields.get("second", "")
        settings = tiny_settings(steps=150, restarts=4, class_mode=mode, start=start, thin=True)
        request = inversion_pb2.InvertRequest(settings=settings, targets=targets)
        job = conditional_server.wait(conditional_server.inversion.Invert(request, timeout=60).name)
        return list(inversion_of(conditional_server, job).results)

    given = invert("CLASS_MODE_GIVEN", first="red", second="green")
    assert [target.solutions[0].class_label for target in given] == ["red", "green"]
    assert unpack(given[0].restart_latents)[:, 5:].tolist() == [[1, 0, 0]] * 4
    assert unpack(given[1].restart_latents)[:, 5:].tolist() == [[0, 1, 0]] * 4
    searched = invert("CLASS_MODE_SEARCHED")
    assert [target.solutions[0].class_label for target in searched] == ["blue", "green"]
    assert unpack(searched[0].restart_latents).shape == (12, DIM)
    assert sorted(unpack(searched[0].latent)[5:].tolist()) == [0, 0, 1]
    free = invert("CLASS_MODE_FREE")
    assert all(target.solutions[0].class_label in CLASSES for target in free)


def test_a_held_class_takes_the_eigenbasis_of_what_moves(conditional_server: LiveServer) -> None:
    spec = specs_pb2.EigenbasisSpec(generator="generators/tiny", space="noise", distance="mse")
    made = conditional_server.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec))
    basis = conditional_server.wait(made.name).result
    settings = specs_pb2.InversionSettings(
        generator="generators/tiny", distance="mse", steps=5, class_mode=specs_pb2.CLASS_MODE_GIVEN
    )
    target = inversion_pb2.Target(image=drawn_of(conditional_server, "blue"), class_label="blue")
    request = inversion_pb2.InvertRequest(settings=settings, targets=[target])
    result = inversion_of(
        conditional_server, conditional_server.wait(conditional_server.inversion.Invert(request).name)
    )
    assert result.settings.eigenbasis == basis
    assert result.settings.space == "full"
    assert result.results[0].solutions[0].class_label == "blue"


def test_a_separate_basis_needs_a_separate_eigenbasis(conditional_server: LiveServer) -> None:
    bases = {}
    for separate in (False, True):
        spec = specs_pb2.EigenbasisSpec(generator="generators/tiny", space="full", distance="mse", separate=separate)
        made = conditional_server.geometry.ComputeEigenbasis(geometry_pb2.ComputeEigenbasisRequest(spec=spec))
        bases[separate] = conditional_server.wait(made.name).result
    settings = {
        "space": "full",
        "method": specs_pb2.INVERSION_METHOD_HESSIAN_ADAM,
        "basis": specs_pb2.INVERSION_BASIS_SEPARATE,
        "steps": 2,
        "start": specs_pb2.START_PRIOR,
    }
    target = inversion_pb2.Target(image=drawn_of(conditional_server, "blue"))
    request = inversion_pb2.InvertRequest(settings=tiny_settings(**settings), targets=[target])
    result = inversion_of(
        conditional_server, conditional_server.wait(conditional_server.inversion.Invert(request).name)
    )
    assert result.settings.eigenbasis == bases[True]
    request.settings.eigenbasis = bases[False]
    with pytest.raises(grpc.RpcError) as caught:
        conditional_server.inversion.Invert(request)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "block-diagonal" in caught.value.details()


def test_where_the_class_is_no_part_of_the_space_it_is_the_generators_own(conditional_server: LiveServer) -> None:
    target = inversion_pb2.Target(image=drawn_of(conditional_server, "blue"))
    request = inversion_pb2.InvertRequest(settings=tiny_settings(space="noise", steps=2), targets=[target])
    result = inversion_of(
        conditional_server, conditional_server.wait(conditional_server.inversion.Invert(request).name)
    )
    assert result.results[0].solutions[0].class_label == CLASSES[0]
