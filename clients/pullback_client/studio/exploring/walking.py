"""Walks of other kinds than straight ones, which the server walks: along an axis, with channels masked or not."""

from __future__ import annotations

from typing import Any

from pullback_client.client import Client
from pullback_client.directions.traversal import Traversal
from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.exploring.keeping import direction_of
from pullback_client.studio.exploring.places import Place
from pullback_client.studio.exploring.strips import FRAMES

SUBSETS = 4
"""Subsets of channels among which a mask chooses, the largest first."""


def walk(
    client: Client,
    generator: str,
    place: Place,
    chosen: str,
    index: int,
    *,
    reach: float,
    kind: str,
    layers: tuple[int, ...] = (),
    subset: int | None = None,
    distance: str = "",
) -> Traversal:
    """The walk along an axis from a place, to both sides.

    Args:
        client: Asks the server.
        generator: Id of the generator.
        place: Where it starts.
        chosen: Id of the axes.
        index: Which axis of them.
        reach: How far, in steps.
        kind: A key of `ways.ALONG`.
        layers: Layers of a style-based generator that follow; empty = as the set says.
        subset: Which subset of channels follows alone; None = all.
        distance: By which it is measured; empty for the server's default.

    Raises:
        InvalidArgumentError: The place has noise maps of its own, which such a walk does not take.
    """
    if place.noise_maps:
        raise InvalidArgumentError("this image has noise maps of its own: take a straight strip with all channels")
    options: dict[str, Any] = {"kind": kind, "first": -reach, "last": reach, "frames": FRAMES}
    if distance:
        options["distance"] = distance
    if layers:
        options["layers"] = layers
    if place.tuning:
        options["tuning"] = place.tuning
    if subset is not None:
        options["mask"] = {"subset": subset, "subsets": SUBSETS}
    direction = direction_of(client, generator, chosen, index)
    return client.traverse(place.latent, direction, generator=generator, space=place.space, progress=False, **options)
