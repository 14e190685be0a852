"""Seeds derived from seeds, so that a draw depends on its own place and not on what was drawn before."""

from __future__ import annotations

import numpy as np

from pullback.errors import InvalidInputError


def derive_seed(seed: int, *place: int) -> int:
    """A 63-bit seed for one place in a computation; different places give independent streams.

    Args:
        seed: The computation's seed, any integer ≥ 0.
        place: Which draw it is, integers ≥ 0: the number of a batch, of an image, of a restart.

    Raises:
        InvalidInputError: A seed below 0.
    """
    if seed < 0:
        raise InvalidInputError(f"a seed is a whole number from 0 on, but {seed} came")
    # The place is a spawn key, as NumPy's SeedSequence.spawn would give it: (1,) and (1, 0) differ.
    state = np.random.SeedSequence(seed, spawn_key=place).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
