"""Link of a session to its server: every call tried again while the server is away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pullback_api.v1 import search_pb2, values_pb2
from pullback_client.errors import CallCancelledError, DeadlineExceededError, NotFoundError, UnavailableError
from pullback_client.jobs.job import OUTAGE_TIMEOUT, Outage
from pullback_client.search.history import (
    GenerationRecord,
    SessionHistory,
    generation_from_wire,
    history_from_wire,
)
from pullback_client.search.records import SessionEvent, SessionState
from pullback_client.wire.codec import Array
from pullback_client.wire.transport import Deadline, Response, Transport

WATCH_TIMEOUT = 86_400.0
"""Seconds that watching a session may take where nothing else is said: a day."""

EXPORT_TIMEOUT = 600.0
"""Seconds that fetching everything a session knows may take."""


class SessionLink:
    """A session's line to the server.

    Args:
        transport: Of the client.
        name: Resource name of the session.
    """

    def __init__(self, transport: Transport, name: str) -> None:
        self.search = transport.search
        self._transport = transport
        self._name = name

    def call(self, method: Callable[..., Response], request: object) -> Response:
        """One answer to one request that does no harm twice.

        Raises:
            ClientError: The typed form of any gRPC status but OK.
        """
        outage = Outage(Deadline(OUTAGE_TIMEOUT))
        while True:
            try:
                return self._transport.call(method, request)
            except UnavailableError as error:
                outage.pause(error)

    def file(self, image_id: str) -> values_pb2.Image:
        """The file of an image; waits for one that is being rendered."""
        request = search_pb2.GetSessionImageRequest(session=self._name, image_id=image_id)
        image: values_pb2.Image = self.call(self.search.GetSessionImage, request)
        return image

    def history(self, images: bool) -> SessionHistory:
        """See `EvolutionSession.history`."""
        return history_from_wire(self._pieces(images))

    def latents(self, image_ids: Iterable[str]) -> dict[str, Array]:
        """See `EvolutionSession.latents`."""
        wanted, found = set(image_ids), dict[str, Array]()
        if not wanted:
            return found
        # Generations come before trials: leaving the stream between them spares the trials.
        for piece in self._pieces(images=False):
            if piece.WhichOneof("piece") == "generation":
                record = generation_from_wire(piece.generation)
                pairs = zip(record.image_ids, record.latents, strict=True)
                found |= {image_id: latent for image_id, latent in pairs if image_id in wanted}
            if len(found) == len(wanted) or piece.WhichOneof("piece") == "trial":
                break
        if unknown := sorted(wanted - found.keys()):
            raise NotFoundError(f"{self._name} has no image {', '.join(unknown)}: take the ids that Ask gave")
        return found

    def generation(self, thread: int, number: int) -> GenerationRecord:
        """See `EvolutionSession.generation`."""
        for piece in self._pieces(images=False, first_generation=number):
            if piece.WhichOneof("piece") == "generation":
                summary = piece.generation.summary
                # A server that knows nothing of `first_generation` sends all.
                if (summary.thread, summary.generation) == (thread, number):
                    return generation_from_wire(piece.generation)
            if piece.WhichOneof("piece") == "trial":
                break
        raise NotFoundError(f"thread {thread} of {self._name} has no generation {number}")

    def watch(self, after_sequence: int, timeout: float) -> Iterator[SessionEvent]:
        """See `EvolutionSession.watch`."""
        deadline = Deadline(timeout)
        outage = Outage(deadline)
        unfinished = f"{self._name} was not closed within {timeout:g} s; it goes on: watch it again, or allow more"
        while True:
            deadline.check(unfinished)
            request = search_pb2.WatchSessionRequest(name=self._name, after_sequence=after_sequence)
            stream = self._transport.stream(self.search.WatchSession, request, timeout=deadline.remaining())
            try:
                for message in stream:
                    outage.over()
                    after_sequence = max(after_sequence, message.sequence)
                    yield SessionEvent.from_wire(message)
                # The stream ends when the session is closed; or the server is going down.
                session = self.call(self.search.GetSession, search_pb2.GetSessionRequest(name=self._name))
                if SessionState.from_wire(session.state) is SessionState.CLOSED:
                    return
                outage.pause(UnavailableError(f"the server ended the watch of {self._name}"))
            except (UnavailableError, CallCancelledError) as error:
                outage.pause(error)
            except DeadlineExceededError as error:
                raise DeadlineExceededError(unfinished) from error

    def _pieces(self, images: bool, first_generation: int = 0) -> Iterator[search_pb2.SessionPiece]:
        request = search_pb2.ExportSessionRequest(
            name=self._name, include_images=images, first_generation=first_generation
        )
        return self._transport.stream(self.search.ExportSession, request, timeout=EXPORT_TIMEOUT)
