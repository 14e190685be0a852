"""Short calls of a search: an optimizer is made, or told and asked. Each is a function of what it is given."""

from __future__ import annotations

from collections.abc import Iterator

from pullback import generators
from pullback.errors import InvalidInputError
from pullback.search import Candidates, Constants, Optimizer, make_optimizer, restore
from pullback.search.serialization import constants_of
from pullback_api.tensors import unpack
from pullback_api.v1 import search_pb2
from pullback_server.protocol.calls import (
    BeginSearch,
    CallDone,
    CallMessage,
    ConstantsWanted,
    Evolve,
    Evolved,
    PriorWanted,
)
from pullback_server.specs import search_settings, search_space
from pullback_server.stored_files import DamagedFileError
from pullback_server.worker.failures import UnreadableStateError
from pullback_server.worker.files import content, eigenbasis

# Of as many searches their constants stay in memory, 16 MB each of 500 axes of 4,096 dimensions.
_MOST_KNOWN = 4


class _Known:
    """Constants of the searches that were met last."""

    def __init__(self) -> None:
        self._by_digest: dict[str, Constants] = {}

    def put(self, constants: Constants) -> None:
        """Keeps some, and forgets those that were not asked for the longest."""
        self._by_digest.pop(constants.digest, None)
        self._by_digest[constants.digest] = constants
        while len(self._by_digest) > _MOST_KNOWN:
            del self._by_digest[next(iter(self._by_digest))]

    def get(self, digest: str) -> Constants | None:
        """Those of a digest, if they are known."""
        found = self._by_digest.get(digest)
        if found is not None:
            self.put(found)
        return found


_known = _Known()


def begin_search(call: BeginSearch) -> Iterator[CallMessage]:
    """Makes an optimizer and asks it for its first latents."""
    thread = search_pb2.ThreadSpec.FromString(call.thread)
    space = search_space(thread, generators.entry(call.generator), call.measured)
    settings, initial = search_settings(thread.optimizer), call.drawn
    if thread.HasField("initial_latents"):
        initial = unpack(thread.initial_latents)
    if space.stands_in_weights and not call.measured:
        # The genetic algorithm begins with draws of the prior itself.
        draws = call.count if settings.method == "genetic" and initial is None else 0
        yield CallDone(call.call, PriorWanted(thread.space, thread.class_label, draws))
        return
    optimizer = make_optimizer(
        settings,
        space=space,
        initial_latents=initial,
        eigenbasis=eigenbasis(call.eigenbasis),
        minimize=thread.minimize,
        seed=call.seed,
    )
    yield CallDone(call.call, _evolved(optimizer, optimizer.ask(call.count)))


def evolve(call: Evolve) -> Iterator[CallMessage]:
    """Tells an optimizer what its latents scored and asks it for the next."""
    digest = constants_of(call.state)
    try:
        optimizer = restore(call.state, _constants(call, digest))
    except DamagedFileError:
        yield CallDone(call.call, ConstantsWanted(digest))
        return
    except InvalidInputError as error:
        # The store has checked the digest: these are the bytes that a server wrote.
        raise UnreadableStateError(str(error)) from error
    optimizer.tell(call.latents, call.scores, ids=call.ids, variances=call.variances)
    yield CallDone(call.call, _evolved(optimizer, optimizer.ask(call.count), kept=digest))


def _constants(call: Evolve, digest: str) -> Constants | None:
    """The constants of a digest with which a call's state goes, from the store where they were not met of late."""
    if not digest or call.constants is None:
        return None
    if (found := _known.get(digest)) is None:
        found = Constants.read(content(call.constants))
        _known.put(found)
    return found


def _evolved(optimizer: Optimizer, candidates: Candidates, kept: str = "") -> Evolved:
    """What is proposed; with the constants, unless those of digest `kept` are the same."""
    origins = tuple((origin.kind, tuple(origin.parents)) for origin in candidates.origins)
    space = optimizer.setup.space
    distances = space.distances(candidates.latents)
    far = tuple(zip(distances.tolist(), space.typicality.of(distances).tolist(), strict=True))
    state, constants = optimizer.to_parts()
    if constants is None:
        return Evolved(state, candidates.latents, origins, far)
    _known.put(constants)
    data = b"" if constants.digest == kept else constants.to_bytes()
    return Evolved(state, candidates.latents, origins, far, constants.digest, data)
