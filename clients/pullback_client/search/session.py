"""Session of black-box search: its trials batch by batch, its loop for a function, and its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from pullback_api.v1 import search_pb2
from pullback_client.search import loop, waits
from pullback_client.search.batch import Batch, Trial
from pullback_client.search.exchange import LEAST_PAUSE, TrialExchange
from pullback_client.search.records import SessionStatus, ThreadState


class EvolutionSession(TrialExchange):
    """A session on the server: `for batch in session: session.tell(batch, scores)`.

    A session belongs to the server, which has every told result on its disk: dropping this object, or the program that
    holds it, does not end it, and `Client.get_session` attaches to it again. While the server is away, for a restart,
    every call is tried again for `OUTAGE_TIMEOUT` seconds.
    """

    def __iter__(self) -> Iterator[Batch]:
        """`batches()`."""
        return self.batches()

    def batches(
        self, count: int | None = None, *, threads: Iterable[int] = (), images: bool = False
    ) -> Iterator[Batch]:
        """What is to be shown, batch by batch, until the session is finished or closed.

        Where the session has several threads, a batch waits until none of them is making its generation, so that their
        images are shown among each other. Trials that are not told come again when their lease is over, or after
        `end_generation`; while nothing else is left to show, a UserWarning says that they are waited for.

        Args:
            count: As for `ask`.
            threads: As for `ask`.
            images: As for `ask`; a batch is what is finished then, and threads are not waited for.

        Raises:
            ClientError: As `next_batch`: a thread cannot go on, and nothing else is left to show.
        """
        wanted = tuple(threads)
        while True:
            if not images:
                self.wait_for_threads(wanted)
            batch = self.next_batch(count, threads=wanted, images=images)
            if batch is None:
                return
            yield batch

    def stream(self, *, threads: Iterable[int] = ()) -> Iterator[Trial]:
        """What is to be shown, trial by trial, each as soon as its image is finished.

        Args:
            threads: Only of these; empty = all.
        """
        for batch in self.batches(threads=threads, images=True):
            yield from batch

    def wait_for_threads(self, threads: Sequence[int] = ()) -> None:
        """Waits until none of the threads, empty = all, is making a generation. With a single one, returns at once."""
        if len(threads or self._message.threads) < 2:
            return
        # In a session that was closed, what was being made will never be.
        while not (status := self.status()).finished and any(
            thread.state is ThreadState.EVOLVING and (not threads or thread.thread in threads)
            for thread in status.threads
        ):
            self._sleep(LEAST_PAUSE)

    def run(
        self,
        score: loop.ScoreFunction,
        *,
        generations: int | None = None,
        progress: loop.GenerationCallback | None = None,
        while_leased: Callable[[str], None] = waits.warn,
        max_failures: int | None = loop.MAX_FAILURES,
    ) -> SessionStatus:
        """Evolves images for a function until the session is finished, or closed by whomever.

        Args:
            score: From an image to its score, to the values of several channels, or to NaN where there is none.
            generations: Stop when every thread has so many closed generations, counted from its first; None = go on
                until every thread has finished.
            progress: Called with every generation that was closed.
            while_leased: As for `next_batch`.
            max_failures: After so many trials in a row without a score there is an error; None = never.

        Returns:
            The session as it stands then.

        Raises:
            ClientError: A thread cannot go on, and the others have ended or have their generations: its error.
            InvalidArgumentError: The function returned something that is no score; None is none.
            FailedPreconditionError: `max_failures` trials in a row had no score. What was scored is told all the same.
        """
        status = loop.run(
            self,
            score,
            generations=generations,
            progress=progress,
            while_leased=while_leased,
            max_failures=max_failures,
        )
        short = [each.thread for each in status.threads if generations is None or each.generations < generations]
        # No thread at all would stand for every one.
        if short and (failure := status.failure(short)) is not None:
            raise failure
        return status

    # The session's state

    def pause(self) -> SessionStatus:
        """Stops asking; tells are still taken. Pausing a paused session changes nothing."""
        return self._change(self._link.search.PauseSession, search_pb2.PauseSessionRequest(name=self.name))

    def resume(self) -> SessionStatus:
        """Goes on asking."""
        return self._change(self._link.search.ResumeSession, search_pb2.ResumeSessionRequest(name=self.name))

    def close(self) -> SessionStatus:
        """Ends the session for good. It can still be read and exported. Closing a closed session changes nothing."""
        return self._change(self._link.search.CloseSession, search_pb2.CloseSessionRequest(name=self.name))

    def _change(self, method: Callable[..., search_pb2.Session], request: object) -> SessionStatus:
        self._message = self._link.call(method, request)
        return self.last_status
