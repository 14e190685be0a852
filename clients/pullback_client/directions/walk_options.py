"""The options of a walk: from Python's words to the contract's request."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, TypedDict, get_args

from pullback_api.v1 import directions_pb2
from pullback_client.codec import tensor_from_array
from pullback_client.directions.options import layer_numbers
from pullback_client.directions.records import Direction
from pullback_client.directions.starts import Start
from pullback_client.errors import InvalidArgumentError
from pullback_client.settings import (
    generator_name,
    numbers,
    optional_choice,
    optional_count,
    optional_positive,
    whole_number,
)
from pullback_client.words import refuse_unknown_options

TraversalKind: TypeAlias = Literal["linear", "spherical", "density_preserving", "curve", "subspace", "metric_uniform"]
StepUnit: TypeAlias = Literal["rate", "latent"]
MaskedKind: TypeAlias = Literal["linear", "spherical", "density_preserving"]

_KINDS = numbers(TraversalKind, directions_pb2.TraversalKind, "TRAVERSAL_KIND")
_UNITS = numbers(StepUnit, directions_pb2.StepUnit, "STEP_UNIT")
_CURVE = ("pieces", "rank", "jitter", "seed")


class MaskOptions(TypedDict, total=False):
    """Which channels of a layer follow a walk alone: DP-LaSE's refinement (ACM MM 2021, section 3.3).

    The channels that make up each other where walks along the direction lead are parted into subsets. What is left out,
    or None, is the server's default.
    """

    subset: int | None
    """Which subset follows the walk, from 0, the largest; default 0."""
    subsets: int | None
    """How many there are, 2 to 64; default 4."""
    layer: str | None
    """Name of the layer whose channels they are, such as `layer 2` or `16 px`; default the third."""
    samples: int | None
    """Draws of the prior from which walks lead to where channels are compared, 2 to 1000; default 64."""
    reach: float | None
    """How far these walks lead to either side, in the walk's unit, above 0; default 2."""
    seed: int | None
    """Seed of the draws and of the clustering, ≥ 0; default 0."""


class WalkOptions(TypedDict, total=False):
    """How a walk goes. What is left out, or None, is the server's default."""

    kind: TraversalKind | None
    """`linear` (the default); `spherical`: along a great circle; `density_preserving`: scaled to the latent's norm;
    `curve`: Iterative Curve-Traversal from a latent of z; `subspace`: a grid with `second`; `metric_uniform`: straight,
    with the same image distance between frames."""
    frames: int | None
    """Frames, 2 to 500; of a subspace for each direction, 2 to 32; default 9."""
    first: float | None
    """Where the walk begins, signed, in units; default −2."""
    last: float | None
    """Where it ends, above `first`; default 2."""
    unit: StepUnit | None
    """`rate` (the default): steps of α_H^−½ change images at the same rate along every direction; `latent`: units of
    the latent, as a curve always counts."""
    layers: Sequence[int] | None
    """Layers of a style-based generator on which the walk acts; default the direction's own."""
    distance: str | None
    """Image distance in which frames are measured; default the server's."""
    second: Direction | str | None
    """The other direction of a subspace, or a word for it, as for the first."""
    purify: int | None
    """Project what the walk follows on so many top eigenvectors; default as the direction is."""
    pieces: int | None
    """Pieces of a curve between the start and each end, 1 to 1000; default 10 for every frame on a side."""
    rank: int | None
    """Of a curve without a direction: rank of the local axis along which it departs, from 0; default 0."""
    jitter: float | None
    """Of a curve: each piece's length is drawn from ±this share of itself, 0 to below 1; default 0."""
    seed: int | None
    """Seed of the jitter, ≥ 0; default 0."""
    mask: MaskOptions | None
    """Of a walk that is `linear`, `spherical` or `density_preserving`: which channels alone follow it; see
    `MaskOptions`. The images are then not those of the frames' latents. Default all."""


def check_walk_options(options: WalkOptions, *, directed: bool) -> None:
    """Checks what the options say by themselves, before anything is computed for the walk.

    Args:
        options: See `WalkOptions`.
        directed: Whether the walk is given a direction.

    Raises:
        InvalidArgumentError: An unknown word, a number that the contract cannot carry, or options that do not go
            together.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, WalkOptions)
    if not directed and not is_curve(options):
        raise InvalidArgumentError("a walk needs a direction, but for kind='curve', which may follow a local axis")
    if not directed and options.get("purify") is not None:
        raise InvalidArgumentError("purify: there is no direction that could be projected; leave it out")
    if (options.get("second") is not None) != (options.get("kind") == "subspace"):
        raise InvalidArgumentError("kind='subspace' walks along two directions: give `second`, and only there")
    _request(options, directed=directed)


def is_curve(options: WalkOptions) -> bool:
    """Whether the walk is an Iterative Curve-Traversal, which starts in z."""
    return options.get("kind") == "curve"


def walk_request(
    generator: str, start: Start, direction: Direction | None, second: Direction | None, options: WalkOptions
) -> directions_pb2.TraverseRequest:
    """The request of a walk, without strip and animation; None leaves a default to the server.

    Args:
        generator: Name of the generator.
        start: Where it starts.
        direction: Along which direction; None for a curve that keeps to a local axis.
        second: The other direction of a subspace.
        options: See `WalkOptions`; `check_walk_options` has passed them.
    """
    request = _request(options, directed=direction is not None)
    request.generator, request.space = generator_name(generator), start.space
    request.latent.CopyFrom(tensor_from_array(start.latent))
    for field, each in ((request.direction, direction), (request.second, second)):
        if each is not None:
            field.CopyFrom(each.to_wire())
            field.purify = optional_count("purify", options.get("purify")) or field.purify
    return request


def checked_request(
    generator: str, space: str, refs: Sequence[directions_pb2.DirectionRef | None], options: WalkOptions
) -> directions_pb2.TraverseRequest:
    """The request that has a walk only checked, from a latent that is to come.

    Args:
        generator: Name of the generator.
        space: Space of the latent.
        refs: The direction and the second one; None where there is none.
        options: See `WalkOptions`; `check_walk_options` has passed them.
    """
    first, second = refs
    request = _request(options, directed=first is not None)
    request.generator, request.space, request.validate_only = generator_name(generator), space, True
    for field, ref in ((request.direction, first), (request.second, second)):
        if ref is not None:
            field.CopyFrom(ref)
            field.purify = optional_count("purify", options.get("purify")) or field.purify
    return request


def _request(options: WalkOptions, *, directed: bool) -> directions_pb2.TraverseRequest:
    """What the options alone say of a request."""
    optional_count("purify", options.get("purify"))
    return directions_pb2.TraverseRequest(
        kind=optional_choice("kind", options.get("kind"), _KINDS),
        frames=optional_count("frames", options.get("frames")),
        first_step=_finite("first", options.get("first")),
        last_step=_finite("last", options.get("last")),
        unit=optional_choice("unit", options.get("unit"), _UNITS),
        layers=layer_numbers(options.get("layers")),
        distance=options.get("distance") or "",
        curve=_curve(options, directed=directed),
        mask=_mask(options),
    )


def _curve(options: WalkOptions, *, directed: bool) -> directions_pb2.CurveSettings | None:
    given: dict[str, Any] = {name: options.get(name) for name in _CURVE if options.get(name) is not None}
    if not is_curve(options):
        if given:
            raise InvalidArgumentError(f"{', '.join(given)}: of kind='curve' alone; leave out what another kind lacks")
        return None
    if directed and "rank" in given:
        raise InvalidArgumentError("a curve follows a direction, or the local axis of a rank: leave out one of them")
    return directions_pb2.CurveSettings(
        pieces=optional_count("pieces", given.get("pieces")),
        guided=directed,
        rank=whole_number("rank", given.get("rank", 0), minimum=0),
        jitter=given.get("jitter", 0.0),
        seed=whole_number("seed", given.get("seed", 0), minimum=0),
    )


def _mask(options: WalkOptions) -> directions_pb2.MaskSettings | None:
    given = options.get("mask")
    if given is None:
        return None
    refuse_unknown_options(given, MaskOptions, "options of a mask")
    if options.get("kind") not in (None, *get_args(MaskedKind)):
        known = ", ".join(get_args(MaskedKind))
        raise InvalidArgumentError(f"mask: of the kinds {known} alone, got kind={options.get('kind')!r}")
    subset, seed = given.get("subset"), given.get("seed")
    return directions_pb2.MaskSettings(
        subset=0 if subset is None else whole_number("mask: subset", subset, minimum=0),
        subsets=optional_count("mask: subsets", given.get("subsets")),
        layer=given.get("layer") or "",
        samples=optional_count("mask: samples", given.get("samples")),
        reach=optional_positive("mask: reach", given.get("reach")),
        seed=0 if seed is None else whole_number("mask: seed", seed, minimum=0),
    )


def _finite(field: str, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise InvalidArgumentError(f"{field} must be a finite number, got {value!r}")
    return value
