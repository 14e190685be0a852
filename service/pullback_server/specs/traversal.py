"""Specification of a traversal: validation and defaults."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pullback.distances import DistanceEntry
from pullback.generators import CatalogueEntry
from pullback.generators.style_based.named_layers import mapped_space
from pullback_api.v1 import directions_pb2
from pullback_server.errors import Violations
from pullback_server.protocol.walks import CurvePlan, WalkAxis, WalkPlan
from pullback_server.specs.chosen import ChosenDirection, in_whole
from pullback_server.specs.common import (
    copied,
    distance_of,
    enum_names,
    format_of,
    take_out_of_bounds,
)
from pullback_server.specs.directions import check_layers
from pullback_server.specs.inversion.noise_maps import read_noise_maps
from pullback_server.specs.latents import read_latent
from pullback_server.specs.mask import complete_mask

TRAVERSAL_KINDS: dict[directions_pb2.TraversalKind, str] = {
    directions_pb2.TRAVERSAL_KIND_LINEAR: "linear",
    directions_pb2.TRAVERSAL_KIND_SPHERICAL: "spherical",
    directions_pb2.TRAVERSAL_KIND_DENSITY_PRESERVING: "density_preserving",
    directions_pb2.TRAVERSAL_KIND_CURVE: "curve",
    directions_pb2.TRAVERSAL_KIND_SUBSPACE: "subspace",
    directions_pb2.TRAVERSAL_KIND_METRIC_UNIFORM: "metric_uniform",
    directions_pb2.TRAVERSAL_KIND_GEODESIC: "geodesic",
}
# Those that look at how fast the embedding changes.
_OF_EMBEDDINGS = ("metric_uniform", "geodesic")
MAX_SUBSPACE_FRAMES, DEFAULT_FRAMES = 32, 9
DEFAULT_FIRST, DEFAULT_LAST = -2.0, 2.0
MAX_PIECES, PIECES_A_FRAME = 1_000, 10
# A step beside which float32 forgets the latent that it starts from.
LONGEST_STEP = 2.0**23
# Of all frames together, where they are laid side by side or animated: 1,024 of 256 × 256 px; of sounds, samples.
MAX_PIXELS = 2**26


def check_axes(request: directions_pb2.TraverseRequest) -> None:
    """Refuses a request whose kind does not go with the directions and the unit that it names.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    wrong = Violations()
    kind = TRAVERSAL_KINDS.get(_kind(request), "")
    if not kind:
        wrong.add("kind", f"unknown kind {request.kind}; known: {enum_names(directions_pb2.TraversalKind)}")
    if kind == "geodesic":
        wrong.add("end", "a 'geodesic' leads from one latent to another; say where it ends, or take another kind")
    unguided = kind == "curve" and not request.curve.guided
    if request.HasField("direction") and unguided:
        wrong.add("direction", "a curve follows a direction only where curve.guided says so; set it, or leave this out")
    elif not request.HasField("direction") and not unguided and kind != "geodesic":
        wrong.add("direction", "expected a direction to walk along, but none came")
    if kind == "subspace" and not request.HasField("second"):
        wrong.add("second", "expected the second direction of a 'subspace', but none came")
    elif kind != "subspace" and request.HasField("second"):
        wrong.add("second", "only kind 'subspace' has a second direction; leave it out")
    if request.unit not in directions_pb2.StepUnit.values():
        wrong.add("unit", f"unknown unit {request.unit}; known: {enum_names(directions_pb2.StepUnit)}")
    elif kind == "curve" and request.unit == directions_pb2.STEP_UNIT_RATE:
        wrong.add("unit", "a 'curve' counts its steps in units of w; leave the unit out")
    if kind != "curve" and request.HasField("curve"):
        wrong.add("curve", "only kind 'curve' takes these settings; leave them out")
    wrong.raise_if_any()


def complete_traversal(
    request: directions_pb2.TraverseRequest, generator: CatalogueEntry, chosen: Sequence[ChosenDirection]
) -> WalkPlan:
    """The walk, every default filled in.

    Args:
        request: What the caller sent, with directions as `check_axes` wants them.
        generator: The generator.
        chosen: The directions that it names: one, two for a subspace, none for a curve that is not guided.

    Raises:
        ApiError: INVALID_ARGUMENT, with all that cannot be used.
    """
    wrong, request = Violations(), copied(request)
    for path, description in take_out_of_bounds(request).items():
        wrong.add(path, description)
    kind = TRAVERSAL_KINDS[_kind(request)]
    if kind != "curve":
        # A latent that has a class beside the rest, such as one that was inverted with it, may move in one block.
        chosen = [in_whole(direction, generator, request.space) for direction in chosen]
    _check_places(request, kind, chosen, generator, wrong)
    space = request.space or ("z" if kind == "curve" else chosen[0].space)
    latent = _read_start(request, kind, space, chosen, generator, wrong)
    distance, image_format = distance_and_format(request, kind, generator, wrong)
    units = [_unit(request, kind, direction, wrong) for direction in chosen]
    first, last, frames = _complete_steps(request, kind, wrong)
    _check_length(first, last, units, wrong)
    check_pictures(request, frames**2 if kind == "subspace" else frames, generator, wrong)
    curve = _complete_curve(request, (first, last, frames), chosen, generator, wrong) if kind == "curve" else None
    mask = (
        complete_mask(request.mask, kind, units, LONGEST_STEP, generator, wrong) if request.HasField("mask") else None
    )
    noise_maps = read_noise_maps(request.noise_maps, generator, "noise_maps", wrong)
    wrong.raise_if_any()
    assert latent is not None  # noqa: S101  (otherwise a violation was noted)
    assert distance is not None  # noqa: S101  (likewise)
    return WalkPlan(
        generator=generator.name,
        distance=distance.name,
        kind=kind,
        latent=latent,
        space=space,
        axes=tuple(
            WalkAxis(direction.vector, direction.space, unit, _layers(request, direction))
            for direction, unit in zip(chosen, units, strict=True)
        ),
        first=first,
        last=last,
        frames=frames,
        image_format=image_format,
        strip=request.strip,
        animation=request.animation,
        curve=curve,
        mask=mask,
        noise_maps=noise_maps,
    )


def _kind(request: directions_pb2.TraverseRequest) -> directions_pb2.TraversalKind:
    return request.kind or directions_pb2.TRAVERSAL_KIND_LINEAR


def _layers(request: directions_pb2.TraverseRequest, direction: ChosenDirection) -> tuple[int, ...]:
    return tuple(sorted(request.layers)) or direction.layers


def _check_places(
    request: directions_pb2.TraverseRequest,
    kind: str,
    chosen: Sequence[ChosenDirection],
    generator: CatalogueEntry,
    wrong: Violations,
) -> None:
    """Directions and layers that do not go together, or not with the kind, are violations."""
    mapped = mapped_space(generator)
    if kind == "curve" and mapped is None:
        wrong.add("kind", f"a 'curve' follows a mapping network, but {generator.name!r} has none; take another kind")
    elif kind == "curve" and mapped is not None:
        check_layers(request.layers, mapped.name, generator, "layers", wrong)
        if any(direction.space != mapped.name for direction in chosen):
            wrong.add("direction", f"a 'curve' follows a direction of {mapped.name}, but one of {chosen[0].space} came")
    else:
        check_layers(request.layers, chosen[0].space, generator, "layers", wrong)
    if len({direction.space for direction in chosen}) > 1:
        wrong.add("second", f"expected a direction of {chosen[0].space!r} as the first, but {chosen[1].space!r} came")


def _read_start(
    request: directions_pb2.TraverseRequest,
    kind: str,
    space: str,
    chosen: Sequence[ChosenDirection],
    generator: CatalogueEntry,
    wrong: Violations,
) -> NDArray[np.float32] | None:
    """The start; one from which there is no way to the directions is a violation."""
    known = ["z"] if kind == "curve" else [chosen[0].space]
    if kind != "curve" and generator.space(chosen[0].space).prior == "mapped":
        # What is before the mapping network is mapped, and w is w+ with the same w in every layer.
        known = [each.name for each in generator.spaces if each.prior == "mapped" or not each.labels]
    if space not in known:
        wrong.add("space", f"this walk starts from a latent of {' or '.join(known)}, but one of {space!r} came")
    elif not request.HasField("latent") and request.validate_only:
        return np.zeros(generator.space(space).dim, dtype=np.float32)  # one that is to come
    elif not request.HasField("latent"):
        wrong.add("latent", "expected the latent from which to walk, but none came")
    elif space in [each.name for each in generator.spaces]:
        owner = f"space {space!r} of {request.generator}"
        return read_latent(request.latent, generator.space(space).dim, owner, "latent", wrong)
    return None


def _complete_steps(request: directions_pb2.TraverseRequest, kind: str, wrong: Violations) -> tuple[float, float, int]:
    """The first and the last step, and the number of frames."""
    first = request.first_step if request.HasField("first_step") else DEFAULT_FIRST
    last = request.last_step if request.HasField("last_step") else DEFAULT_LAST
    if not first < last:
        wrong.add("first_step", f"expected a step below last_step, {last:g}, but {first:g} came")
    frames = request.frames or DEFAULT_FRAMES
    if kind == "subspace" and frames > MAX_SUBSPACE_FRAMES:
        wrong.add("frames", f"expected 2 to {MAX_SUBSPACE_FRAMES} for each direction, but {frames} came")
    return first, last, frames


def _check_length(first: float, last: float, units: Sequence[float], wrong: Violations) -> None:
    """A walk that leaves the numbers that float32 tells apart is a violation."""
    field, farthest = max(("first_step", -first), ("last_step", last), key=lambda step: step[1])
    length = farthest * max(units, default=1.0)
    if not wrong and length >= LONGEST_STEP:
        wrong.add(
            field, f"so far a latent would move by {length:.3g}, and {LONGEST_STEP:.3g} is the most; walk less far"
        )


def distance_and_format(
    request: directions_pb2.TraverseRequest, kind: str, generator: CatalogueEntry, wrong: Violations
) -> tuple[DistanceEntry | None, str]:
    """The distance that a walk of a kind is measured by, and the format of its images; None of one that cannot be."""
    distance = distance_of(request.distance, generator, "distance", wrong)
    if distance is not None and kind in _OF_EMBEDDINGS and not distance.embedding:
        wrong.add("distance", f"kind {kind!r} needs a distance with an embedding; {distance.name!r} has none")
    return distance, format_of(request.format, generator, "format", wrong)


def check_pictures(
    request: directions_pb2.TraverseRequest, frames: int, generator: CatalogueEntry, wrong: Violations
) -> None:
    """Frames of more pixels, or samples, than a strip or an animation is made of are a violation."""
    size = generator.image_shape[1:]
    most = MAX_PIXELS // math.prod(size)
    for field in ("strip", "animation"):
        if getattr(request, field) and frames > most:
            shown = " × ".join(map(str, reversed(size))) + (" px" if generator.draws == "images" else " samples")
            wrong.add(field, f"of {shown} it is made of at most {most} frames, not of {frames}")


def _unit(request: directions_pb2.TraverseRequest, kind: str, direction: ChosenDirection, wrong: Violations) -> float:
    """Length of a step of 1 in units of the latent."""
    if request.unit == directions_pb2.STEP_UNIT_LATENT or kind == "curve":
        return 1.0
    unit = float(direction.rate) ** -0.5 if direction.rate > 0 else math.inf
    if unit >= LONGEST_STEP:
        wrong.add("unit", "along a direction that changes nothing (α_H = 0) no step has a rate; take unit 'latent'")
    return unit


def _complete_curve(
    request: directions_pb2.TraverseRequest,
    steps: tuple[float, float, int],
    chosen: Sequence[ChosenDirection],
    generator: CatalogueEntry,
    wrong: Violations,
) -> CurvePlan:
    asked, (first, last, frames) = request.curve, steps
    if asked.guided and asked.rank:
        wrong.add("curve.rank", "a guided curve follows its direction, and no local axis; leave it out")
    mapped = mapped_space(generator)
    if mapped is not None and asked.rank >= mapped.dim:
        wrong.add("curve.rank", f"expected 0 to {mapped.dim - 1}, but {asked.rank} came")
    pieces = asked.pieces
    if not pieces and not wrong:
        places = np.linspace(first, last, frames)
        pieces = min(PIECES_A_FRAME * max((places < 0).sum(), (places > 0).sum()), MAX_PIECES)
    layers = tuple(sorted(request.layers)) or (chosen[0].layers if chosen else ())
    return CurvePlan(int(pieces), asked.rank, asked.jitter, asked.seed, layers)
