"""References to sessions and jobs as people write them: a name, an id or how it begins, a title."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc

from pullback_api.v1 import jobs_pb2, search_pb2
from pullback_client.errors import ClientError, InvalidArgumentError, NotFoundError
from pullback_client.jobs.events import JobState
from pullback_client.search.records import SessionState
from pullback_client.wire.names import id_of, job_name, session_name
from pullback_client.wire.times import utc
from pullback_client.wire.transport import Transport

_Message = TypeVar("_Message", search_pb2.Session, jobs_pb2.Job)

MOST_NAMED = 5
"""Candidates that are named where a word may mean several."""

_ID = re.compile(r"[a-z0-9]([a-z0-9._-]{0,120}[a-z0-9])?")
_MAX_WORD = 200


def find_session(transport: Transport, word: str) -> search_pb2.Session:
    """The session of a resource name, of an id, of its only beginning, or of a title; at most two calls.

    Raises:
        NotFoundError: There is none.
        InvalidArgumentError: There are several; the message names some.
    """
    name = session_name(word)

    def get() -> search_pb2.Session:
        message: search_pb2.Session = transport.call(
            transport.search.GetSession, search_pb2.GetSessionRequest(name=name)
        )
        return message

    def matching(begin: str) -> Sequence[search_pb2.Session]:
        request = search_pb2.ListSessionsRequest(match=begin, page_size=MOST_NAMED + 1)
        page: search_pb2.ListSessionsResponse = transport.call(transport.search.ListSessions, request)
        # A server of an earlier version lists all.
        return [each for each in page.sessions if id_of(each.name).startswith(begin) or each.spec.title == begin]

    return _find(word, name.removeprefix("sessions/"), get, matching, _about_session, "session", "pullback sessions")


def find_job(transport: Transport, word: str) -> jobs_pb2.Job:
    """The job of a resource name, of an id, or of its only beginning; at most two calls.

    Raises:
        NotFoundError: There is none.
        InvalidArgumentError: There are several; the message names some.
    """
    name = job_name(word)

    def get() -> jobs_pb2.Job:
        message: jobs_pb2.Job = transport.call(transport.jobs.GetJob, jobs_pb2.GetJobRequest(name=name))
        return message

    def matching(begin: str) -> Sequence[jobs_pb2.Job]:
        request = jobs_pb2.ListJobsRequest(match=begin, page_size=MOST_NAMED + 1)
        page: jobs_pb2.ListJobsResponse = transport.call(transport.jobs.ListJobs, request)
        return [each for each in page.jobs if id_of(each.name).startswith(begin)]

    return _find(word, name.removeprefix("jobs/"), get, matching, _about_job, "job", "pullback jobs list")


def session_to_delete(transport: Transport, word: str) -> str:
    """The name of the session that `find_session` finds; of one that is damaged too, where it is named in full."""
    return _named(lambda: find_session(transport, word).name, session_name(word))


def job_to_delete(transport: Transport, word: str) -> str:
    """The name of the job that `find_job` finds; of one that is damaged too, where it is named in full."""
    return _named(lambda: find_job(transport, word).name, job_name(word))


def _named(find: Callable[[], str], name: str) -> str:
    try:
        return find()
    except ClientError as error:
        if error.code is not grpc.StatusCode.DATA_LOSS:
            raise
        return name


def _find(
    word: str,
    begin: str,
    get: Callable[[], _Message],
    matching: Callable[[str], Sequence[_Message]],
    about: Callable[[_Message], str],
    kind: str,
    command: str,
) -> _Message:
    unknown: ClientError | None = None
    # What is an id means that one, whatever else is called so.
    if _ID.fullmatch(begin):
        try:
            return get()
        except NotFoundError as error:
            unknown = error
    found = matching(begin) if len(begin) <= _MAX_WORD else ()
    if len(found) == 1:
        return found[0]
    if not found:
        called = " or title" if kind == "session" else ""
        raise NotFoundError(
            f"no {kind} {word!r}: none has that id{called}, or an id that begins so; {command} lists the {kind}s",
            code=None if unknown is None else unknown.code,
        ) from unknown
    named = "; ".join(f"{each.name} ({about(each)})" for each in found[:MOST_NAMED])
    more = "; and more" if len(found) > MOST_NAMED else ""
    raise InvalidArgumentError(f"{word!r} may be any of several {kind}s, name one by its id: {named}{more}")


def _about_session(message: search_pb2.Session) -> str:
    state = SessionState.from_wire(message.state).value
    return ", ".join(filter(None, [message.spec.title, state, _when(message.create_time)]))


def _about_job(message: jobs_pb2.Job) -> str:
    return f"{JobState.from_wire(message.state).value}, {_when(message.create_time)}"


def _when(time: Any) -> str:
    return f"{utc(time).astimezone():%Y-%m-%d %H:%M}"
