"""Finiteness of weights: a single NaN draws black images, and compares everything as equal or as nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from pullback.errors import WeightsError
from pullback.weights.source import WeightsSource

_NAMED = 3


def check_tensors(state: Mapping[str, Tensor], what: str, source: WeightsSource | None = None) -> None:
    """Checks that every number of every tensor is finite.

    Args:
        state: Tensors by name.
        what: Whose they are, for the error: `generator 'faces'`.
        source: The file that they came from, where it is known.

    Raises:
        WeightsError: NaN or infinity came; the message names the tensors, says how many numbers, and of which file.
    """
    if found := _not_finite(state.items()):
        raise WeightsError(f"the weights of {what} are not finite: {_listed(found)}{_remedy(source)}")


def check_module(module: nn.Module, state: Mapping[str, Tensor], what: str, source: WeightsSource | None) -> None:
    """Checks that what a network computes with is finite: its parameters and its buffers, in the type they have now.

    Args:
        module: The network with its weights.
        state: Tensors of its file by name, by which those at fault are called where they are at fault there already.
        what: Whose they are, for the error.
        source: The file, where it is known.

    Raises:
        WeightsError: NaN or infinity, or a variance below zero, of which normalisation would make NaN.
    """
    tensors = [*module.named_parameters(), *module.named_buffers()]
    if found := _not_finite(tensors):
        if in_file := _not_finite(state.items()):
            raise WeightsError(f"the weights of {what} are not finite: {_listed(in_file)}{_remedy(source)}")
        raise WeightsError(
            f"the weights of {what} are not finite in {_types(module)}: {_listed(found)}. The file's own numbers are "
            "finite, but too large or too small for that: load it in float32."
        )
    for name, tensor in tensors:
        if name.rpartition(".")[2] == "running_var" and bool((tensor < 0).any()):
            raise WeightsError(
                f"the weights of {what} cannot be used: {name} holds variances, but goes down to "
                f"{float(tensor.min()):.3g}{_remedy(source)}"
            )


def _not_finite(tensors: Iterable[tuple[str, Tensor]]) -> list[tuple[str, int, Tensor]]:
    found = []
    for name, tensor in tensors:
        if tensor.is_floating_point() or tensor.is_complex():
            # The sum is a quick test: it is finite only where every number is. It may overflow, so that it proves
            # nothing otherwise.
            # Types of 8 bits have no arithmetic of their own.
            numbers = tensor.float() if tensor.element_size() == 1 else tensor
            if tensor.numel() == 0 or bool(torch.isfinite(numbers.sum())):
                continue
            if count := int((~torch.isfinite(numbers)).sum()):
                found.append((name, count, tensor))
    return found


def _listed(found: list[tuple[str, int, Tensor]]) -> str:
    said = [f"{count} of {tensor.numel()} numbers of {name!r}" for name, count, tensor in found[:_NAMED]]
    more = len(found) - _NAMED
    return ", ".join(said) + (f", and of {more} tensors more" if more > 0 else "") + " are NaN or infinite"


def _types(module: nn.Module) -> str:
    return ", ".join(sorted({str(p.dtype).removeprefix("torch.") for p in module.parameters()})) or "their type"


def _remedy(source: WeightsSource | None) -> str:
    if source is None:
        return ". Use a file of weights from before the training diverged, or one that was saved in float32."
    return (
        f". The file is {source}. Its training had diverged, it was saved in too narrow a type, or it was damaged "
        "before its SHA-256 was taken: use another checkpoint, and say so in the catalogue."
    )
