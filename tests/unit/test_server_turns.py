"""One step of jobs that are computed together: whose fault stays whose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pullback.inversion import Evaluation, Problem, Query, evaluate
from pullback_server.worker.turns import Turn
from toys import Euclidean, Smooth


class Delicate(Smooth):
    """Raises where any latent is far out."""

    def synthesize(self, inputs: Tensor) -> Tensor:
        if inputs.abs().max() > 100:
            raise ValueError("too far out")
        return super().synthesize(inputs)


GENERATOR, DISTANCE = Delicate(), Euclidean()


class Job:
    """What a turn asks of a job and of its task, with a note of what it is told."""

    evaluated = 0

    def __init__(self, name: str, points: Tensor, *, fault: str = "") -> None:
        self.id = name
        self.problem = Problem(GENERATOR, DISTANCE, "z", torch.full((1, 3, 4, 4), 0.3))
        self.points = [points, points[:, ::2]]
        self.fault = fault
        self.told: list[Sequence[Evaluation]] = []

    @property
    def shared(self) -> Job:
        return self

    def ask(self) -> list[tuple[Problem, Query]]:
        if self.fault == "ask":
            raise RuntimeError("cannot ask")
        return [(self.problem, Query(points)) for points in self.points]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        if self.fault == "tell":
            raise RuntimeError("cannot be told")
        self.told.append(evaluations)

    def after_step(self, task: Job) -> None:
        assert task is self


def near(seed: int, restarts: int = 3) -> Tensor:
    return torch.randn(1, restarts, 6, generator=torch.Generator().manual_seed(seed))


def finish(turn: Turn) -> int:
    pieces = 1
    while not turn.advance():
        pieces += 1
    return pieces


def turn_of(*jobs: Any) -> Turn:
    return Turn(jobs)


def check_answered(job: Job) -> None:
    """The job was told once, and just what it is told alone."""
    (answers,) = job.told
    for points, told in zip(job.points, answers, strict=True):
        alone = evaluate(job.problem, Query(points))
        assert torch.equal(told.loss, alone.loss)
        assert told.gradient is not None
        assert alone.gradient is not None
        assert torch.equal(told.gradient, alone.gradient)


def test_each_job_gets_its_own_part() -> None:
    jobs = [Job("a", near(1)), Job("b", near(2, 5)), Job("c", near(3, 1))]
    turn = turn_of(*jobs)
    finish(turn)
    assert not turn.failed
    for job in jobs:
        check_answered(job)


@pytest.mark.parametrize("fault", ["ask", "tell"])
def test_a_job_that_raises_fails_alone(fault: str) -> None:
    good, bad = Job("good", near(1)), Job("bad", near(2), fault=fault)
    turn = turn_of(bad, good)
    finish(turn)
    assert turn.failed.keys() == {"bad"}
    check_answered(good)


def test_a_job_that_cannot_be_evaluated_fails_alone() -> None:
    good, bad, other = Job("good", near(1)), Job("bad", near(2) * 1000), Job("other", near(3))
    turn = turn_of(good, bad, other)
    finish(turn)
    assert turn.failed.keys() == {"bad"}
    assert "too far out" in str(turn.failed["bad"])
    check_answered(good)
    check_answered(other)


def test_a_job_that_is_dropped_in_the_middle_is_told_nothing() -> None:
    gone, stays = Job("gone", near(1, 20)), Job("stays", near(2, 20))
    turn = turn_of(gone, stays)
    assert not turn.advance()
    turn.drop("gone")
    assert set(turn.shares(1.0)) == {"stays"}
    finish(turn)
    assert not gone.told
    check_answered(stays)


def test_a_long_step_is_done_in_many_pieces() -> None:
    assert finish(turn_of(Job("a", near(1, 64)))) > 8


def test_time_is_shared_by_rows() -> None:
    turn = turn_of(Job("a", near(1, 2)), Job("b", near(2, 6)))
    turn.advance()
    # 2 + 1 points, and 6 + 3.
    assert turn.shares(4.0) == {"a": 1.0, "b": 3.0}
