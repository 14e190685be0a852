"""StyleCLIP's global directions, `fs3.npy` (Patashnik et al., ICCV 2021)."""

from __future__ import annotations

import numpy as np

from pullback.directions.formats.arrays import read_npy
from pullback.directions.formats.published import Published, Target
from pullback.errors import InvalidInputError


def read(content: bytes, target: Target) -> Published:
    """The axes along which latents change most of what CLIP sees.

    The file is a matrix R, shape (n, c): row i is the direction, in CLIP's embedding, of what moving coordinate i does
    to images. It holds no direction of the latent by itself; a text's direction Δt becomes one, R Δt. All of these lie
    in the span of the left singular vectors of R, which are what is imported, ranked by their singular values.

    The coordinates of the published files are the channels of style space, behind a generator's affine layers. They are
    none of z, w or w+, and layers that share a w cannot move theirs apart, so such a file is refused. A matrix that was
    measured over the coordinates of the space is taken.

    Raises:
        InvalidInputError: The file is no npy file of this shape, is not finite, or is zero.
    """
    matrix = read_npy(content)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise InvalidInputError(f"fs3 has one row for each coordinate, shape (n, c), but shape {matrix.shape} came")
    if len(matrix) != target.dim:
        raise InvalidInputError(
            f"fs3 has {len(matrix)} rows, but space {target.space!r} has {target.dim} coordinates: the published rows "
            "are channels of style space, behind the affine layers, and no coordinates of a latent; import a matrix "
            "that was measured over the coordinates of this space"
        )
    if not np.isfinite(matrix).all():
        raise InvalidInputError("fs3 is finite, but NaN or infinity came, as from coordinates that change no image")
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    rank = int((values > values[0] * max(matrix.shape) * np.finfo(np.float32).eps).sum())
    if rank == 0:
        raise InvalidInputError("fs3 is zero, so no coordinate changes what CLIP sees")
    return Published(left[:, :rank].T, values[:rank])
