"""Places in a latent space: a latent with all that its image is drawn with, and where steps along axes lead from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from pullback_client.catalogue import Generator
from pullback_client.client import Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.exploring.axes import Axis
from pullback_client.wire.codec import Array

W, LAYERED = "w", "w+"


@dataclass(frozen=True, eq=False)
class Place:
    """A latent, and what its image is drawn with.

    Attributes:
        latent: float32, shape (dim,).
        space: Its space.
        tuning: Tuned weights that draw it; empty = the generator's own.
        noise_maps: Noise maps that belong to it; empty = the generator's own.
    """

    latent: Array
    space: str
    tuning: str = ""
    noise_maps: tuple[Array, ...] = ()

    def draw(self, client: Client, generator: str) -> Image.Image:
        """Its image."""
        return draw(client, generator, [self])[0]


@dataclass(frozen=True, eq=False)
class Move:
    """Steps along an axis.

    Attributes:
        axis: The axis.
        space: Space that it lies in.
        step: How far, in units of α^−½.
        layers: Layers of a style-based generator that follow; empty = all.
    """

    axis: Axis
    space: str
    step: float
    layers: tuple[int, ...] = ()


def draw(client: Client, generator: str, places: Sequence[Place]) -> list[Image.Image]:
    """The images of places that share space, tuning and noise maps."""
    first = places[0]
    return client.render(
        generator,
        np.stack([each.latent for each in places]),
        space=first.space,
        tuning=first.tuning or None,
        noise_maps=first.noise_maps,
    )


def layer_count(generator: Generator) -> int:
    """How many layers with a latent each a generator has; 0 where it is not style-based."""
    if W not in generator.spaces or LAYERED not in generator.spaces:
        return 0
    return generator.spaces[LAYERED].dim // generator.spaces[W].dim


def fits(generator: Generator, start: str, axes: str) -> bool:
    """Whether axes of the space `axes` lead somewhere from a latent of the space `start`."""
    return start == axes or (layer_count(generator) > 0 and {start, axes} <= {W, LAYERED})


def moved(start: Place, moves: Iterable[Move], generator: Generator) -> Place:
    """Where steps along axes lead; what is bounded stays within its bounds.

    A direction of w that only some layers follow leads into w+, where every layer has a w of its own.

    Raises:
        InvalidArgumentError: An axis is of another space.
    """
    moves = list(moves)
    layered = start.space != LAYERED and any(each.layers or each.space == LAYERED for each in moves)
    place = _layered(start, generator) if layered else start
    if not any(each.step for each in moves):
        return place
    latent = np.asarray(place.latent, np.float64).copy()
    for move in moves:
        if not fits(generator, place.space, move.space):
            raise InvalidArgumentError(
                f"the image is of a latent of {place.space}, but the axis lies in {move.space}: choose that space first"
            )
        way = move.step * move.axis.unit * np.asarray(move.axis.vector, np.float64)
        if place.space == LAYERED and move.space == W:
            rows = latent.reshape(layer_count(generator), -1)
            rows[list(move.layers) or slice(None)] += way
        else:
            latent += way
    bounds = generator.spaces[place.space].bounds
    return replace(place, latent=(latent if bounds is None else latent.clip(*bounds)).astype(np.float32))


def in_one_space(first: Place, second: Place, generator: Generator) -> tuple[Place, Place]:
    """Two places as latents of one space, without changing their images.

    Raises:
        InvalidArgumentError: There is no space that has both.
    """
    if first.space == second.space:
        return first, second
    if {first.space, second.space} != {W, LAYERED}:
        raise InvalidArgumentError(
            f"between latents of {first.space} and {second.space} there is no way: take two of the same space"
        )
    lifted = [place if place.space == LAYERED else _layered(place, generator) for place in (first, second)]
    return lifted[0], lifted[1]


def _layered(place: Place, generator: Generator) -> Place:
    """The place in w+ with the same image."""
    if place.space != W or not (count := layer_count(generator)):
        raise InvalidArgumentError(f"layers follow in w alone, but the latent is of {place.space}: choose w first")
    return replace(place, latent=np.tile(place.latent, count), space=LAYERED)
