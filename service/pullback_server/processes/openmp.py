"""OpenMP's waits: how its threads wait for each other."""

from __future__ import annotations

import os

# By default they spin at every barrier for long: with one processor taken by somebody else, all the others wait for the
# thread that has none, and burn theirs. Put to sleep at once, they take longer to wake than a small kernel takes. So
# they spin for some microseconds and sleep then. (A step of an inversion on two processors, quiet and beside two busy
# neighbours: 59 and over 1,000 ms spinning, 177 asleep, 47 and 114 like this.)
_SETTINGS = {"GOMP_SPINCOUNT": "20000", "KMP_BLOCKTIME": "0"}
_OPERATORS = {"OMP_WAIT_POLICY", *_SETTINGS}


def wait_with_short_spins() -> None:
    """Sets it for this process, unless the operator has; before the first library with OpenMP is loaded."""
    if not os.environ.keys() & _OPERATORS:
        os.environ.update(_SETTINGS)
