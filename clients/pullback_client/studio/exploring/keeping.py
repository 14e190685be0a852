"""Keeping axes: naming one, and making one direction of all steps from the start."""

from __future__ import annotations

import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pullback_client.client import Client
from pullback_client.directions import files
from pullback_client.directions.direction_set import Directions
from pullback_client.directions.records import Direction, DirectionsInfo
from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.exploring.axes import set_name
from pullback_client.studio.exploring.places import Place

if TYPE_CHECKING:
    from pullback_client.catalogue import Generator

_KEPT = 20  # directions of a set of eigen-axes, as the server has them where nothing is said
_BY_HAND = "by hand"


def kept_set(client: Client, generator: str, chosen: str, index: int) -> Directions:
    """The set of directions that an axis belongs to; of an eigenbasis, its axes are kept as one first.

    Args:
        client: Asks the server.
        generator: Id of the generator.
        chosen: Id of the axes.
        index: Which of them.
    """
    name = set_name(generator, chosen)
    if not chosen.startswith("eigenbases/"):
        return client.get_directions(name)
    (info,) = (each for each in client.list_eigenbases(generator) if each.name == name)
    k = min(max(_KEPT, index + 1), info.k)
    return client.discover_directions(
        generator, method="hessian", space=info.space, eigenbasis=name, k=k, progress=False
    )


def direction_of(client: Client, generator: str, chosen: str, index: int) -> Direction:
    """An axis as a direction that the server walks along."""
    return kept_set(client, generator, chosen, index)[index]


def name_axis(client: Client, generator: str, chosen: str, index: int, title: str) -> Directions:
    """Gives an axis a title, which the server keeps; returns its set."""
    return kept_set(client, generator, chosen, index).annotate(index, title)


def keep_way(
    client: Client, generator: Generator, start: Place, end: Place, title: str, eigenbasis: str | None
) -> Directions:
    """Keeps the way from one place to another as a direction of that title.

    Args:
        client: Asks the server.
        generator: The generator.
        start: Where it begins.
        end: Where it ends, in the same space.
        title: What it is called.
        eigenbasis: Resource name of the eigenbasis by which it is measured; None = the server's usual one.

    Raises:
        InvalidArgumentError: Both are the same place.
        FailedPreconditionError: There is no eigenbasis.
    """
    way = np.asarray(end.latent, np.float64) - np.asarray(start.latent, np.float64)
    length = float(np.linalg.norm(way))
    if not length:
        raise InvalidArgumentError("nothing has moved: move a slider first")
    info = DirectionsInfo(
        name="",
        generator=generator.name,
        space=end.space,
        method=_BY_HAND,
        k=1,
        dim=len(way),
        layers=(),
        aligned_axes=1,
        eigenbasis=eigenbasis or "",
        annotations=(),
        settings={"length": f"{length:.6g}"},
        import_format="",
        generator_weights_hash=generator.weights_hash,
        version="",
        created=datetime.now(timezone.utc),
        job="",
    )
    arrays = {"vectors": (way / length)[None], "values": np.full(1, np.nan)}
    with tempfile.TemporaryDirectory(prefix="pullback-studio-") as folder:
        file = files.save(info, arrays, 0, Path(folder) / "direction.safetensors")
        kept = client.import_directions(file, generator.name, format="pullback", space=end.space, eigenbasis=eigenbasis)
    return kept.annotate(0, title)
