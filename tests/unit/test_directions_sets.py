"""Sets of directions: what they hold, how they are measured, purified and kept, and what of them lies in a metric."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from metrics import PROVENANCE, basis_with, metric_with, rotation
from pullback.directions import DirectionSet, Origin, eigen_axes, hessian
from pullback.errors import InvalidInputError
from pullback.geometry import Eigenbasis

ORIGIN = Origin("faces", "ab" * 32, "z", "sefa", "0.1.0", {"layers": "0,1"})
EIGENVALUES = [50.0, 30.0, 20.0, 0.2, 0.1, 0.0]


def some_directions(k: int = 3, n: int = 6, seed: int = 0) -> DirectionSet:
    rng = np.random.default_rng(seed)
    return DirectionSet(rng.normal(size=(k, n)), np.arange(k, 0, -1.0), ORIGIN)


def test_vectors_become_unit_vectors_and_cannot_be_written() -> None:
    found = DirectionSet(np.array([[3.0, 4.0], [0.0, -2.0]]), np.ones(2), ORIGIN)
    np.testing.assert_allclose(found.vectors, [[0.6, 0.8], [0, -1]])
    assert (len(found), found.dim) == (2, 2)
    with pytest.raises(ValueError, match="read-only"):
        found.vectors[0, 0] = 1


def test_rates_are_the_quadratic_form_of_the_metric() -> None:
    metric, directions = metric_with(EIGENVALUES), some_directions()
    measured = directions.measured(Eigenbasis.from_metric(metric, PROVENANCE))
    expected = [v @ metric @ v for v in directions.vectors]
    np.testing.assert_allclose(measured.rates, expected, rtol=1e-12)


def test_alignment_is_the_share_in_the_eigenvectors_that_hold_99_percent_of_the_trace() -> None:
    basis, directions = basis_with(EIGENVALUES), some_directions()
    measured = directions.measured(basis)
    assert measured.aligned_axes == 3
    top = basis.eigenvectors[:, :3]
    np.testing.assert_allclose(measured.alignment, np.linalg.norm(directions.vectors @ top @ top.T, axis=1) ** 2)


def test_purified_directions_are_projections_measured_anew() -> None:
    basis, directions = basis_with(EIGENVALUES), some_directions()
    pure = directions.purified(basis, 2)
    projector = basis.eigenvectors[:, :2] @ basis.eigenvectors[:, :2].T
    expected = directions.vectors @ projector
    np.testing.assert_allclose(pure.vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True))
    np.testing.assert_allclose(pure.vectors @ projector, pure.vectors, atol=1e-12)
    np.testing.assert_allclose(pure.alignment, 1)
    np.testing.assert_allclose(directions.purified(basis, 6).vectors, directions.vectors, atol=1e-12)


def test_purified_directions_keep_no_steps_of_z_that_made_others() -> None:
    directions = replace(some_directions(), input_vectors=np.ones((3, 2)))
    assert directions.purified(basis_with(EIGENVALUES), 2).input_vectors is None


def test_a_direction_of_which_nothing_would_be_left_is_named() -> None:
    basis = basis_with(EIGENVALUES)
    directions = DirectionSet(basis.eigenvectors.T[[0, 4]], np.ones(2), ORIGIN)
    with pytest.raises(InvalidInputError, match="direction 1 has no part in the 3 leading eigenvectors"):
        directions.purified(basis, 3)
    with pytest.raises(InvalidInputError, match="between 1 and 6 eigenvectors can be asked for, but 7 came"):
        directions.purified(basis, 7)


def test_another_dimension_is_refused() -> None:
    basis = basis_with([2.0, 1.0])
    for measure in (some_directions().measured, lambda b: eigen_axes(some_directions(), b)):
        with pytest.raises(InvalidInputError, match="have 6 coordinates, but an eigenbasis of 2 dimensions came"):
            measure(basis)


def test_a_file_gives_back_the_whole_set(tmp_path: Path) -> None:
    whole = replace(
        some_directions(), layers=(0, 3), input_vectors=rotation(4)[:3], base=np.arange(4.0), values=np.full(3, np.nan)
    ).measured(basis_with(EIGENVALUES))
    whole.save(tmp_path / "set.safetensors")
    again = DirectionSet.load(tmp_path / "set.safetensors")
    assert (again.origin, again.layers, again.aligned_axes) == (whole.origin, (0, 3), 3)
    for name in ("vectors", "values", "input_vectors", "base", "rates", "alignment"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    assert again.to_bytes() == whole.to_bytes()


def test_a_set_that_was_not_measured_comes_back_so() -> None:
    again = DirectionSet.from_bytes(some_directions().to_bytes())
    assert (again.rates, again.alignment, again.input_vectors, again.base) == (None, None, None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.ones(3)}, r"one direction a row, shape \(k, n\), but shape \(3,\) came"),
        ({"vectors": np.ones((0, 3))}, r"but shape \(0, 3\) came"),
        ({"vectors": np.full((3, 2), np.nan)}, "vectors are finite"),
        ({"vectors": np.array([[1.0, 0], [0, 0], [0, 1]])}, "direction 1 is zero"),
        ({"values": np.ones(2)}, r"values of 3 directions has 3 rows, but shape \(2,\) came"),
        ({"input_vectors": np.ones((4, 2))}, r"input_vectors of 3 directions has 3 rows, but shape \(4, 2\) came"),
        ({"layers": (2, 1)}, r"layers ascend from 0 on, each once, but \[2, 1\] came"),
        ({"layers": (-1,)}, r"but \[-1\] came"),
    ],
)
def test_what_is_no_set_of_directions_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(some_directions(), **change)  # type: ignore[arg-type]


def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "basis.safetensors"
    basis_with(EIGENVALUES).save(path)
    with pytest.raises(InvalidInputError, match=r"basis\.safetensors: "):
        DirectionSet.load(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(InvalidInputError, match="not a readable safetensors file"):
        DirectionSet.load(path)


def test_hessian_directions_are_the_leading_eigenvectors_measured_by_their_eigenvalues() -> None:
    basis = basis_with(EIGENVALUES)
    found = hessian(basis, 3)
    np.testing.assert_allclose(found.vectors, basis.eigenvectors.T[:3])
    np.testing.assert_allclose(found.values, [50, 30, 20])
    np.testing.assert_allclose(found.rates, found.values)
    np.testing.assert_allclose(found.alignment, 1)
    assert (found.origin.generator, found.origin.space, found.origin.method) == ("faces", "z", "hessian")
    assert found.origin.settings["distance"] == "mse"
    assert found.origin.settings["estimator"] == "sketch"
    with pytest.raises(InvalidInputError, match="between 1 and 6 eigenvectors can be asked for, but 0 came"):
        hessian(basis, 0)


def test_the_eigenvectors_that_make_up_a_direction_are_named_by_their_share() -> None:
    basis = basis_with(list(np.geomspace(100, 1, 60)))
    made = 0.6 * basis.eigenvectors[:, 7] - 0.8 * basis.eigenvectors[:, 40]
    ((ranks, shares),) = eigen_axes(DirectionSet(made[None], np.ones(1), ORIGIN), basis)
    assert ranks == [40, 7]
    np.testing.assert_allclose(shares, [0.64, 0.36])


def test_an_eigenvector_counts_from_the_share_that_five_of_ten_thousand_random_directions_reach() -> None:
    n = 60
    basis = basis_with(list(np.geomspace(100, 1, n)))
    least = stats.beta(0.5, (n - 1) / 2).isf(5e-4)
    rest = basis.eigenvectors[:, 2:] @ np.ones(n - 2) / np.sqrt(n - 2)

    def with_share(share: float) -> np.ndarray:
        return np.sqrt(share) * basis.eigenvectors[:, 1] + np.sqrt(1 - share) * rest

    rows = np.stack([with_share(0.99 * least), with_share(1.01 * least)])
    below, above = eigen_axes(DirectionSet(rows, np.ones(2), ORIGIN), basis)
    assert below == ([], [])
    assert above[0] == [1]


def test_random_directions_are_aligned_as_rarely_as_chance_has_it() -> None:
    basis = basis_with(list(np.geomspace(100, 1, 50)))
    found = eigen_axes(some_directions(k=4000, n=50), basis)
    # 4,000 directions × 50 axes × 5·10⁻⁴ = 100, with a standard deviation of 10.
    assert 60 < sum(len(ranks) for ranks, _ in found) < 140


def test_the_one_axis_of_a_line_says_nothing() -> None:
    line = DirectionSet(np.ones((1, 1)), np.ones(1), ORIGIN)
    assert eigen_axes(line, basis_with([2.0])) == [([], [])]
