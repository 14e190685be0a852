"""An inverted photograph as the client holds it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from pullback_api.v1 import inversion_pb2
from pullback_client.codec import Array, array_from_tensor, image_from_wire
from pullback_client.errors import BadResponseError, InvalidArgumentError
from pullback_client.files import write_json, write_npz, write_png
from pullback_client.models import utc
from pullback_client.settings import as_dict


@dataclass(frozen=True, eq=False)
class Inversion:
    """What inverting one photograph found.

    Attributes:
        label: Name of the photograph's file, empty where it came as an image.
        latent: The best latent over all restarts and steps, by loss; float32, shape (dim,).
        image: Its image, at the generator's size.
        target: The photograph as it was compared, at the generator's size.
        distance: Image distance between the two.
        loss: The weighted loss at `latent`.
        best_restart: The restart that found it, from 0.
        best_step: After how many updates.
        distance_trace: Image distance after k updates at [restart, k]; float32, shape (restarts, steps + 1).
        loss_trace: The loss likewise.
        restart_latents: The best latent of every restart; float32, shape (restarts, dim).
        settings: How it was computed, every default filled in, under the contract's field names.
        name: Resource name of the inversion, `inversions/{id}`.
        job: Resource name of the job that computed it.
        compute_seconds: Seconds that the optimization of all photographs of the request took on the worker.
        generator_weights_hash: SHA-256 of the generator's weight file.
        distance_weights_hash: SHA-256 of the distance's; empty where it has no weights.
        version: Version of Pullback that computed it.
        created: When.
    """

    label: str
    latent: Array
    image: Image.Image
    target: Image.Image
    distance: float
    loss: float
    best_restart: int
    best_step: int
    distance_trace: Array
    loss_trace: Array
    restart_latents: Array
    settings: dict[str, Any]
    name: str
    job: str
    compute_seconds: float
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    created: datetime

    @property
    def trace(self) -> Array:
        """The distance trace of the restart that found the best latent, shape (steps + 1,)."""
        trace: Array = self.distance_trace[self.best_restart]
        return trace

    @property
    def provenance(self) -> dict[str, Any]:
        """What was computed from what, as plain values: all but images, latents and traces."""
        fields = (
            "label name job distance loss best_restart best_step compute_seconds settings "
            "generator_weights_hash distance_weights_hash version"
        )
        return {name: getattr(self, name) for name in fields.split()} | {"created": self.created.isoformat()}

    def save(self, path: str | os.PathLike[str]) -> list[Path]:
        """Writes the result, each file atomically; files that exist are replaced.

        Args:
            path: `.png`: the image. `.npz`: `latent`, `restart_latents`, `distance_trace`, `loss_trace` and
                `provenance` (a JSON text). `.json`: the provenance. Without a suffix, or an existing folder: a folder
                that gets `image.png`, `target.png`, `inversion.npz` and `inversion.json`.

        Returns:
            The files written.

        Raises:
            InvalidArgumentError: Another suffix.
        """
        file = Path(path)
        if file.is_dir() or not file.suffix:
            write_png(file / "target.png", self.target)
            parts = [file / "image.png", file / "inversion.npz", file / "inversion.json"]
            return [file / "target.png", *(saved for part in parts for saved in self.save(part))]
        match file.suffix.lower():
            case ".png":
                write_png(file, self.image)
            case ".json":
                write_json(file, self.provenance)
            case ".npz":
                arrays = ("latent", "restart_latents", "distance_trace", "loss_trace")
                write_npz(file, {name: getattr(self, name) for name in arrays}, self.provenance)
            case suffix:
                raise InvalidArgumentError(
                    f"cannot save an inversion as {suffix!r}: expected .png, .npz, .json, or a folder"
                )
        return [file]


def inversions_from_wire(message: inversion_pb2.InversionResult) -> list[Inversion]:
    """One record per target, in the order of the request.

    Raises:
        BadResponseError: An image or an array cannot be read, or does not fit the others.
    """
    return [_from_wire(message, target) for target in message.results]


def _from_wire(message: inversion_pb2.InversionResult, target: inversion_pb2.InvertedTarget) -> Inversion:
    arrays = {
        name: array_from_tensor(getattr(target, name), f"{message.name}: {name}")
        for name in ("latent", "distance_trace", "loss_trace", "restart_latents")
    }
    traces = arrays["distance_trace"].shape
    if (
        len(traces) != 2
        or arrays["loss_trace"].shape != traces
        or arrays["latent"].ndim != 1
        or arrays["restart_latents"].shape != (traces[0], *arrays["latent"].shape)
        or not 0 <= target.best_restart < traces[0]
    ):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise BadResponseError(f"{message.name}: arrays that do not fit each other: {shapes}")
    return Inversion(
        label=target.label,
        image=image_from_wire(target.image, f"{message.name}: image"),
        target=image_from_wire(target.target, f"{message.name}: target"),
        distance=target.distance,
        loss=target.loss,
        best_restart=target.best_restart,
        best_step=target.best_step,
        settings=as_dict(message.settings),
        name=message.name,
        job=message.job,
        compute_seconds=message.compute_seconds,
        generator_weights_hash=message.generator_weights_hash,
        distance_weights_hash=message.distance_weights_hash,
        version=message.version,
        created=utc(message.create_time),
        **arrays,
    )
