"""Lanes: threads that compute chunks of rows side by side, each with a few threads for its kernels, often one.

The kernels of a small network gain little or nothing from several threads, which meet at the end of every kernel and,
on a busy machine, wait for each other there. Lanes meet nowhere but at the end of their chunks. What a kernel computes
may depend on how many threads it has; so how many it has depends on the networks and the processor alone, never on how
many chunks there are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from threading import Barrier
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch

from pullback.distances.distance import EmbeddingDistance
from pullback.generators.generator import Generator as ImageGenerator
from pullback.inversion.batching.operations import operations_of

# Floating-point operations of a forward pass of one row that keep a thread busy: the kernels of DCGAN's 64 px under
# EfficientNet-Lite0, of 0.34e9, gain nothing from a second one.
PER_THREAD = 5e8

_Found = TypeVar("_Found")

_operations: WeakKeyDictionary[ImageGenerator, WeakKeyDictionary[EmbeddingDistance, int]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Lanes:
    """How many chunks are computed side by side.

    Attributes:
        count: That number.
        threads: How many threads the kernels of each have.
    """

    count: int
    threads: int


def lanes_of(generator: ImageGenerator, distance: EmbeddingDistance) -> Lanes:
    """The lanes for rows of a generator and a distance, on the threads that the calling thread has for its kernels.

    On a CPU each lane has as many threads as the networks keep busy, and there are as many lanes as there are threads
    for. Elsewhere there is one.
    """
    available = torch.get_num_threads()
    if generator.device.type != "cpu":
        return Lanes(1, available)
    known = _operations.setdefault(generator, WeakKeyDictionary())
    if distance not in known:
        known[distance] = _count(generator, distance)
    threads = min(max(1, math.ceil(known[distance] / PER_THREAD)), available)
    return Lanes(available // threads, threads)


def in_lanes(calls: Sequence[Callable[[], _Found]], lanes: Lanes) -> Generator[None, None, list[_Found]]:
    """What calls return that compute chunks of rows.

    Args:
        calls: They have nothing to do with each other, and set their grad mode themselves.
        lanes: Where they are made.

    Yields:
        Nothing, before some of the calls are made, one in each lane: other work may be done then. None of them is
        under way.

    Returns:
        What each returned, in their order.
    """
    found: list[_Found] = []
    for start in range(0, len(calls), lanes.count):
        yield
        some = calls[start : start + lanes.count]
        # One lane with all threads is the calling thread.
        alone = lanes.threads == torch.get_num_threads()
        found += [call() for call in some] if alone else _side_by_side(some, lanes)
    return found


def _count(generator: ImageGenerator, distance: EmbeddingDistance) -> int:
    """Floating-point operations of matrix products and convolutions of a forward pass of one row."""
    return operations_of(lambda: distance.embed(generator.synthesize(generator.default_context[None])))


def _side_by_side(calls: Sequence[Callable[[], _Found]], lanes: Lanes) -> list[_Found]:
    executor = _executor(lanes)
    futures = [executor.submit(call) for call in calls]
    # All of them, also where one has failed: none is under way when other work is done.
    wait(futures)
    return [future.result() for future in futures]


@cache
def _executor(lanes: Lanes) -> ThreadPoolExecutor:
    """Threads that live on, one for each lane."""
    own = torch.get_num_threads()
    executor = ThreadPoolExecutor(lanes.count, "lane", _begin, (lanes.threads,))
    # All of them begin now: each also sets what threads get that begin later, which is set back at the end.
    begun = Barrier(lanes.count + 1)
    try:
        for _ in range(lanes.count):
            executor.submit(begun.wait)
        begun.wait()
    except BaseException:
        # Where one could not be started, the others wait no longer.
        begun.abort()
        raise
    finally:
        torch.set_num_threads(own)
    return executor


def _begin(threads: int) -> None:
    # A thread takes over the number of others when it first asks for its own.
    torch.get_num_threads()
    torch.set_num_threads(threads)


# Threads do not live on in a process that is forked.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_executor.cache_clear)
