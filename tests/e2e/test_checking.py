"""Requests that are only checked: refused as real ones, and nothing is created, whatever is still to be computed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from PIL import Image

from live_server import LiveServer
from pullback_api.tensors import pack
from pullback_api.v1 import (
    directions_pb2,
    geometry_pb2,
    inversion_pb2,
    jobs_pb2,
    search_pb2,
    specs_pb2,
    values_pb2,
)
from pullback_client import Client, InvalidArgumentError, InversionFailure
from requests_for_tiny import search_spec, tiny_settings

TINY = "generators/tiny"
HESSIAN_ADAM = specs_pb2.INVERSION_METHOD_HESSIAN_ADAM


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    """A server that has computed nothing, and on which nothing shall be."""
    with LiveServer(tmp_path_factory.mktemp("fresh") / "data", environment) as live:
        yield live
        assert not live.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=60).jobs
        assert not live.search.ListSessions(search_pb2.ListSessionsRequest(), timeout=60).sessions


def picture(width: int = 16, height: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(buffer, "PNG")
    return buffer.getvalue()


def target(data: bytes, **fields: Any) -> inversion_pb2.Target:
    return inversion_pb2.Target(image=values_pb2.Image(data=data), **fields)


def invert(server: LiveServer, *targets: inversion_pb2.Target, **settings: Any) -> jobs_pb2.Job:
    chosen = {"method": HESSIAN_ADAM, **settings}
    request = inversion_pb2.InvertRequest(settings=tiny_settings(**chosen), targets=targets, validate_only=True)
    return server.inversion.Invert(request, timeout=60)


def test_an_inversion_is_checked_without_its_eigenbasis(fresh: LiveServer) -> None:
    job = invert(fresh, target(picture()))
    assert (job.name, job.state, job.HasField("error")) == ("", jobs_pb2.JOB_STATE_UNSPECIFIED, False)
    assert (job.invert.space, job.invert.steps) == ("z", 120)
    assert job.invert.eigenbasis.startswith("generators/tiny/eigenbases/z-mse-sketch-2000-0-")


def test_an_eigenbasis_that_is_named_must_be_there(fresh: LiveServer) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        invert(fresh, target(picture()), eigenbasis="generators/tiny/eigenbases/none")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_every_bad_photograph_of_a_request_is_told(fresh: LiveServer) -> None:
    wide, mask = picture(32, 16), values_pb2.Image(data=picture(8, 8))
    job = invert(
        fresh, target(picture()), target(b"none"), target(wide), target(picture(), mask=mask), *[target(b"")] * 100
    )
    status = job.error
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    fields = _fields(status)
    assert fields[:3] == ["targets[1].image", "targets[2].image", "targets[3].mask"]
    assert len(fields) == 103


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"method": specs_pb2.INVERSION_METHOD_ADAM, "evaluations": 3}, "settings.evaluations"),
        ({"method": specs_pb2.INVERSION_METHOD_LEVENBERG_MARQUARDT, "evaluations": 9}, "settings.evaluations"),
        (
            {"method": specs_pb2.INVERSION_METHOD_HESSIAN_BASIN_CMA, "evaluations": 100, "restarts": None},
            "settings.eval",
        ),
        ({"method": specs_pb2.INVERSION_METHOD_BASIN_CMA, "steps": 29, "restarts": None}, "settings.steps"),
    ],
)
def test_a_budget_that_does_not_suffice_is_refused_with_the_request(
    fresh: LiveServer, settings: dict[str, Any], field: str
) -> None:
    for validate_only in (True, False):
        request = inversion_pb2.InvertRequest(
            settings=tiny_settings(**settings), targets=[target(picture())], validate_only=validate_only
        )
        with pytest.raises(grpc.RpcError) as caught:
            fresh.inversion.Invert(request, timeout=60)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert caught.value.details().startswith(field)
        assert "do not suffice" in caught.value.details()
        assert "expected at least" in caught.value.details()


def test_eigenbases_analyses_and_directions_are_checked(fresh: LiveServer) -> None:
    basis = fresh.geometry.ComputeEigenbasis(
        geometry_pb2.ComputeEigenbasisRequest(
            spec=specs_pb2.EigenbasisSpec(generator=TINY, distance="mse"), validate_only=True
        ),
        timeout=60,
    )
    assert (basis.name, basis.compute_eigenbasis.samples) == ("", 2000)
    analysis = fresh.geometry.AnalyzeMetric(
        geometry_pb2.AnalyzeMetricRequest(
            spec=specs_pb2.AnalysisSpec(generator=TINY, distance="mse", compared_distances=["ssim"]),
            validate_only=True,
        ),
        timeout=60,
    )
    assert (analysis.name, analysis.analyze_metric.positions) == ("", 50)
    directions = fresh.directions.DiscoverDirections(
        directions_pb2.DiscoverDirectionsRequest(
            spec=specs_pb2.DirectionsSpec(generator=TINY, method=specs_pb2.DIRECTION_METHOD_JACOBIAN),
            validate_only=True,
        ),
        timeout=60,
    )
    assert (directions.name, directions.discover_directions.k) == ("", 8)
    assert directions.result.startswith("generators/tiny/directions/jacobian-z-8-0-")
    with pytest.raises(grpc.RpcError) as caught:
        fresh.geometry.ComputeEigenbasis(
            geometry_pb2.ComputeEigenbasisRequest(
                spec=specs_pb2.EigenbasisSpec(generator=TINY, samples=-1), validate_only=True
            ),
            timeout=60,
        )
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_session_is_checked_without_its_eigenbasis(fresh: LiveServer) -> None:
    def checked(*threads: dict[str, Any], **fields: Any) -> search_pb2.Session:
        request = search_pb2.CreateSessionRequest(spec=search_spec(*threads, **fields), validate_only=True)
        return fresh.search.CreateSession(request, timeout=60)

    hessian = {"optimizer": {"method": search_pb2.SEARCH_METHOD_HESSIAN_CMA}}
    session = checked(hessian, references=[{"label": "grey", "image": {"data": picture()}}])
    assert (session.name, session.spec.threads[0].optimizer.population) == ("", 13)
    assert not session.spec.references[0].image.data
    for wrong in ({"references": [{"label": "none", "image": {"data": b"none"}}]}, {"seed": -1}):
        with pytest.raises(grpc.RpcError) as caught:
            checked(hessian, **wrong)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as caught:
        checked({**hessian, "eigenbasis": "generators/tiny/eigenbases/none"})
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_walk_is_checked_before_its_start_and_its_direction_are_there(fresh: LiveServer) -> None:
    def checked(**fields: Any) -> list[Any]:
        ref = directions_pb2.DirectionRef(directions="generators/tiny/directions/to-come", index=3)
        request = directions_pb2.TraverseRequest(
            **{"generator": TINY, "direction": ref, "distance": "mse", "validate_only": True, **fields}
        )
        return list(fresh.directions.Traverse(request, timeout=60))

    assert checked() == []
    assert checked(latent=pack(np.zeros(8))) == []
    for wrong, field in (
        ({"frames": 1}, "frames"),
        ({"kind": directions_pb2.TRAVERSAL_KIND_CURVE, "curve": {"guided": True}}, "kind"),
        ({"mask": {"layer": "no such layer"}}, "mask.layer"),
        ({"layers": [0]}, "layers"),
        ({"space": "w"}, "direction.space"),
        ({"latent": pack(np.zeros(7))}, "latent"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            checked(**wrong)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert field in caught.value.details()


def test_a_client_is_told_before_anything_is_computed(fresh: LiveServer, tmp_path: Path) -> None:
    photo, wide = tmp_path / "photo.png", tmp_path / "wide.png"
    photo.write_bytes(picture())
    wide.write_bytes(picture(64, 16))
    with Client(fresh.target) as client:
        calls: list[tuple[Callable[[], object], str]] = [
            (lambda: client.invert(photo, "tiny", distance="mse", exponent=3.0), "exponent"),
            (lambda: client.invert(photo, "tiny", distance="mse", class_labels="red"), "has no classes"),
            (lambda: client.invert(wide, "tiny", distance="mse"), "center_crop"),
            (lambda: client.evolve("tiny", population=1), "population"),
            (lambda: client.find_direction("tiny", "hessian:8"), "0 to 7, got 8"),
            (lambda: client.traverse(photo, "hessian:1", generator="tiny", mask={"layer": "none"}), "mask.layer"),
            (lambda: client.edit(photo, "tiny", "hessian:1", 2.0, walk={"kind": "curve"}), "mapping network"),
            (lambda: client.edit(wide, "tiny", "hessian:1", 2.0), "center_crop"),
        ]
        for call, words in calls:
            with pytest.raises(InvalidArgumentError, match=words):
                call()
        assert client.list_jobs() == []


def test_bad_photographs_of_a_folder_fail_and_the_others_are_inverted(
    start_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    photo, wide = tmp_path / "photo.png", tmp_path / "wide.png"
    photo.write_bytes(picture())
    wide.write_bytes(picture(64, 16))
    with Client(start_server().target) as client:
        found = client.invert([wide, photo], "tiny", distance="mse", steps=2)
        assert [isinstance(each, InversionFailure) for each in found] == [True, False]
        assert sorted(job.kind for job in client.list_jobs()) == ["eigenbasis", "inversion"]
        known = client.list_jobs()[-1]
        request = geometry_pb2.ComputeEigenbasisRequest(
            spec=specs_pb2.EigenbasisSpec(generator=TINY, distance="mse"), validate_only=True
        )
        stub_answer = client._transport.call(client._transport.geometry.ComputeEigenbasis, request)
        assert stub_answer.name == known.name


def _fields(status: Any) -> list[str]:
    request = error_details_pb2.BadRequest()
    status.details[0].Unpack(request)
    return [violation.field for violation in request.field_violations]
