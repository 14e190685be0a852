"""Precision while derivatives are taken: full float32, without warnings."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

_Found = TypeVar("_Found")


@contextmanager
def full_precision() -> Iterator[None]:
    """Within, float32 products have 24 bits: no TensorFloat-32, no bfloat16; the settings of before come back after.

    TensorFloat-32 has 11 bits, and cuDNN's convolutions use it unless told otherwise. Silences, too, the warning that
    torch gives of itself when it first compiles its forward-mode formulas.
    """
    settings = _settings()
    before = [getattr(backend, name) for backend, name, _ in settings]
    try:
        for backend, name, exact in settings:
            setattr(backend, name, exact)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
            yield
    finally:
        for (backend, name, _), value in zip(settings, before, strict=True):
            setattr(backend, name, value)


def in_full_precision(pieces: Generator[None, None, _Found]) -> Generator[None, None, _Found]:
    """The same pieces, each within `full_precision`; whatever is done between them is not."""
    while True:
        try:
            with full_precision():
                next(pieces)
        except StopIteration as finished:
            found: _Found = finished.value
            return found
        yield


def _settings() -> list[tuple[Any, str, Any]]:
    """Where precision is set, under which name, and the value that means full precision."""
    backends: Any = torch.backends
    # torch 2.9 brought an interface of its own for this, and refuses a mixture of both.
    if hasattr(backends.cudnn, "conv"):
        places = [backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv]
        return [(place, "fp32_precision", "ieee") for place in places]
    return [(backends.cuda.matmul, "allow_tf32", False), (backends.cudnn, "allow_tf32", False)]
