"""Request of a walk from one latent to another."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pullback_api.v1 import directions_pb2, values_pb2
from pullback_client.directions.start import Start
from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.codec import tensor_from_array
from pullback_client.wire.names import generator_name
from pullback_client.wire.option_values import set_options

MorphKind: TypeAlias = Literal["linear", "spherical", "density_preserving", "metric_uniform", "geodesic"]


def morph_request(
    generator: str,
    space: str,
    ends: tuple[Start, Start] | None,
    kind: MorphKind,
    frames: int | None,
    distance: str | None,
) -> directions_pb2.TraverseRequest:
    """The request of a walk between two latents of one space; None leaves a default to the server.

    Args:
        generator: Name of the generator.
        space: Space of both.
        ends: The latents; None: they are to come, and the server shall only check the rest.
        kind: How the walk goes.
        frames: How many frames.
        distance: In which image distance.

    Raises:
        InvalidArgumentError: An unknown word, a number that the contract cannot carry, or latents that differ in shape.
    """
    request = directions_pb2.TraverseRequest(generator=generator_name(generator), space=space)
    set_options(request, {"kind": kind, "frames": frames, "distance": distance})
    if ends is None:
        request.validate_only = True
        request.end.CopyFrom(values_pb2.Tensor())
        return request
    first, second = (end.latent for end in ends)
    if first.shape != second.shape:
        raise InvalidArgumentError(
            f"a morph leads between two latents of one space, but shapes {first.shape} and {second.shape} came"
        )
    request.latent.CopyFrom(tensor_from_array(first))
    request.end.CopyFrom(tensor_from_array(second))
    return request
