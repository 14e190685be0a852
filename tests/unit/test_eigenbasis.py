"""The eigenbasis: its decomposition, its file, its checks."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from pullback.errors import IncompatibleEigenbasisError, InvalidInputError
from pullback.geometry import Eigenbasis, Provenance

PROVENANCE = Provenance("faces", "ab" * 32, "z", "mse", "", "sketch", 2000, 7, "0.1.0")


def metric_with(eigenvalues: list[float], seed: int = 0) -> np.ndarray:
    n = len(eigenvalues)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    metric: np.ndarray = rotation * np.array(eigenvalues) @ rotation.T
    return metric


def basis_with(eigenvalues: list[float]) -> Eigenbasis:
    metric = metric_with(eigenvalues)
    return Eigenbasis.from_metric((metric + metric.T) / 2, PROVENANCE)


def test_eigenvalues_descend_and_each_column_is_their_eigenvector() -> None:
    basis = basis_with([1.0, 9.0, 4.0])
    np.testing.assert_allclose(basis.eigenvalues, [9, 4, 1])
    np.testing.assert_allclose(basis.metric @ basis.eigenvectors, basis.eigenvectors * basis.eigenvalues, atol=1e-12)


def test_signs_follow_the_largest_entry() -> None:
    vectors = basis_with([5.0, 3.0, 2.0, 1.0]).eigenvectors
    assert (vectors[np.abs(vectors).argmax(axis=0), range(4)] > 0).all()


def test_arrays_are_copies_that_cannot_be_written() -> None:
    metric = np.diag([2.0, 1.0])
    basis = Eigenbasis.from_metric(metric, PROVENANCE)
    metric[:] = 0
    assert basis.metric[0, 0] == 2
    with pytest.raises(ValueError, match="read-only"):
        basis.eigenvalues[0] = 1


def test_top_are_the_leading_columns() -> None:
    basis = basis_with([5.0, 3.0, 1.0])
    np.testing.assert_array_equal(basis.top(2), basis.eigenvectors[:, :2])
    for k in (0, 4):
        with pytest.raises(InvalidInputError, match=f"between 1 and 3 eigenvectors can be asked for, but {k} came"):
            basis.top(k)


def test_rotating_diagonalises_and_unrotating_returns() -> None:
    basis = basis_with([5.0, 3.0, 1.0])
    latents = np.random.default_rng(0).normal(size=(4, 2, 3))
    coordinates = basis.rotate(latents)
    np.testing.assert_allclose(
        np.einsum("...i,ij,...j", latents, basis.metric, latents), (coordinates**2) @ basis.eigenvalues
    )
    np.testing.assert_allclose(basis.unrotate(coordinates), latents)
    with pytest.raises(InvalidInputError, match=r"has 3 dimensions, but an array of shape \(2,\) came"):
        basis.rotate(np.zeros(2))


def test_dims_for_counts_the_leading_share_of_the_spectrum() -> None:
    basis = basis_with([90.0, 9.0, 0.9, 0.1])
    assert [basis.dims_for(share) for share in (0.5, 0.9 - 1e-9, 0.95, 0.9899, 0.995, 1.0)] == [1, 1, 2, 2, 3, 4]
    for fraction in (0.0, 1.1):
        with pytest.raises(InvalidInputError, match=f"above 0 and at most 1, but {fraction} came"):
            basis.dims_for(fraction)


def test_condition_number_is_the_ratio_of_extremes() -> None:
    assert basis_with([8.0, 4.0, 2.0]).condition_number == pytest.approx(4)
    assert basis_with([8.0, 4.0, 0.0]).condition_number == float("inf")


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (np.zeros((2, 3)), r"a square matrix, but shape \(2, 3\) came"),
        (np.zeros((0, 0)), r"a square matrix, but shape \(0, 0\) came"),
        (np.diag([1.0, np.nan]), "NaN or infinity"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), "off by 0.1"),
        (np.zeros((2, 2)), "do not change with these latents"),
    ],
)
def test_a_matrix_that_is_no_metric_is_refused(metric: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Eigenbasis.from_metric(metric, PROVENANCE)


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    basis = basis_with([5.0, 3.0, 1.0])
    basis.save(tmp_path / "basis.safetensors")
    loaded = Eigenbasis.load(tmp_path / "basis.safetensors")
    for name in ("eigenvalues", "eigenvectors", "metric"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(basis, name))
    assert loaded.provenance == PROVENANCE
    assert loaded.to_bytes() == basis.to_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["basis.safetensors"]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "basis.safetensors"
    basis_with([5.0, 3.0]).save(path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        basis_with([2.0, 1.0]).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _altered(**arrays: np.ndarray) -> bytes:
    basis = basis_with([5.0, 3.0])
    tensors = {name: np.array(getattr(basis, name)) for name in ("eigenvalues", "eigenvectors", "metric")}
    header = {"format": "pullback-eigenbasis-1", "provenance": PROVENANCE.to_dict()}
    return safetensors.numpy.save(tensors | arrays, {"pullback": json.dumps(header)})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a readable safetensors file"),
        (b"not a tensor in sight", "not a readable safetensors file"),
        (_altered()[:-8], "not a readable safetensors file"),
        (safetensors.numpy.save({"eigenvalues": np.ones(2)}), "without the metadata of an eigenbasis"),
        (safetensors.numpy.save({"a": np.ones(2)}, {"pullback": "[]"}), "without the metadata of an eigenbasis"),
        (_altered().replace(b"eigenbasis-1", b"eigenbasis-9"), "format 'pullback-eigenbasis-9'"),
        (_altered().replace(b'seed\\"', b'sead\\"'), "lacks seed"),
        (
            _altered().replace(b'\\"2000\\"', b'\\"20o0\\"'),
            "samples in the provenance .* is a whole number, but '20o0'",
        ),
        (_altered().replace(b'"metric"', b'"metrik"'), "but no metric came"),
        (_altered(eigenvalues=np.ones(2, np.float32)), "eigenvalues of an eigenbasis: float64, but float32 came"),
        (_altered(eigenvalues=np.ones(3)), r"but \(3,\), \(2, 2\), \(2, 2\) came"),
        (_altered(eigenvalues=np.array([1.0, 2.0])), "descend, but these do not"),
        (_altered(eigenvalues=np.array([np.inf, 2.0])), "eigenvalues of an eigenbasis are finite"),
        (_altered(eigenvectors=np.array([[1.0, 1.0], [0.0, 1.0]])), "orthonormal to 1e-05, but these are off by 1"),
        (_altered(metric=np.array([[1.0, 2.0], [0.0, 1.0]])), "symmetric"),
    ],
)
def test_a_file_that_is_no_eigenbasis_says_its_name_and_what_is_wrong(
    data: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match=rf"odd\.safetensors: .*{message}"):
        Eigenbasis.load(path)


def test_it_serves_what_it_was_computed_for_and_nothing_else() -> None:
    basis = basis_with([2.0, 1.0])
    right = {"generator": "faces", "weights_hash": "ab" * 32, "space": "z"}
    basis.check_serves(**right)
    with pytest.raises(IncompatibleEigenbasisError) as raised:
        basis.check_serves(**right | {"space": "w", "weights_hash": "cd"})
    message = str(raised.value)
    assert f"weights hash is {'ab' * 32!r} there and 'cd' here" in message
    assert "space is 'z' there and 'w' here" in message
    assert "generator is" not in message


def test_provenance_goes_through_text() -> None:
    assert Provenance.from_dict(PROVENANCE.to_dict()) == PROVENANCE
    assert Provenance.from_dict(replace(PROVENANCE, seed=8).to_dict()) != PROVENANCE


def test_importing_the_eigenbasis_brings_in_no_torch() -> None:
    code = "import sys, pullback.geometry, pullback.geometry.eigenbasis; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
