"""Inverts images."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion import InversionResult, LossWeights, Problem, draw_starts, make_solver
from pullback_api.tensors import pack
from pullback_api.v1 import inversion_pb2, specs_pb2, values_pb2
from pullback_server.names import parse_generator
from pullback_server.specs import INVERSION_METHODS, SCHEDULES
from pullback_server.worker.calls import encode, to_pictures
from pullback_server.worker.messages import Progressed, StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.task import Task


class InversionTask(Task):
    """One step is one update of every restart of every image."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        self._request = inversion_pb2.InvertRequest.FromString(start.payload)
        self._settings = specs_pb2.InversionSettings.FromString(start.work)
        settings = self._settings
        name = parse_generator(settings.generator, "generator")
        tell_phase(f"loading {name} and {settings.distance}")
        self._problem = Problem(
            models.generator(name),
            models.distance(settings.distance),
            settings.space,
            _read_images([target.image for target in self._request.targets]),
            masks=_read_masks(self._request.targets),
            weights=LossWeights(settings.weights.distance, settings.weights.l1, settings.weights.l2),
        )
        self._solver = make_solver(
            INVERSION_METHODS[settings.method],
            eigenbasis=Eigenbasis.from_bytes(start.eigenbasis) if start.eigenbasis else None,
            steps=settings.steps,
            learning_rate=settings.learning_rate if settings.HasField("learning_rate") else None,
            exponent=settings.exponent,
            schedule=SCHEDULES.get(settings.schedule, "constant"),
        )
        self._current = self._solver.init(self._problem, draw_starts(self._problem, settings.restarts, settings.seed))
        self._seconds = 0.0

    @property
    def done(self) -> bool:
        """Whether every update was made and the last one evaluated."""
        return self._solver.terminate(self._problem, self._current)

    def step(self) -> None:
        """Evaluates every restart once, and moves it."""
        began = time.perf_counter()
        self._current = self._solver.step(self._problem, self._current)
        if self._problem.generator.device.type == "cuda":
            torch.cuda.synchronize(self._problem.generator.device)
        self._seconds += time.perf_counter() - began

    def progress(self, job: str) -> Progressed:
        """Updates so far, the best loss, and previews where they are due."""
        updates = self._current.step - 1
        every = self._settings.preview_every
        return Progressed(
            job,
            "optimizing latents",
            step=updates,
            total=self._settings.steps,
            loss=float(self._current.best_loss.amin(dim=1).mean()),
            previews=self._previews() if every and updates % every == 0 else (),
        )

    def result(self) -> bytes:
        """A serialised `InversionResult`; the server fills in its name."""
        found = self._solver.postprocess(self._problem, self._current)
        pictures = to_pictures(found.images)
        message = inversion_pb2.InversionResult(
            settings=self._settings,
            generator_weights_hash=self._problem.generator.weights_hash,
            distance_weights_hash=self._problem.distance.weights_hash,
            compute_seconds=self._seconds,
            results=[self._inverted(found, pictures[number], number) for number in range(len(pictures))],
        )
        return message.SerializeToString()

    def _inverted(self, found: InversionResult, picture: Image.Image, number: int) -> inversion_pb2.InvertedTarget:
        target = self._request.targets[number]
        return inversion_pb2.InvertedTarget(
            label=target.label,
            latent=_pack(found.latents[number]),
            image=_png(picture),
            target=target.image,
            distance=float(found.distances[number]),
            loss=float(found.losses[number]),
            best_restart=int(found.best_restart[number]),
            best_step=int(found.best_step[number]),
            distance_trace=_pack(found.trace_distance[number]),
            loss_trace=_pack(found.trace_loss[number]),
            restart_latents=_pack(found.restart_latents[number]),
        )

    def _previews(self) -> tuple[bytes, ...]:
        found = self._solver.postprocess(self._problem, self._current)
        return tuple(encode(picture, "PNG") for picture in to_pictures(found.images))

    def _state(self) -> dict[str, Tensor]:
        return {**self._current.to_tensors(), "seconds": torch.tensor(self._seconds, dtype=torch.float64)}

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._seconds = float(tensors.pop("seconds"))
        self._current = self._solver.restore(self._problem, tensors)


def _read_images(images: Sequence[values_pb2.Image]) -> Tensor:
    """Prepared PNG files as images in [0, 1], shape (images, C, H, W)."""
    return torch.stack([_read(image) for image in images])


def _read_masks(targets: Sequence[inversion_pb2.Target]) -> Tensor | None:
    """Masks in [0, 1], shape (images, 1, H, W); None where no target has one."""
    if not any(target.HasField("mask") for target in targets):
        return None
    return torch.stack(
        [
            _read(target.mask) if target.HasField("mask") else torch.ones_like(_read(target.image)[:1])
            for target in targets
        ]
    )


def _read(image: values_pb2.Image) -> Tensor:
    with Image.open(io.BytesIO(image.data)) as picture:
        levels = np.atleast_3d(np.asarray(picture, dtype=np.float32))
    return torch.from_numpy(levels / 255).movedim(-1, 0).contiguous()


def _pack(values: Tensor) -> values_pb2.Tensor:
    return pack(values.detach().float().cpu().numpy())


def _png(picture: Image.Image) -> values_pb2.Image:
    return values_pb2.Image(
        data=encode(picture, "PNG"),
        format=values_pb2.IMAGE_FORMAT_PNG,
        width=picture.width,
        height=picture.height,
    )
