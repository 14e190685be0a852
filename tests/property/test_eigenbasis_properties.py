"""What holds for the eigenbasis of every metric."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pullback.geometry import Eigenbasis, Provenance

factors = st.integers(1, 8).flatmap(
    lambda n: arrays(np.float64, (n + 2, n), elements=st.floats(-100, 100, allow_subnormal=False))
)
words = st.text(max_size=20)
numbers = st.integers(0, 2**63)
provenances = st.builds(
    Provenance, words, words, words, words, words, words, samples=numbers, seed=numbers, version=words
)


def basis_of(factor: np.ndarray, provenance: Provenance) -> Eigenbasis:
    # FᵀF + I is positive definite.
    return Eigenbasis.from_metric(factor.T @ factor + np.eye(factor.shape[1]), provenance)


@given(factors, provenances)
def test_eigenvalues_and_eigenvectors_rebuild_the_metric(factor: np.ndarray, provenance: Provenance) -> None:
    basis = basis_of(factor, provenance)
    rebuilt = basis.eigenvectors * basis.eigenvalues @ basis.eigenvectors.T
    np.testing.assert_allclose(rebuilt, basis.metric, atol=1e-12 * basis.eigenvalues[0])
    np.testing.assert_allclose(basis.eigenvectors.T @ basis.eigenvectors, np.eye(basis.dim), atol=1e-12)


@given(factors, provenances)
def test_bytes_give_back_the_same_basis_and_the_same_bytes(factor: np.ndarray, provenance: Provenance) -> None:
    basis = basis_of(factor, provenance)
    again = Eigenbasis.from_bytes(basis.to_bytes())
    assert again.provenance == provenance
    assert again.to_bytes() == basis.to_bytes()
    np.testing.assert_array_equal(again.eigenvectors, basis.eigenvectors)


@given(factors, provenances, st.floats(0.01, 1.0))
def test_dims_for_is_the_least_number_that_holds_the_fraction(
    factor: np.ndarray, provenance: Provenance, fraction: float
) -> None:
    basis = basis_of(factor, provenance)
    dims = basis.dims_for(fraction)
    total = basis.eigenvalues.sum()
    assert basis.eigenvalues[:dims].sum() >= fraction * total * (1 - 1e-12)
    assert basis.eigenvalues[: dims - 1].sum() <= fraction * total * (1 + 1e-12)
