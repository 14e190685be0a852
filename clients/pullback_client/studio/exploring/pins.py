"""Pins: images that are kept aside, and the ways between them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pullback_client.catalogue import Generator
from pullback_client.client import Client
from pullback_client.directions.morph import MorphKind
from pullback_client.directions.traversal import Traversal
from pullback_client.errors import InvalidArgumentError
from pullback_client.files.atomic import to_json
from pullback_client.studio.exploring.places import Place, in_one_space
from pullback_client.studio.exploring.view import View


@dataclass(frozen=True, eq=False)
class Pin:
    """An image that is kept aside.

    Attributes:
        number: From 1.
        view: What shows it again.
        place: Where it is.
        source: The image, as the browser shows it.
    """

    number: int
    view: View
    place: Place
    source: str


def way_between(
    client: Client,
    generator: Generator,
    first: Place,
    second: Place,
    kind: MorphKind,
    frames: int,
    *,
    distance: str = "",
) -> Traversal:
    """The walk from one place to another; all its frames have the generator's own weights and noise maps.

    Args:
        client: Asks the server.
        generator: What draws.
        first: Where it starts.
        second: Where it ends.
        kind: The way.
        frames: How many images, both ends among them.
        distance: By which it is measured, and a geodesic short; empty for the server's default.

    Raises:
        InvalidArgumentError: They lie in spaces between which there is no way.
    """
    start, end = in_one_space(first, second, generator)
    if np.array_equal(start.latent, end.latent):
        raise InvalidArgumentError("both pins are the same image: choose two that differ")
    return client.morph(
        start.latent,
        end.latent,
        generator.name,
        kind=kind,
        frames=frames,
        space=start.space,
        progress=False,
        distance=distance or None,
    )


def latents_file(pins: Sequence[Pin], generator: Generator) -> bytes:
    """The latents of pins as .npz: `latents` where they share a space, else `latent_1` and so on; and `provenance`."""
    spaces = {pin.place.space for pin in pins}
    arrays: dict[str, Any]
    if len(spaces) == 1:
        arrays = {"latents": np.stack([pin.place.latent for pin in pins])}
    else:
        arrays = {f"latent_{pin.number}": pin.place.latent for pin in pins}
    said = {
        "generator": generator.name,
        "weights_hash": generator.weights_hash,
        "pins": [{"number": pin.number, "space": pin.place.space, "address": pin.view.query()} for pin in pins],
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, provenance=np.array(to_json(said)), **arrays)
    return buffer.getvalue()
