"""Steps of a search on a worker: states of optimizers that go on, and those of which the server must be told."""

from __future__ import annotations

import re

import grpc
import numpy as np

from pullback_server.protocol.calls import CallDone, CallFailed, Evolve
from pullback_server.protocol.messages import FromWorker
from pullback_server.worker.open_calls import OpenCalls
from pullback_server.worker.search_calls import evolve
from pullback_server.worker.unread import Unread
from searching import normal_space, search


def answer_to(state: bytes, latents: np.ndarray) -> FromWorker:
    """What a worker answers who is to tell an optimizer of its latents, shape (4, 6)."""
    sent: list[FromWorker] = []
    calls = OpenCalls(sent.append, Unread())
    calls.add(7, evolve(Evolve(7, state, latents, np.arange(4.0), None, tuple("abcd"), 4)))
    calls.advance()
    assert not calls
    return sent[0]


def test_a_state_that_this_version_reads_goes_on_and_another_says_what_came_and_what_is_read() -> None:
    optimizer = search("cma", normal_space(6), population=4)
    latents = optimizer.ask().latents
    state = optimizer.to_bytes()
    found = re.search(rb"pullback-search-\d", state)
    assert found is not None
    assert isinstance(answer_to(state, latents), CallDone)
    ours, other = found[0], b"pullback-search-0"
    for foreign, words in (
        (
            state.replace(ours, other),
            f"of format '{other.decode()}', but this version of pullback reads '{ours.decode()}'",
        ),
        (state.replace(b'"rng', b'"rnd').replace(b'\\"rng', b'\\"rnd'), "not whole"),
        (b"a form to come", "not a readable safetensors file"),
    ):
        failed = answer_to(foreign, latents)
        assert isinstance(failed, CallFailed)
        assert failed.failure.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
        assert words in failed.failure.message
    # What is wrong with the scores is another matter.
    failed = answer_to(state, latents[:, :5])
    assert isinstance(failed, CallFailed)
    assert failed.failure.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
