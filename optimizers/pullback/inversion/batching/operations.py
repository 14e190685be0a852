"""Operations: what there is to compute in a pass through networks, as the size of its products says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pullback.dispatch import DispatchMode


class _Operations(DispatchMode):
    """Counts multiplications and additions of what is done within."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        count = _COUNTS.get(func)
        if count is not None:
            self.count += count(result, *args)
        return result


def operations_of(run: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions of a computation; it runs once."""
    with torch.no_grad(), _Operations() as operations:
        run()
    return int(operations.count)


def _of_product(result: Tensor, left: Tensor, right: Tensor) -> int:
    del right
    return 2 * result.numel() * left.shape[-1]


def _of_sum(result: Tensor, added: Tensor, left: Tensor, right: Tensor) -> int:
    del added
    return _of_product(result, left, right)


def _of_convolution(result: Tensor, images: Tensor, weight: Tensor, *others: Any) -> int:
    # Every entry of the filters meets every position, of what comes out or, transposed, of what goes in.
    transposed = others[4]
    positions = (images if transposed else result).shape[2:]
    return 2 * len(images) * math.prod(positions) * weight.numel()


_aten = torch.ops.aten
_COUNTS: dict[Any, Callable[..., int]] = {
    _aten.mm.default: _of_product,
    _aten.bmm.default: _of_product,
    _aten.addmm.default: _of_sum,
    _aten.baddbmm.default: _of_sum,
    _aten.convolution.default: _of_convolution,
}
