"""The token that a client sends: where it is found, and what happens where it is not the right one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from in_process import DIM, InProcessServer
from pullback_api import tokens
from pullback_api.tokens import port_file, token_folder
from pullback_client import Client, FailedPreconditionError, InvalidArgumentError, UnauthenticatedError
from pullback_client.aio import AsyncClient
from pullback_client.wire.tokens import TokenFinder
from pullback_server.access.access import Access
from pullback_server.access.identity import Identity
from pullback_server.access.token_file import TOKEN_FILE, write_token
from pullback_server.errors import ApiError
from pullback_server.server import Config

GIVEN, IN_VARIABLE, IN_FILE, LEFT, NEW = (letter * 43 for letter in "gvfln")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where servers leave tokens."""
    monkeypatch.setenv("PULLBACK_TOKEN_FOLDER", str(tmp_path / "tokens"))
    (tmp_path / "tokens").mkdir()
    return tmp_path / "tokens"


def leave(port: int, token: str) -> None:
    port_file(port).write_text(f"{token}\n", encoding="ascii")


def found(target: str = "127.0.0.1:7", token: str | None = None) -> str | None:
    """The token that a client of that target sends."""
    sent = dict(TokenFinder(target, token).metadata())
    return sent["authorization"].removeprefix("Bearer ") if sent else None


# Where it is found ----------------------------------------------------------------------------------------------------


def test_what_is_said_goes_before_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found() is None
    leave(7, LEFT)
    assert found() == LEFT
    (tmp_path / "file").write_text(f"{IN_FILE}\r\n", encoding="ascii")
    monkeypatch.setenv("PULLBACK_TOKEN_FILE", str(tmp_path / "file"))
    assert found() == IN_FILE
    monkeypatch.setenv("PULLBACK_TOKEN", f" {IN_VARIABLE}\n")
    assert found() == IN_VARIABLE
    assert found(token=GIVEN) == GIVEN
    monkeypatch.setenv("PULLBACK_TOKEN", "")
    monkeypatch.setenv("PULLBACK_TOKEN_FILE", "")
    assert found() == LEFT


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:7",
        "127.9.9.9:7",
        "localhost:7",
        "[::1]:7",
        "dns:localhost:7",
        "dns:///127.0.0.1:7",
        "ipv4:127.0.0.1:7",
        "ipv6:[::1]:7",
    ],
)
def test_servers_of_this_machine_are_known_by_their_port(target: str) -> None:
    leave(7, LEFT)
    leave(8, NEW)
    assert found(target) == LEFT


@pytest.mark.parametrize(
    "target", ["10.0.0.5:7", "example.org:7", "localhost.example.org:7", "[fe80::1]:7", "127.0.0.1", "unix:/run/7", ""]
)
def test_to_other_machines_nothing_is_sent_that_was_not_asked_for(target: str) -> None:
    leave(7, LEFT)
    assert found(target) is None
    assert found(target, GIVEN) == GIVEN


@pytest.mark.skipif(os.name != "posix", reason="owners of POSIX")
def test_what_another_user_has_left_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    leave(7, LEFT)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert found() is None


@pytest.mark.parametrize("content", ["", "short", "a b" * 20, "ķ" * 43])
def test_what_is_left_and_is_no_token_is_not_sent(content: str) -> None:
    port_file(7).write_text(content, encoding="utf-8")
    assert found() is None


@pytest.mark.parametrize("token", ["", "secret", "secret " * 9, "secret\n" * 9, "ķ" * 43])
def test_what_can_be_no_token_is_refused_without_being_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    with pytest.raises(InvalidArgumentError, match="token must be 43 to 512 letters") as given:
        Client("127.0.0.1:7", token=token)
    said = [str(given.value)]
    if token:
        monkeypatch.setenv("PULLBACK_TOKEN", token)
        with pytest.raises(InvalidArgumentError, match=r"\$PULLBACK_TOKEN must be 43") as named, Client() as client:
            client.list_distances()
        said.append(str(named.value))
        monkeypatch.delenv("PULLBACK_TOKEN")
    (tmp_path / "file").write_text(token, encoding="utf-8")
    monkeypatch.setenv("PULLBACK_TOKEN_FILE", str(tmp_path / "file"))
    with pytest.raises(InvalidArgumentError, match=r"\$PULLBACK_TOKEN_FILE: .*holds no token") as read:
        found()
    assert not any("secret" in each or "ķ" in each for each in (*said, str(read.value)))


def test_a_file_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_TOKEN_FILE", str(tmp_path / "none"))
    with pytest.raises(FailedPreconditionError, match=r"\$PULLBACK_TOKEN_FILE: cannot read .*none: No such file"):
        found()


def test_the_folder_is_that_of_the_users_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULLBACK_TOKEN_FOLDER")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr(tokens.socket, "gethostname", lambda: "Labor 3.örtlich/..")

    def on(platform: str) -> Path:
        monkeypatch.setattr(tokens, "sys", SimpleNamespace(platform=platform))
        return token_folder()

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert on("linux") == tmp_path / ".local" / "state" / "pullback" / "tokens" / "Labor_3._rtlich_.."
    assert on("darwin") == tmp_path / "Library" / "Application Support" / "pullback" / "tokens"
    assert on("win32") == tmp_path / "AppData" / "Local" / "pullback" / "tokens"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert on("freebsd14").parent == tmp_path / "state" / "pullback" / "tokens"
    assert on("win32") == tmp_path / "local" / "pullback" / "tokens"


# What happens where it is not the right one ---------------------------------------------------------------------------

Use = Callable[[Client], object]
USES: dict[str, Use] = {
    "one answer": lambda client: client.list_distances(),
    "a stream": lambda client: client.render("faces", [[0.0] * DIM] * 3),
}


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[ApiError]:
    """Why calls were not let in."""
    check, errors = Access.check, []

    def note(access: Access, credentials: Sequence[str | bytes]) -> Identity:
        try:
            return check(access, credentials)
        except ApiError as error:
            errors.append(error)
            raise

    monkeypatch.setattr(Access, "check", note)
    return errors


def restart(server: InProcessServer, token: str | None = None) -> None:
    """Starts a server anew, with another passing token, and with a kept one where that is given."""
    server.stop()
    if token is not None:
        write_token(server.data / TOKEN_FILE, token)
    server.start()


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_server_that_was_started_anew_is_not_noticed(
    server: InProcessServer, refusals: list[ApiError], use: Use
) -> None:
    with Client(server.target) as client:
        expected = len(use(client))  # type: ignore[arg-type]
        assert len(refusals) == 0
        restart(server)
        assert len(use(client)) == expected  # type: ignore[arg-type]
        assert len(refusals) == 1
        use(client)
        assert len(refusals) == 1


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_client_that_was_there_before_its_server_is_let_in(
    server: InProcessServer, refusals: list[ApiError], monkeypatch: pytest.MonkeyPatch, use: Use
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("in_process.Config", partial(Config, open=True))
        restart(server)
    with Client(server.target) as client:
        use(client)
        restart(server)
        use(client)
    assert len(refusals) == 1


def test_an_asynchronous_client_is_let_in_again_too(server: InProcessServer, refusals: list[ApiError]) -> None:
    async def main() -> None:
        async with AsyncClient(server.target) as client:
            for _ in range(2):
                assert await client.list_distances()
                assert len(await client.render("faces", [[0.0] * DIM] * 3)) == 3
                restart(server, GIVEN)
        port_file(server.port).unlink()
        async with AsyncClient(server.target, token=GIVEN) as client:
            assert await client.list_distances()

    asyncio.run(main())
    assert len(refusals) == 1


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_wrong_token_is_an_error_that_says_which_was_sent(
    server: InProcessServer, refusals: list[ApiError], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, use: Use
) -> None:
    restart(server, NEW)
    port_file(server.port).unlink()

    def refused(token: str | None = None, reason: str = "a token came that is not") -> str:
        before = len(refusals)
        with Client(server.target, token=token) as client, pytest.raises(UnauthenticatedError) as caught:
            use(client)
        # No other token was to be had: nothing was tried twice.
        assert len(refusals) == before + 1
        assert str(caught.value).startswith(f"not let in by the server at {server.target}: {reason}")
        return str(caught.value)

    assert "(this client sent no token)" in refused(reason="no token came")
    leave(server.port, LEFT)
    assert "(this client sent the token that a server of this user left for that port)" in refused()
    (tmp_path / "file").write_text(IN_FILE, encoding="ascii")
    monkeypatch.setenv("PULLBACK_TOKEN_FILE", str(tmp_path / "file"))
    assert "(this client sent the token in the file of $PULLBACK_TOKEN_FILE)" in refused()
    monkeypatch.setenv("PULLBACK_TOKEN", IN_VARIABLE)
    assert "(this client sent the token of $PULLBACK_TOKEN)" in refused()
    said = refused(GIVEN)
    assert "(this client sent the token that it was given)" in said
    assert not any(token in said for token in (GIVEN, IN_VARIABLE, IN_FILE, LEFT, NEW))
