"""What an inversion found, as the contract says it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from google.rpc import code_pb2

from pullback.inversion import InversionResult, Problem, invert
from pullback_api.tensors import unpack
from pullback_api.v1 import inversion_pb2
from pullback_server.worker.tasks.inversion_result import inverted_targets
from toys import Euclidean, Smooth

TARGETS = [inversion_pb2.Target(label=f"target {number}") for number in range(3)]


@pytest.fixture(scope="module")
def problem() -> Problem:
    generator = Smooth()
    return Problem(
        generator,
        Euclidean(),
        "z",
        generator.render(torch.randn(3, 6, generator=torch.Generator().manual_seed(1)), "z"),
    )


@pytest.fixture(scope="module")
def found(problem: Problem) -> InversionResult:
    return invert(problem, "adam", restarts=4, steps=5)


def test_a_target_whose_losses_were_never_finite_fails_alone(problem: Problem, found: InversionResult) -> None:
    losses = found.losses.clone()
    losses[1] = math.inf
    first, second, third = inverted_targets(problem, replace(found, losses=losses), TARGETS, 1, None)
    assert second.error.code == code_pb2.INTERNAL
    assert "finite loss" in second.error.message
    assert {field.name for field, _ in second.ListFields()} == {"label", "error"}
    for target, number in ((first, 0), (third, 2)):
        assert not target.HasField("error")
        assert target.loss == pytest.approx(float(found.losses[number]))


def test_a_restart_that_never_had_a_finite_loss_is_no_solution(problem: Problem, found: InversionResult) -> None:
    restart_losses = found.restart_losses.clone()
    restart_losses[0, 2] = math.inf
    target, *_ = inverted_targets(problem, replace(found, restart_losses=restart_losses), TARGETS, 4, None)
    assert len(target.solutions) == 3
    assert 2 not in {solution.restart for solution in target.solutions}


def test_the_first_solution_is_the_result(problem: Problem, found: InversionResult) -> None:
    for number, target in enumerate(inverted_targets(problem, found, TARGETS, 2, None)):
        assert target.label == f"target {number}"
        assert unpack(target.latent).tolist() == found.latents[number].tolist()
        assert target.best_restart == int(found.best_restart[number])
        assert target.best_step == int(found.best_step[number])
        assert target.solutions[0].loss <= target.solutions[1].loss
        assert target.evaluations == found.evaluations[number]
