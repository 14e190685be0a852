"""Memory that a computation adds, and blocks that keep it under a bound."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_leaves

from pullback.dispatch import DispatchMode

# What a process takes, in units of the tensors that are counted. On the CPU, oneDNN copies the input, the output and
# the weights of a convolution into a layout of its own: one image or direction took 1.4 to 2.2 times its tensors. On
# CUDA the allocator sees what kernels take, and the room is for fragments.
_SCRATCH_CPU = 2.25
_SCRATCH_CUDA = 1.1
# Where many go through at once, tensors of megabytes come and go and leave gaps in the heap: 16 took up to 3 times
# their tensors. So a block of several has this share of the room.
SHARE_OF_SEVERAL = 0.75
# glibc keeps smaller pieces for the next that asks (`M_MMAP_THRESHOLD`, at its greatest). Larger ones it has from the
# system each time, page by page and cleared, which took longer than to compute what is in them: of StyleGAN2's 256 px,
# 16 MiB a map, each of two rows at once cost twice what one alone did.
_KEPT_CPU = 32 * 2**20


class Measured(NamedTuple):
    """What a computation takes.

    Attributes:
        peak: Bytes that it adds at its peak, with room for the scratch memory of kernels.
        maps: Bytes of the largest maps that a convolution gave; 0 where there was none, and on CUDA.
    """

    peak: int
    maps: int


class _LiveTensors(DispatchMode):
    """Counts the bytes of tensors that come into being within, and that are still alive, after every operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self.maps = 0
        self._alive: dict[int, tuple[Any, int]] = {}
        # Bytes of what was alive when that was looked at last, and of all that came since.
        self._most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        # A storage that is first met as an argument was there before.
        self._meet((args, kwargs), counted=False)
        result = func(*args, **kwargs)
        self._meet(result, counted=True)
        if func is torch.ops.aten.convolution.default:
            self.maps = max(self.maps, result.untyped_storage().nbytes())
        # As long as all of it together is no new peak, what has gone need not be known.
        if self._most > self.peak:
            self._alive = {key: known for key, known in self._alive.items() if not known[0].expired()}
            self._most = sum(size for _, size in self._alive.values())
            self.peak = max(self.peak, self._most)
        return result

    def _meet(self, tree: Any, *, counted: bool) -> None:
        for tensor in tree_leaves(tree):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                reference: Any = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                known = self._alive.get(reference.cdata)
                if known is None or known[0].expired():
                    size = storage.nbytes() if counted else 0
                    self._alive[reference.cdata] = (reference, size)
                    self._most += size - (known[1] if known is not None else 0)


def measured(run: Callable[[], object], device: torch.device) -> Measured:
    """What a computation takes; it runs once.

    On CUDA the peak is what torch's allocator says; on the CPU, the live tensors after each operation.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        return Measured(math.ceil(_SCRATCH_CUDA * (torch.cuda.max_memory_allocated(device) - before)), 0)
    with _LiveTensors() as tensors:
        run()
    # The meta device stands for an accelerator whose memory is counted before there is one.
    scratch = _SCRATCH_CPU if device.type == "cpu" else _SCRATCH_CUDA
    return Measured(math.ceil(scratch * int(tensors.peak)), int(tensors.maps))


def measured_peak(run: Callable[[], object], device: torch.device) -> int:
    """Bytes that a computation adds at its peak; see `measured`."""
    return measured(run, device).peak


def worth_while(maps: int, device: torch.device) -> int | None:
    """How many rows are worth while at once where one has maps of so many bytes; None where there is no bound.

    It follows from the networks alone, so that results do.
    """
    return max(1, (_KEPT_CPU - 1) // maps) if maps and device.type == "cpu" else None


def largest_block(peak_of: Callable[[int], int], limit: int, room: int) -> tuple[int, int]:
    """The largest number of latents or directions that go through a network at once within some room.

    A peak is the greatest of many sums p + b q over a run, p fixed and q a piece's share. So it is convex in b, and
    peak(b') ≤ b'/b peak(b): a block that is measured bounds every larger one, and none overshoots the room. A block of
    several leaves a part of it to the gaps in the heap.

    Args:
        peak_of: Measures the peak of a block of that size.
        limit: The largest size that is wanted, at least 1.
        room: Bytes.

    Returns:
        The size, and the bytes that it needs. The size is 0 where not even 1 fits; the bytes are those of 1 then.
    """
    block, peak = 1, peak_of(1)
    if peak > room:
        return 0, peak
    while block < limit:
        larger = min(limit, int(block * SHARE_OF_SEVERAL * room / max(peak, 1)))
        # What is left to be gained is not worth another measurement.
        if larger < 1.2 * block:
            break
        block, peak = larger, peak_of(larger)
    return block, peak
