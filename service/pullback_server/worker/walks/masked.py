"""Masked walks, which some channels of a layer follow alone: these, found once and kept, and the images."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from torch import Tensor

from pullback.directions.methods.dp_lase.subspaces import Subspaces, masked_edit, refine
from pullback.directions.traversals.walk import Walk
from pullback.generators import Generator as ImageGenerator
from pullback.geometry.seeding import derive_seed
from pullback_server.protocol.walks import MaskPlan, WalkPlan
from pullback_server.worker.walks.latents import stepped_walk

# Of a process; those that were found first go first.
_KEPT = 64
_found: dict[tuple[object, ...], Subspaces] = {}
# Places of the seeds of what is drawn here.
_DRAWS, _LENGTHS, _CLUSTERS = range(3)


def masked_render(
    generator: ImageGenerator, plan: WalkPlan, mask: MaskPlan, walk: Walk
) -> Generator[None, None, Callable[[Tensor], Tensor]]:
    """What renders latents of a walk so that one subset of channels follows it (DP-LaSE, Eq. 15).

    Args:
        generator: The generator.
        plan: The plan of the walk.
        mask: Which channels follow it.
        walk: The walk.

    Yields:
        Nothing, after every piece of what has to be found first: others may have their turn then.

    Raises:
        UnknownNameError: The generator has no such layer.
        InvalidInputError: Too few channels of the layer work with others.
    """
    found = yield from subspaces(generator, plan, mask)
    chosen = found.masks[mask.subset]

    def render(latents: Tensor) -> Tensor:
        starts = walk.start.to(latents).expand_as(latents)
        return masked_edit(generator, starts, latents, walk.space, chosen, layer=found.layer)

    return render


def subspaces(generator: ImageGenerator, plan: WalkPlan, mask: MaskPlan) -> Generator[None, None, Subspaces]:
    """The subsets of channels that work together where walks along a plan's axis lead (DP-LaSE, Eq. 12 to 14).

    They depend on neither the start, the steps nor the subset that is asked for: a walk and a longer one mean the same
    channels.
    """
    (axis,) = plan.axes
    asked = (mask.subsets, mask.layer, mask.samples, mask.reach, mask.seed)
    along = (plan.kind, plan.space, axis.space, axis.vector.tobytes(), axis.unit, axis.layers)
    key = (generator.name, generator.weights_hash, *along, *asked)
    if key not in _found:
        made = yield from _refined(generator, plan, mask)
        while len(_found) >= _KEPT:
            del _found[next(iter(_found))]
        _found[key] = made
    return _found[key]


def _refined(generator: ImageGenerator, plan: WalkPlan, mask: MaskPlan) -> Generator[None, None, Subspaces]:
    starts = generator.space(plan.space).sample(mask.samples, derive_seed(mask.seed, _DRAWS))
    rng = torch.Generator().manual_seed(derive_seed(mask.seed, _LENGTHS))
    # γ ~ U[−reach, reach]
    lengths = mask.reach * (2 * torch.rand(mask.samples, 1, generator=rng, dtype=torch.float64) - 1)
    walks = [stepped_walk(generator, plan, start, length) for start, length in zip(starts, lengths, strict=True)]
    moved = torch.cat([walk.latents for walk in walks])
    seed = derive_seed(mask.seed, _CLUSTERS)
    return (
        yield from refine.in_pieces(generator, moved, walks[0].space, layer=mask.layer, subsets=mask.subsets, seed=seed)
    )
