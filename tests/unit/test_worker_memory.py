"""The bound of memory on its way from a specification to the computation, and what becomes of one that is too small."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators import Generator
from pullback.geometry import Eigenbasis
from pullback_api.v1 import specs_pb2
from pullback_server.protocol.batching import MEASUREMENT
from pullback_server.protocol.messages import StartJob
from pullback_server.worker.failures import describe
from pullback_server.worker.tasks import Task, make_task
from toys import Euclidean

GRAM = specs_pb2.METRIC_METHOD_GRAM


class Roomy(Euclidean):
    """The Euclidean distance with an embedding of 3 MiB for 16 × 16 pixels in colour."""

    def embed(self, images: Tensor) -> Tensor:
        return super().embed(images).repeat(1, 1024)


def task_of(generator: Generator, spec: specs_pb2.EigenbasisSpec | specs_pb2.AnalysisSpec) -> Task:
    kind = "eigenbasis" if isinstance(spec, specs_pb2.EigenbasisSpec) else "analysis"
    models: Any = SimpleNamespace(
        generator=lambda name: generator, distance=lambda name: Roomy(), pooled_features=Roomy
    )
    start = StartJob(
        job="1",
        kind=kind,
        load=MEASUREMENT,
        alone=False,
        work=spec.SerializeToString(),
        payload=None,
        eigenbasis=None,
        checkpoint="",
    )
    return make_task(start, models, lambda phase: None)


def eigenbasis_spec(max_memory_mib: int, method: specs_pb2.MetricMethod = GRAM) -> specs_pb2.EigenbasisSpec:
    return specs_pb2.EigenbasisSpec(
        generator="generators/tiny", space="z", distance="mse", method=method, samples=2, max_memory_mib=max_memory_mib
    )


@pytest.mark.parametrize(
    "spec",
    [
        eigenbasis_spec(1, specs_pb2.METRIC_METHOD_SKETCH),
        eigenbasis_spec(1),
        specs_pb2.AnalysisSpec(
            generator="generators/tiny",
            space="z",
            distance="mse",
            positions=2,
            control_positions=2,
            max_memory_mib=1,
        ),
    ],
    ids=["sketch", "gram", "analysis"],
)
def test_a_bound_that_is_too_small_is_an_invalid_argument_that_says_what_suffices(
    tiny_generator: Generator, spec: specs_pb2.EigenbasisSpec | specs_pb2.AnalysisSpec
) -> None:
    task = task_of(tiny_generator, spec)
    with pytest.raises(InvalidInputError, match=r"needs at least max_memory = [\d,]+ bytes \([\d,]+ MiB\)") as raised:
        task.step()
    failure = describe(raised.value, "the step")
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert failure.message == str(raised.value)


def test_a_bound_that_suffices_changes_an_eigenbasis_by_rounding_alone(tiny_generator: Generator) -> None:
    metrics = []
    for bound in (0, 24):
        task = task_of(tiny_generator, eigenbasis_spec(bound))
        while not task.done:
            task.step()
        metrics.append(Eigenbasis.from_bytes(task.result()).metric)
    np.testing.assert_allclose(metrics[1], metrics[0], rtol=1e-5, atol=1e-6 * np.abs(metrics[0]).max())
