"""What every job is on a worker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import safetensors.torch
from torch import Tensor

from pullback.geometry.files import write_whole
from pullback_server.worker.messages import Progressed


class Task(ABC):
    """A job as a sequence of short steps over a state that can be saved and restored.

    A task that is restored goes on exactly as the one that was saved would have.
    """

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether all steps are done."""

    @abstractmethod
    def step(self) -> None:
        """Does the next step."""

    @abstractmethod
    def progress(self, job: str) -> Progressed:
        """How far it has come, to be told under that job's id."""

    @abstractmethod
    def result(self) -> bytes:
        """The result, once all steps are done."""

    @abstractmethod
    def _state(self) -> dict[str, Tensor]:
        """The state as named tensors."""

    @abstractmethod
    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        """Goes on from what `_state` gave."""

    def save(self, path: Path) -> None:
        """Writes the state: whole, or not at all.

        Raises:
            OSError: It cannot be written; the file of before is untouched.
        """
        tensors = {name: tensor.contiguous() for name, tensor in self._state().items()}
        write_whole(path, safetensors.torch.save(tensors))

    def restore(self, path: Path) -> None:
        """Goes on from what `save` wrote."""
        self._set_state(safetensors.torch.load(path.read_bytes()))
