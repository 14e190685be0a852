"""How much memory a metric adds to a process, as Linux sees it; to be called in a process of its own."""

from __future__ import annotations

import ctypes
import gc
import re
from pathlib import Path

import torch

from pullback.geometry import global_metric, metric_tensor
from toys import Convolutional, Euclidean

MIB = 2**20


def growth_of_the_process(method: str, bound: int) -> int:
    """Bytes by which this process grows at its peak for one metric of 512 dimensions and 128 × 128 pixels.

    Args:
        method: A method of `metric_tensor`, or `sketch`.
        bound: `max_memory` of the computation, in bytes.
    """
    torch.set_num_threads(1)
    generator, distance = Convolutional(512, 128), Euclidean()
    # Code that is loaded when it is first used is no memory of the computation.
    small = Convolutional(8, 8)
    global_metric(small, distance, "z", samples=2, max_memory=8 * MIB)
    for warmed in ("gram_iteration", "gram", "gauss_newton", "full_backprop"):
        metric_tensor(small, distance, torch.ones(8), "z", warmed, max_memory=8 * MIB)
    torch.linalg.eigh(torch.ones(512, 512).double() @ torch.ones(512, 512).double())
    gc.collect()
    # What was freed goes back, or it would be used again unseen.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    # Sets the high-water mark to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    if method == "sketch":
        global_metric(generator, distance, "z", samples=16, max_memory=bound)
    else:
        metric_tensor(generator, distance, torch.ones(512), "z", method, max_memory=bound)
    return _status("VmHWM") - before


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]
