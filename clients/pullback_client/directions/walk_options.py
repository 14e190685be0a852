"""Options of a walk: from Python's words to the contract's request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from pullback_api.options import options_of
from pullback_api.v1 import directions_pb2
from pullback_client.directions.options import layer_numbers
from pullback_client.directions.records import Direction
from pullback_client.directions.start import Start
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.tuning import Tuning, drawing_name
from pullback_client.text.vocabulary import refuse_unknown_options
from pullback_client.wire.codec import tensor_from_array
from pullback_client.wire.fields import optional_count
from pullback_client.wire.option_types import MaskFields, WalkFields
from pullback_client.wire.option_values import set_options

MaskedKind: TypeAlias = Literal["linear", "spherical", "density_preserving"]

_CURVE = options_of(directions_pb2.CurveSettings.DESCRIPTOR)


class MaskOptions(MaskFields, total=False):
    """Which channels of a layer follow a walk alone: DP-LaSE's refinement (ACM MM 2021, section 3.3).

    The channels that make up each other where walks along the direction lead are parted into subsets. What is left out,
    or None, is the server's default.
    """


class WalkOptions(WalkFields, total=False):
    """How a walk goes. What is left out, or None, is the server's default."""

    layers: Sequence[int] | None
    """Layers of a style-based generator on which the walk acts; default the direction's own."""
    second: Direction | str | None
    """The other direction of a subspace, or a word for it, as for the first."""
    purify: int | None
    """Project what the walk follows on so many top eigenvectors; default as the direction is."""
    tuning: Tuning | str | None
    """A tuning of the generator, or its name, with whose weights frames are drawn; default with its own."""
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
    request.generator, request.space = drawing_name(generator, options.get("tuning")), start.space
    request.latent.CopyFrom(tensor_from_array(start.latent))
    request.noise_maps.extend(tensor_from_array(each) for each in start.noise_maps)
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
    request.generator = drawing_name(generator, options.get("tuning"))
    request.space, request.validate_only = space, True
    for field, ref in ((request.direction, first), (request.second, second)):
        if ref is not None:
            field.CopyFrom(ref)
            field.purify = optional_count("purify", options.get("purify")) or field.purify
    return request


def _request(options: WalkOptions, *, directed: bool) -> directions_pb2.TraverseRequest:
    """What the options alone say of a request."""
    optional_count("purify", options.get("purify"))
    request = directions_pb2.TraverseRequest(
        layers=layer_numbers(options.get("layers")), curve=_curve(options, directed=directed), mask=_mask(options)
    )
    set_options(request, options)
    return request


def _curve(options: WalkOptions, *, directed: bool) -> directions_pb2.CurveSettings | None:
    given: dict[str, Any] = {name: value for name, value in options.items() if name in _CURVE and value is not None}
    if not is_curve(options):
        if given:
            raise InvalidArgumentError(f"{', '.join(given)}: of kind='curve' alone; leave out what another kind lacks")
        return None
    if directed and "rank" in given:
        raise InvalidArgumentError("a curve follows a direction, or the local axis of a rank: leave out one of them")
    curve = directions_pb2.CurveSettings(guided=directed)
    set_options(curve, given)
    return curve


def _mask(options: WalkOptions) -> directions_pb2.MaskSettings | None:
    given = options.get("mask")
    if given is None:
        return None
    refuse_unknown_options(given, MaskOptions, "options of a mask")
    if options.get("kind") not in (None, *get_args(MaskedKind)):
        known = ", ".join(get_args(MaskedKind))
        raise InvalidArgumentError(f"mask: of the kinds {known} alone, got kind={options.get('kind')!r}")
    mask = directions_pb2.MaskSettings()
    set_options(mask, given, within="mask.")
    return mask
