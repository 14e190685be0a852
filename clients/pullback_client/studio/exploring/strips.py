"""Strips: images along an axis from where the sliders are, as a walk that is saved like any other."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pullback_client.client import Client
from pullback_client.directions.frame import Frame
from pullback_client.directions.traversal import Traversal
from pullback_client.studio.exploring.places import Place, draw

FRAMES = 7
"""Of a strip: an odd number, so that one shows where the axis is at 0."""

SIDE = 192
"""Pixels to which saved frames are enlarged, about."""

_FRAME_MS = 120


def steps_to(reach: float) -> list[float]:
    """Where the frames of a strip lie, in steps."""
    return [float(step) for step in np.linspace(-reach, reach, FRAMES)]


def strip(client: Client, generator: str, places: Sequence[Place], steps: Sequence[float], axis: str) -> Traversal:
    """The walk through places along an axis. Distances are not measured, NaN.

    Args:
        client: Draws the images.
        generator: Id of the generator.
        places: The places, all of one space.
        steps: Where each lies along the axis.
        axis: Which axis it is, for the provenance.
    """
    images = draw(client, generator, places)
    frames = tuple(
        Frame(number, step, 0.0, place.latent, float("nan"), image)
        for number, (place, step, image) in enumerate(zip(places, steps, images, strict=True))
    )
    settings = {"generator": generator, "axis": axis, "tuning": places[0].tuning}
    return Traversal(frames, places[0].space, _side_by_side(images), _animation(images), settings)


def walk_file(walk: Traversal, suffix: str) -> bytes:
    """A walk as a file, `.png`, `.gif`, `.mp4`, `.npz` or `.json`; see `Traversal.save`."""
    upscale = max(1, SIDE // max(walk[0].image.height, 1)) if suffix in {".png", ".gif", ".mp4"} else 1
    if suffix == ".mp4" and upscale > 1:
        upscale += upscale % 2  # so that each pixel keeps its colours
    with tempfile.TemporaryDirectory(prefix="pullback-studio-") as folder:
        (file,) = walk.save(Path(folder) / f"walk{suffix}", upscale=upscale)
        return file.read_bytes()


def place_file(client: Client, generator: str, place: Place, suffix: str) -> bytes:
    """What is at a place, as a file.

    Args:
        client: Draws it.
        generator: Id of the generator.
        place: The place.
        suffix: `.png`: the image; `.npy`: the latent; `.npz`: `latent`, its `space`, and the noise maps that belong to
            it (`noise_map_0` and so on).
    """
    buffer = io.BytesIO()
    match suffix:
        case ".png":
            place.draw(client, generator).save(buffer, "PNG")
        case ".npy":
            np.save(buffer, place.latent, allow_pickle=False)
        case _:
            maps: Any = {f"noise_map_{number}": each for number, each in enumerate(place.noise_maps)}
            np.savez_compressed(buffer, allow_pickle=False, latent=place.latent, space=np.array(place.space), **maps)
    return buffer.getvalue()


def _side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    width, height = images[0].size
    whole = Image.new("RGB", (width * len(images), height))
    for number, image in enumerate(images):
        whole.paste(image.convert("RGB"), (number * width, 0))
    return whole


def _animation(images: Sequence[Image.Image]) -> bytes:
    """The images forth and back, an animated GIF."""
    # A palette for each frame, as the server's animations have it.
    first, *others = [image.convert("RGB").quantize(256) for image in [*images, *images[-2:0:-1]]]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=_FRAME_MS, loop=0, optimize=False)
    return buffer.getvalue()
