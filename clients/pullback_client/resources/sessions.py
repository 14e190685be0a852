"""Sessions of black-box search: begun, attached to, listed, deleted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from pullback_api.v1 import jobs_pb2, search_pb2
from pullback_client.jobs.job import JOB_TIMEOUT
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.connection import first_page, new_request_id
from pullback_client.resources.eigenbases import EigenbasisCalls
from pullback_client.resources.references import find_session, session_to_delete
from pullback_client.search.asker import checked_name
from pullback_client.search.options import EvolveOptions, session_spec
from pullback_client.search.records import SessionState, SessionStatus
from pullback_client.search.session import EvolutionSession
from pullback_client.wire.transport import Deadline

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


class SessionCalls(EigenbasisCalls):
    """The calls of sessions."""

    def evolve(
        self,
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        client_name: str | None = None,
        **options: Unpack[EvolveOptions],
    ) -> EvolutionSession:
        """Begins a session that evolves images for whatever gives them scores.

        `hessian_gp`, the default, and `hessian_cma` search in a global eigenbasis. Where no `eigenbasis=` is named and
        the server has none that serves the generator and the space, the server has the one of the default specification
        computed first, and this waits for that; before that the whole request is checked.

        Args:
            generator: Name of the generator.
            progress: A callback for the events of the eigenbasis's job; True = a bar, False = nothing, None = a bar in
                a terminal.
            timeout: Seconds to follow that job; an hour where not given.
            client_name: As for `get_session`.
            **options: See `EvolveOptions`.

        Raises:
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which.
            NotFoundError: No such generator or eigenbasis.
            FailedPreconditionError: The eigenbasis does not serve this generator and space.
            JobFailedError: The eigenbasis cannot be computed; nor can the session go on, which has begun.
            DeadlineExceededError: The eigenbasis is not finished in time. Its job goes on, and so does the session when
                that is finished: attach to it by `get_session`.
        """
        spec, name = session_spec(generator, options), checked_name(client_name)
        deadline = Deadline(timeout)
        request = search_pb2.CreateSessionRequest(request_id=new_request_id(), spec=spec)
        message = self._transport.call(self._transport.search.CreateSession, request)
        if awaited := {thread.waiting_for: None for thread in message.threads if thread.waiting_for}:
            for job in awaited:
                found = self._transport.call(self._transport.jobs.GetJob, jobs_pb2.GetJobRequest(name=job))
                self._eigenbasis_job(found).follow(deadline.remaining(), progress=progress)
            again = search_pb2.GetSessionRequest(name=message.name)
            message = self._transport.call(self._transport.search.GetSession, again)
        return EvolutionSession(self._transport, message, client_name=name)

    def get_session(self, name: str, *, client_name: str | None = None) -> EvolutionSession:
        """One session: attaches to it again.

        Trials that this program asked for before it crashed, and never told, are taken back before it asks for the
        first: they need not wait for the end of their lease. It is known by its client name.

        Args:
            name: Resource name, id, the beginning of one id, or title.
            client_name: Who asks, at most 200 characters: of no two programs that run at a time. None =
                `user@host/script`, with a number where such a script runs already.

        Raises:
            NotFoundError: There is none.
            InvalidArgumentError: There are several; the message names some.
        """
        message = find_session(self._transport, name)
        return EvolutionSession(self._transport, message, client_name=client_name, attached=True)

    def delete_session(self, name: str) -> None:
        """Deletes a session that is closed: its log, scores, latents and images.

        Args:
            name: As for `get_session`.

        Raises:
            NotFoundError: There is none.
            InvalidArgumentError: There are several; the message names some.
            FailedPreconditionError: It is not closed.
        """
        request = search_pb2.DeleteSessionRequest(name=session_to_delete(self._transport, name))
        self._transport.call(self._transport.search.DeleteSession, request)

    def list_sessions(
        self, states: Iterable[SessionState | str] = (), *, most: int | None = None
    ) -> list[SessionStatus]:
        """The sessions in any of these states, newest first; without states, all sessions.

        Args:
            states: Words such as `active`.
            most: Only the newest so many, ≥ 1; None = all.
        """
        wanted = [SessionState.of(state).to_wire() for state in states]
        request = search_pb2.ListSessionsRequest(states=wanted, page_size=first_page(most))
        found = (each for page in self._pages(self._transport.search.ListSessions, request) for each in page.sessions)
        return [SessionStatus.from_wire(message) for message in islice(found, most)]
