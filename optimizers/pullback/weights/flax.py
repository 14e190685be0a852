"""Convolutions as Flax names and lays them out, under the names and in the layout of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from pullback.errors import WeightsError


def convolutions_of(content: object, names: Sequence[str], what: object) -> dict[str, Tensor]:
    """The weights and biases of a network's convolutions.

    Args:
        content: `Conv_0`, `Conv_1`, …, each with a `kernel` of shape (height, width, in, out) and a `bias` (out).
        names: What each is called here, in their order.
        what: Whose they are, for errors.

    Returns:
        `NAME.weight` of shape (out, in, height, width) and `NAME.bias` of shape (out).

    Raises:
        WeightsError: There are others, or they have another shape.
    """
    expected = [f"Conv_{number}" for number in range(len(names))]
    if not isinstance(content, Mapping) or set(content) != set(expected):
        found = sorted(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise WeightsError(f"{what} should hold the convolutions {expected[0]} to {expected[-1]}, but holds {found}")
    tensors = {}
    for theirs, ours in zip(expected, names, strict=True):
        parts = content[theirs]
        kernel, bias = (parts.get(part) for part in ("kernel", "bias")) if isinstance(parts, Mapping) else (None, None)
        if not isinstance(kernel, Tensor) or not isinstance(bias, Tensor) or (kernel.ndim, bias.ndim) != (4, 1):
            raise WeightsError(f"{theirs} of {what} should hold a kernel of four axes and a bias of one")
        # (height, width, in, out) there, (out, in, height, width) here.
        tensors[f"{ours}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
        tensors[f"{ours}.bias"] = bias
    return tensors
