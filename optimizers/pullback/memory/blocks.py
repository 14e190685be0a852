"""Blocks: how many rows of a kind of work go through its networks at once, and what is done when memory is refused."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar
from weakref import ref

import torch
from torch import nn

from pullback.errors import MemoryExhaustedError
from pullback.memory.measurement import SHARE_OF_SEVERAL, measured, worth_while
from pullback.memory.refusals import is_refusal
from pullback.memory.sizes import size_text

_Found = TypeVar("_Found")


class Block:
    """How many rows of a kind of work its networks take at once.

    Attributes:
        kind: What is computed.
        device: Where.
        room: Bytes that it may take.
        peak: Bytes that one row was measured to take; None before that.
        worth: Rows that are worth while at once; None where there is no bound, and before that was measured.
        cap: Rows that are known to fit, after memory was refused for twice as many; None before that.
    """

    def __init__(
        self, device: torch.device, kind: str, room: int, networks: Sequence[nn.Module] = (), *, strict: bool = True
    ) -> None:
        self.kind = kind
        self.device = device
        self.room = room
        self.peak: int | None = None
        self.worth: int | None = None
        self.cap: int | None = None
        self._strict = strict
        self._networks = [ref(network) for network in networks]
        self._lock = threading.Lock()

    def serves(self, networks: Sequence[nn.Module]) -> bool:
        """Whether it is the block of those networks, besides the first."""
        return [known() for known in self._networks] == list(networks)

    def fits(self, row: Callable[[], object]) -> bool:
        """Whether one row fits, as far as is known.

        Args:
            row: As for `rows`; called where memory was given or is a device's own, and that was not measured before.
        """
        if self.peak is None and (self._strict or self.device.type != "cpu"):
            try:
                self._measure(row)
            except MemoryExhaustedError:
                self.peak = sys.maxsize
            if self.peak == sys.maxsize:
                _release(self.device)
        return self.peak is None or self.peak <= self.room

    def rows(self, wanted: int, row: Callable[[], object], *, lanes: int = 1) -> int:
        """How many rows may go at once: a power of two, or all that are wanted.

        Args:
            wanted: How many there are, or are worth while at once; at least 1.
            row: Computes one row as it will be computed later; called once, where that was not measured before.
            lanes: How many blocks are computed side by side.

        Raises:
            MemoryExhaustedError: Not even one row fits into a budget that was given, or memory is refused for one.
        """
        if self.peak is None and (wanted > 1 or self._strict):
            self._measure(row)
        fitting = wanted
        if self.worth is not None and self.worth < wanted:
            fitting = _power_of_two(self.worth)
        if self.peak:
            # A peak is at most as convex as its rows are many: see `largest_block`.
            several = int(SHARE_OF_SEVERAL * self.room / (self.peak * lanes))
            if several < fitting:
                fitting = _power_of_two(max(several, 1))
            if self._strict and fitting == 1 and self.peak > self.room:
                raise MemoryExhaustedError(
                    f"{self.kind}: one row takes about {size_text(self.peak)}, and {size_text(self.room)} of the "
                    "budget of memory are for it; give it more (PULLBACK_MEMORY, or --memory of the server), or take a "
                    "generator or a distance of a smaller size"
                )
        return min(fitting, wanted if self.cap is None else self.cap)

    def refuse(self, rows: int, error: BaseException) -> int:
        """Notes that memory was refused for so many rows; half of them are tried from now on.

        Returns:
            How many that is.

        Raises:
            MemoryExhaustedError: It was one row.
        """
        if rows == 1:
            needed = "" if self.peak is None else f" (it takes about {size_text(self.peak)})"
            raise MemoryExhaustedError(
                f"{self.kind}: memory was refused for a single row{needed}; end other programs that use the memory of "
                f"device {self.device}, give the server a machine with more, or take a generator or a distance of a "
                "smaller size"
            ) from error
        with self._lock:
            half = rows // 2
            self.cap = half if self.cap is None else min(self.cap, half)
        return half

    def _measure(self, row: Callable[[], object]) -> None:
        try:
            self.peak, maps = measured(row, self.device)
            self.worth = worth_while(maps, self.device)
        except Exception as error:
            if is_refusal(error):
                self.refuse(1, error)
            raise


def in_blocks(
    total: int, rows: int, block: Block, compute: Callable[[slice], _Found]
) -> Generator[None, None, list[_Found]]:
    """What a computation gives for so many rows, some at a time.

    Args:
        total: How many rows there are.
        rows: How many at once.
        block: Where it is remembered that memory was refused.
        compute: Called with which rows. It is called again for a part of them where memory is refused, so that it
            keeps nothing before it returns.

    Yields:
        Nothing, before each block: other work may be done then.

    Returns:
        What it gave for each block, in order.

    Raises:
        MemoryExhaustedError: Memory is refused for a single row.
    """
    found: list[_Found] = []
    for part in _parts(total, rows, block):
        yield
        found += in_smaller_blocks(part, block, compute)
    return found


def block_by_block(total: int, rows: int, block: Block, compute: Callable[[slice], _Found]) -> Iterator[_Found]:
    """What `in_blocks` gives, each part of it when it is asked for; arguments and errors are the same."""
    for part in _parts(total, rows, block):
        parts = in_smaller_blocks(part, block, compute)
        while parts:
            # Nothing of it is held here while it is in use there.
            yield parts.pop(0)


def in_smaller_blocks(part: slice, block: Block, compute: Callable[[slice], _Found]) -> list[_Found]:
    """What a computation gives for some rows: at once, or, where memory is refused for that, half as many at a time.

    Arguments and errors are those of `in_blocks`.
    """
    found: list[_Found] = []
    size, start = part.stop - part.start, part.start
    if block.cap is not None:
        size = min(size, block.cap)
    while start < part.stop:
        some = slice(start, min(start + size, part.stop))
        refused = False
        try:
            found.append(compute(some))
        except Exception as error:
            if not is_refusal(error):
                raise
            size = block.refuse(some.stop - some.start, error)
            refused = True
        if refused:
            # Now that the error is gone, nothing holds what it had computed.
            _release(block.device)
        else:
            start = some.stop
    return found


def _parts(total: int, rows: int, block: Block) -> Iterator[slice]:
    start = 0
    while start < total:
        stop = start + min(rows, total - start, rows if block.cap is None else block.cap)
        yield slice(start, stop)
        start = stop


def _release(device: torch.device) -> None:
    """Gives back what is free on a device but kept for later."""
    # Circles of frames and errors that hold tensors are young.
    gc.collect(1)
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _power_of_two(rows: int) -> int:
    return 1 << (rows.bit_length() - 1)
