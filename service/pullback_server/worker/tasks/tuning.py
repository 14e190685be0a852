"""Tuning task: an update of the weights at a time, and the weight file that comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from google.protobuf import json_format
from torch import Tensor

from pullback.inversion.tuning import PivotalTuning
from pullback.pictures import to_pictures
from pullback_api.tensors import pack
from pullback_api.v1 import inversion_pb2, specs_pb2, tunings_pb2
from pullback_server.names import parse_generator
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.protocol.payload import read_payload
from pullback_server.protocol.tuned_files import METADATA
from pullback_server.specs import tuning_options
from pullback_server.worker.files import content
from pullback_server.worker.models import Models
from pullback_server.worker.presentation import encode
from pullback_server.worker.tasks.given_starts import given_starts
from pullback_server.worker.tasks.inversion_images import read_images, read_masks
from pullback_server.worker.tasks.task import Task

_SECONDS = "seconds"


class TuningTask(Task):
    """One step is one update, at one photograph. The generator that others use is never touched."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        request = tunings_pb2.TuneRequest.FromString(start.work)
        self._settings = settings = request.settings
        name = parse_generator(settings.generator, "generator")
        tell_phase(f"loading {name} and {settings.distance}")
        items = read_payload(content(start.payload))
        self._targets = [item for item in items if isinstance(item, inversion_pb2.Target)]
        generator = models.generator(name)
        pivots_in = specs_pb2.InversionSettings(space=settings.space, start_space=request.pivot_space)
        pivots = [pivot for pivot in given_starts(self._targets, pivots_in, generator) or () if pivot is not None]
        self._tuning = PivotalTuning(
            generator,
            models.distance(settings.distance),
            settings.space,
            read_images([target.image for target in self._targets]),
            torch.stack(pivots),
            masks=read_masks(self._targets),
            settings=tuning_options(settings),
            seed=settings.seed,
        )
        self._seconds = 0.0
        self._previewed = -1

    @property
    def done(self) -> bool:
        """Whether every update was made, or all photographs are near enough."""
        return self._tuning.done

    def step(self) -> None:
        """Makes the next update."""
        began = time.perf_counter()
        self._tuning.step()
        self._seconds += time.perf_counter() - began

    def progress(self, job: str) -> Progressed:
        """Updates so far, the loss, and a preview of every photograph where it is due."""
        tuning = self._tuning
        turn, every = tuning.updates // tuning.photographs, self._settings.preview_every
        due = bool(every) and turn % every == 0 and turn != self._previewed
        if due:
            self._previewed = turn
        return Progressed(
            job,
            "tuning weights",
            step=tuning.updates,
            total=tuning.total,
            loss=tuning.loss,
            previews=tuple(encode(picture, "PNG") for picture in to_pictures(tuning.images())) if due else (),
        )

    def result(self) -> bytes:
        """A safetensors file of the tensors that changed, whose header tells of the tuning."""
        tuning, found = self._tuning, self._tuning.result()
        told = tunings_pb2.Tuning(
            settings=self._settings,
            generator_weights_hash=tuning.original.weights_hash,
            distance_weights_hash=tuning.distance.weights_hash,
            compute_seconds=self._seconds,
            updates=tuning.updates,
            tensors=len(found.weights.tensors),
            trace=pack(found.trace.numpy()),
            photographs=[
                tunings_pb2.TunedPhotograph(
                    label=target.label,
                    pivot=pack(pivot.float().cpu().numpy()),
                    distance_before=distances[0],
                    distance=distances[1],
                    squared_error_before=errors[0],
                    squared_error=errors[1],
                )
                for target, pivot, distances, errors in zip(
                    self._targets,
                    tuning.pivots,
                    found.distances.tolist(),
                    found.squared_errors.tolist(),
                    strict=True,
                )
            ],
        )
        return found.weights.to_bytes({METADATA: json_format.MessageToJson(told, indent=None)})

    def _state(self) -> dict[str, Tensor]:
        return {**self._tuning.to_tensors(), _SECONDS: torch.tensor(self._seconds, dtype=torch.float64)}

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._seconds = float(tensors.pop(_SECONDS))
        self._tuning.restore(tensors)
