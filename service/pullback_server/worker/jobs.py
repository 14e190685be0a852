"""Jobs on a worker: each one's task from first step to result, its checkpoints, and what it tells of its progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pullback.pieces import Underway
from pullback_server.protocol.messages import FromWorker, Progressed, StartJob
from pullback_server.watching.spans import Tracing
from pullback_server.worker.checkpoint import DamagedCheckpointError
from pullback_server.worker.models import Models
from pullback_server.worker.parts import SharedShards
from pullback_server.worker.tasks import BatchTask, SharedTask, Task, make_task
from pullback_server.worker.tasks.work import Work

_log = logging.getLogger(__name__)


class RunningJob:
    """A job on this worker.

    Attributes:
        id: The job's id.
        batch: Jobs of an equal batch can be computed together.
        rows: How many latents it moves.
        result: Its result, once it is there.
    """

    def __init__(
        self,
        start: StartJob,
        models: Models,
        send: Callable[[FromWorker], None],
        *,
        checkpoint_seconds: float,
        progress_seconds: Callable[[], float],
        tracing: Tracing | None = None,
    ) -> None:
        self.id = start.job
        self.batch = start.job if start.alone or not start.load.batch else start.load.batch
        self.rows = max(start.load.rows, 1)
        self.result: bytes | None = None
        self._start = start
        self._models = models
        self._send = send
        # Of a part there is none: it is short.
        self._checkpoint = None if start.part else Path(start.checkpoint)
        self._checkpoint_seconds = checkpoint_seconds
        self._progress_seconds = progress_seconds
        self._task: Task | None = None
        self._finishing: Underway[bytes] = Underway()
        self._unsaved = 0.0
        self._told = 0.0
        self._work = Work(start.job, start.trace, send, tracing or Tracing())
        self._latest = Progressed(start.job, "starting", step=0, total=0)

    @property
    def shared(self) -> BatchTask | None:
        """The task, where its next step is an evaluation, which can be made together with those of others."""
        task = self._task
        return task if isinstance(task, BatchTask) and not task.done and task.evaluates else None

    def step(self) -> None:
        """Makes a step by itself: the first one loads the task, the last ones make the result, piece by piece."""
        if self._task is None:
            self._task = self._restored(self._make_task()) or self._make_task()
            self._work.begin(self._task.evaluations)
        elif self._task.done:
            if not self._finishing.begun:
                self._tell_phase("finishing")
            self.result = self._finishing.advance(self._task.result_in_pieces)
        else:
            self._task.step()
            self.after_step(self._task)

    def spend(self, seconds: float) -> None:
        """Notes that the job was computed for so long; an inversion's own time is that of its evaluations alone."""
        self._unsaved += seconds
        self._work.spend(seconds)
        if isinstance(self._task, BatchTask) and self._task.evaluates:
            self._task.seconds += seconds

    def after_step(self, task: Task) -> None:
        """Tells of the progress and saves the state, where it is time to."""
        now = time.monotonic()
        if not task.amid_step and (not isinstance(task, BatchTask) or task.evaluates):
            self._work.stepped(task.evaluations)
        self._latest = progress = task.progress(self.id)
        if progress.previews or task.done or now - self._told >= self._progress_seconds():
            shards = self.shards
            self._send(replace(progress, lends=shards is not None and shards.lends))
            self._told = now
        # What counts is the job's own work, so that many jobs are not busy with checkpoints alone. A new checkpoint
        # says that the job has come further, which it has not in the middle of a step.
        if self._unsaved >= self._checkpoint_seconds and not task.amid_step:
            self.write_checkpoint()

    def write_checkpoint(self) -> None:
        """Saves the task's state; where that fails the job goes on, and the checkpoint before stays."""
        if self._task is None or self._checkpoint is None:
            return
        try:
            self._task.save(self._checkpoint)
        except OSError as error:
            _log.warning("no checkpoint of job %s: %s", self.id, error)
        self._unsaved = 0.0

    def tell_work(self) -> None:
        """Tells of what was done and not yet told."""
        self._work.tell()

    def discard(self) -> None:
        """Removes the checkpoint."""
        if self._checkpoint is not None:
            self._checkpoint.unlink(missing_ok=True)

    @property
    def shards(self) -> SharedShards | None:
        """Shards of it that other workers may compute at the moment; None for none."""
        return self._task.shards if isinstance(self._task, SharedTask) and not self._task.done else None

    def _make_task(self) -> Task:
        return make_task(self._start, self._models, self._tell_phase)

    def _restored(self, task: Task) -> Task | None:
        """The task as its checkpoint has it, or as it is where there is none; None where it is to be made anew."""
        if self._checkpoint is None:
            return task
        try:
            task.restore(self._checkpoint)
        except FileNotFoundError:
            return task
        except (DamagedCheckpointError, OSError) as error:
            _log.warning("job %s starts over, for its checkpoint cannot be used: %s", self.id, error)
            return None
        except Exception:
            # Another version may have written it. A job can always be done again from its start.
            _log.warning("job %s starts over, for its checkpoint cannot be used", self.id, exc_info=True)
            return None
        return task

    def _tell_phase(self, phase: str) -> None:
        self._send(replace(self._latest, phase=phase, previews=()))
