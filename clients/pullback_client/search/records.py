"""Records of sessions: plain, frozen, of the contract's messages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from pullback_api.v1 import search_pb2
from pullback_client.errors import ClientError, InvalidArgumentError, from_status
from pullback_client.text.vocabulary import known_words
from pullback_client.wire.fields import as_dict
from pullback_client.wire.names import id_of
from pullback_client.wire.times import utc


class SessionState(str, Enum):
    """Where a session stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    """A state that this client does not know: the server is newer."""

    @classmethod
    def from_wire(cls, number: int) -> SessionState:
        """The state of an enum number."""
        return _SESSION_STATES.get(number, cls.UNKNOWN)

    @classmethod
    def of(cls, word: SessionState | str) -> SessionState:
        """The state of a word such as `active`.

        Raises:
            InvalidArgumentError: There is no such state.
        """
        known = list(_SESSION_STATES.values())
        if word not in known:
            raise InvalidArgumentError(
                f"unknown session state {str(word)!r}; {known_words(word, [state.value for state in known])}"
            )
        return cls(word)

    def to_wire(self) -> str:
        """The contract's name of the state."""
        return f"SESSION_STATE_{self.name}"


class ThreadState(str, Enum):
    """Where a thread stands."""

    EVOLVING = "evolving"
    """The optimizer makes the next generation."""
    OPEN = "open"
    """A generation is being shown."""
    FINISHED = "finished"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """A state that this client does not know: the server is newer."""

    @classmethod
    def from_wire(cls, number: int) -> ThreadState:
        """The state of an enum number."""
        return _THREAD_STATES.get(number, cls.UNKNOWN)


_SESSION_STATES = {
    search_pb2.SessionState.Value(state.to_wire()): state for state in SessionState if state is not SessionState.UNKNOWN
}
_THREAD_STATES = {
    search_pb2.ThreadState.Value(f"THREAD_STATE_{state.name}"): state
    for state in ThreadState
    if state is not ThreadState.UNKNOWN
}


_NUMBERS = ("mean_score", "best_score", "mean_distance", "mean_typicality", "best_distance", "best_typicality")


@dataclass(frozen=True)
class GenerationSummary:
    """A generation in numbers.

    Attributes:
        thread: The thread, from 0.
        generation: The generation, from 0.
        images: Its images, without references.
        scored: Those with all the scores they need.
        dropped: Those that were left out.
        carried: Those that went on to the next generation.
        mean_score: Mean of the scores; None while there are none.
        best_score: The best score; None likewise.
        best_image_id: The image that has it; empty likewise.
        closed: Whether the optimizer was told of it.
        mean_distance: Mean Mahalanobis distance of its images from the prior's mean: of n coordinates the prior's draws
            lie about √n from it. None where the server did not measure it.
        mean_typicality: Mean share of the prior's draws that lie at least as far as an image, 0 to 1; None likewise.
        best_distance: The distance of the best image; None likewise.
        best_typicality: The share of the best image; None likewise.
    """

    thread: int
    generation: int
    images: int
    scored: int
    dropped: int
    carried: int
    mean_score: float | None
    best_score: float | None
    best_image_id: str
    closed: bool
    mean_distance: float | None = None
    mean_typicality: float | None = None
    best_distance: float | None = None
    best_typicality: float | None = None

    @classmethod
    def from_wire(cls, message: search_pb2.GenerationSummary) -> GenerationSummary:
        """The record of a message."""
        fields = ("thread", "generation", "images", "scored", "dropped", "carried", "best_image_id", "closed")
        numbers: dict[str, Any] = {field: _given(message, field) for field in _NUMBERS}
        return cls(**{field: getattr(message, field) for field in fields}, **numbers)


@dataclass(frozen=True)
class ThreadStatus:
    """A thread as it stands.

    Attributes:
        thread: The thread, from 0.
        state: Where it stands.
        current: The generation that is shown, or the last one.
        error: Why it cannot go on; None where it can.
        best_score: The best score of all closed generations; None before the first.
        best_image_id: The image that has it; empty before the first.
        best_distance: Its Mahalanobis distance from the prior's mean; None before the first, and where the server did
            not measure it.
        best_typicality: Share of the prior's draws that lie at least as far, 0 to 1; None likewise.
    """

    thread: int
    state: ThreadState
    current: GenerationSummary
    error: ClientError | None
    best_score: float | None
    best_image_id: str
    best_distance: float | None = None
    best_typicality: float | None = None

    @classmethod
    def from_wire(cls, message: search_pb2.Thread) -> ThreadStatus:
        """The record of a message."""
        return cls(
            thread=message.thread,
            state=ThreadState.from_wire(message.state),
            current=GenerationSummary.from_wire(message.current),
            error=from_status(message.error) if message.HasField("error") else None,
            best_score=message.best_score if message.HasField("best_score") else None,
            best_image_id=message.best_image_id,
            best_distance=_given(message, "best_distance"),
            best_typicality=_given(message, "best_typicality"),
        )

    @property
    def generations(self) -> int:
        """How many generations the optimizer was told of."""
        return self.current.generation + (1 if self.current.closed else 0)

    @property
    def ended(self) -> bool:
        """Whether nothing more will be shown of it."""
        return self.state in (ThreadState.FINISHED, ThreadState.FAILED)


def _given(message: Any, field: str) -> Any:
    """What a field holds; None where it is absent."""
    return getattr(message, field) if message.HasField(field) else None


@dataclass(frozen=True)
class ClientTrials:
    """Trials that a client asked for and has not told.

    Attributes:
        client: The client's name; empty where it gave none.
        trials: How many.
        lease: When the last of their leases ends.
    """

    client: str
    trials: int
    lease: datetime

    @classmethod
    def from_wire(cls, message: search_pb2.ClientTrials) -> ClientTrials:
        """The record of a message."""
        return cls(message.client, message.trials, utc(message.lease_time))


@dataclass(frozen=True)
class SessionStatus:
    """A session as it stands.

    Attributes:
        name: Resource name, `sessions/{id}`.
        title: Its title.
        state: Where it stands.
        threads: Its threads.
        generators: Ids of the threads' generators.
        settings: What it is, every default filled in, under the contract's field names; references by label alone.
        created: When it was created.
        updated: When something was last written.
        trials: Trials told so far.
        last_sequence: Number of its latest event.
        version: Version of Pullback that created it.
        weights_hashes: SHA-256 of the generators' weight files, one per thread.
        pending: Trials that are out, asked and not told, by who asked for them.
        pause_reason: Why the server paused it; empty where somebody did, or it is not paused.
    """

    name: str
    title: str
    state: SessionState
    threads: tuple[ThreadStatus, ...]
    generators: tuple[str, ...]
    settings: dict[str, Any]
    created: datetime
    updated: datetime
    trials: int
    last_sequence: int
    version: str
    weights_hashes: tuple[str, ...]
    pending: tuple[ClientTrials, ...] = ()
    pause_reason: str = ""

    @classmethod
    def from_wire(cls, message: search_pb2.Session) -> SessionStatus:
        """The record of a message."""
        return cls(
            name=message.name,
            title=message.spec.title,
            state=SessionState.from_wire(message.state),
            threads=tuple(ThreadStatus.from_wire(thread) for thread in message.threads),
            generators=tuple(id_of(thread.generator) for thread in message.spec.threads),
            settings=as_dict(message.spec),
            created=utc(message.create_time),
            updated=utc(message.update_time),
            trials=message.trials,
            last_sequence=message.last_sequence,
            version=message.version,
            weights_hashes=tuple(message.weights_hashes),
            pending=tuple(ClientTrials.from_wire(each) for each in message.pending),
            pause_reason=message.pause_reason,
        )

    @property
    def finished(self) -> bool:
        """Whether there will be no more trials: the session is closed, or every thread has finished or failed."""
        return self.state is SessionState.CLOSED or self.ended()

    def ended(self, threads: Collection[int] = ()) -> bool:
        """Whether each of these threads, empty = all, has finished or failed."""
        return all(thread.ended for thread in self._of(threads))

    def failure(self, threads: Collection[int] = ()) -> ClientError | None:
        """Why the first of these threads, empty = all, that cannot go on cannot; None where all can, or could."""
        for thread in self._of(threads):
            if (error := thread.error) is not None:
                return type(error)(
                    f"thread {thread.thread} of {self.name} cannot go on: {error.message}",
                    code=error.code,
                    field_violations=error.field_violations,
                )
        return None

    def _of(self, threads: Collection[int]) -> list[ThreadStatus]:
        return [thread for thread in self.threads if not threads or thread.thread in threads]

    @property
    def provenance(self) -> dict[str, Any]:
        """What was run with what, as plain values, for a JSON file."""
        fields = ("name", "title", "trials", "version", "settings")
        return {name: getattr(self, name) for name in fields} | {
            "state": self.state.value,
            "created": self.created.isoformat(),
            "updated": self.updated.isoformat(),
            "weights_hashes": list(self.weights_hashes),
        }


@dataclass(frozen=True)
class SessionEvent:
    """Something that happened in a session.

    Attributes:
        sequence: Number within the session, rising, from 1; 0 for what is sent live and not kept.
        time: When.
        kind: `state`, `generation_opened`, `asked`, `told`, `generation_closed`, `image_ready` or `thread_failed`;
            `unknown` for what concerns the server alone, such as the end of a lease, or where the server is newer.
        state: Of `state`: where the session stands now.
        generation: Of `generation_opened` and `generation_closed`: the generation in numbers.
        trial_ids: Of `asked` and `told`: the trials.
        image_id: Of `image_ready`: the image.
        thread: Of `thread_failed`: the thread.
    """

    sequence: int
    time: datetime
    kind: str
    state: SessionState | None = None
    generation: GenerationSummary | None = None
    trial_ids: tuple[str, ...] = ()
    image_id: str = ""
    thread: ThreadStatus | None = None

    @classmethod
    def from_wire(cls, message: search_pb2.SessionEvent) -> SessionEvent:
        """The record of a message."""
        kind = message.WhichOneof("event")
        content: dict[str, Any] = {}
        match kind:
            case "state":
                content["state"] = SessionState.from_wire(message.state)
            case "generation_opened" | "generation_closed":
                content["generation"] = GenerationSummary.from_wire(getattr(message, kind))
            case "asked" | "told":
                content["trial_ids"] = tuple(getattr(message, kind).trial_ids)
            case "image_ready":
                content["image_id"] = message.image_ready
            case "thread_failed":
                content["thread"] = ThreadStatus.from_wire(message.thread_failed)
        return cls(message.sequence, utc(message.time), kind or "unknown", **content)
