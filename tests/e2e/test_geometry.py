"""Eigenbases over a real socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from live_server import LiveServer
from pullback import distances, generators
from pullback.geometry import global_metric
from pullback_api.tensors import unpack
from pullback_api.v1 import geometry_pb2, jobs_pb2, specs_pb2
from requests_for_tiny import LONG, invert_tiny


def compute(server: LiveServer, **spec: int | str) -> jobs_pb2.Job:
    request = geometry_pb2.ComputeEigenbasisRequest(
        spec=specs_pb2.EigenbasisSpec(**{"generator": "generators/tiny", "distance": "mse", **spec})
    )
    return server.geometry.ComputeEigenbasis(request, timeout=60)


@pytest.mark.parametrize(("method", "samples"), [("sketch", 50), ("gram", 3)])
def test_an_eigenbasis_is_the_one_that_the_library_computes(
    server: LiveServer,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    samples: int,
) -> None:
    job = compute(server, method=f"METRIC_METHOD_{method.upper()}", samples=samples, seed=11)
    assert server.wait(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED
    basis = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=job.result, with_metric=True))
    assert (basis.k, basis.floor, basis.first_row, basis.next_row) == (8, 0, 0, 0)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    expected = global_metric(
        generators.load("tiny"), distances.load("mse"), "z", method=method, samples=samples, seed=11
    )
    np.testing.assert_allclose(unpack(basis.metric), expected.metric, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(unpack(basis.eigenvalues), expected.eigenvalues, rtol=1e-5)
    assert np.all(np.diff(unpack(basis.eigenvalues)) <= 0)
    assert basis.generator_weights_hash == expected.provenance.weights_hash
    assert basis.spec.samples == samples
    assert basis.job == job.name
    assert basis.dim == 8


def test_an_eigenbasis_comes_in_pieces_and_by_rows_as_it_comes_whole(server: LiveServer) -> None:
    name = server.eigenbasis(samples=10, seed=9)
    whole = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=name))
    assert not whole.HasField("metric")
    stream = server.geometry.StreamEigenbasis(geometry_pb2.StreamEigenbasisRequest(name=name))
    assert [answer.eigenbasis for answer in stream] == [whole]
    rest = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=name, k=3, first_row=2))
    np.testing.assert_array_equal(unpack(rest.eigenvectors), unpack(whole.eigenvectors)[2:, :3])
    assert rest.eigenvalues == whole.eigenvalues
    for request in ({"k": 9}, {"k": -1}, {"first_row": 8}):
        with pytest.raises(grpc.RpcError) as caught:
            server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=name, **request))
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_asking_for_an_eigenbasis_that_exists_returns_it(server: LiveServer) -> None:
    job = compute(server, samples=20, seed=1)
    ended = server.wait(job.name)
    assert compute(server, samples=20, seed=1) == ended


def test_a_bounded_computation_makes_the_eigenbasis_that_an_unbounded_one_would(server: LiveServer) -> None:
    bounded = server.wait(compute(server, samples=20, seed=7, max_memory_mib=64).name)
    assert bounded.state == jobs_pb2.JOB_STATE_SUCCEEDED, bounded.error
    assert bounded.compute_eigenbasis.max_memory_mib == 64
    assert compute(server, samples=20, seed=7) == bounded


def test_asking_twice_at_once_computes_once(server: LiveServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: compute(server, samples=3000, seed=2), range(8)))
    assert len({job.name for job in jobs}) == 1
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=jobs[0].name))


def test_a_cancelled_computation_is_started_anew(server: LiveServer) -> None:
    first = compute(server, samples=500_000, seed=3)
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=first.name))
    second = compute(server, samples=500_000, seed=3)
    assert second.name != first.name
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=second.name))


def test_eigenbases_are_listed_and_deleted(server: LiveServer) -> None:
    name = server.eigenbasis(samples=10, seed=4)
    listed = server.geometry.ListEigenbases(geometry_pb2.ListEigenbasesRequest(parent="generators/tiny"))
    assert listed.eigenbases[0].name == name
    assert not listed.eigenbases[0].HasField("metric")
    everywhere = server.geometry.ListEigenbases(geometry_pb2.ListEigenbasesRequest(parent="generators/-"))
    assert name in {basis.name for basis in everywhere.eigenbases}
    server.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=name))
    with pytest.raises(grpc.RpcError) as caught:
        server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=name))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_an_eigenbasis_in_use_is_not_deleted(server: LiveServer) -> None:
    name = server.eigenbasis(samples=10, seed=5)
    job = invert_tiny(server, steps=LONG, method=specs_pb2.INVERSION_METHOD_HESSIAN_ADAM, eigenbasis=name)
    delete = geometry_pb2.DeleteEigenbasisRequest(name=name)
    with pytest.raises(grpc.RpcError) as caught:
        server.geometry.DeleteEigenbasis(delete)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert job.name in caught.value.details()
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name))
    server.geometry.DeleteEigenbasis(delete)


def test_the_distances_are_listed_the_default_first(server: LiveServer) -> None:
    listed = server.geometry.ListDistances(geometry_pb2.ListDistancesRequest()).distances
    assert [distance.is_default for distance in listed] == [True] + [False] * (len(listed) - 1)
    assert {"lpips-effnet-lite0", "st-lpips-alex", "lpips-alex", "lpips-vgg", "lpips-squeeze", "mse"} <= {
        distance.name for distance in listed
    }
    sides = {distance.name: (distance.min_side, distance.max_side) for distance in listed}
    assert (sides["lpips-vgg"], sides["mse"]) == ((32, 1024), (0, 0))
    assert [distance.name for distance in listed if distance.is_inversion_default] == ["lpips-vgg"]
    serving = {distance.name: distance.preconditioner for distance in listed}
    assert (serving["lpips-vgg"], serving["mse"]) == ("lpips-alex", "mse")


def test_a_distance_of_images_that_are_resized_has_an_eigenbasis_of_its_own(server: LiveServer) -> None:
    found = {}
    for name in ("lpips-alex@32", "lpips-alex@48"):
        job = server.wait(compute(server, distance=name, samples=2).name)
        assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED, job.error
        found[name] = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=job.result))
        assert found[name].spec.distance == name
    first, second = found.values()
    assert first.distance_weights_hash == second.distance_weights_hash == distances.entry("lpips-alex").weights_hash
    assert first.eigenvalues.data != second.eigenvalues.data


def test_an_automatic_computation_stops_when_the_basis_has_settled(server: LiveServer) -> None:
    job = server.wait(compute(server, automatic=True, tolerance=0.05, seed=6).name)
    assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED, job.error
    basis = server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=job.result))
    assert basis.samples < basis.spec.samples
    assert 0.95 <= basis.agreement <= 1


@pytest.mark.parametrize("method", ["FULL_BACKPROP", "BACKWARD_ITERATION", "FORWARD_ITERATION", "GRAM_ITERATION"])
def test_every_estimator_can_be_asked_for(server: LiveServer, method: str) -> None:
    distance = "ssim" if method == "FULL_BACKPROP" else "mse"
    job = server.wait(compute(server, method=f"METRIC_METHOD_{method}", distance=distance, samples=1).name)
    assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED, job.error
