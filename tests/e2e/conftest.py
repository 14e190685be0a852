"""Live servers for the end-to-end tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live_server import LiveServer
from tiny import write_catalogue
from tiny_style import write_style_catalogue


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a server needs to know the generator `tiny`, with a cache of its own."""
    folder = tmp_path_factory.mktemp("catalogue")
    return {"PULLBACK_CATALOGUE": str(write_catalogue(folder)), "PULLBACK_CACHE": str(folder / "cache")}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    """A server that every test may use and none may harm."""
    with LiveServer(tmp_path_factory.mktemp("shared") / "data", environment) as live:
        yield live


@pytest.fixture(scope="session")
def styled_environment(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> dict[str, str]:
    """What a server needs to know the generator `tiny-style` too."""
    style = write_style_catalogue(tmp_path_factory.mktemp("style"))
    return {**environment, "PULLBACK_CATALOGUE": f"{environment['PULLBACK_CATALOGUE']}{os.pathsep}{style}"}


@pytest.fixture(scope="session")
def styled_server(tmp_path_factory: pytest.TempPathFactory, styled_environment: dict[str, str]) -> Iterator[LiveServer]:
    """A server with `tiny` and `tiny-style` that every test may use and none may harm."""
    with LiveServer(tmp_path_factory.mktemp("styled") / "data", styled_environment) as live:
        yield live


@pytest.fixture(scope="session")
def _harmed(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("harmed") / "data", environment)
    yield live
    live.close()


@pytest.fixture
def live(_harmed: LiveServer) -> Iterator[LiveServer]:
    """A server that tests may harm, kill and start again; when one begins, it is well and has nothing to do.

    It has no eigenbasis then, but jobs and sessions of tests before that have ended.
    """
    _harmed.revive()
    yield _harmed
    try:
        if _harmed.runs:
            _harmed.tidy()
    except BaseException:
        # Whatever a test that failed has left behind: the next one finds a new process.
        if _harmed.runs:
            _harmed.kill()
        raise


@pytest.fixture
def start_server(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., LiveServer]]:
    """Starts servers over the test's own folder, to be killed and started again."""
    started: list[LiveServer] = []

    def start(name: str = "data", *, options: tuple[str, ...] = (), first: str = "", **extra: str) -> LiveServer:
        live = LiveServer(tmp_path / name, {**environment, **extra}, first)
        started.append(live)
        live.start(*options)
        return live

    yield start
    for live in started:
        live.close()
