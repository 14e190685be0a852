"""Subspaces: principal angles, distances on the Grassmannian, captured energy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from metrics import metric_with, rotation
from pullback.errors import InvalidInputError
from pullback.geometry.statistics import (
    captured_energy,
    geodesic_distance,
    principal_angles,
    projection_distance,
    random_subspace,
)


def planes_at(angles: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Two subspaces of R^2k with these principal angles."""
    k = len(angles)
    turned = np.vstack([np.diag(np.cos(angles)), np.diag(np.sin(angles))])
    frame = rotation(2 * k, 3)
    return frame[:, :k], frame @ turned


@pytest.mark.parametrize("angles", [[0.0], [0.3, 1.2], [1e-9, 1e-4, 0.7, np.pi / 2], [0.0, 0.0, 1e-12]])
def test_principal_angles_are_accurate_small_and_large(angles: list[float]) -> None:
    first, second = planes_at(angles)
    found = principal_angles(first, second @ rotation(len(angles), 4))
    np.testing.assert_allclose(found, sorted(angles), atol=1e-15 * 30, rtol=1e-7)
    assert geodesic_distance(first, second) == pytest.approx(np.linalg.norm(angles), abs=1e-14)
    assert projection_distance(first, second) == pytest.approx(
        np.linalg.norm(first @ first.T - second @ second.T, ord=2), abs=1e-14
    )


@pytest.mark.parametrize(("k", "geodesic"), [(1, 1.534), (2, 2.152), (10, 4.599), (20, 6.287), (50, 9.244)])
def test_random_pairs_in_512_dimensions_stand_where_they_are_known_to(k: int, geodesic: float) -> None:
    distances = [
        geodesic_distance(random_subspace(512, k, seed), random_subspace(512, k, seed + 1000)) for seed in range(40)
    ]
    # The standard error of this mean is .004 for k = 1 and less beyond.
    assert np.mean(distances) == pytest.approx(geodesic, abs=0.015)


def test_whole_spaces_do_not_differ() -> None:
    assert geodesic_distance(rotation(5, 0), rotation(5, 1)) == pytest.approx(0, abs=1e-14)


def test_a_random_subspace_is_orthonormal_and_a_function_of_its_seed() -> None:
    first, again, other = (random_subspace(9, 4, seed) for seed in (0, 0, 1))
    np.testing.assert_allclose(first.T @ first, np.eye(4), atol=1e-14)
    np.testing.assert_array_equal(first, again)
    assert geodesic_distance(first, other) > 0.1


def test_captured_energy_is_the_share_of_the_best_possible() -> None:
    metric = np.diag([8.0, 4.0, 2.0, 1.0])
    swapped = np.eye(4)[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(captured_energy(swapped, metric, (1, 2, 3, 4)), [4 / 8, 1, 13 / 14, 1])
    np.testing.assert_allclose(captured_energy(swapped[:, :2], metric, (2,)), [1])


def test_the_eigenvectors_of_a_metric_capture_all_of_it() -> None:
    metric = metric_with(np.geomspace(1, 1e-8, 60))
    vectors = np.linalg.eigh(metric)[1][:, ::-1]
    np.testing.assert_allclose(captured_energy(vectors, metric), 1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"bases of one shape, but \(3, 1\) and \(3, 2\) came"):
        principal_angles(np.eye(3)[:, :1], np.eye(3)[:, :2])
    with pytest.raises(InvalidInputError, match=r"k from 1 to n, but shape \(2, 3\) came"):
        geodesic_distance(np.eye(3)[:2], np.eye(3)[:2])
    with pytest.raises(InvalidInputError, match="orthonormal to 1e-05, but these are off by 1"):
        projection_distance(np.eye(3)[:, :2], np.ones((3, 2)) / 3**0.5)
    with pytest.raises(InvalidInputError, match="vectors of a basis are finite"):
        principal_angles(np.full((3, 1), np.nan), np.eye(3)[:, :1])
    with pytest.raises(InvalidInputError, match="from 1 to 3 of them, but 4 came"):
        random_subspace(3, 4)
    with pytest.raises(InvalidInputError, match="from 0 on, but -1 came"):
        random_subspace(3, 2, -1)
    for k in (0, 3):
        with pytest.raises(InvalidInputError, match=f"between 1 and the number of vectors, 2, but {k} came"):
            captured_energy(np.eye(3)[:, :2], np.eye(3), (1, k))
    with pytest.raises(InvalidInputError, match="the largest eigenvalue has to be positive, but 0 came"):
        captured_energy(np.eye(3), np.zeros((3, 3)), (1,))


def test_importing_the_statistics_and_the_interchange_brings_in_no_torch() -> None:
    code = (
        "import sys, pullback.geometry as g; g.statistics, g.export_npz, g.join_blocks; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
