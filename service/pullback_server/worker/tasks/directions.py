"""Directions task: discovery in steps, and the set that comes of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pullback.directions import method_of
from pullback_api.tensors import unpack
from pullback_api.v1 import specs_pb2
from pullback_server.direction_sets import direction_set_message
from pullback_server.names import parse_generator
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.specs import directions_settings
from pullback_server.worker.files import eigenbasis
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.discovery import Discovery, Trained, Untrained
from pullback_server.worker.tasks.task import Task


class DirectionsTask(Task):
    """One step is one update of what is trained, and a piece of what is not, which a restored task begins anew."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        self._spec = specs_pb2.DirectionsSpec.FromString(start.work)
        basis = eigenbasis(start.eigenbasis)
        assert basis is not None  # noqa: S101  (whatever finds directions, they are measured by one)
        self._eigenbasis = basis
        name = parse_generator(self._spec.generator, "generator")
        tell_phase(f"loading {' and '.join(filter(None, (name, self._spec.distance)))}")
        self._discovery = self._make_discovery(name, models)
        self._current = dict(self._discovery.init())

    @property
    def done(self) -> bool:
        """Whether they are found."""
        return self._discovery.done(self._current)

    def step(self) -> None:
        """Makes the next step."""
        self._current = dict(self._discovery.step(self._current))

    @property
    def amid_step(self) -> bool:
        """Whether something is begun that no state holds."""
        return self._discovery.amid_step

    def progress(self, job: str) -> Progressed:
        """Steps so far."""
        return Progressed(job, self._discovery.phase, self._discovery.made(self._current), self._discovery.total)

    def result(self) -> bytes:
        """A serialised `DirectionSet`; the server fills in its name."""
        found = self._discovery.result(self._current)
        return direction_set_message(found, self._spec, self._eigenbasis).SerializeToString()

    def _make_discovery(self, name: str, models: Models) -> Discovery:
        spec, settings = self._spec, directions_settings(self._spec)
        if method_of(settings.method).trained:
            return Trained(models.generator(name), settings)
        return Untrained(
            models.generator(name),
            settings,
            eigenbasis=self._eigenbasis,
            latent=torch.from_numpy(unpack(spec.latent)) if spec.HasField("latent") else None,
            distance=models.distance(spec.distance) if spec.distance else None,
        )

    def _state(self) -> dict[str, Tensor]:
        return self._current

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._current = tensors
