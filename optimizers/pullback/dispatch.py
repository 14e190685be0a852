"""Dispatch mode: sees every operation of torch that is done within."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode


class DispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Base of the modes that count something, in their `__torch_dispatch__`."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Otherwise torch loads its compiler at the first operation, which takes seconds, to keep it from this method.
        return False
