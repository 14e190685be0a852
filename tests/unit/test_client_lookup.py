"""Sessions and jobs by their names, ids, the beginnings of ids, and titles."""

from __future__ import annotations

import pytest

from in_process import InProcessServer
from pullback_client import Client
from pullback_client.errors import InvalidArgumentError, NotFoundError


def name_sessions(client: Client, server: InProcessServer, *named: tuple[str, str]) -> None:
    """Sessions of these ids and titles."""
    for name, title in named:
        server.ids.append(name)
        client.evolve("faces", optimizer="cma", title=title)


def test_a_session_is_found_by_whatever_people_call_it(client: Client, server: InProcessServer) -> None:
    name_sessions(client, server, ("2bcdfghj", "slow rig"), ("2bkmnpqr", "fast rig"), ("4f0c" * 8, ""))
    for word in ("sessions/2bcdfghj", "2bcdfghj", "2bcd", "sessions/2bcd", "slow rig"):
        assert client.get_session(word).name == "sessions/2bcdfghj"
    assert client.get_session("4f0c").name == f"sessions/{'4f0c' * 8}"


def test_what_is_an_id_means_that_session_whatever_another_is_called(client: Client, server: InProcessServer) -> None:
    name_sessions(client, server, ("2bcd", "first"), ("2bcdfghj", "2bcd"))
    assert client.get_session("2bcd").name == "sessions/2bcd"


def test_finding_takes_two_calls_at_most_however_many_sessions_there_are(
    client: Client, server: InProcessServer
) -> None:
    name_sessions(client, server, *((f"{number}x", "") for number in range(30)), ("9zzz", "slow rig"))
    client.get_session("slow rig")
    client.get_session("9z")
    assert len(server.called("GetSession")) == 1
    requests = server.called("ListSessions")
    assert [(request.match, request.page_size) for request in requests] == [("slow rig", 6), ("9z", 6)]


def test_of_several_sessions_at_most_five_are_named(client: Client, server: InProcessServer) -> None:
    name_sessions(client, server, *((f"2b{letter}", "twin") for letter in "cdfghjk"))
    for word in ("2b", "twin"):
        with pytest.raises(InvalidArgumentError, match=f"'{word}' may be any of several sessions") as caught:
            client.get_session(word)
        assert caught.value.message.count("sessions/2b") == 5
        assert caught.value.message.endswith("; and more")
        assert "(twin, active, 20" in caught.value.message


def test_of_two_sessions_both_are_named(client: Client, server: InProcessServer) -> None:
    name_sessions(client, server, ("2bcd", "twin"), ("3bcd", "twin"))
    with pytest.raises(InvalidArgumentError, match=r"sessions/3bcd .*; sessions/2bcd [^;]*$"):
        client.get_session("twin")


@pytest.mark.parametrize("word", ["nobody", "no such rig", "sessions/nobody", "x" * 300, "%", "Slow"])
def test_what_nobody_is_called_is_not_found(client: Client, server: InProcessServer, word: str) -> None:
    name_sessions(client, server, ("2bcd", "slow rig"))
    with pytest.raises(NotFoundError, match=r"none has that id or title.*pullback sessions lists"):
        client.get_session(word)
    with pytest.raises(NotFoundError, match=r"none has that id, or an id.*pullback jobs list lists"):
        client.get_job(word)


def test_a_server_of_the_version_before_which_lists_all_is_not_misunderstood(
    client: Client, server: InProcessServer
) -> None:
    name_sessions(client, server, ("2bcd", "slow rig"))
    every = list(server.sessions.values())
    assert len(every) == 1
    server.changes["ListSessions"] = lambda answer: answer.sessions.extend(every)
    with pytest.raises(NotFoundError, match="no session 'other'"):
        client.get_session("other")


def test_a_job_is_found_by_the_beginning_of_its_id(client: Client, server: InProcessServer) -> None:
    for name, generator in (("3f2a", "faces"), ("3fbb", "eyes")):
        server.ids.append(name)
        client.submit_eigenbasis(generator)
    assert client.get_job("3f2").name == "jobs/3f2a"
    assert client.get_job("jobs/3fb").name == "jobs/3fbb"
    with pytest.raises(InvalidArgumentError, match=r"'3f' may be any of several jobs.*jobs/3fbb .*; jobs/3f2a "):
        client.get_job("3f")
