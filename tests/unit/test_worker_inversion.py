"""Inversions in a worker: under which distances they start and move."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image

from pullback.inversion import StartBank, make_bank
from pullback.inversion.starts.prediction import predict_latents
from pullback_api.v1 import inversion_pb2, specs_pb2, values_pb2
from pullback_server.protocol.batching import Load
from pullback_server.protocol.messages import StartJob
from pullback_server.protocol.payload import write_payload
from pullback_server.specs import complete_inversion_settings
from pullback_server.worker.parts import SharedShards
from pullback_server.worker.tasks.inversion import InversionTask
from storing import stored_meanwhile
from toys import Curved, Euclidean, Smooth

TOYS = {"lpips-vgg": Euclidean(), "lpips-alex": Curved()}


def bank(
    generator: str, distance: str, space: str, tell: Callable[[int, int, SharedShards | None], None]
) -> Generator[None, None, StartBank]:
    del generator, tell
    yield
    return make_bank(Smooth(), TOYS[distance], space, size=40, rank=5)


def task_of(**fields: Any) -> InversionTask:
    """A task of one target, its generator and distances of a few numbers."""
    picture = io.BytesIO()
    Image.effect_noise((4, 4), 64).convert("RGB").save(picture, "PNG")
    image = values_pb2.Image(data=picture.getvalue(), width=4, height=4)
    settings = specs_pb2.InversionSettings(generator="generators/faces", **fields)
    complete = complete_inversion_settings(settings, targets=1)
    models: Any = SimpleNamespace(generator=lambda name: Smooth(), distance=TOYS.__getitem__, bank=bank)
    with stored_meanwhile(write_payload([inversion_pb2.Target(image=image)])) as payload:
        start = StartJob(
            job="1",
            kind="inversion",
            load=Load("", 1),
            alone=False,
            work=complete.SerializeToString(),
            payload=payload,
            eigenbasis=None,
            checkpoint="",
        )
        return InversionTask(start, models, lambda phase: None)


def test_an_inversion_starts_where_the_bank_of_the_preconditioner_says_and_moves_under_its_own_distance() -> None:
    task = task_of(method=specs_pb2.INVERSION_METHOD_ADAM, start=specs_pb2.START_BANK, restarts=1)
    while not task.evaluates:
        task.step()
    ((problem, query),) = task.ask()
    assert problem.distance is TOYS["lpips-vgg"]
    curved = make_bank(Smooth(), Curved(), "z", size=40, rank=5)
    assert torch.equal(query.points[0], predict_latents(curved, problem.under(TOYS["lpips-alex"])))
