"""Estimates of the metric of spaces too large for their matrices, against those of the same space with its matrix."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from pullback.errors import InvalidInputError
from pullback.geometry import (
    Eigenbasis,
    EstimatorState,
    Provenance,
    StoredRows,
    decomposition,
    global_metric,
    metric_estimator,
)
from pullback.geometry.decomposition import RowsMetric, leading_of_metric
from pullback.geometry.estimators import estimator as estimators
from toys import Curved, Euclidean, Linear, Smooth

PROVENANCE = Provenance("faces", "ab" * 32, "z", "mse", "", "sketch", 2000, 7, "0.1.0")
ROWS = [("sketch", {"samples": 51}), ("gram_iteration", {"samples": 4}), ("backward_iteration", {"samples": 3, "k": 4})]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four dimensions are many."""
    monkeypatch.setattr(estimators, "LARGEST_COMPLETE", 4)
    monkeypatch.setattr("pullback.geometry.metric.LARGEST_COMPLETE", 4)


def metric_of(basis: Eigenbasis) -> np.ndarray:
    vectors = basis.eigenvectors
    metric: np.ndarray = vectors * (basis.eigenvalues - basis.floor) @ vectors.T + basis.floor * np.eye(basis.dim)
    return metric


@pytest.mark.parametrize(("method", "options"), [*ROWS, ("gram", {"samples": 4}), ("full_backprop", {"samples": 2})])
def test_all_its_eigenpairs_are_those_of_the_matrix(
    method: str, options: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    whole = global_metric(Smooth(), Curved(), "z", method=method, **options)
    request.getfixturevalue("large")
    basis = global_metric(Smooth(), Curved(), "z", method=method, **options)
    assert (whole.complete, basis.metric) == (True, None)
    np.testing.assert_allclose(metric_of(basis), whole.metric, rtol=1e-5, atol=1e-5 * whole.eigenvalues[0])
    assert basis.provenance.samples == whole.provenance.samples
    assert basis.provenance.agreement is not None
    if method == "sketch":
        # Of halves that span the space it is the same figure.
        assert basis.provenance.agreement == pytest.approx(whole.provenance.agreement, abs=0.01)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("method", ["sketch", "gram"])
def test_as_many_as_are_asked_for_are_kept_and_the_trace_is_the_whole(method: str) -> None:
    options: dict[str, Any] = {"method": method, "samples": 20}
    six, two = (global_metric(Smooth(), Curved(), "z", k=k, **options) for k in (None, 2))
    np.testing.assert_allclose(two.eigenvalues, six.eigenvalues[:2])
    assert two.k == 2
    np.testing.assert_allclose(two.spectrum.sum(), six.spectrum.sum())
    with pytest.raises(InvalidInputError, match="between 1 and 6 eigenpairs can be asked for, but k = 7 came"):
        global_metric(Smooth(), Curved(), "z", k=7, **options)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(("method", "options"), ROWS)
def test_what_is_stored_interrupted_or_shared_among_workers_comes_to_the_same_bits(
    method: str, options: dict[str, Any]
) -> None:
    def estimator() -> Any:
        return metric_estimator(Smooth(), Curved(), "z", method=method, seed=3, **options)

    whole = global_metric(Smooth(), Curved(), "z", method=method, seed=3, **options)
    states = []
    for worker in range(2):
        own, state = estimator(), estimator().init()
        for shard in reversed(range(worker, own.shards, 2)):
            state = own.restore(load(save(own.step(state, shard).to_tensors())))
        states.append(state)
    merged = StoredRows.merge(reversed(states))
    assert estimator().done(merged)
    assert estimator().result(merged).to_bytes() == whole.to_bytes()
    with pytest.raises(InvalidInputError, match="was added already"):
        StoredRows.merge([merged, states[0]])


def test_a_checkpoint_with_matrices_goes_on_in_a_space_that_is_large_now(request: pytest.FixtureRequest) -> None:
    options: dict[str, Any] = {"samples": 40, "seed": 3}
    own = metric_estimator(Smooth(), Curved(), "z", **options)
    state = own.step(own.init())
    request.getfixturevalue("large")
    own = metric_estimator(Smooth(), Curved(), "z", **options)
    state = own.restore(load(save(state.to_tensors())))
    assert isinstance(state, EstimatorState)
    while not own.done(state):
        state = own.step(state)
    expected = global_metric(Smooth(), Curved(), "z", **options)
    np.testing.assert_allclose(metric_of(own.result(state)), metric_of(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("large")
def test_an_automatic_sketch_ends_when_it_has_settled() -> None:
    provenance = global_metric(Smooth(), Curved(), "z", samples="auto", tolerance=0.05).provenance
    assert provenance.agreement is not None
    assert provenance.agreement >= 0.95
    assert provenance.samples < 50_000


@pytest.mark.usefixtures("large")
def test_more_than_can_be_stored_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pullback.geometry.eigenbasis.MAX_ROW_BYTES", 100 * 6 * 4)
    with pytest.raises(InvalidInputError, match=r"6 dimensions 100 samples are stored at most, but samples = 101 came"):
        metric_estimator(Smooth(), Curved(), "z", samples=101)
    assert metric_estimator(Smooth(), Curved(), "z", samples="auto").samples == 100


@pytest.mark.parametrize(("count", "n"), [(20, 60), (90, 60)])
def test_rows_are_decomposed_as_their_matrix(count: int, n: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((count, n)).astype(np.float32) * np.geomspace(10, 0.1, n, dtype=np.float32)
    parts = np.array_split(rows, 7)
    metric = RowsMetric(parts, [i % 2 for i in range(7)], 2.0)
    exact = 2 * rows.T.astype(np.float64) @ rows.astype(np.float64)
    expected = np.linalg.eigvalsh(exact)[::-1]
    basis = metric.leading(10, PROVENANCE)
    np.testing.assert_allclose(basis.eigenvalues, expected[:10])
    np.testing.assert_allclose(basis.spectrum.sum(), np.trace(exact))
    residual = exact @ basis.eigenvectors - basis.eigenvectors * basis.eigenvalues
    assert np.abs(residual).max() < 1e-9 * expected[0]
    # No more than there are.
    everything = metric.leading(n, PROVENANCE)
    assert everything.k == min(count, n)
    np.testing.assert_allclose(metric_of(everything), exact, atol=1e-9 * expected[0])
    np.testing.assert_allclose(leading_of_metric(exact, 10, PROVENANCE).eigenvalues, expected[:10])
    assert metric.agreement(10) is not None
    assert RowsMetric(parts, [0] * 7, 2.0).agreement(10) is None


def test_vectors_of_small_singular_values_are_orthonormal() -> None:
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((size, 30)))[0] for size in (30, 200))
    rows = left * np.geomspace(1, 1e-7, 30) @ right.T
    basis = RowsMetric([rows], [0], 1.0).leading(30, PROVENANCE)
    # The constructor has checked them to 1e-5; they are as good as a decomposition's.
    np.testing.assert_allclose(basis.eigenvectors.T @ basis.eigenvectors, np.eye(basis.k), atol=1e-12)
    assert 15 <= basis.k <= 30


def test_while_a_matrix_is_decomposed_other_threads_go_on() -> None:
    # A worker says in such a thread that it is alive.
    rows = np.random.default_rng(0).standard_normal((1200, 1200))
    metric = rows @ rows.T
    ended, beats = threading.Event(), [0]

    def beat() -> None:
        while not ended.wait(0.001):
            beats[0] += 1

    beating = threading.Thread(target=beat)
    beating.start()
    decomposition._largest(metric, 20)
    ended.set()
    beating.join()
    # Hundreds; where the lock is held, two or three.
    assert beats[0] > 50


def test_a_space_of_thousands_of_dimensions_is_sketched_without_its_matrix() -> None:
    matrix = torch.randn(12, 1500, generator=torch.Generator().manual_seed(0))
    generator = Linear(matrix, (3, 2, 2))
    estimator = metric_estimator(generator, Euclidean(), "z", samples=40)
    state = estimator.step(estimator.init())
    assert sum(tensor.numel() for tensor in state.to_tensors().values()) < 17 * 1500
    basis = global_metric(generator, Euclidean(), "z", samples=400)
    # The generator has 12 outputs, and so the metric 12 directions.
    assert (basis.dim, basis.k) == (1500, 12)
    span = np.linalg.qr(matrix.double().numpy().T)[0]
    np.testing.assert_allclose(np.abs(np.linalg.svd(span.T @ basis.eigenvectors)[1]), 1, atol=1e-5)
