"""Eigenbases of k eigenpairs and a floor: what they say against the complete ones that they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pullback.directions import DirectionSet, Origin
from pullback.directions.alignment import eigen_axes
from pullback.errors import InvalidInputError
from pullback.geometry import Eigenbasis, Provenance, export_npz, import_npz, join_blocks, separate_blocks
from pullback.geometry.completion import Completion
from pullback.geometry.eigenbasis_file import read_parts

PROVENANCE = Provenance("faces", "ab" * 32, "z", "mse", "", "sketch", 2000, 7, "0.1.0")
ORIGIN = Origin("faces", "ab" * 32, "z", "random", "0.1.0")


def flat_tailed(n: int, k: int, floor: float, seed: int = 0) -> tuple[Eigenbasis, Eigenbasis]:
    """A complete basis whose last n − k eigenvalues are one, and the same as k eigenpairs."""
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    values = np.concatenate([floor + np.geomspace(100, 1, k), np.full(n - k, floor)])
    metric = rotation * values @ rotation.T
    complete = Eigenbasis.from_metric((metric + metric.T) / 2, PROVENANCE)
    return complete, complete.truncated(k)


def metric_of(basis: Eigenbasis) -> np.ndarray:
    """What a basis says of the metric: U (Λ − φ) Uᵀ + φ I."""
    vectors = basis.eigenvectors
    metric: np.ndarray = vectors * (basis.eigenvalues - basis.floor) @ vectors.T + basis.floor * np.eye(basis.dim)
    return metric


def test_a_truncated_basis_keeps_the_trace_and_the_leading_pairs() -> None:
    complete, leading = flat_tailed(12, 4, 0.3)
    assert (leading.dim, leading.k, leading.metric, complete.complete, leading.complete) == (12, 4, None, True, False)
    np.testing.assert_array_equal(leading.eigenvectors, complete.eigenvectors[:, :4])
    assert leading.floor == pytest.approx(0.3)
    assert leading.spectrum.sum() == pytest.approx(np.trace(complete.metric))
    assert complete.truncated(12) is complete
    np.testing.assert_allclose(metric_of(leading), complete.metric, atol=1e-12)


def test_figures_of_the_whole_space_are_those_of_the_complete_basis() -> None:
    complete, leading = flat_tailed(12, 4, 0.3)
    directions = np.random.default_rng(1).standard_normal((5, 12))
    np.testing.assert_allclose(leading.rates(directions), complete.rates(directions))
    np.testing.assert_allclose(leading.condition_number, complete.condition_number)
    for fraction in (0.5, 0.9, 0.993, 0.999):
        assert leading.dims_for(fraction) == complete.dims_for(fraction)
    last = leading.bottom(3)
    np.testing.assert_allclose(last.T @ last, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(last.T @ leading.eigenvectors, 0, atol=1e-12)


def test_what_it_does_not_hold_is_refused() -> None:
    _, leading = flat_tailed(12, 4, 0.3)
    with pytest.raises(
        InvalidInputError, match="between 1 and 4 eigenvectors can be asked for, but 5 came; this basis"
    ):
        leading.top(5)
    with pytest.raises(InvalidInputError, match="between 1 and 8 eigenvectors can be asked for, but 9 came"):
        leading.bottom(9)
    with pytest.raises(InvalidInputError, match="from 0 to 1, but 2 came"):
        Eigenbasis(np.ones(1), np.eye(3)[:, :1], None, PROVENANCE, floor=2.0)
    with pytest.raises(InvalidInputError, match=r"\(k,\) and \(n, k\), but \(2,\), \(3, 1\) came"):
        Eigenbasis(np.ones(2), np.eye(3)[:, :1], None, PROVENANCE)


def test_coordinates_are_those_along_the_axes() -> None:
    complete, leading = flat_tailed(12, 4, 0.3)
    latents = np.random.default_rng(1).standard_normal((2, 3, 12))
    coordinates = leading.rotate(latents)
    np.testing.assert_allclose(coordinates, complete.rotate(latents)[..., :4])
    inside = leading.unrotate(coordinates)
    np.testing.assert_allclose(leading.unrotate(leading.rotate(inside)), inside)


def test_a_file_says_how_many_there_are_and_gives_them_back(tmp_path: Path) -> None:
    complete, leading = flat_tailed(12, 4, 0.3)
    leading.save(tmp_path / "leading.safetensors")
    data = (tmp_path / "leading.safetensors").read_bytes()
    assert b'\\"format\\": \\"pullback-eigenbasis-2\\"' in data
    assert b'\\"k\\": 4' in data
    for again in (Eigenbasis.load(tmp_path / "leading.safetensors"), Eigenbasis.from_bytes(data, trusted=True)):
        np.testing.assert_array_equal(again.eigenvectors, leading.eigenvectors)
        assert (again.floor, again.metric, again.provenance) == (leading.floor, None, PROVENANCE)
        assert again.to_bytes() == data
    parts = read_parts(data)
    assert (parts.dim, parts.k, parts.floor) == (12, 4, leading.floor)
    # What holds all of it is written as before.
    assert b'\\"format\\": \\"pullback-eigenbasis-1\\"' in complete.to_bytes()


def test_only_what_is_trusted_is_not_checked() -> None:
    _, leading = flat_tailed(12, 4, 0.3)
    skewed = np.array(leading.eigenvectors)
    skewed[0] += 1
    parts = read_parts(leading.to_bytes())
    odd = leading.to_bytes().replace(parts.eigenvectors.tobytes(), skewed.tobytes())
    with pytest.raises(InvalidInputError, match="orthonormal"):
        Eigenbasis.from_bytes(odd)
    np.testing.assert_array_equal(Eigenbasis.from_bytes(odd, trusted=True).eigenvectors, skewed)
    with pytest.raises(InvalidInputError, match=r"have shape \(12, 5\) by the file's word, but \(12, 4\) came"):
        Eigenbasis.from_bytes(leading.to_bytes().replace(b'\\"k\\": 4', b'\\"k\\": 5'))


def test_npz_files_hold_it_with_its_floor_and_published_ones_are_cut_on_the_way_in(tmp_path: Path) -> None:
    complete, leading = flat_tailed(12, 4, 0.3)
    export_npz(complete, tmp_path / "complete.npz")
    export_npz(leading, tmp_path / "leading.npz")
    for again in (
        import_npz(tmp_path / "leading.npz", PROVENANCE),
        import_npz(tmp_path / "complete.npz", PROVENANCE, k=4),
    ):
        np.testing.assert_array_equal(again.eigenvectors, leading.eigenvectors)
        np.testing.assert_array_equal(again.eigenvalues, leading.eigenvalues)
        assert again.floor == pytest.approx(leading.floor)
        assert (again.metric, again.provenance.method) == (None, "imported")
    cut = import_npz(tmp_path / "leading.npz", PROVENANCE, k=2)
    np.testing.assert_allclose(cut.spectrum.sum(), leading.spectrum.sum())


@pytest.mark.parametrize("which", ["random", "axes", "all"])
def test_a_completion_is_orthogonal_and_begins_with_the_columns(which: str) -> None:
    n, k = 9, {"random": 4, "axes": 3, "all": 9}[which]
    if which == "axes":
        # Nothing to reflect: τ is zero.
        vectors = np.eye(n)[:, [0, 1, 5]] * [1, -1, 1]
    else:
        vectors, _ = np.linalg.qr(np.random.default_rng(2).standard_normal((n, k)))
    completion = Completion.of(vectors)
    whole = completion.columns(0, n)
    np.testing.assert_allclose(whole.T @ whole, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(whole[:, :k] * completion.signs, vectors, atol=1e-12)
    rows = np.random.default_rng(3).standard_normal((5, n))
    np.testing.assert_allclose(completion.times(rows), rows @ whole, atol=1e-12)
    np.testing.assert_allclose(completion.times_transposed(completion.times(rows)), rows, atol=1e-12)


def test_some_coordinates_of_it_have_the_metric_that_the_complete_one_gives() -> None:
    complete, leading = flat_tailed(12, 4, 0.3)
    chosen = np.array([0, 3, 4, 5, 6, 8, 10])
    part, whole = (basis.restricted(chosen, PROVENANCE) for basis in (leading, complete))
    np.testing.assert_allclose(metric_of(part), whole.metric, atol=1e-12)
    scaled = leading.restricted(chosen, PROVENANCE, scale=np.full(7, 2.0))
    np.testing.assert_allclose(metric_of(scaled), 4 * whole.metric, atol=1e-12)


def test_blocks_are_cut_out_of_it_and_joined() -> None:
    complete, leading = flat_tailed(12, 4, 0.3)
    blocks = {"noise": 7, "class": 5}
    separate, expected = separate_blocks(leading, blocks), separate_blocks(complete, blocks)
    assert separate.metric is None
    # Each block has its four directions; what is left of either has the floor of both.
    np.testing.assert_allclose(metric_of(separate), expected.metric, atol=1e-12)
    joined = join_blocks([leading, leading], "full")
    assert (joined.dim, joined.k) == (24, 8)
    assert joined.floor == pytest.approx(0.3)


def test_directions_are_measured_purified_and_aligned_by_it() -> None:
    complete, leading = flat_tailed(30, 4, 0.01)
    directions = DirectionSet(np.random.default_rng(1).standard_normal((3, 30)), np.full(3, np.nan), ORIGIN)
    measured, expected = directions.measured(leading), directions.measured(complete)
    np.testing.assert_allclose(measured.rates, expected.rates)
    np.testing.assert_allclose(measured.alignment, expected.alignment)
    pure = directions.purified(leading, 3)
    np.testing.assert_allclose(pure.vectors, directions.purified(complete, 3).vectors, atol=1e-12)
    with pytest.raises(InvalidInputError, match="between 1 and 4"):
        directions.purified(leading, 5)
    along = DirectionSet(complete.eigenvectors.T[:3], np.ones(3), ORIGIN)
    assert [ranks for ranks, _ in eigen_axes(along, leading)] == [[0], [1], [2]]


def test_a_basis_from_a_factor_has_its_directions_and_no_others() -> None:
    factor = np.random.default_rng(5).standard_normal((20, 3))
    factor = np.concatenate([factor, factor[:, :1]], axis=1)
    basis = Eigenbasis.from_factor(factor, PROVENANCE, floor=0.5)
    assert basis.k == 3
    np.testing.assert_allclose(metric_of(basis), factor @ factor.T + 0.5 * np.eye(20), atol=1e-12)
    fewer = Eigenbasis.from_factor(factor, PROVENANCE, k=2)
    assert fewer.spectrum.sum() == pytest.approx((factor**2).sum())
    with pytest.raises(InvalidInputError, match="metric is zero"):
        Eigenbasis.from_factor(np.zeros((4, 2)), PROVENANCE)
