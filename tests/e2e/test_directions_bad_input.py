"""Requests about directions that cannot be answered: the code, the field, and what is said of it."""

from __future__ import annotations

import io
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from directing import STYLE, TINY, directions_of, discover, discover_style, get
from live_server import LiveServer
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import directions_pb2, specs_pb2

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
FAILED = grpc.StatusCode.FAILED_PRECONDITION
LATENT = directions_pb2.STEP_UNIT_LATENT


def method(name: str) -> int:
    return specs_pb2.DirectionMethod.Value(f"DIRECTION_METHOD_{name}")


def kind(name: str) -> int:
    return directions_pb2.TraversalKind.Value(f"TRAVERSAL_KIND_{name}")


def fields_at_fault(error: grpc.RpcError) -> list[str]:
    status = rpc_status.from_call(error)
    found: list[str] = []
    for detail in status.details if status is not None else []:
        request = error_details_pb2.BadRequest()
        detail.Unpack(request)
        found += [violation.field for violation in request.field_violations]
    return found


@pytest.fixture(scope="module")
def found(styled_server: LiveServer) -> directions_pb2.DirectionSet:
    """Directions of `tiny`."""
    return directions_of(styled_server, discover(styled_server, k=4))


@pytest.fixture(scope="module")
def of_w(styled_server: LiveServer) -> directions_pb2.DirectionSet:
    """Directions of `tiny-style`'s w."""
    return directions_of(styled_server, discover_style(styled_server, k=3))


DISCOVER: list[tuple[dict[str, Any], grpc.StatusCode, list[str], str]] = [
    ({"generator": "generators/nobody"}, NOT_FOUND, [], "known: "),
    ({"generator": "tiny"}, INVALID, ["spec.generator"], "generators/{generator}"),
    ({"space": "w"}, INVALID, ["spec.space"], "'w'"),
    ({"method": 99}, INVALID, ["spec.method"], "unknown method 99; known: hessian, local_hessian"),
    ({"method": method("IMPORTED")}, INVALID, ["spec.method"], "ImportDirections"),
    ({"method": method("LOCAL_BASIS")}, INVALID, ["spec.space"], "mapping network"),
    ({"k": 9}, INVALID, ["spec.k"], "9 came"),
    ({"k": -1}, INVALID, ["spec.k"], "-1 came"),
    ({"method": method("JACOBIAN"), "seed": -1}, INVALID, ["spec.seed"], "-1 came"),
    ({"method": method("JACOBIAN"), "iterations": 1001}, INVALID, ["spec.iterations"], "1001 came"),
    ({"iterations": 3}, INVALID, ["spec.iterations"], "takes no iterations"),
    ({"method": method("GANSPACE_PCA"), "samples": 9}, INVALID, ["spec.samples"], "9 came"),
    ({"method": method("GANSPACE_PCA"), "layer": "attic"}, INVALID, ["spec.layer"], "layer 1"),
    ({"method": method("GANSPACE_ICA"), "ica_vectors": 9}, INVALID, ["spec.ica_vectors"], "ICA_VECTORS_MIXING"),
    ({"layers": [0]}, INVALID, ["spec.layers"], "no layers"),
    ({"latent": pack(np.zeros(8))}, INVALID, ["spec.latent"], "no single latent"),
    ({"method": method("JACOBIAN"), "latent": pack(np.zeros(7))}, INVALID, ["spec.latent"], "expected shape (8)"),
    ({"method": method("JACOBIAN"), "latent": pack(np.full(8, np.nan))}, INVALID, ["spec.latent"], "finite"),
    ({"distance": "mse"}, INVALID, ["spec.distance"], "takes no distance"),
    ({"method": method("LOCAL_HESSIAN"), "distance": "tape"}, INVALID, ["spec.distance"], "'tape'"),
    ({"eigenbasis": "eigenbases/1"}, INVALID, ["spec.eigenbasis"], "generators/{generator}/eigenbases/{eigenbasis}"),
    ({"eigenbasis": "generators/eyes/eigenbases/1"}, INVALID, ["spec.eigenbasis"], "of generators/tiny"),
    ({"eigenbasis": "generators/tiny/eigenbases/1"}, NOT_FOUND, [], "ListEigenbases of the API"),
    ({"k": 9, "seed": -1, "method": method("JACOBIAN")}, INVALID, ["spec.k", "spec.seed"], "2 fields"),
]


@pytest.mark.parametrize(("spec", "code", "fields", "message"), DISCOVER)
def test_directions_that_cannot_be_discovered_are_refused(
    styled_server: LiveServer, spec: dict[str, Any], code: grpc.StatusCode, fields: list[str], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        discover(styled_server, **spec)
    assert (caught.value.code(), fields_at_fault(caught.value)) == (code, fields)
    assert message in caught.value.details()


def test_an_eigenbasis_of_another_space_measures_nothing(styled_server: LiveServer) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        discover_style(styled_server, measured_in="z", space="w")
    assert (caught.value.code(), fields_at_fault(caught.value)) == (INVALID, ["spec.eigenbasis"])
    assert "space is 'z' there and 'w' here" in caught.value.details()


REF = directions_pb2.DirectionRef
TRAVERSE: list[tuple[dict[str, Any], list[str], str]] = [
    ({"generator": "generators/eyes", "latent": pack(np.zeros(108))}, ["direction.directions"], "of generators/eyes"),
    ({"space": "attic"}, ["space"], "starts from a latent of z"),
    ({"latent": None}, ["latent"], "none came"),
    ({"latent": pack(np.zeros(9))}, ["latent"], "expected shape (8)"),
    ({"latent": pack(np.full(8, np.inf))}, ["latent"], "finite"),
    ({"direction": None}, ["direction"], "none came"),
    ({"second": REF(directions="generators/tiny/directions/x")}, ["second"], "only kind 'subspace'"),
    ({"kind": kind("SUBSPACE")}, ["second"], "none came"),
    ({"kind": 77}, ["kind"], "unknown kind 77; known: linear, spherical"),
    ({"kind": kind("CURVE"), "direction": None}, ["kind"], "mapping network"),
    ({"kind": kind("CURVE")}, ["direction"], "curve.guided"),
    ({"curve": directions_pb2.CurveSettings(rank=1)}, ["curve"], "only kind 'curve'"),
    ({"frames": 1}, ["frames"], "expected 2 to 500"),
    ({"frames": 501}, ["frames"], "501 came"),
    ({"first_step": 3.0}, ["first_step"], "below last_step, 2, but 3 came"),
    ({"first_step": float("nan")}, ["first_step"], "nan came"),
    ({"last_step": float("inf")}, ["last_step"], "inf"),
    ({"unit": 9}, ["unit"], "STEP_UNIT_RATE"),
    ({"layers": [0]}, ["layers"], "style-based"),
    ({"distance": "tape"}, ["distance"], "'tape'"),
    ({"distance": "ssim", "kind": kind("METRIC_UNIFORM")}, ["distance"], "embedding"),
    ({"format": 9}, ["format"], "PNG, JPEG"),
    ({"mask": directions_pb2.MaskSettings(subset=4)}, ["mask.subset"], "expected 0 to 3, but 4 came"),
    ({"mask": directions_pb2.MaskSettings(layer="attic")}, ["mask.layer"], "layers layer 1, layer 2, but 'attic'"),
    ({"mask": directions_pb2.MaskSettings(), "kind": kind("METRIC_UNIFORM")}, ["mask"], "leave the mask out"),
    ({"frames": 1, "format": 9}, ["frames", "format"], "2 fields"),
]


@pytest.mark.parametrize(("fields", "at_fault", "message"), TRAVERSE)
def test_a_walk_that_cannot_be_made_is_refused_before_its_first_frame(
    styled_server: LiveServer,
    found: directions_pb2.DirectionSet,
    fields: dict[str, Any],
    at_fault: list[str],
    message: str,
) -> None:
    asked = {
        "generator": TINY,
        "latent": pack(np.ones(8)),
        "distance": "mse",
        "direction": REF(directions=found.name),
        **fields,
    }
    request = directions_pb2.TraverseRequest(**{name: value for name, value in asked.items() if value is not None})
    check_refused(styled_server, request, at_fault, message)


def check_refused(
    server: LiveServer, request: directions_pb2.TraverseRequest, at_fault: list[str], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        next(iter(server.directions.Traverse(request, timeout=60)))
    assert (caught.value.code(), fields_at_fault(caught.value)) == (INVALID, at_fault)
    assert message in caught.value.details()


@pytest.mark.parametrize(
    ("ref", "at_fault", "message"),
    [
        ({"index": 4}, ["direction.index"], "expected 0 to 3, but 4 came"),
        ({"index": -1}, ["direction.index"], "-1 came"),
        ({"title": "nobody"}, ["direction.title"], "titled 'nobody'"),
        ({"purify": 9}, ["direction.purify"], "expected 1 to 8"),
        ({"index": 2, "purify": 2}, ["direction.purify"], "nothing of this direction lies in the 2 leading"),
    ],
)
def test_a_direction_that_is_not_there_cannot_be_walked(
    styled_server: LiveServer,
    found: directions_pb2.DirectionSet,
    ref: dict[str, Any],
    at_fault: list[str],
    message: str,
) -> None:
    request = directions_pb2.TraverseRequest(
        generator=TINY, latent=pack(np.ones(8)), direction=REF(directions=found.name, **ref), distance="mse"
    )
    check_refused(styled_server, request, at_fault, message)


@pytest.mark.parametrize(
    ("fields", "at_fault", "message"),
    [
        ({"layers": [6]}, ["layers"], "layers 0 to 5"),
        ({"layers": [1, 1]}, ["layers"], "each once"),
        ({"space": "w+"}, ["latent"], "expected shape (36)"),
        ({"kind": kind("CURVE"), "space": "w"}, ["space"], "starts from a latent of z"),
        ({"kind": kind("CURVE"), "rank": 6}, ["curve.rank"], "expected 0 to 5"),
        ({"kind": kind("CURVE"), "jitter": 1.0}, ["curve.jitter"], "less than 1"),
        ({"kind": kind("CURVE"), "pieces": 1001}, ["curve.pieces"], "1001 came"),
        ({"kind": kind("CURVE"), "seed": -1}, ["curve.seed"], "-1 came"),
        ({"kind": kind("CURVE"), "unit": directions_pb2.STEP_UNIT_RATE}, ["unit"], "units of w"),
        ({"kind": kind("CURVE"), "layers": [7]}, ["layers"], "layers 0 to 5"),
    ],
)
def test_a_walk_in_w_that_cannot_be_made_is_refused(
    styled_server: LiveServer,
    of_w: directions_pb2.DirectionSet,
    fields: dict[str, Any],
    at_fault: list[str],
    message: str,
) -> None:
    curve = {name: fields[name] for name in ("rank", "jitter", "pieces", "seed") if name in fields}
    rest = {name: value for name, value in fields.items() if name not in curve}
    request = directions_pb2.TraverseRequest(generator=STYLE, latent=pack(np.ones(6)), distance="mse", **rest)
    if request.kind != kind("CURVE"):
        request.direction.directions = of_w.name
    if curve:
        request.curve.CopyFrom(directions_pb2.CurveSettings(**curve))
    check_refused(styled_server, request, at_fault, message)


@pytest.mark.parametrize(
    ("annotation", "at_fault", "message"),
    [
        ({"index": 4, "title": "x"}, ["annotation.index"], "expected 0 to 3"),
        ({"title": "x" * 101}, ["annotation.title"], "at most 100"),
        ({"notes": "x" * 10_001}, ["annotation.notes"], "at most 10,000"),
    ],
)
def test_annotations_are_bounded(
    styled_server: LiveServer,
    found: directions_pb2.DirectionSet,
    annotation: dict[str, Any],
    at_fault: list[str],
    message: str,
) -> None:
    request = directions_pb2.AnnotateDirectionRequest(
        name=found.name, annotation=directions_pb2.Annotation(**annotation)
    )
    with pytest.raises(grpc.RpcError) as caught:
        styled_server.directions.AnnotateDirection(request, timeout=60)
    assert (caught.value.code(), fields_at_fault(caught.value)) == (INVALID, at_fault)
    assert message in caught.value.details()


@pytest.mark.parametrize("name", ["generators/tiny/directions/none", "generators/tiny/eigenbases/x"])
def test_directions_that_are_not_there_are_not_found(styled_server: LiveServer, name: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        get(styled_server, name)
    assert caught.value.code() == (NOT_FOUND if "directions" in name else INVALID)


@pytest.mark.parametrize("purify", [-1, 9])
def test_a_projection_has_some_of_the_dimensions(
    styled_server: LiveServer, found: directions_pb2.DirectionSet, purify: int
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        get(styled_server, found.name, purify=purify)
    assert (caught.value.code(), fields_at_fault(caught.value)) == (INVALID, ["purify"])


# Imports -----------------------------------------------------------------------------------------------------------


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def bring(server: LiveServer, content: bytes, **fields: Any) -> directions_pb2.DirectionSet:
    """Imports a file of SeFa's for `tiny`, unless said otherwise."""
    chosen = {
        "generator": TINY,
        "format": directions_pb2.IMPORT_FORMAT_SEFA,
        "content": content,
        "eigenbasis": server.eigenbasis(),
        **fields,
    }
    return server.directions.ImportDirections(directions_pb2.ImportDirectionsRequest(**chosen), timeout=60)


def test_a_published_file_is_kept_once_measured_and_walked_as_any_other(styled_server: LiveServer) -> None:
    rows = np.random.default_rng(0).normal(size=(3, 8))
    brought = bring(styled_server, npy(rows))
    assert (brought.count, brought.space, brought.job) == (3, "z", "")
    assert brought.import_format == directions_pb2.IMPORT_FORMAT_SEFA
    assert (brought.spec.method, brought.spec.k) == (method("IMPORTED"), 3)
    np.testing.assert_allclose(unpack(brought.vectors), rows / np.linalg.norm(rows, axis=1, keepdims=True), rtol=1e-6)
    assert np.isnan(unpack(brought.values)).all()
    assert (unpack(brought.rates) > 0).all()
    assert bring(styled_server, npy(rows)) == brought == get(styled_server, brought.name)
    listed = styled_server.directions.ListDirections(directions_pb2.ListDirectionsRequest(parent=TINY)).directions
    assert [each.name for each in listed].count(brought.name) == 1
    request = directions_pb2.TraverseRequest(
        generator=TINY, latent=pack(np.ones(8)), direction=REF(directions=brought.name), distance="mse", frames=2
    )
    assert len(list(styled_server.directions.Traverse(request, timeout=60))) == 3


@pytest.mark.parametrize(
    ("content", "fields", "code", "at_fault"),
    [
        (b"no array", {}, INVALID, ["content"]),
        (b"", {}, INVALID, ["content"]),
        (npy(np.ones((3, 7))), {}, INVALID, ["content"]),
        (npy(np.zeros((3, 8))), {}, INVALID, ["content"]),
        (npy(np.ones((3, 8)))[:-5], {}, INVALID, ["content"]),
        (npy(np.ones((3, 8))), {"format": 0}, INVALID, ["format"]),
        (npy(np.ones((3, 8))), {"space": "w"}, INVALID, ["space"]),
        (npy(np.ones((3, 8))), {"layers": [0]}, INVALID, ["layers"]),
        (npy(np.ones((3, 8))), {"generator": "generators/nobody"}, NOT_FOUND, []),
        (npy(np.ones((3, 8))), {"eigenbasis": "generators/tiny/eigenbases/none"}, FAILED, []),
        (npy(np.ones((3, 8))), {"format": directions_pb2.IMPORT_FORMAT_DEFORMATOR}, INVALID, ["content"]),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_is_kept(
    styled_server: LiveServer, content: bytes, fields: dict[str, Any], code: grpc.StatusCode, at_fault: list[str]
) -> None:
    everything = directions_pb2.ListDirectionsRequest(parent="generators/-", page_size=1000)
    before = len(styled_server.directions.ListDirections(everything).directions)
    with pytest.raises(grpc.RpcError) as caught:
        bring(styled_server, content, **fields)
    assert (caught.value.code(), fields_at_fault(caught.value)) == (code, at_fault)
    assert len(styled_server.directions.ListDirections(everything).directions) == before
