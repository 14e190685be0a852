"""Short calls on a worker: images that are sent while others are drawn, and turns that jobs and calls take."""

from __future__ import annotations

import io
import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pullback_server.protocol.calls import (
    AS_DRAWN,
    RENDER_BATCH,
    CallDone,
    CallFailed,
    CallMessage,
    Presentation,
    Render,
    Rendered,
)
from pullback_server.worker import calls as calls_module
from pullback_server.worker import drawn as drawn_module
from pullback_server.worker.calls import render
from pullback_server.worker.open_calls import TURN_SECONDS, OpenCalls
from pullback_server.worker.outbox import Outbox
from pullback_server.worker.unread import Unread
from toys import Smooth

COUNT = 2 * RENDER_BATCH + 3


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    """The worker's end, and the server's."""
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        yield theirs, ours


class Counting(Smooth):
    """Counts the batches that it drew; a single latent is drawn to see what memory it takes."""

    drawn = 0

    def render(self, latents: Tensor, space: str | None = None, context: Tensor | None = None) -> Tensor:
        self.drawn += len(latents) > 1
        return super().render(latents, space, context)


def render_call(presentation: Presentation = AS_DRAWN, image_format: str = "PNG") -> tuple[Any, Render]:
    generator = Counting()
    latents = generator.space("z").sample(COUNT, 0).numpy()
    models = SimpleNamespace(generator=lambda name: generator, tuned=lambda name, tuning: generator)
    return models, Render(7, "smooth", "z", latents, image_format, presentation)


def received(connection: Connection) -> list[Rendered]:
    messages = []
    while connection.poll():
        messages.append(connection.recv())
    return messages


def test_every_image_is_sent_once_in_order_before_the_call_is_over(pipe: tuple[Connection, Connection]) -> None:
    theirs, ours = pipe
    models, call = render_call()

    answers = list(render(models, call, Outbox(theirs)))

    # A turn for others after every batch, and where encoding takes long.
    assert answers.count(None) >= 3
    assert answers[-1] == CallDone(7)
    assert set(answers[:-1]) == {None}
    sent = received(ours)
    assert [message.index for message in sent] == list(range(COUNT))
    images = models.generator("smooth").render(torch.from_numpy(call.latents), "z")
    levels = (255 * images).round().to(torch.uint8).movedim(1, -1).numpy()
    for message, level in zip(sent, levels, strict=True):
        picture = Image.open(io.BytesIO(message.data))
        assert (message.call, message.width, message.height) == (7, *picture.size)
        # The batches of a call may round otherwise than all of its latents at once.
        np.testing.assert_allclose(np.asarray(picture).astype(int), level.squeeze(), atol=1)


def test_images_are_presented_as_they_were_asked_for(pipe: tuple[Connection, Connection]) -> None:
    theirs, ours = pipe
    models, call = render_call(Presentation(size=(9, 5), greyscale=True), "JPEG")

    list(render(models, call, Outbox(theirs)))

    picture = Image.open(io.BytesIO(received(ours)[0].data))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "L", (9, 5))


def test_an_abandoned_call_draws_no_further(pipe: tuple[Connection, Connection]) -> None:
    theirs, ours = pipe
    models, call = render_call()
    outbox = Outbox(theirs)
    calls = OpenCalls(outbox.send, outbox.unread)
    answers = render(models, call, outbox)
    next(answers)
    calls.add(7, answers)

    del answers
    calls.abandon(7)
    calls.advance()

    assert not calls
    assert models.generator("smooth").drawn == 1
    # Once this is sent nothing writes to the pipe any more, which the next test may have anew.
    outbox.send_made(lambda: CallDone(7)).result(60)
    *sent, _ = received(ours)
    assert all(message.index < RENDER_BATCH for message in sent)


def test_an_image_that_cannot_be_encoded_fails_the_call(pipe: tuple[Connection, Connection]) -> None:
    theirs, ours = pipe
    models, call = render_call(image_format="NO SUCH FORMAT")
    outbox = Outbox(theirs)
    calls = OpenCalls(outbox.send, outbox.unread)
    calls.add(7, render(models, call, outbox))

    while calls:
        calls.advance()

    (failed,) = received(ours)
    assert isinstance(failed, CallFailed)
    assert failed.failure.code == grpc.StatusCode.INTERNAL.value[0]
    assert "under reference" in failed.failure.message


@pytest.fixture
def encoding(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No image is encoded before this is set."""
    go, encode = threading.Event(), drawn_module.encode

    def waiting(image: Image.Image, image_format: str) -> bytes:
        assert go.wait(60)
        return encode(image, image_format)

    monkeypatch.setattr(drawn_module, "encode", waiting)
    yield go
    go.set()


def test_images_that_wait_to_be_sent_are_bounded(
    pipe: tuple[Connection, Connection], encoding: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = pipe
    models, call = render_call()
    monkeypatch.setattr(calls_module, "AHEAD_BYTES", 1)
    outbox = Outbox(theirs)
    calls = OpenCalls(outbox.send, outbox.unread)
    calls.add(7, render(models, call, outbox))

    for _ in range(3):
        calls.advance()

    assert models.generator("smooth").drawn == 1
    encoding.set()
    while calls:
        calls.advance()
    *sent, done = received(ours)
    assert [message.index for message in sent] == list(range(COUNT))
    assert done == CallDone(7)


def test_a_call_whose_images_take_long_lets_others_go_on_and_can_be_abandoned(
    pipe: tuple[Connection, Connection], encoding: threading.Event
) -> None:
    theirs, ours = pipe
    models, call = render_call()
    outbox = Outbox(theirs)
    calls = OpenCalls(outbox.send, outbox.unread)
    calls.add(7, render(models, call, outbox))
    calls.add(8, Clock().answers(8, 1, 0.0))

    # Comes back, though not a single image can be encoded.
    calls.advance()

    assert received(ours) == [Rendered(8, 0, b"", 1, 1), CallDone(8)]
    assert calls
    calls.abandon(7)
    encoding.set()
    outbox.send_made(lambda: CallDone(9)).result(60)
    # The one that was being encoded is the last.
    assert [(message.call, message.index) for message in received(ours)[:-1]] == [(7, 0)]


def test_a_call_whose_reader_is_slow_pauses_until_that_has_read_and_others_go_on(
    pipe: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = pipe
    monkeypatch.setattr("pullback_server.worker.unread.WINDOW_BYTES", 1)
    monkeypatch.setattr(calls_module, "AHEAD_BYTES", 1)
    models, call = render_call()
    outbox = Outbox(theirs)
    calls = OpenCalls(outbox.send, outbox.unread)
    calls.add(7, render(models, call, outbox))
    sent: list[Any] = []
    while calls:
        calls.advance()
        sent += received(ours)
    # It has drawn one batch, and there is nothing to do until somebody reads.
    outbox.send_made(lambda: CallDone(9)).result(60)
    sent += received(ours)
    assert models.generator("smooth").drawn == 1
    assert sent.pop() == CallDone(9)
    assert [message.index for message in sent] == list(range(RENDER_BATCH))
    calls.add(8, Clock().answers(8, 3, 0.0))
    assert calls
    calls.advance()
    assert received(ours)[-1] == CallDone(8)
    assert not calls
    read = 0
    while sent[-1] != CallDone(7):
        for message in sent[read:]:
            outbox.unread.taken(7, len(message.data))
        read = len(sent)
        while calls and sent[-1] != CallDone(7):
            calls.advance()
            sent += received(ours)
        outbox.send_made(lambda: CallDone(9)).result(60)
        sent += [message for message in received(ours) if message != CallDone(9)]
    assert [message.index for message in sent[:-1]] == list(range(COUNT))


class Clock:
    """Time that goes by as calls take it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def answers(self, call: int, pieces: int, seconds: float) -> Iterator[CallMessage | None]:
        for index in range(pieces):
            self.now += seconds
            yield Rendered(call, index, b"", 1, 1)
        yield CallDone(call)


def test_quick_answers_wait_for_no_job_in_between() -> None:
    clock, sent = Clock(), list[Any]()
    calls = OpenCalls(sent.append, Unread(), clock)
    calls.add(1, clock.answers(1, 40, 0.001))

    calls.advance()

    assert not calls
    assert [message.index for message in sent[:-1]] == list(range(40))
    assert sent[-1] == CallDone(1)


def test_long_calls_take_turns_with_jobs_and_with_each_other() -> None:
    clock, sent = Clock(), list[Any]()
    calls = OpenCalls(sent.append, Unread(), clock)
    for call in (1, 2):
        calls.add(call, clock.answers(call, 10, 0.6 * TURN_SECONDS))

    calls.advance()

    # Each went on until its time was up, and a job comes next.
    assert [message.call for message in sent] == [1, 1, 2, 2]
    while calls:
        calls.advance()
    assert [message.index for message in sent if isinstance(message, Rendered) and message.call == 2] == list(range(10))


def test_what_fails_in_one_call_harms_no_other() -> None:
    def broken() -> Iterator[CallMessage | None]:
        yield None
        raise ValueError("out of order")

    clock, sent = Clock(), list[Any]()
    calls = OpenCalls(sent.append, Unread(), clock)
    calls.add(1, broken())
    calls.add(2, clock.answers(2, 1, 0.0))

    calls.advance()

    assert not calls
    assert [type(message) for message in sent] == [CallFailed, Rendered, CallDone]
    assert "under reference" in sent[0].failure.message
