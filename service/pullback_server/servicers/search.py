"""The `Search` service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from pullback_api.v1 import search_pb2, search_pb2_grpc, values_pb2
from pullback_server.damage import DataLossError
from pullback_server.errors import ApiError, invalid, not_found, unavailable
from pullback_server.names import parse_session
from pullback_server.servicers.paging import page_of
from pullback_server.sessions.answers import MAX_WAIT_SECONDS, Asker, reclaim, tell
from pullback_server.sessions.creation import Creation
from pullback_server.sessions.decisions.ask import check_asking
from pullback_server.sessions.decisions.journal import Journal
from pullback_server.sessions.export import export_session
from pullback_server.sessions.registry import SessionRegistry
from pullback_server.sessions.state.events import Event, SessionState, StateChanged
from pullback_server.specs import complete_session_spec, read_reports
from pullback_server.specs.common import enum_names
from pullback_server.store import RequestConflictError

MAX_ASKED = 1_000

Context = grpc.aio.ServicerContext[Any, Any]


class SearchServicer(search_pb2_grpc.SearchServicer):
    """Closed-loop search."""

    def __init__(self, registry: SessionRegistry, creation: Creation) -> None:
        self._registry = registry
        self._creation = creation

    async def CreateSession(self, request: search_pb2.CreateSessionRequest, context: Context) -> search_pb2.Session:
        """See the contract."""
        if request.validate_only:
            spec = complete_session_spec(request.spec)
            await self._creation.check(spec)
            return search_pb2.Session(spec=spec)
        content = request.SerializeToString(deterministic=True)
        try:
            # A repeat is answered before it is looked at closely.
            if request.request_id and (known := await self._registry.repeated(request.request_id, content)):
                return await self._registry.resource(known)
            spec = complete_session_spec(request.spec)
            beginning = await self._creation.begin(spec)
            created = await self._registry.create(
                request_id=request.request_id, content=content, spec=spec, began=beginning.began, files=beginning.files
            )
            return await self._registry.resource(created)
        except RequestConflictError as error:
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, str(error)) from None

    async def GetSession(self, request: search_pb2.GetSessionRequest, context: Context) -> search_pb2.Session:
        """See the contract."""
        return await self._registry.resource(await self._registry.record(parse_session(request.name, "name")))

    async def ListSessions(
        self, request: search_pb2.ListSessionsRequest, context: Context
    ) -> search_pb2.ListSessionsResponse:
        """See the contract."""
        if any(state not in [known.value for known in SessionState] for state in request.states):
            known = enum_names(search_pb2.SessionState)
            raise invalid("states", f"expected session states, {known}, but {list(request.states)} came")
        records, token = await page_of(
            request,
            lambda limit, before: self._registry.records(
                limit=limit, before=before, states=list(request.states), match=request.match
            ),
        )
        sessions, unreadable = [], []
        for record in records:
            try:
                sessions.append(await self._registry.resource(record))
            except DataLossError as error:
                unreadable.append(error.to_message())
        return search_pb2.ListSessionsResponse(sessions=sessions, unreadable=unreadable, next_page_token=token)

    async def Ask(self, request: search_pb2.AskRequest, context: Context) -> search_pb2.AskResponse:
        """See the contract."""
        session_id = parse_session(request.session, "session")
        if not 0 <= request.count <= MAX_ASKED:
            raise invalid("count", f"expected 1 to {MAX_ASKED} (0 = all), but {request.count} came")
        wait = request.wait.seconds + request.wait.nanos * 1e-9
        if not 0 <= wait <= MAX_WAIT_SECONDS:
            raise invalid("wait", f"expected 0 to {MAX_WAIT_SECONDS} s, but {wait} s came")
        async with self._registry.using(session_id) as live:
            return await Asker(live, request).answer(wait)

    async def Tell(self, request: search_pb2.TellRequest, context: Context) -> search_pb2.TellResponse:
        """See the contract."""
        session_id = parse_session(request.session, "session")
        reports = read_reports(request)
        async with self._registry.using(session_id) as live:
            return await tell(live, reports, list(request.end_generation))

    async def ReclaimTrials(
        self, request: search_pb2.ReclaimTrialsRequest, context: Context
    ) -> search_pb2.ReclaimTrialsResponse:
        """See the contract."""
        session_id = parse_session(request.session, "session")
        if bool(request.client) == request.all_clients:
            raise invalid(
                "client",
                "expected either a client's name, as its Asks gave it, or all_clients = true for everybody's trials; "
                f"{'both' if request.client else 'neither'} came",
            )
        async with self._registry.using(session_id) as live:
            return await reclaim(live, request.request_id, request.client)

    async def PauseSession(self, request: search_pb2.PauseSessionRequest, context: Context) -> search_pb2.Session:
        """See the contract."""
        return await self._change_state(request.name, SessionState.PAUSED)

    async def ResumeSession(self, request: search_pb2.ResumeSessionRequest, context: Context) -> search_pb2.Session:
        """See the contract."""
        return await self._change_state(request.name, SessionState.ACTIVE)

    async def CloseSession(self, request: search_pb2.CloseSessionRequest, context: Context) -> search_pb2.Session:
        """See the contract."""
        return await self._change_state(request.name, SessionState.CLOSED)

    async def DeleteSession(self, request: search_pb2.DeleteSessionRequest, context: Context) -> empty_pb2.Empty:
        """See the contract."""
        session_id = parse_session(request.name, "name")
        await self._registry.check_own(session_id)
        await self._registry.delete(session_id)
        return empty_pb2.Empty()

    async def GetSessionImage(self, request: search_pb2.GetSessionImageRequest, context: Context) -> values_pb2.Image:
        """See the contract."""
        async with self._registry.using(parse_session(request.session, "session")) as live:
            name = request.image_id
            if not await live.read(lambda session: name in session.homes or name in session.references):
                raise not_found(f"{request.session} has no image {name[:200]!r}; take the ids that Ask gave")
            image = await live.image(name, MAX_WAIT_SECONDS)
        if image is None:
            raise unavailable(f"image {name!r} is still being rendered; ask again")
        return image

    async def WatchSession(
        self, request: search_pb2.WatchSessionRequest, context: Context
    ) -> AsyncIterator[search_pb2.SessionEvent]:
        """See the contract."""
        if request.after_sequence < 0:
            raise invalid("after_sequence", f"expected 0 or more, but {request.after_sequence} came")
        async with self._registry.using(parse_session(request.name, "name")) as live:
            async for event in live.watch(request.after_sequence):
                yield event

    async def ExportSession(
        self, request: search_pb2.ExportSessionRequest, context: Context
    ) -> AsyncIterator[search_pb2.SessionPiece]:
        """See the contract."""
        session_id = parse_session(request.name, "name")
        if request.first_generation < 0:
            raise invalid("first_generation", f"expected 0 or more, but {request.first_generation} came")
        async with self._registry.using(session_id) as live:
            first = search_pb2.SessionPiece(
                session=await self._registry.resource(await self._registry.record(session_id))
            )
            yield first
            pieces = export_session(
                live, include_images=request.include_images, first_generation=request.first_generation
            )
            async for piece in pieces:
                yield piece

    async def _change_state(self, name: str, state: SessionState) -> search_pb2.Session:
        session_id = parse_session(name, "name")

        def decide(journal: Journal) -> None:
            before, events = journal.session.state, list[Event]()
            if before != state:
                if before == SessionState.CLOSED:
                    check_asking(journal.session)
                events.append(StateChanged(state.value))
            journal.add(events)

        await self._registry.check_own(session_id)
        async with self._registry.using(session_id) as live:
            await live.change(decide)
        return await self._registry.resource(await self._registry.record(session_id))
