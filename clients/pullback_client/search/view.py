"""View of a session: where it stands, its best images, its events, and everything it knows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from pullback_api.v1 import search_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.export import export
from pullback_client.search.history import GenerationRecord, SessionHistory
from pullback_client.search.link import WATCH_TIMEOUT, SessionLink
from pullback_client.search.records import SessionEvent, SessionStatus
from pullback_client.text import markup
from pullback_client.wire.codec import Array, image_from_wire
from pullback_client.wire.transport import Transport


class BestImage(NamedTuple):
    """The image with the best score so far.

    Attributes:
        thread: The thread it is of, from 0.
        image_id: Its id.
        score: Its score.
        image: It.
    """

    thread: int
    image_id: str
    score: float
    image: Image.Image


class SessionView:
    """What can be seen of a session without changing it.

    Args:
        transport: Of the client.
        message: The session as the server described it.
    """

    def __init__(self, transport: Transport, message: search_pb2.Session) -> None:
        self._link = SessionLink(transport, message.name)
        self._message = message

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.last_status.state.value}>"

    def _repr_html_(self) -> str:
        """The session as it stood when it was last asked about; the server is not asked."""
        status = self.last_status
        head = ("thread", "generator", "state", "generation", "mean score", "best score so far")
        rows = [
            (
                each.thread,
                generator,
                each.state.value if each.error is None else str(each.error),
                each.current.generation,
                each.current.mean_score,
                each.best_score,
            )
            for each, generator in zip(status.threads, status.generators, strict=True)
        ]
        words = f"{status.title or status.name}: {status.state.value}, {status.trials} trials told"
        return markup.card(words, markup.table(head, rows))

    @property
    def name(self) -> str:
        """Resource name, `sessions/{id}`."""
        return self._message.name

    @property
    def last_status(self) -> SessionStatus:
        """The session as it stood when it was last asked about."""
        return SessionStatus.from_wire(self._message)

    def status(self) -> SessionStatus:
        """The session as it stands."""
        request = search_pb2.GetSessionRequest(name=self.name)
        self._message = self._link.call(self._link.search.GetSession, request)
        return self.last_status

    def image(self, image_id: str) -> Image.Image:
        """The image of an id, as it is shown; waits for one that is being rendered.

        Raises:
            NotFoundError: The session has none of that id.
        """
        return image_from_wire(self._link.file(image_id), image_id)

    def best(self, thread: int | None = None) -> BestImage | None:
        """The image with the best score of all closed generations; None before the first is closed.

        Args:
            thread: Of which thread; None = of all, where all want high scores or all low ones.

        Raises:
            InvalidArgumentError: There is no such thread, or one has to be named.
        """
        status = self.status()
        threads = status.threads if thread is None else [each for each in status.threads if each.thread == thread]
        if not threads:
            raise InvalidArgumentError(f"{self.name} has no thread {thread}; known: 0 to {len(status.threads) - 1}")
        lowest = {self._message.spec.threads[each.thread].minimize for each in threads}
        if len(lowest) > 1:
            raise InvalidArgumentError("some threads want high scores and some low ones: name the thread")
        scored = [(each.best_score, each) for each in threads if each.best_score is not None]
        if not scored:
            return None
        score, found = (min if lowest.pop() else max)(scored, key=lambda pair: pair[0])
        return BestImage(found.thread, found.best_image_id, score, self.image(found.best_image_id))

    def watch(self, after_sequence: int = 0, *, timeout: float = WATCH_TIMEOUT) -> Iterator[SessionEvent]:
        """What happens in the session until it is closed. Leaving the loop changes nothing.

        Survives a restart of the server: attaches again after the last event it has seen.

        Args:
            after_sequence: Only events with a higher number; 0 = all that are kept, then new ones.
            timeout: Seconds in all.

        Raises:
            DeadlineExceededError: The session was not closed in time; it goes on.
        """
        return self._link.watch(after_sequence, timeout)

    def events(self, after_sequence: int = 0) -> list[SessionEvent]:
        """What has happened in the session so far and was kept.

        Args:
            after_sequence: Only events with a higher number; 0 = all.
        """
        last = self.status().last_sequence
        found: list[SessionEvent] = []
        if last > after_sequence:
            for event in self.watch(after_sequence):
                if event.sequence:
                    found.append(event)
                if event.sequence >= last:
                    break
        return found

    def latents(self, image_ids: Iterable[str]) -> dict[str, Array]:
        """The latents of images that were evolved, by their ids; float32, shape (dim,) each.

        Raises:
            NotFoundError: The session has none of that id; references have no latents.
        """
        return self._link.latents(image_ids)

    def generation(self, thread: int, number: int) -> GenerationRecord:
        """A generation with its images' ids, latents and scores, without the images.

        Args:
            thread: The thread, from 0.
            number: The generation, from 0.

        Raises:
            NotFoundError: There is no such generation.
        """
        return self._link.generation(thread, number)

    def history(self, *, images: bool = False) -> SessionHistory:
        """Everything the session knows: generations with their latents and scores, and trials.

        Args:
            images: Whether images come along, as they were shown.
        """
        return self._link.history(images)

    def export(self, path: str | os.PathLike[str], *, images: bool = False) -> list[Path]:
        """Writes everything the session knows, each file atomically; files that exist are replaced.

        Args:
            path: `.npz`: arrays and the provenance. `.csv`: three tables, `NAME-images.csv`, `NAME-codes.csv` and
                `NAME-trials.csv`. `.nwb`: a file of Neurodata Without Borders, with the images. Without a suffix, or
                an existing folder: a folder that gets `session.npz`, the tables and `session.json`.
            images: Of a folder: whether the images are written too, in `images/`.

        Returns:
            The files written.

        Raises:
            InvalidArgumentError: Another suffix.
            FailedPreconditionError: `.nwb` without the packages of the extra `nwb`.
        """
        return export(self.history, Path(path), images=images)
