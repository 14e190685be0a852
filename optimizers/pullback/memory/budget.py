"""Budget of a process's memory on a device, and the blocks of rows that stay within it."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable
from weakref import WeakKeyDictionary

import torch
from torch import nn

from pullback.errors import InvalidInputError
from pullback.memory.blocks import Block
from pullback.memory.free import free_bytes
from pullback.memory.sizes import bytes_of

# Of what is free, where nobody has said what may be taken. The CPU's memory is everybody's.
_SHARE_CPU = 0.5
_SHARE_CUDA = 0.8

# Shares of a budget. A device may have two processes, one that is at jobs and one that answers calls beside it: what
# both do takes the smaller share in either, so that its blocks, and so the last bits of its results, are the same.
JOBS = 0.75
CALLS = 0.25


class MemoryBudget:
    """What a process may take on a device beside the weights of its networks.

    The same budget makes the same blocks: a result depends on its request, and on nothing that is free at the moment.

    Attributes:
        device: The device.
        bytes: How much that is.
        given: Whether somebody has said so. One that was given is kept to: where not even one row fits, nothing is
            computed. A share of what happened to be free is no reason to give up, and one row is tried then.
    """

    def __init__(self, device: torch.device, limit: int, *, given: bool = True) -> None:
        if limit < 1:
            raise InvalidInputError(f"a budget of memory is a number of bytes from 1 on, but {limit} came")
        self.device = device
        self.bytes = limit
        self.given = given
        self._lock = threading.Lock()
        self._blocks: WeakKeyDictionary[nn.Module, dict[Hashable, Block]] = WeakKeyDictionary()

    def room(self, share: float = JOBS) -> int:
        """Bytes of a share, for work that cuts itself: an estimator's sums, columns of J."""
        return int(share * self.bytes)

    def block(self, kind: str, *networks: nn.Module, share: float = JOBS) -> Block:
        """The block of a kind of work, the same one whenever it is asked for.

        Args:
            kind: What is computed, with all that a row's memory depends on beside the networks.
            networks: What it goes through, at least one.
            share: Which part of the budget it may take: `CALLS` for what short calls do too.
        """
        first, *others = networks
        # Those others live as long as the first, as a rule; a number that is used again would be another's.
        key = (kind, share, *(id(other) for other in others))
        with self._lock:
            known = self._blocks.setdefault(first, {})
            if key not in known or not known[key].serves(others):
                known[key] = Block(self.device, kind, self.room(share), others, strict=self.given)
            return known[key]


_lock = threading.Lock()
_budgets: dict[torch.device, MemoryBudget] = {}


def budget_of(device: torch.device | str) -> MemoryBudget:
    """This process's budget on a device: what `set_budget` or `PULLBACK_MEMORY` says, or a share of what is free.

    Raises:
        InvalidInputError: `PULLBACK_MEMORY` is no size.
    """
    place = _indexed(device)
    with _lock:
        if place not in _budgets:
            said = os.environ.get("PULLBACK_MEMORY")
            limit = bytes_of(said) if said else default_bytes(place)
            _budgets[place] = MemoryBudget(place, limit, given=bool(said))
        return _budgets[place]


def set_budget(device: torch.device | str, limit: int, *, given: bool = True) -> MemoryBudget:
    """Says what this process may take on a device, from now on.

    Args:
        device: The device.
        limit: Bytes, at least 1.
        given: Whether somebody has said so; see `MemoryBudget`.

    Raises:
        InvalidInputError: It is below 1.
    """
    place = _indexed(device)
    budget = MemoryBudget(place, limit, given=given)
    with _lock:
        _budgets[place] = budget
    return budget


def default_bytes(device: torch.device, processes: int = 1) -> int:
    """A share of what is free, rounded so that what is a little more or less free gives the same blocks.

    Args:
        device: The device.
        processes: How many share its memory in this way.
    """
    share = (_SHARE_CUDA if device.type == "cuda" else _SHARE_CPU) * free_bytes(device) / processes
    return rounded(max(int(share), 2**20))


def rounded(size: int) -> int:
    """The largest of 4, 5, 6 and 7 times a power of two that is no larger."""
    step = 1 << max(size.bit_length() - 3, 0)
    return size // step * step


def _indexed(device: torch.device | str) -> torch.device:
    place = torch.device(device)
    return torch.device("cuda", torch.cuda.current_device()) if place == torch.device("cuda") else place
