"""Sessions and jobs by their names, ids, the beginnings of ids, and titles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fake_search import FakeSearchServer
from pullback_client import Client
from pullback_client.errors import InvalidArgumentError, NotFoundError


@pytest.fixture
def server() -> Iterator[FakeSearchServer]:
    with FakeSearchServer() as running:
        yield running


@pytest.fixture
def client(server: FakeSearchServer) -> Iterator[Client]:
    with Client(server.target, timeout=10) as connected:
        yield connected


def name_sessions(client: Client, server: FakeSearchServer, *named: tuple[str, str]) -> None:
    """Sessions of these ids and titles."""
    for name, title in named:
        made = client.evolve("faces", optimizer="cma", title=title).name
        session = server.sessions.pop(made)
        session.message.name = f"sessions/{name}"
        server.sessions[session.message.name] = session
        server.files[session.message.name] = server.files.pop(made)


def test_a_session_is_found_by_whatever_people_call_it(client: Client, server: FakeSearchServer) -> None:
    name_sessions(client, server, ("2bcdfghj", "slow rig"), ("2bkmnpqr", "fast rig"), ("4f0c" * 8, ""))
    for word in ("sessions/2bcdfghj", "2bcdfghj", "2bcd", "sessions/2bcd", "slow rig"):
        assert client.session(word).name == "sessions/2bcdfghj"
    assert client.session("4f0c").name == f"sessions/{'4f0c' * 8}"


def test_what_is_an_id_means_that_session_whatever_another_is_called(client: Client, server: FakeSearchServer) -> None:
    name_sessions(client, server, ("2bcd", "first"), ("2bcdfghj", "2bcd"))
    assert client.session("2bcd").name == "sessions/2bcd"


def test_finding_takes_two_calls_at_most_however_many_sessions_there_are(
    client: Client, server: FakeSearchServer
) -> None:
    name_sessions(client, server, *((f"{number}x", "") for number in range(30)), ("9zzz", "slow rig"))
    client.session("slow rig")
    client.session("9z")
    assert len(server.state.called("GetSession")) == 1
    requests = server.state.called("ListSessions")
    assert [(request.match, request.page_size) for request in requests] == [("slow rig", 6), ("9z", 6)]


def test_of_several_sessions_at_most_five_are_named(client: Client, server: FakeSearchServer) -> None:
    name_sessions(client, server, *((f"2b{letter}", "twin") for letter in "cdfghjk"))
    for word in ("2b", "twin"):
        with pytest.raises(InvalidArgumentError, match=f"'{word}' may be any of several sessions") as caught:
            client.session(word)
        assert caught.value.message.count("sessions/2b") == 5
        assert caught.value.message.endswith("; and more")
        assert "(twin, active, 20" in caught.value.message


def test_of_two_sessions_both_are_named(client: Client, server: FakeSearchServer) -> None:
    name_sessions(client, server, ("2bcd", "twin"), ("3bcd", "twin"))
    with pytest.raises(InvalidArgumentError, match=r"sessions/3bcd .*; sessions/2bcd [^;]*$"):
        client.session("twin")


@pytest.mark.parametrize("word", ["nobody", "no such rig", "sessions/nobody", "x" * 300, "%", "Slow"])
def test_what_nobody_is_called_is_not_found(client: Client, server: FakeSearchServer, word: str) -> None:
    name_sessions(client, server, ("2bcd", "slow rig"))
    with pytest.raises(NotFoundError, match=r"none has that id or title.*pullback sessions lists"):
        client.session(word)
    with pytest.raises(NotFoundError, match=r"none has that id, or an id.*pullback jobs list lists"):
        client.job(word)


def test_a_server_of_the_version_before_which_lists_all_is_not_misunderstood(
    client: Client, server: FakeSearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_sessions(client, server, ("2bcd", "slow rig"))
    every = list(server.sessions.values())
    monkeypatch.setattr("fake_search.matches", lambda described, match: True)
    assert len(every) == 1
    with pytest.raises(NotFoundError, match="no session 'other'"):
        client.session("other")


def test_a_job_is_found_by_the_beginning_of_its_id(client: Client, server: FakeSearchServer) -> None:
    job = client.submit_eigenbasis("faces")
    message = server.state.jobs.pop(job.name)
    for name in ("jobs/3f2a", "jobs/3fbb"):
        copy = type(message)()
        copy.CopyFrom(message)
        copy.name = name
        server.state.jobs[name] = copy
    assert client.job("3f2").name == "jobs/3f2a"
    assert client.job("jobs/3fb").name == "jobs/3fbb"
    with pytest.raises(InvalidArgumentError, match=r"'3f' may be any of several jobs.*jobs/3fbb .*; jobs/3f2a "):
        client.job("3f")
