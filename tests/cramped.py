"""A generator and a distance to which memory is refused for more than some rows at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from toys import Curved, Smooth

REFUSALS: dict[str, tuple[type[Exception], str]] = {
    "system": (MemoryError, ""),
    "torch": (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB"),
    "cuBLAS": (RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "cuDNN": (RuntimeError, "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    "CPU": (RuntimeError, "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
}


def refuse(refusal: str) -> None:
    """Raises what says that memory was refused."""
    kind, message = REFUSALS[refusal]
    raise kind(message)


class _Backward(torch.autograd.Function):
    """What it is given; refuses memory on the way back."""

    @staticmethod
    def forward(context: Any, values: Tensor, most: int, refusal: str) -> Tensor:
        context.most, context.refusal = most, refusal
        return values.clone()

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        if len(slope) > context.most:
            refuse(context.refusal)
        return slope, None, None


class CrampedGenerator(Smooth):
    """Is refused memory for more than `most` rows, forwards, or only on the way back.

    Attributes:
        rows: Of every forward pass.
    """

    def __init__(self, most: int, refusal: str = "system", *, backwards: bool = False) -> None:
        super().__init__()
        self.most = most
        self.refusal = refusal
        self.backwards = backwards
        self.rows: list[int] = []

    def synthesize(self, inputs: Tensor) -> Tensor:
        self.rows.append(len(inputs))
        if self.backwards:
            return super().synthesize(_Backward.apply(inputs, self.most, self.refusal))
        if len(inputs) > self.most:
            refuse(self.refusal)
        return super().synthesize(inputs)


class CrampedDistance(Curved):
    """Is refused memory for more than `most` rows."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def embed(self, images: Tensor) -> Tensor:
        if len(images) > self.most:
            refuse("CPU")
        return super().embed(images)
