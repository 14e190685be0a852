"""Interface of a job's task on a worker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from pullback.inversion import Evaluation, Problem, Query
from pullback_server.protocol.messages import Progressed
from pullback_server.worker.checkpoint import read_checkpoint, write_checkpoint
from pullback_server.worker.parts import SharedShards


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
        """Does the next step, or a piece of it."""

    @property
    def evaluations(self) -> int:
        """How many latents were evaluated so far, in whichever process; 0 where that is not what it does."""
        return 0

    @property
    def amid_step(self) -> bool:
        """Whether only a piece of a step is done: the state is that before the step."""
        return False

    @abstractmethod
    def progress(self, job: str) -> Progressed:
        """How far it has come, to be told under that job's id."""

    @abstractmethod
    def result(self) -> bytes:
        """The result, once all steps are done."""

    def result_in_pieces(self) -> Generator[None, None, bytes]:
        """As `result`; yields nothing wherever other work may be done."""
        yield from ()
        return self.result()

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
        # A file holds no memory twice, but a state may name one tensor by two names.
        tensors = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in self._state().items()}
        write_checkpoint(path, safetensors.torch.save(tensors))

    def restore(self, path: Path) -> None:
        """Goes on from what `save` wrote.

        Raises:
            DamagedCheckpointError: The file is not what was written.
            OSError: It cannot be read.
        """
        self._set_state(safetensors.torch.load(read_checkpoint(path)))


class SharedTask(Task):
    """A task of shards, some of which other workers may compute, to the same result, bit for bit."""

    @property
    @abstractmethod
    def shards(self) -> SharedShards | None:
        """The shards that others may compute at the moment; None for none."""


class BatchTask(Task):
    """A task most of whose steps are evaluations, which are made together for all tasks of a batch.

    Attributes:
        seconds: Seconds that its evaluations took, its share of those that were made with others.
        evaluated: Latents that were evaluated, in this process.
    """

    seconds: float = 0.0
    evaluated: int = 0

    @property
    def evaluations(self) -> int:
        """Latents that were evaluated in this process."""
        return self.evaluated

    @property
    @abstractmethod
    def evaluates(self) -> bool:
        """Whether the next step is an evaluation, made by `ask` and `tell`; another is made by `step`."""

    @abstractmethod
    def ask(self) -> Sequence[tuple[Problem, Query]]:
        """What the next step wants evaluated: of one target after the other, at least one."""

    @abstractmethod
    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Makes the step, now that all of it is evaluated."""
