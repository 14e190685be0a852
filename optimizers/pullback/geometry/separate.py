"""Separate eigenbases of a space's blocks, such as noise and class, with no mixing between the blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pullback.errors import IncompatibleEigenbasisError, InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis, Provenance


def join_blocks(bases: Sequence[Eigenbasis], space: str) -> Eigenbasis:
    """One orthonormal basis of a whole space, from eigenbases of its blocks.

    The metric is block-diagonal, and known where that of every block is. The eigenvalues of all blocks descend
    together, and each eigenvector is exactly zero outside its block: Wang & Ponce (ICLR 2021) precondition BigGAN's
    noise and class so. Where a block's metric was averaged over the prior of the whole input, as `global_metric` does,
    this is, but for sampling, what `separate_blocks` makes of the metric of the whole.

    Args:
        bases: Eigenbases of the blocks, at least 2, in the order in which their coordinates follow each other.
        space: Name of the whole space.

    Returns:
        The basis of the whole. Its provenance is that of the first block, but for `space`, for `method`, which is
        `separate(…)` with the method, samples and seed of every block, for `samples`, the fewest of any block, and
        for `agreement`, which is not known of the whole.

    Raises:
        InvalidInputError: There are fewer than 2 blocks.
        IncompatibleEigenbasisError: The blocks belong to different generators, weights or distances.
    """
    if len(bases) < 2:
        raise InvalidInputError(f"a separate basis joins at least 2 blocks, but {len(bases)} came")
    for basis in bases[1:]:
        _check_same_source(bases[0].provenance, basis.provenance)
    provenance = replace(
        bases[0].provenance,
        space=space,
        method=f"separate({'; '.join(_account(basis.provenance) for basis in bases)})",
        samples=min(basis.provenance.samples for basis in bases),
        agreement=None,
    )
    return _joined(bases, provenance)


def separate_blocks(basis: Eigenbasis, sizes: Mapping[str, int]) -> Eigenbasis:
    """The eigenbasis of a metric without what lies off its diagonal blocks; see `join_blocks`.

    Args:
        basis: Eigenbasis of the whole space.
        sizes: Number of coordinates of each block by name, at least 2 blocks, in the order in which they follow
            each other: `{"noise": 100, "class": 8}`.

    Returns:
        The basis of the whole, with the provenance of `basis` but for `method`, which is `separate(…)` with the
        method, samples and seed of `basis`, and for `agreement`, which is not known of what is left.

    Raises:
        InvalidInputError: The sizes do not add up to the dimensions of the basis, there are fewer than 2 blocks, or
            the images do not change with a block; the message names it.
    """
    if len(sizes) < 2 or min(sizes.values()) < 1 or sum(sizes.values()) != basis.dim:
        raise InvalidInputError(
            f"at least 2 blocks that share the {basis.dim} dimensions of the basis are needed, "
            f"but blocks of {', '.join(f'{name}: {size}' for name, size in sizes.items()) or 'none'} came"
        )
    bases = []
    start = 0
    for name, size in sizes.items():
        block = slice(start, start + size)
        try:
            bases.append(basis.restricted(block, replace(basis.provenance, space=name)))
        except InvalidInputError as error:
            raise InvalidInputError(f"block {name!r}: {error}") from None
        start += size
    method = f"separate({_account(basis.provenance)})"
    return _joined(bases, replace(basis.provenance, method=method, agreement=None))


def _joined(bases: Sequence[Eigenbasis], provenance: Provenance) -> Eigenbasis:
    n, k = sum(basis.dim for basis in bases), sum(basis.k for basis in bases)
    vectors = np.zeros((n, k))
    metric = np.zeros((n, n)) if all(basis.metric is not None for basis in bases) else None
    row = column = 0
    for basis in bases:
        block = slice(row, row + basis.dim)
        if metric is not None:
            metric[block, block] = basis.metric
        vectors[block, column : column + basis.k] = basis.eigenvectors
        row, column = block.stop, column + basis.k
    eigenvalues = np.concatenate([basis.eigenvalues for basis in bases])
    order = np.argsort(-eigenvalues, kind="stable")
    # One floor for what no block holds, so that the trace stays.
    floor = sum(basis.floor * (basis.dim - basis.k) for basis in bases) / (n - k) if k < n else 0.0
    return Eigenbasis(eigenvalues[order], vectors[:, order], metric, provenance, floor=floor)


def _account(provenance: Provenance) -> str:
    return f"{provenance.space}: {provenance.method} of {provenance.samples}, seed {provenance.seed}"


def _check_same_source(first: Provenance, other: Provenance) -> None:
    differences = [
        f"{name.replace('_', ' ')} is {getattr(first, name)!r} of {first.space!r} and {getattr(other, name)!r} of "
        f"{other.space!r}"
        for name in ("generator", "weights_hash", "distance", "distance_hash")
        if getattr(first, name) != getattr(other, name)
    ]
    if differences:
        raise IncompatibleEigenbasisError(
            f"the blocks were computed for different things: {'; '.join(differences)}; "
            "join blocks of one generator under one distance"
        )
