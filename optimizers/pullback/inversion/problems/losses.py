"""Losses of points: what each depends on, in a row of its own, and how it is computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pullback.distances.distance import EmbeddingDistance
from pullback.generators.generator import Generator
from pullback.inversion.problems.alignment import cut_frames

# What stands where a mask is 0, in the target and in every reconstruction alike.
FILLING = 0.5
# Less of a pixel than this counts as none.
_INSIDE = 1e-3
# A frame in which there is less than this share of what counts in the target shows another picture.
_LEAST_SHARE = 0.25
# Rows, channels, height and width; of sounds rows, channels and time.
_IMAGE_AXES = 4


@dataclass(frozen=True, eq=False)
class Rows:
    """Points to be evaluated, and all that their losses depend on, each in a row of its own.

    Attributes:
        inputs: Complete inputs of the generator.
        noise: The generator's noise maps, flat side by side; None where its own are meant.
        frames: Frames within the targets; None where targets are taken as they are.
        targets: Target images, or sounds.
        masks: Weights of their pixels; of sounds 1.
        embeddings: Embeddings of the masked targets, of no use where there are frames.
        weights: Weights of distance, L1 and L2.
        penalties: Weighted penalties of latents, frames and noise maps.
    """

    inputs: Float[Tensor, "rows input_dim"]
    noise: Float[Tensor, "rows values"] | None
    frames: Float[Tensor, "rows 3"] | None
    targets: Float[Tensor, "rows channels *size"]
    masks: Float[Tensor, "rows 1 *size"]
    embeddings: Float[Tensor, "rows features"]
    weights: Float[Tensor, "rows 3"]
    penalties: Float[Tensor, " rows"]

    @staticmethod
    def join(parts: Sequence[Rows]) -> Rows:
        """The rows of all parts, in order; either all of them have frames or none, and so with noise maps."""

        def column(name: str) -> Any:
            values = [getattr(part, name) for part in parts]
            return None if values[0] is None else torch.cat(values)

        return Rows(**{field.name: column(field.name) for field in fields(Rows)})


def losses(
    generator: Generator, distance: EmbeddingDistance, rows: Rows, *, sparing: bool = False
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Loss and distance of every row, in one forward pass; differentiable.

    With `sparing`, nothing of the generator's pass is kept for its gradient: it is computed again when the distance is
    done (Chen et al. 2016, arXiv:1604.06174). The numbers are the same.
    """
    targets, masks = seen_targets(rows)
    embeddings, share = rows.embeddings, torch.ones_like(rows.penalties)
    if rows.frames is not None:
        embeddings = distance.embed(fill(targets, masks))
        share = masks.flatten(1).mean(dim=1) / rows.masks.flatten(1).mean(dim=1)
    if sparing:
        rendered = checkpoint(
            generator.synthesize_noisy, rows.inputs, rows.noise, use_reentrant=False, preserve_rng_state=False
        )
    else:
        rendered = generator.synthesize_noisy(rows.inputs, rows.noise)
    # D(G(z), x) = ‖φ(G(z)) − φ(x)‖²
    apart = (distance.embed(fill(rendered, masks)) - embeddings).square().sum(dim=1) / share.clamp_min(_INSIDE)
    difference = to_both_sides(targets) * (rendered - targets)
    # Σ m v / (C Σ m)
    area = counted(masks, difference.shape[1])
    absolute = (difference.abs() * masks).flatten(1).sum(dim=1) / area
    squared = (difference.square() * masks).flatten(1).sum(dim=1) / area
    weighted = (rows.weights * torch.stack([apart, absolute, squared], dim=1)).sum(dim=1)
    return torch.where(share < _LEAST_SHARE, math.inf, weighted + rows.penalties), apart


def counted(masks: Float[Tensor, "rows 1 *size"], channels: int) -> Float[Tensor, " rows"]:
    """C Σ m: how many values of each image count."""
    return channels * masks.flatten(1).sum(dim=1).clamp_min(_INSIDE)


def to_both_sides(targets: Float[Tensor, "rows channels *size"]) -> float:
    """What multiplies differences of values to be those on [−1, 1]: 2 of images, which are on [0, 1]; 1 of sounds."""
    return 2.0 if targets.ndim == _IMAGE_AXES else 1.0


def seen_targets(
    rows: Rows,
) -> tuple[Float[Tensor, "rows channels *size"], Float[Tensor, "rows 1 *size"]]:
    """What of its target each row sees, and how much of every pixel counts; differentiable in the frames."""
    if rows.frames is None:
        return rows.targets, rows.masks
    # Σ w m x / Σ w m, w bilinear: what does not count has no part in what lies between pixels.
    cut = cut_frames(torch.cat([rows.targets * rows.masks, rows.masks], dim=1), rows.frames)
    masks = cut[:, -1:]
    return cut[:, :-1] / masks.clamp_min(_INSIDE), masks


def fill(
    images: Float[Tensor, "rows channels *size"], masks: Float[Tensor, "rows 1 *size"]
) -> Float[Tensor, "rows channels *size"]:
    """Images as distances see them: what does not count is grey."""
    return images * masks + FILLING * (1 - masks)
