"""Edits of only those channels that a walk concerns: the refinement of DP-LaSE, section 3.3."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pullback.directions.methods.dp_lase.clustering import spectral_clusters
from pullback.directions.methods.dp_lase.cut import Cut
from pullback.directions.methods.dp_lase.self_expression import SPARSITY, affinity, self_expression
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.memory import CALLS, budget_of, in_blocks
from pullback.pieces import in_pieces

# Images that go through the generator at once.
_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Subspaces:
    """Subsets of a layer's channels that work together.

    Attributes:
        layer: Name of the layer.
        masks: Which channels are in each subset, the largest first, shape (subsets, channels). No channel is in two;
            one that works with no other is in none.
    """

    layer: str
    masks: Bool[Tensor, "subsets channels"]


@in_pieces
def refine(
    generator: ImageGenerator,
    moved: Float[Tensor, "positions n"],
    space: str,
    *,
    layer: str = "",
    subsets: int = 4,
    sparsity: float = SPARSITY,
    seed: int = 0,
) -> Generator[None, None, Subspaces]:
    """Parts a layer's channels by how they make up each other where a walk leads (DP-LaSE, Eq. 12 to 14).

    The paper takes the largest subset, `masks[0]`, for the one that carries the meaning of the direction.

    Args:
        generator: The generator.
        moved: z_dp(γ_j): latents to which walks along one direction lead from draws of the prior.
        space: The space in which they lie.
        layer: Name of the layer; empty = the third.
        subsets: How many.
        sparsity: η, above 0: the more, the fewer channels make up one.
        seed: Of the clustering, any integer ≥ 0.

    Raises:
        UnknownNameError: No such space or layer.
        InvalidInputError: A number is out of range, or too few channels work with others.
    """
    cut = Cut(generator, layer)
    inputs = generator.complete(moved.to(generator.device, generator.dtype), generator.space(space).name)
    # E[MᵀM] of the channels as columns of M
    block = budget_of(generator.device).block(f"features of layer {cut.layer!r}", generator, share=CALLS)
    rows = block.rows(min(len(inputs), _AT_ONCE), lambda: _gram(cut, inputs[:1]))
    parts = yield from in_blocks(len(inputs), rows, block, lambda part: _gram(cut, inputs[part]))
    gram = torch.stack(parts).sum(dim=0) / len(inputs)
    expression = yield from self_expression.in_pieces(gram.numpy(), sparsity)
    labels = spectral_clusters(affinity(expression), subsets, seed)
    masks = torch.stack([torch.from_numpy(labels == subset) for subset in range(subsets)])
    return Subspaces(cut.layer, masks)


def masked_edit(
    generator: ImageGenerator,
    starts: Float[Tensor, "batch n"],
    moved: Float[Tensor, "batch n"],
    space: str,
    mask: Bool[Tensor, " channels"],
    *,
    layer: str = "",
) -> Float[Tensor, "batch channels_out *size"]:
    """A walk seen through some of a layer's channels: G₂(m ⊙ G₁(z_dp) + (1 − m) ⊙ G₁(z₀)) (DP-LaSE, Eq. 15).

    In a style-based generator the layers behind keep the styles of z₀: the walk acts through these channels alone.

    Args:
        generator: The generator.
        starts: z₀.
        moved: z_dp, where a walk from each leads.
        space: The space in which both lie.
        mask: m, which channels follow the walk.
        layer: Name of the layer; empty = the third.

    Returns:
        Images in [0, 1], or sounds in [−1, 1].

    Raises:
        UnknownNameError: No such space or layer.
        InvalidInputError: The mask is not of this layer, or nothing can take the layer's place.
    """
    cut = Cut(generator, layer)
    name = generator.space(space).name
    before, after = (
        generator.complete(latents.to(generator.device, generator.dtype), name) for latents in (starts, moved)
    )
    with torch.no_grad():
        kept, changed = cut.features(before), cut.features(after)
        if len(mask) != kept.shape[1]:
            raise InvalidInputError(f"layer {cut.layer!r} has {kept.shape[1]} channels, but a mask of {len(mask)} came")
        chosen = mask.to(kept.device).reshape(1, -1, *[1] * (kept.ndim - 2))
        return cut.images(before, torch.where(chosen, changed, kept))


@torch.no_grad()
def _gram(cut: Cut, inputs: Tensor) -> Tensor:
    columns = cut.features(inputs).flatten(2).double()
    return torch.einsum("bip,bjp->ij", columns, columns).cpu()
