"""Spectral normalisation in evaluation mode: published weights divided by their stored spectral norms."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from pullback.errors import WeightsError

_ORIGINAL, _LEFT, _RIGHT = ".weight_orig", ".weight_u", ".weight_v"


def fold_spectral_norm(state: Mapping[str, Tensor], transposed: Collection[str] = ()) -> dict[str, Tensor]:
    """A state dict whose layers under `torch.nn.utils.spectral_norm` have become plain ones.

    For each layer X, `X.weight_orig`, `X.weight_u` and `X.weight_v` become `X.weight` = W / σ with σ = uᵀ M v, where M
    is W with the axis of the outputs first and the others flattened. This is what the layer computes in evaluation
    mode: u and v are those of its last training step, and nothing is iterated (Miyato et al., ICLR 2018, algorithm 1).

    Args:
        state: Tensors by name; those of other layers stay as they are.
        transposed: Layers that are transposed convolutions, whose outputs are axis 1 of the weight.

    Raises:
        WeightsError: A layer has an original weight without u or v, or of sizes that do not belong together.
    """
    folded = dict(state)
    for layer in [name.removesuffix(_ORIGINAL) for name in state if name.endswith(_ORIGINAL)]:
        weight = folded.pop(layer + _ORIGINAL)
        left, right = folded.pop(layer + _LEFT, None), folded.pop(layer + _RIGHT, None)
        if left is None or right is None:
            missing = layer + (_LEFT if left is None else _RIGHT)
            raise WeightsError(f"{layer + _ORIGINAL!r} came without {missing!r}, of which its spectral norm is made")
        matrix = (weight.transpose(0, 1) if layer in transposed else weight).flatten(1)
        if (*left.shape, *right.shape) != matrix.shape:
            raise WeightsError(
                f"{layer!r}: a weight of shape {tuple(weight.shape)} needs u and v of {matrix.shape[0]} and "
                f"{matrix.shape[1]} numbers, but shapes {tuple(left.shape)} and {tuple(right.shape)} came"
            )
        # σ = uᵀ M v
        folded[f"{layer}.weight"] = weight / torch.dot(left, torch.mv(matrix, right))
    return folded
