"""Short calls of a search: an optimizer is made, or told and asked. Each is a function of what it is given."""

from __future__ import annotations

from collections.abc import Iterator

from pullback import generators
from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search import Candidates, Optimizer, make_optimizer, restore
from pullback_api.tensors import unpack
from pullback_api.v1 import search_pb2
from pullback_server.specs import search_settings, search_space
from pullback_server.worker.failures import UnreadableStateError
from pullback_server.worker.messages import BeginSearch, CallDone, CallMessage, Evolve, Evolved


def begin_search(call: BeginSearch) -> Iterator[CallMessage]:
    """Makes an optimizer and asks it for its first latents."""
    thread = search_pb2.ThreadSpec.FromString(call.thread)
    optimizer = make_optimizer(
        search_settings(thread.optimizer),
        space=search_space(thread, generators.entry(call.generator)),
        initial_latents=unpack(thread.initial_latents) if thread.HasField("initial_latents") else None,
        eigenbasis=Eigenbasis.from_bytes(call.eigenbasis) if call.eigenbasis else None,
        minimize=thread.minimize,
        seed=call.seed,
    )
    yield CallDone(call.call, _evolved(optimizer, optimizer.ask(call.count)))


def evolve(call: Evolve) -> Iterator[CallMessage]:
    """Tells an optimizer what its latents scored and asks it for the next."""
    try:
        optimizer = restore(call.state)
    except InvalidInputError as error:
        # The store has checked the digest: these are the bytes that a server wrote.
        raise UnreadableStateError(str(error)) from error
    optimizer.tell(call.latents, call.scores, ids=call.ids, variances=call.variances)
    yield CallDone(call.call, _evolved(optimizer, optimizer.ask(call.count)))


def _evolved(optimizer: Optimizer, candidates: Candidates) -> Evolved:
    origins = tuple((origin.kind, tuple(origin.parents)) for origin in candidates.origins)
    return Evolved(optimizer.to_bytes(), candidates.latents, origins)
