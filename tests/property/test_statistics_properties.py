"""What holds for the statistics of every metric, and for every basis that goes through an npz file."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metrics import PROVENANCE, rotation
from pullback.geometry import Eigenbasis, export_npz, import_npz, import_npz_latent, separate_blocks
from pullback.geometry.statistics import (
    apparent_speed,
    apparent_speed_moments,
    captured_energy,
    compare_metrics,
    dims_for,
    effective_rank,
    geodesic_distance,
    metric_action,
    metric_homogeneity,
    participation_ratio,
    principal_angles,
    projection_distance,
    random_subspace,
    sample_apparent_speed,
    spectrum_band,
)

spectra = (
    st.integers(1, 12)
    .flatmap(lambda n: arrays(np.float64, n, elements=st.floats(0, 1e6, allow_subnormal=False)))
    .filter(lambda spectrum: spectrum.max() > 1e-6)
)
seeds = st.integers(0, 2**32)


def metric_of(n: int, seed: int) -> np.ndarray:
    factor = np.random.default_rng(seed).normal(size=(n + 3, n)) * np.geomspace(1, 0.01, n)
    return factor.T @ factor


dims = st.integers(2, 8)
metrics = st.builds(metric_of, dims, seeds)
pairs = st.builds(lambda n, a, b: (metric_of(n, a), metric_of(n, b)), st.integers(3, 8), seeds, seeds)


@given(spectra, st.floats(0.01, 1), st.floats(1e-3, 1e3))
def test_measures_of_anisotropy_ignore_order_and_units(spectrum: np.ndarray, fraction: float, unit: float) -> None:
    n = len(spectrum)
    shuffled = np.random.default_rng(0).permutation(spectrum)
    assert dims_for(shuffled, (fraction,)) == dims_for(spectrum, (fraction,))
    for rank in (effective_rank, participation_ratio):
        assert 1 - 1e-12 <= rank(spectrum) <= n + 1e-9
        np.testing.assert_allclose(rank(unit * shuffled), rank(spectrum))
    # (Σλ)² / Σλ² ≥ Σλ / λ₁, since Σλ² ≤ λ₁ Σλ.
    assert participation_ratio(spectrum) >= effective_rank(spectrum) * (1 - 1e-12)


@given(spectra, st.floats(0.01, 1))
def test_dims_for_is_the_least_number_that_holds_the_fraction(spectrum: np.ndarray, fraction: float) -> None:
    (needed,) = dims_for(spectrum, (fraction,))
    descending = np.sort(spectrum)[::-1]
    assert descending[:needed].sum() >= fraction * spectrum.sum() * (1 - 1e-12)
    assert descending[: needed - 1].sum() <= fraction * spectrum.sum() * (1 + 1e-12)


@given(spectra, seeds)
def test_apparent_speed_stays_within_the_spectrum(spectrum: np.ndarray, seed: int) -> None:
    speeds = sample_apparent_speed(spectrum, 20, seed)
    assert (speeds >= spectrum.min() * (1 - 1e-12)).all()
    assert (speeds <= spectrum.max() * (1 + 1e-12)).all()
    moments = apparent_speed_moments(spectrum)
    np.testing.assert_allclose(moments.mean, spectrum.mean())
    # A bounded variable's variance: at most (max − mean)(mean − min).
    bound = (spectrum.max() - moments.mean) * (moments.mean - spectrum.min())
    assert moments.variance <= bound + 1e-9 * spectrum.max() ** 2


@given(metrics, seeds, st.floats(1e-3, 1e3))
def test_apparent_speed_ignores_the_length_of_a_direction(metric: np.ndarray, seed: int, length: float) -> None:
    directions = np.random.default_rng(seed).normal(size=(3, len(metric)))
    np.testing.assert_allclose(apparent_speed(metric, length * directions), apparent_speed(metric, directions))


@given(spectra)
def test_the_band_of_one_position_is_its_spectrum(spectrum: np.ndarray) -> None:
    band = spectrum_band(spectrum[None])
    np.testing.assert_allclose(band.mean, np.sort(spectrum)[::-1] / spectrum.max())
    np.testing.assert_array_equal(band.low, band.mean)
    np.testing.assert_array_equal(band.high, band.mean)


@given(pairs, seeds, st.floats(1e-3, 1e3))
def test_agreement_ignores_the_frame_and_the_unit(pair: tuple[np.ndarray, np.ndarray], seed: int, unit: float) -> None:
    stack = np.stack(pair)
    frame = rotation(len(pair[0]), seed)
    before, after = metric_homogeneity(stack), metric_homogeneity(frame @ (unit * stack) @ frame.T)
    np.testing.assert_allclose(after.linear, before.linear, atol=1e-7)
    np.testing.assert_allclose(after.log, before.log, atol=1e-7)
    assert (np.abs(before.linear) <= 1).all()
    assert (np.abs(before.log) <= 1).all()


@given(pairs)
def test_comparing_back_is_comparing_the_other_way_round(pair: tuple[np.ndarray, np.ndarray]) -> None:
    there, back = compare_metrics(*pair), compare_metrics(*reversed(pair))
    np.testing.assert_allclose(there.entry_correlation, back.entry_correlation)
    np.testing.assert_allclose(there.spectrum_correlation, back.spectrum_correlation)
    assert there.linear_agreement == back.linear_agreement_back
    assert there.log_agreement_back == back.log_agreement


@given(metrics, seeds)
def test_an_action_over_a_whole_basis_sums_to_the_trace(metric: np.ndarray, seed: int) -> None:
    action = metric_action(rotation(len(metric), seed), metric)
    np.testing.assert_allclose(action.sum(), np.trace(metric))


@given(metrics, seeds)
def test_no_basis_captures_more_than_the_eigenvectors(metric: np.ndarray, seed: int) -> None:
    n = len(metric)
    ratios = captured_energy(rotation(n, seed), metric, range(1, n + 1))
    assert (ratios > 0).all()
    assert (ratios <= 1 + 1e-12).all()
    np.testing.assert_allclose(ratios[-1], 1)


@given(dims.flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))), seeds, seeds, seeds)
def test_distances_of_subspaces_are_distances(shape: tuple[int, int], a: int, b: int, c: int) -> None:
    first, second, third = (random_subspace(*shape, seed) for seed in (a, b, c))
    turned = first @ rotation(shape[1], c)
    for distance, largest in ((geodesic_distance, np.sqrt(shape[1]) * np.pi / 2), (projection_distance, 1.0)):
        assert distance(first, turned) <= 1e-13
        np.testing.assert_allclose(distance(first, second), distance(second, first), atol=1e-12)
        assert distance(first, third) <= distance(first, second) + distance(second, third) + 1e-12
        assert distance(first, second) <= largest + 1e-12
    assert (np.diff(principal_angles(first, second)) >= -1e-12).all()


# A disk may be slow to take a file.
@settings(deadline=None)
@given(metrics, st.sampled_from(["generic", "fc6", "position"]))
def test_a_basis_goes_through_a_file_unchanged(metric: np.ndarray, layout: str) -> None:
    basis = Eigenbasis.from_metric(metric, PROVENANCE)
    latent = np.arange(basis.dim, dtype=float) if layout == "position" else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "basis.npz"
        export_npz(basis, path, layout=layout, latent=latent)
        again = import_npz(path, PROVENANCE)
        if latent is not None:
            np.testing.assert_array_equal(import_npz_latent(path), latent)
    assert again.to_bytes() == replace(basis, provenance=again.provenance).to_bytes()


# A disk may be slow to take a file.
@settings(deadline=None)
@given(st.tuples(dims, dims, dims), seeds)
def test_three_bases_go_through_a_file_unchanged(sizes: tuple[int, int, int], seed: int) -> None:
    # Equal eigenvalues keep their order.
    bases = {
        part: Eigenbasis.from_metric(metric_of(n, seed) if part != "class" else np.eye(n), PROVENANCE)
        for part, n in zip(("full", "class", "noise"), sizes, strict=True)
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "basis.npz"
        export_npz(bases, path, layout="biggan")
        for part, basis in bases.items():
            again = import_npz(path, PROVENANCE, part=part)
            np.testing.assert_array_equal(again.eigenvectors, basis.eigenvectors)
            np.testing.assert_array_equal(again.eigenvalues, basis.eigenvalues)
            np.testing.assert_array_equal(again.metric, basis.metric)


@given(metrics, st.data())
def test_a_separate_basis_keeps_the_trace_and_is_no_steeper(metric: np.ndarray, data: st.DataObject) -> None:
    n = len(metric)
    cut = data.draw(st.integers(1, n - 1))
    whole = Eigenbasis.from_metric(metric, PROVENANCE)
    separate = separate_blocks(whole, {"a": cut, "b": n - cut})
    np.testing.assert_allclose(separate.eigenvalues.sum(), whole.eigenvalues.sum())
    # Pinching: the eigenvalues of the blocks are majorised by those of the whole.
    slack = 1e-12 * whole.eigenvalues[0] * n
    assert (np.cumsum(separate.eigenvalues) <= np.cumsum(whole.eigenvalues) + slack).all()
