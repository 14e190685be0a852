"""Specification of a walk from one latent to another: validation and defaults."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pullback.generators import CatalogueEntry
from pullback_api.v1 import directions_pb2
from pullback_server.errors import Violations
from pullback_server.protocol.walks import WalkPlan
from pullback_server.specs.common import copied, space_of, take_out_of_bounds
from pullback_server.specs.latents import read_latent
from pullback_server.specs.traversal import DEFAULT_FRAMES, TRAVERSAL_KINDS, check_pictures, distance_and_format

# Ways that lead to an end.
_KINDS = ("linear", "spherical", "density_preserving", "metric_uniform", "geodesic")
# What is said of walks along directions alone.
_OF_DIRECTIONS = ("direction", "second", "first_step", "last_step", "curve", "mask")


def complete_traversal_between(request: directions_pb2.TraverseRequest, generator: CatalogueEntry) -> WalkPlan:
    """The walk of a request that names an `end`, every default filled in.

    Args:
        request: What the caller sent.
        generator: The generator.

    Raises:
        ApiError: INVALID_ARGUMENT, with all that cannot be used.
    """
    wrong, request = Violations(), copied(request)
    for path, description in take_out_of_bounds(request).items():
        wrong.add(path, description)
    kind = TRAVERSAL_KINDS.get(request.kind or directions_pb2.TRAVERSAL_KIND_LINEAR, "")
    if kind not in _KINDS:
        wrong.add("kind", f"a walk to an end is one of {', '.join(_KINDS)}; take one of these, or leave the end out")
    idle = [name for name in _OF_DIRECTIONS if request.HasField(name)]
    idle += [name for name in ("unit", "layers", "noise_maps") if getattr(request, name)]
    for name in idle:
        wrong.add(name, "only a walk along a direction takes it, and this one leads to an end; leave one of them out")
    distance, image_format = distance_and_format(request, kind, generator, wrong)
    frames = request.frames or DEFAULT_FRAMES
    check_pictures(request, frames, generator, wrong)
    space = space_of(request.space, generator, "space", wrong)
    wrong.raise_if_any()
    start, end = (_latent(request, field, generator, space, wrong) for field in ("latent", "end"))
    if start is not None and end is not None and (start == end).all() and not request.validate_only:
        wrong.add("end", "expected another latent than the one the walk starts from, but the same came")
    wrong.raise_if_any()
    assert start is not None  # noqa: S101  (otherwise a violation was noted)
    assert distance is not None  # noqa: S101  (likewise)
    return WalkPlan(
        generator=generator.name,
        distance=distance.name,
        kind=kind,
        latent=start,
        space=space,
        axes=(),
        first=0.0,
        last=1.0,
        frames=frames,
        image_format=image_format,
        strip=request.strip,
        animation=request.animation,
        end=end,
    )


def _latent(
    request: directions_pb2.TraverseRequest, field: str, generator: CatalogueEntry, space: str, wrong: Violations
) -> NDArray[np.float32] | None:
    """One of the ends; one that there is no walk to is a violation."""
    dim, tensor = generator.space(space).dim, getattr(request, field)
    if request.validate_only and not tensor.shape:
        return np.zeros(dim, dtype=np.float32)  # one that is to come
    if not request.HasField(field):
        wrong.add(field, "expected the latent from which to walk, but none came")
        return None
    return read_latent(tensor, dim, f"space {space!r} of {request.generator}", field, wrong)
