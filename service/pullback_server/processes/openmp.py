"""How threads of OpenMP wait for each other."""

from __future__ import annotations

import os

# By default they spin at every barrier for a while: with one processor taken by somebody else, all the others wait for
# the thread that has none, and burn theirs. Asleep they cost what the neighbour takes, and no more.
_SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


def wait_without_spinning() -> None:
    """Sets it for this process, unless the operator has; before the first library with OpenMP is loaded."""
    if not os.environ.keys() & _SETTINGS.keys():
        os.environ.update(_SETTINGS)
