"""Adam's update, as a function of what it remembers."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def adam_step(
    values: Float[Tensor, "*shape"],
    gradient: Float[Tensor, "*shape"],
    mean: Float[Tensor, "*shape"],
    square: Float[Tensor, "*shape"],
    updates: int | Tensor,
    *,
    rate: float | Tensor,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """One update (Kingma & Ba, ICLR 2015), elementwise.

    Not `torch.optim.Adam`: that counts the updates and takes the step size of a whole tensor, where restarts that stood
    still have made fewer of them and coordinates have rates of their own, and it writes over what it is given.

    Args:
        values: What is learnt.
        gradient: Its gradient.
        mean: Running mean of the gradients, 0 at first.
        square: Running mean of their squares, 0 at first.
        updates: How many updates there are with this one, at least 1; a tensor where that differs, which broadcasts.
        rate: Step size; a tensor where that differs, which broadcasts.
        betas: Decay of the running means.
        eps: Added to the root of the second one.

    Returns:
        The new values, mean and square.
    """
    beta1, beta2 = betas
    # m ← β₁ m + (1 − β₁) g
    mean = beta1 * mean + (1 - beta1) * gradient
    # v ← β₂ v + (1 − β₂) g²
    square = beta2 * square + (1 - beta2) * gradient.square()
    # m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), x ← x − η m̂ / (√v̂ + ε)
    unbiased_mean = mean / (1 - beta1**updates)
    unbiased_square = square / (1 - beta2**updates)
    return values - rate * unbiased_mean / (unbiased_square.sqrt() + eps), mean, square
