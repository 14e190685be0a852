"""Names of the client's methods: one grammar, and former names that work with a warning."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from pullback_client import Client
from pullback_client.aio import AsyncClient
from pullback_client.aio.derivation import members
from pullback_client.resources.former_names import present_name

FORMER = {
    "generators": "list_generators",
    "generator": "get_generator",
    "catalogue_faults": "list_catalogue_faults",
    "distances": "list_distances",
    "eigenbasis": "compute_eigenbasis",
    "eigenbases": "list_eigenbases",
    "analyses": "list_analyses",
    "sessions": "list_sessions",
    "session": "get_session",
    "directions": "discover_directions",
    "direction": "find_direction",
    "jobs": "list_jobs",
    "job": "get_job",
}
VERBS = {
    *("list", "get", "delete", "import", "compute", "submit", "check", "iter", "discover", "find"),
    *("analyze", "close", "create", "edit", "evolve", "export", "invert", "morph", "render", "revoke", "sample"),
    *("share", "traverse", "tune"),
}
NOBODY = "127.0.0.1:1"


def test_every_method_begins_with_a_verb() -> None:
    methods = {name for name, member in members(Client) if inspect.isfunction(member) and not present_name(member)}
    assert {name.partition("_")[0] for name in methods} == VERBS
    assert {name for name in methods if name.startswith("list_")} == {
        *("list_analyses", "list_catalogue_faults", "list_directions", "list_distances", "list_eigenbases"),
        *("list_generators", "list_jobs", "list_keys", "list_sessions", "list_tunings"),
    }


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_the_former_names_are_these(client: type) -> None:
    found = {name: present_name(getattr(client, name)) for name in dir(client) if present_name(getattr(client, name))}
    assert found == FORMER
    for former, present in FORMER.items():
        assert inspect.signature(getattr(client, former)) == inspect.signature(getattr(client, present))
        assert getattr(client, former).__doc__ == f"Former name of `{present}`."


@pytest.mark.parametrize(("former", "present"), FORMER.items())
def test_a_former_name_does_the_same_and_warns_where_it_is_called(
    former: str, present: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, present, lambda self, *given, **options: (self, given, options))
    line = rf"Client\.{former} is now called Client\.{present}; .* next version"
    with Client(NOBODY) as client, pytest.warns(FutureWarning, match=line) as warned:
        assert getattr(client, former)("faces", timeout=3) == (client, ("faces",), {"timeout": 3})
    assert [each.filename for each in warned] == [__file__]


@pytest.mark.parametrize(("former", "present"), FORMER.items())
def test_a_former_name_of_the_asynchronous_client_does_too(
    former: str, present: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(self: AsyncClient, *given: Any, **options: Any) -> Any:
        return self, given, options

    async def main() -> None:
        line = rf"AsyncClient\.{former} is now called AsyncClient\.{present}"
        async with AsyncClient(NOBODY) as client:
            with pytest.warns(FutureWarning, match=line) as warned:
                assert await getattr(client, former)("faces", timeout=3) == (client, ("faces",), {"timeout": 3})
        assert [each.filename for each in warned] == [__file__]

    monkeypatch.setattr(AsyncClient, present, answer)
    asyncio.run(main())
