"""Directions over a real socket: discovered, kept, purified, annotated, listed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from directing import STYLE, TINY, directions_of, discover, discover_style, draw, get
from live_server import LiveServer
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import directions_pb2, geometry_pb2, jobs_pb2, specs_pb2
from requests_for_tiny import LONG, wait_for_checkpoint

METHODS: list[tuple[str, dict[str, Any]]] = [
    ("HESSIAN", {}),
    ("LOCAL_HESSIAN", {"distance": "mse"}),
    ("JACOBIAN", {}),
    ("GANSPACE_PCA", {"samples": 200}),
    ("GANSPACE_ICA", {"samples": 400}),
    ("SEFA", {}),
    ("DP_LASE", {"samples": 100}),
]


def method(name: str) -> int:
    return specs_pb2.DirectionMethod.Value(f"DIRECTION_METHOD_{name}")


@pytest.mark.parametrize(("name", "options"), METHODS, ids=[name for name, _ in METHODS])
def test_every_method_finds_directions_and_measures_them(
    styled_server: LiveServer, name: str, options: dict[str, Any]
) -> None:
    found = directions_of(styled_server, discover(styled_server, method=method(name), k=3, **options))
    assert (found.count, found.dim, found.space) == (3, 8, "z")
    vectors = unpack(found.vectors)
    assert vectors.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    basis = styled_server.geometry.GetEigenbasis(
        geometry_pb2.GetEigenbasisRequest(name=found.spec.eigenbasis, with_metric=True)
    )
    # α_H(v) = vᵀHv
    metric = unpack(basis.metric)
    np.testing.assert_allclose(unpack(found.rates), np.einsum("ki,ij,kj->k", vectors, metric, vectors), rtol=1e-6)
    top = unpack(basis.eigenvectors)[:, : found.aligned_axes]
    np.testing.assert_allclose(unpack(found.alignment), ((vectors @ top) ** 2).sum(axis=1), rtol=1e-9)
    assert len(found.axes) == 3
    assert found.spec.method == method(name)
    assert found.spec.k == 3
    assert len(found.generator_weights_hash) == 64


def test_the_first_hessian_direction_is_the_first_eigenvector_and_is_aligned_to_it_alone(
    styled_server: LiveServer,
) -> None:
    found = directions_of(styled_server, discover(styled_server, k=2))
    basis = styled_server.geometry.GetEigenbasis(
        geometry_pb2.GetEigenbasisRequest(name=found.spec.eigenbasis, with_metric=True)
    )
    np.testing.assert_allclose(unpack(found.vectors), unpack(basis.eigenvectors).T[:2], atol=1e-9)
    np.testing.assert_allclose(unpack(found.values), unpack(basis.eigenvalues)[:2])
    assert [list(axes.ranks) for axes in found.axes] == [[0], [1]]


def test_a_local_basis_lies_in_w_and_brings_the_vectors_of_z(styled_server: LiveServer) -> None:
    latent = draw(styled_server, STYLE, "z")
    job = discover_style(styled_server, method=method("LOCAL_BASIS"), k=4, latent=pack(latent), layers=[2, 1])
    found = directions_of(styled_server, job)
    assert (found.space, found.spec.space) == ("w", "z")
    assert unpack(found.input_vectors).shape == (4, 6)
    assert list(found.layers) == [1, 2]


def test_asking_again_returns_the_job_that_found_them(styled_server: LiveServer) -> None:
    first = discover(styled_server, method=method("SEFA"), k=4)
    found = directions_of(styled_server, first)
    again = discover(styled_server, method=method("SEFA"), k=4)
    assert again.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert (again.name, again.result) == (first.name, found.name)
    assert again.discover_directions == found.spec
    assert directions_of(styled_server, discover(styled_server, method=method("SEFA"), k=5)).name != found.name


def test_a_request_id_stands_for_one_request(styled_server: LiveServer) -> None:
    first = discover(styled_server, request_id="directions", k=6)
    assert discover(styled_server, request_id="directions", k=6).name == first.name
    with pytest.raises(grpc.RpcError) as caught:
        discover(styled_server, request_id="directions", k=7)
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_training_goes_on_after_a_crash_as_if_there_had_been_none(styled_server: LiveServer, live: LiveServer) -> None:
    asked = {"method": method("DP_LASE"), "k": 2, "samples": 150}
    expected = unpack(directions_of(styled_server, discover(styled_server, **asked)).vectors)
    job = discover(live, **asked)
    live.wait_for_step(job.name, 5)
    wait_for_checkpoint(live, job)
    live.kill()
    live.start()
    np.testing.assert_array_equal(unpack(directions_of(live, job).vectors), expected)


def test_directions_that_are_being_found_can_be_neither_read_nor_deleted(styled_server: LiveServer) -> None:
    job = discover(styled_server, method=method("DP_LASE"), k=2, samples=LONG)
    for call, request in (
        (styled_server.directions.GetDirections, directions_pb2.GetDirectionsRequest(name=job.result)),
        (styled_server.directions.DeleteDirections, directions_pb2.DeleteDirectionsRequest(name=job.result)),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call(request, timeout=60)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "wait until it has SUCCEEDED" in caught.value.details()
    styled_server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=60)


def test_purified_directions_lie_in_the_top_eigenspace(styled_server: LiveServer) -> None:
    job = discover(styled_server, method=method("JACOBIAN"), k=2)
    found = directions_of(styled_server, job, purify=3)
    basis = styled_server.geometry.GetEigenbasis(
        geometry_pb2.GetEigenbasisRequest(name=found.spec.eigenbasis, with_metric=True)
    )
    vectors, top = unpack(found.vectors), unpack(basis.eigenvectors)[:, :3]
    np.testing.assert_allclose(vectors @ top @ top.T, vectors, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    np.testing.assert_allclose(
        unpack(found.rates), np.einsum("ki,ij,kj->k", vectors, unpack(basis.metric), vectors), rtol=1e-6
    )


def test_a_direction_of_which_nothing_is_left_cannot_be_purified(styled_server: LiveServer) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        directions_of(styled_server, discover(styled_server, k=4), purify=2)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "purify: direction 2 has no part in the 2 leading eigenvectors" in caught.value.details()


def annotate(server: LiveServer, name: str, **annotation: Any) -> directions_pb2.DirectionSet:
    request = directions_pb2.AnnotateDirectionRequest(name=name, annotation=directions_pb2.Annotation(**annotation))
    return server.directions.AnnotateDirection(request, timeout=60)


def test_annotations_outlive_the_server_and_go_with_the_directions(live: LiveServer) -> None:
    name = directions_of(live, discover(live, k=3)).name
    annotate(live, name, index=2, title="brighter", notes="and a little larger")
    said = annotate(live, name, index=0, notes="unclear")
    assert [(note.index, note.title, note.notes) for note in said.annotations] == [
        (0, "", "unclear"),
        (2, "brighter", "and a little larger"),
    ]
    live.kill()
    live.start()
    listed = live.directions.ListDirections(directions_pb2.ListDirectionsRequest(parent=TINY)).directions[0]
    assert list(listed.annotations) == list(get(live, name).annotations) == list(said.annotations)
    assert len(annotate(live, name, index=0).annotations) == 1
    live.directions.DeleteDirections(directions_pb2.DeleteDirectionsRequest(name=name))
    assert not directions_of(live, discover(live, k=3)).annotations


def test_a_title_belongs_to_one_direction_of_a_set(styled_server: LiveServer) -> None:
    name = directions_of(styled_server, discover(styled_server, method=method("SEFA"), k=2)).name
    annotate(styled_server, name, index=0, title="age")
    annotate(styled_server, name, index=0, title="age", notes="again")
    with pytest.raises(grpc.RpcError) as caught:
        annotate(styled_server, name, index=1, title="age")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "annotation.title: direction 0 of this set is titled 'age' already" in caught.value.details()
    annotate(styled_server, name, index=0)


def test_directions_are_listed_newest_first_page_by_page_without_their_arrays(styled_server: LiveServer) -> None:
    eigenbasis = styled_server.eigenbasis(seed=8)
    names = [directions_of(styled_server, discover(styled_server, k=k, eigenbasis=eigenbasis)).name for k in (1, 2, 3)]
    for parent in (TINY, "generators/-"):
        listed, token = [], ""
        while True:
            request = directions_pb2.ListDirectionsRequest(parent=parent, page_size=2, page_token=token)
            page = styled_server.directions.ListDirections(request)
            listed += page.directions
            if not (token := page.next_page_token):
                break
        assert [each.name for each in listed[:3]] == names[::-1]
        assert [each.count for each in listed[:3]] == [3, 2, 1]
        assert not any(each.HasField("vectors") or each.HasField("rates") or each.axes for each in listed)


def test_deleted_directions_are_gone_and_can_be_found_anew(styled_server: LiveServer) -> None:
    asked = {"k": 2, "eigenbasis": styled_server.eigenbasis(seed=7)}
    found = directions_of(styled_server, discover(styled_server, **asked))
    request = directions_pb2.DeleteDirectionsRequest(name=found.name)
    styled_server.directions.DeleteDirections(request)
    with pytest.raises(grpc.RpcError) as caught:
        styled_server.directions.DeleteDirections(request)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    again = directions_of(styled_server, discover(styled_server, **asked))
    assert again.job != found.job
    assert again.vectors == found.vectors


def test_known_directions_need_no_eigenbasis_any_more(styled_server: LiveServer) -> None:
    eigenbasis = styled_server.eigenbasis(seed=6)
    found = directions_of(styled_server, discover(styled_server, k=2, eigenbasis=eigenbasis))
    styled_server.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=eigenbasis))
    assert discover(styled_server, k=2, eigenbasis=eigenbasis).name == found.job
    with pytest.raises(grpc.RpcError) as caught:
        discover(styled_server, k=3, eigenbasis=eigenbasis)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert "Client.list_eigenbases (ListEigenbases of the API) tells which there are" in caught.value.details()
    with pytest.raises(grpc.RpcError) as caught:
        get(styled_server, found.name, purify=1)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_every_unary_method_is_served_over_http_too(start_server: Callable[..., LiveServer]) -> None:
    server = start_server(options=("--http", "127.0.0.1:0"))
    eigenbasis = server.eigenbasis()

    def post(name: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(
            f"{server.http}/pullback_api.v1.Directions/{name}", json=body, headers=server.headers, timeout=60
        )
        assert answer.status_code == 200, answer.text
        answered: dict[str, Any] = answer.json()
        return answered

    job = post("DiscoverDirections", {"spec": {"generator": TINY, "k": 2, "eigenbasis": eigenbasis}})
    assert server.wait(job["name"]).state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert post("GetDirections", {"name": job["result"]})["count"] == 2
    post("AnnotateDirection", {"name": job["result"], "annotation": {"index": 1, "title": "first"}})
    assert post("ListDirections", {"parent": TINY})["directions"][0]["annotations"][0]["title"] == "first"
    post("DeleteDirections", {"name": job["result"]})
