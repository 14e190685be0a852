"""Jobs as sequences of short steps, one file each."""

from __future__ import annotations

from collections.abc import Callable

from pullback_server.protocol.messages import StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.analysis import AnalysisTask
from pullback_server.worker.tasks.directions import DirectionsTask
from pullback_server.worker.tasks.eigenbasis import EigenbasisTask
from pullback_server.worker.tasks.inversion import InversionTask
from pullback_server.worker.tasks.part import PartTask
from pullback_server.worker.tasks.task import BatchTask, SharedTask, Task
from pullback_server.worker.tasks.tuning import TuningTask

__all__ = ["BatchTask", "SharedTask", "Task", "make_task"]


def make_task(start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> Task:
    """The task of a job or of a part of one, with its models loaded; `tell_phase` is told what is being waited for."""
    makers: dict[str, Callable[[StartJob, Models, Callable[[str], None]], Task]] = {
        "eigenbasis": EigenbasisTask,
        "inversion": InversionTask,
        "analysis": AnalysisTask,
        "directions": DirectionsTask,
        "tuning": TuningTask,
    }
    return (PartTask if start.part else makers[start.kind])(start, models, tell_phase)
