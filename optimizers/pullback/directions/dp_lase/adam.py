"""Adam over named tensors, as a function of what it remembers."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

_BETAS = (0.9, 0.999)
_EPS = 1e-8


def adam_update(
    tensors: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    means: Mapping[str, Tensor],
    squares: Mapping[str, Tensor],
    *,
    rate: float,
    updates: int,
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """One update (Kingma & Ba, ICLR 2015).

    Args:
        tensors: What is learnt, by name.
        gradients: Its gradient.
        means: Running means of the gradients.
        squares: Running means of their squares.
        rate: Step size.
        updates: How many updates there were before.

    Returns:
        The new tensors, means and squares.
    """
    beta1, beta2 = _BETAS
    # m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²
    means = {name: beta1 * means[name] + (1 - beta1) * gradient for name, gradient in gradients.items()}
    squares = {name: beta2 * squares[name] + (1 - beta2) * gradient.square() for name, gradient in gradients.items()}
    # m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), θ ← θ − η m̂ / (√v̂ + ε)
    bias1, bias2 = 1 - beta1 ** (updates + 1), 1 - beta2 ** (updates + 1)
    moved = {
        name: tensor - rate * (means[name] / bias1) / ((squares[name] / bias2).sqrt() + _EPS)
        for name, tensor in tensors.items()
    }
    return moved, means, squares
