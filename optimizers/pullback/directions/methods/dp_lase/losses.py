"""Losses of DP-LaSE, each a mean over the batch."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

# ν: the least slope that F keeps where latents are.
LEAST_SLOPE = 0.01
# λ: weight of the likeness of what two directions change.
LIKENESS = 0.001
# ζ: weight of the orthogonality of directions.
ORTHOGONALITY = 10.0


def monotonicity(log_slopes: Float[Tensor, "batch n"]) -> Float[Tensor, ""]:
    """ℓ_mon of Eq. 4: how far F′ falls short of ν, where latents are."""
    # Σ max(0, ν − F′(z⁽ⁱ⁾))
    return (LEAST_SLOPE - log_slopes.exp()).clamp_min(0).sum(dim=-1).mean()


def likelihood(log_slopes: Float[Tensor, "batch n"]) -> Float[Tensor, ""]:
    """ℓ_lik of Eq. 5: the negative logarithm of the density that F gives the latents."""
    # Σ − log F′(z⁽ⁱ⁾)
    return -log_slopes.sum(dim=-1).mean()


def density_change(before: Float[Tensor, "batch n"], after: Float[Tensor, "batch k n"]) -> Float[Tensor, ""]:
    """ℓ_den of Eq. 7: how far walks change the logarithm of the density.

    Args:
        before: log F′ of each coordinate where walks start.
        after: The same where they end, by direction.
    """
    # Σ_j (Σ log F′(z₀⁽ⁱ⁾) − Σ log F′(z_dp⁽ⁱ⁾(γ_j)))²
    return (before.sum(dim=-1)[:, None] - after.sum(dim=-1)).square().sum(dim=1).mean()


def variation(changes: Float[Tensor, "batch k features"]) -> Float[Tensor, ""]:
    """ℓ_var of Eq. 8: less where walks change the features more, and each otherwise than the others.

    Args:
        changes: Δ(z₀, γ_j), the change of all the features as one vector, so that Δ_jᵀΔ_h is a number.
    """
    products = torch.einsum("bif,bjf->bij", changes, changes)
    squares = products.diagonal(dim1=1, dim2=2)
    # Σ_j −‖Δ_j‖² + λ Σ_{j≠h} (Δ_jᵀΔ_h)²
    likeness = products.square().sum(dim=(1, 2)) - squares.square().sum(dim=1)
    return (LIKENESS * likeness - squares.sum(dim=1)).mean()


def orthogonality(directions: Float[Tensor, "k n"]) -> Float[Tensor, ""]:
    """ℓ_reg of Eq. 10: how far the directions are from orthonormal ones."""
    # ‖ΓᵀΓ − I‖²
    identity = torch.eye(len(directions), dtype=directions.dtype, device=directions.device)
    return (directions @ directions.T - identity).square().sum()
