"""Amplification of latent directions by each layer of a generator (Wang & Ponce, ICLR 2021, Sec. 5)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.func import jvp, vmap

from pullback.generators.generator import Generator
from pullback.memory import block_by_block, budget_of

_DIRECTIONS_AT_ONCE = 32


def first_layer_metric(
    generator: Generator, latent: Float[Tensor, " n"], space: str, context: Float[Tensor, " m"] | None = None
) -> Float64[Tensor, "n n"]:
    """The metric JᵀJ that the activations of the first layer pull back onto the latent space, at one latent.

    Args:
        generator: The generator.
        latent: Shape (n,), on the generator's device and in its precision.
        space: Name of the latent's space.
        context: Complete input that fills the coordinates outside `space`.

    Returns:
        Shape (n, n), float64, symmetric, on the generator's device.
    """
    directions = torch.eye(len(latent), dtype=latent.dtype, device=latent.device)
    layers = _derivatives(generator, latent, space, context, directions)
    rows = torch.cat([next(iter(derivatives.values())) for derivatives in layers]).double()
    # JᵀJ
    return rows @ rows.T


def amplifications(
    generator: Generator,
    latent: Float[Tensor, " n"],
    space: str,
    directions: Float[Tensor, "n k"],
    context: Float[Tensor, " m"] | None = None,
) -> dict[str, Float64[Tensor, " k"]]:
    """v_iᵀ JᵀJ v_i = ‖J v_i‖² for the Jacobian J of every layer's activations, at one latent.

    Args:
        generator: The generator.
        latent: Shape (n,), on the generator's device and in its precision.
        space: Name of the latent's space.
        directions: Directions v_i in columns, shape (n, k).
        context: Complete input that fills the coordinates outside `space`.

    Returns:
        By name of the layer, first to last: shape (k,), float64.
    """
    found: dict[str, list[Tensor]] = {}
    for derivatives in _derivatives(generator, latent, space, context, directions.T.to(latent)):
        for layer, derivative in derivatives.items():
            # ‖J v‖²
            found.setdefault(layer, []).append(derivative.double().square().sum(dim=1))
    return {layer: torch.cat(squares) for layer, squares in found.items()}


def _derivatives(
    generator: Generator, latent: Tensor, space: str, context: Tensor | None, directions: Tensor
) -> Iterator[dict[str, Tensor]]:
    """J v of every layer for rows v of `directions`, some rows at a time: by layer, shape (rows, units)."""

    def layers(z: Tensor) -> dict[str, Tensor]:
        activations = generator.activations(generator.complete(z[None], space, context))
        return {name: values.flatten() for name, values in activations.items()}

    def columns(direction: Tensor) -> dict[str, Tensor]:
        # J v
        derivatives: dict[str, Tensor] = jvp(layers, (latent,), (direction,))[1]
        return derivatives

    def computed(part: slice) -> dict[str, Tensor]:
        with torch.no_grad(), warnings.catch_warnings():
            # On first use torch compiles its forward-mode formulas with an interface that it calls deprecated.
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
            found: dict[str, Tensor] = vmap(columns)(directions[part])
            return found

    block = budget_of(latent.device).block(f"derivatives of layers by space {space!r}", generator)
    most = block.rows(min(len(directions), _DIRECTIONS_AT_ONCE), lambda: computed(slice(0, 1)))
    yield from block_by_block(len(directions), most, block, computed)
