"""The meta device as an accelerator: tensors with shapes and no values, on which code runs and computes nothing.

What would cross between an accelerator and its host is seen here as well as there, and so is what would be alive.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental._config import patch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# What takes as many as there are of something takes as many as it may.
_MANY = 1 << 30
_OF_NUMBERS = (torch.tensor, torch.as_tensor, torch.Tensor.new_tensor)

aten = torch.ops.aten


class WithoutValues(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within, code runs on the meta device too that looks at values: all is finite, what comes to the host is zero.

    Attributes:
        crossings: What went from the device to the host and back, in order, each with its shape. Such a thing makes the
            host wait for the device.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.crossings: list[str] = []
        self._numbers = _Numbers(self.crossings)
        # A mask chooses all that it may.
        self._masks = patch(meta_nonzero_assume_all_nonzero=True)

    def __enter__(self) -> WithoutValues:
        self._masks.__enter__()
        self._numbers.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._numbers.__exit__(*error)
        self._masks.__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else None
        if not isinstance(first, Tensor):
            return func(*args, **kwargs)
        if first.is_meta and func is aten._local_scalar_dense.default:
            self.crossings.append(f"value of {first.dtype}")
            return True if first.dtype == torch.bool else 0.5 if first.is_floating_point() else _MANY
        if first.is_meta and func is aten.index.Tensor and any(map(_is_mask, args[1])):
            self.crossings.append("mask")
        if func is aten._to_copy.default and (device := kwargs.get("device")) is not None:
            if first.is_meta and torch.device(device).type == "cpu":
                self.crossings.append(f"{tuple(first.shape)} to the host")
                return torch.zeros(first.shape, dtype=kwargs.get("dtype") or first.dtype)
            if not first.is_meta and torch.device(device).type == "meta":
                self.crossings.append(f"{tuple(first.shape)} to the device")
        if func is aten.copy_.default and first.is_meta != args[1].is_meta:
            self.crossings.append(f"{tuple(first.shape)} to the {'device' if first.is_meta else 'host'}")
            if not first.is_meta:
                return first.zero_()
        return func(*args, **kwargs)


class _Numbers(TorchFunctionMode):
    """Notes the tensors that are made of numbers on the device: they are made on the host, and sent."""

    def __init__(self, crossings: list[str]) -> None:
        super().__init__()
        self._crossings = crossings

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func in _OF_NUMBERS and found.is_meta:
            self._crossings.append(f"numbers of shape {tuple(found.shape)} to the device")
        return found


def _is_mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype == torch.bool
