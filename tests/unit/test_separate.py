"""Block-diagonal bases: of blocks put together, and of a whole taken apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metrics import PROVENANCE, basis_with
from pullback.errors import IncompatibleEigenbasisError, InvalidInputError
from pullback.geometry import Eigenbasis, join_blocks, separate_blocks

NOISE = replace(PROVENANCE, space="noise", samples=500)
CLASS = replace(PROVENANCE, space="class", samples=400, seed=8, method="gram")


def test_blocks_become_one_basis_that_descends_and_never_mixes_them() -> None:
    noise, classes = basis_with([9.0, 4.0, 1.0], 0, NOISE), basis_with([6.0, 2.0], 1, CLASS)
    whole = join_blocks([noise, classes], "full")
    np.testing.assert_allclose(whole.eigenvalues, [9, 6, 4, 2, 1])
    of_noise, of_class = [0, 2, 4], [1, 3]
    np.testing.assert_array_equal(whole.eigenvectors[:3, of_noise], noise.eigenvectors)
    np.testing.assert_array_equal(whole.eigenvectors[3:, of_class], classes.eigenvectors)
    assert not whole.eigenvectors[3:, of_noise].any()
    assert not whole.eigenvectors[:3, of_class].any()
    rebuilt = whole.eigenvectors * whole.eigenvalues @ whole.eigenvectors.T
    np.testing.assert_allclose(rebuilt, whole.metric, atol=1e-13)
    np.testing.assert_array_equal(whole.metric[:3, :3], noise.metric)
    assert not whole.metric[:3, 3:].any()


def test_provenance_says_what_was_joined() -> None:
    whole = join_blocks([basis_with([9.0, 4.0], 0, NOISE), basis_with([6.0], 1, CLASS)], "full")
    assert whole.provenance == replace(
        NOISE,
        space="full",
        samples=400,
        method="separate(noise: sketch of 500, seed 7; class: gram of 400, seed 8)",
    )


def test_a_whole_metric_loses_what_lies_off_its_blocks() -> None:
    basis = basis_with([9.0, 5.0, 3.0, 2.0, 1.0], 3, replace(PROVENANCE, space="full", agreement=0.99))
    separate = separate_blocks(basis, {"noise": 3, "class": 2})
    np.testing.assert_array_equal(separate.metric[:3, :3], basis.metric[:3, :3])
    np.testing.assert_array_equal(separate.metric[3:, 3:], basis.metric[3:, 3:])
    assert not separate.metric[:3, 3:].any()
    expected = np.concatenate([np.linalg.eigvalsh(basis.metric[:3, :3]), np.linalg.eigvalsh(basis.metric[3:, 3:])])
    np.testing.assert_allclose(separate.eigenvalues, np.sort(expected)[::-1])
    # Every eigenvector stands in one block alone.
    in_noise, in_class = separate.eigenvectors[:3].any(axis=0), separate.eigenvectors[3:].any(axis=0)
    assert (in_noise != in_class).all()
    assert in_noise.sum() == 3
    method = "separate(full: sketch of 2000, seed 7)"
    assert separate.provenance == replace(basis.provenance, method=method, agreement=None)


def test_taking_apart_and_putting_together_agree() -> None:
    basis = basis_with([9.0, 5.0, 3.0, 2.0], 3)
    blocks = [Eigenbasis.from_metric(basis.metric[part, part], PROVENANCE) for part in (slice(0, 2), slice(2, 4))]
    joined, separate = join_blocks(blocks, "z"), separate_blocks(basis, {"a": 2, "b": 2})
    np.testing.assert_array_equal(joined.eigenvectors, separate.eigenvectors)
    np.testing.assert_array_equal(joined.eigenvalues, separate.eigenvalues)


def test_a_separate_basis_serves_its_whole_space_and_goes_through_a_file() -> None:
    whole = join_blocks([basis_with([9.0, 4.0], 0, NOISE), basis_with([6.0], 1, CLASS)], "full")
    again = Eigenbasis.from_bytes(whole.to_bytes())
    assert again.provenance == whole.provenance
    again.check_serves(generator="faces", weights_hash="ab" * 32, space="full")


def test_blocks_that_do_not_belong_together_are_refused() -> None:
    noise = basis_with([9.0, 4.0], 0, NOISE)
    with pytest.raises(IncompatibleEigenbasisError, match="distance is 'mse' of 'noise' and 'lpips' of 'class'"):
        join_blocks([noise, basis_with([1.0], 0, replace(CLASS, distance="lpips"))], "full")
    with pytest.raises(IncompatibleEigenbasisError, match=r"weights hash is 'ab.* and 'cd' of 'class'; join"):
        join_blocks([noise, noise, basis_with([1.0], 0, replace(CLASS, weights_hash="cd"))], "full")
    with pytest.raises(InvalidInputError, match="joins at least 2 blocks, but 1 came"):
        join_blocks([noise], "full")


@pytest.mark.parametrize("sizes", [{}, {"a": 3}, {"a": 1, "b": 1}, {"a": 3, "b": 0}, {"a": 4, "b": -1}])
def test_blocks_that_do_not_tile_the_space_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match="at least 2 blocks that share the 3 dimensions"):
        separate_blocks(basis_with([3.0, 2.0, 1.0]), sizes)


def test_a_block_that_changes_nothing_is_named() -> None:
    basis = Eigenbasis.from_metric(np.diag([2.0, 1.0, 0.0]), PROVENANCE)
    with pytest.raises(InvalidInputError, match=r"block 'class': the largest eigenvalue is 0.* do not change"):
        separate_blocks(basis, {"noise": 2, "class": 1})
