"""GANSpace's `.npz` (Härkönen et al., NeurIPS 2020)."""

from __future__ import annotations

import numpy as np

from pullback.directions.formats.arrays import read_npz
from pullback.directions.formats.published import Published, Target, check_rows
from pullback.errors import InvalidInputError

_BEHIND_MAPPING = ("w", "w+")


def read(content: bytes, target: Target) -> Published:
    """The components as latents move: `lat_comp`, shape (k, 1, n) or (k, n).

    They are ranked by the variance of the activations along them, `act_stdev` squared, shape (k,), where it is there.
    `lat_stdev` is 1 everywhere in a file of latents before the mapping network, and only there: a file of the wrong
    side of it is refused. `act_comp` and the means are of activations, and not read.

    Raises:
        InvalidInputError: The file is no npz file, has no `lat_comp`, shapes that do not go together, or directions of
            another space.
    """
    arrays = read_npz(content, ("lat_comp", "act_stdev", "lat_stdev"))
    if "lat_comp" not in arrays:
        raise InvalidInputError("a file of GANSpace has the array lat_comp, but this one has none")
    components = arrays["lat_comp"]
    if components.ndim == 3 and components.shape[1] == 1:
        components = components[:, 0]
    check_rows(components, target, "lat_comp of GANSpace has the shape (k, 1, n)")
    k = len(components)
    for name in ("act_stdev", "lat_stdev"):
        if name in arrays and arrays[name].shape != (k,):
            raise InvalidInputError(f"{name} beside {k} components has shape ({k},), but {arrays[name].shape} came")
    if "lat_stdev" in arrays:
        _check_side(bool((arrays["lat_stdev"] == 1).all()), target)
    values = arrays["act_stdev"] ** 2 if "act_stdev" in arrays else np.full(k, np.nan)
    return Published(components, values)


def _check_side(before: bool, target: Target) -> None:
    if before == (target.space in _BEHIND_MAPPING):
        found, other = ("before", "z") if before else ("behind", "w")
        raise InvalidInputError(
            f"lat_stdev says that these components were found {found} a mapping network, so they are no directions of "
            f"{target.space!r}; import them for {other!r}"
        )
