"""Heap of the process: what stays for good is not looked through again, and memory that is free is given back."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def settle() -> None:
    """Has the collector of cycles leave alone what is there now: modules and classes, for a server that has started.

    A full collection holds the interpreter's lock, whatever thread it comes up in, and so the event loop: for a sixth
    of a second with the 250,000 objects of a server that does nothing yet.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def importing() -> Iterator[None]:
    """Has the collector of cycles leave alone what is imported within, now and later.

    Modules and classes stay for good, and are looked through again and again as more of them come: of the two seconds
    of a processor that importing torch takes, a fifth of one.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def give_back_memory() -> None:
    """Gives back what the C library keeps of freed memory, where it can be told to."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
