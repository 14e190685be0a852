"""Spectral normalisation in evaluation mode: published weights divided by their stored spectral norms."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from pullback.errors import WeightsError

_ORIGINAL, _LEFT, _RIGHT = ".weight_orig", ".weight_u", ".weight_v"
_FIRST_LEFT = ".u0"


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


def fold_iterated_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict whose layers under the spectral normalisation of BigGAN-PyTorch (Brock) have become plain ones.

    For each layer X with a singular vector `X.u0`, `X.weight` is divided by what that code computes in evaluation mode:
    it makes one power iteration more, v = u M / ‖u M‖ and u' = v Mᵀ / ‖v Mᵀ‖, and takes σ = v Mᵀ u'ᵀ = ‖v Mᵀ‖. The u of
    an averaged network is averaged too, so its norm need not be 1. `X.sv0` is a log of the training, and further
    singular vectors (`X.u1`, …) are kept orthogonal to the first, which does not depend on them: they are left out.

    Args:
        state: Tensors by name; those of other layers stay as they are.

    Raises:
        WeightsError: A singular vector came without its weight, or of another size.
    """
    folded = {name: tensor for name, tensor in state.items() if not re.fullmatch(r".*\.(u|sv)\d+", name)}
    for layer in [name.removesuffix(_FIRST_LEFT) for name in state if name.endswith(_FIRST_LEFT)]:
        left, weight = state[layer + _FIRST_LEFT], state.get(f"{layer}.weight")
        if weight is None:
            raise WeightsError(f"{layer + _FIRST_LEFT!r} came without '{layer}.weight', whose singular vector it is")
        matrix = weight.flatten(1)
        if left.shape != (1, len(matrix)):
            raise WeightsError(
                f"{layer!r}: a weight of shape {tuple(weight.shape)} needs a u0 of shape (1, {len(matrix)}), but shape "
                f"{tuple(left.shape)} came"
            )
        right = functional.normalize(left @ matrix, dim=1)
        folded[f"{layer}.weight"] = weight / torch.linalg.vector_norm(right @ matrix.T)
    return folded
