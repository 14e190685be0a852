"""Counting of memory where nothing is computed: tensors of the meta device stand for those of an accelerator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves

from pullback.memory.measurement import _LiveTensors

# Shared with the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from without_values import WithoutValues

GIB = 2**30


class _OnDevice(_LiveTensors):
    """Counts the tensors of the meta device alone."""

    def _meet(self, tree: Any, *, counted: bool) -> None:
        there = [tensor for tensor in tree_leaves(tree) if isinstance(tensor, Tensor) and tensor.is_meta]
        super()._meet(there, counted=counted)


def counted_peak(run: Callable[[], object]) -> int:
    """Bytes of the tensors of the meta device that are alive at once while it runs; those of before do not count."""
    with WithoutValues(), _OnDevice() as tensors:
        run()
    return int(tensors.peak)
