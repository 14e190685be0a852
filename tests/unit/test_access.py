"""Who is let in: the decision, the files with tokens, and the heads of requests over HTTP."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from pullback_api.tokens import is_token, port_file, read_token, token_folder
from pullback_api.v1 import jobs_pb2, jobs_pb2_grpc, search_pb2, search_pb2_grpc, values_pb2
from pullback_server.access import Access, Announcement, TokenFileError, kept_token
from pullback_server.errors import ApiError
from pullback_server.http import HttpServer
from pullback_server.supervision import Health

TOKEN = "Kept-" + "k" * 38
PASSING = "Passing_" + "p" * 35
OTHER = "Other-" + "o" * 37
NEAR = {
    "nothing": [],
    "empty": [""],
    "no scheme": [TOKEN],
    "no token": ["Bearer"],
    "an empty token": ["Bearer "],
    "another scheme": [f"Basic {TOKEN}"],
    "one character less": [f"Bearer {TOKEN[:-1]}"],
    "one more": [f"Bearer {TOKEN}k"],
    "another last one": [f"Bearer {TOKEN[:-1]}K"],
    "another first one": [f"Bearer k{TOKEN[1:]}"],
    "small letters": [f"Bearer {TOKEN.lower()}"],
    "two spaces": [f"Bearer  {TOKEN}"],
    "a space behind": [f"Bearer {TOKEN} "],
    "both tokens": [f"Bearer {TOKEN}, Bearer {PASSING}"],
    "twice": [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
    "a letter that is not ASCII": [f"Bearer {TOKEN[:-1]}ķ"],
    "another server's": [f"Bearer {OTHER}"],
}

posix = pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where servers leave tokens."""
    monkeypatch.setenv("PULLBACK_TOKEN_FOLDER", str(tmp_path / "tokens"))
    return tmp_path / "tokens"


# The decision ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("credentials", NEAR.values(), ids=NEAR)
def test_what_is_not_quite_a_token_is_refused_in_words_that_help(credentials: list[str]) -> None:
    with pytest.raises(ApiError) as caught:
        Access(TOKEN, PASSING).check(credentials)
    assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED
    for advice in ("$PULLBACK_TOKEN", "$PULLBACK_TOKEN_FILE", "authorization: Bearer TOKEN", "--open", "by themselves"):
        assert advice in caught.value.message
    assert not caught.value.message.endswith("…")
    assert not any(token in caught.value.message for token in (TOKEN, PASSING, OTHER))


@pytest.mark.parametrize("credentials", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer {PASSING}"])
def test_a_token_lets_in(credentials: str) -> None:
    Access(TOKEN, PASSING).check([credentials])
    Access(TOKEN, PASSING).check([credentials.encode()])


@pytest.mark.parametrize("credentials", NEAR.values(), ids=NEAR)
def test_an_open_server_lets_in_everybody(credentials: list[str]) -> None:
    Access(None).check(credentials)


def test_the_path_of_an_image_opens_that_image_alone() -> None:
    access = Access(TOKEN, PASSING)
    path = access.image_path("abc", "thread000_gen000_000001")
    *folder, signature, name = path.split("/")
    assert (folder, name) == (["", "v1", "sessions", "abc", "images"], "thread000_gen000_000001")
    access.check_image("abc", name, signature)
    # The next server over the same folder, and one that lets in everybody.
    Access(TOKEN, OTHER).check_image("abc", name, signature)
    Access(None).check_image("abc", name, signature)
    wrong = [
        ("abc", "thread000_gen000_000002", signature),
        ("abd", name, signature),
        ("abc\0thread000", "gen000_000001", signature),
        ("abc", name, ""),
        ("abc", name, signature[:-1]),
        ("abc", name, signature.swapcase()),
        ("abc", name, "ķ" * 43),
        ("abc", name, TOKEN),
        ("abc", name, Access(OTHER).image_path("abc", name).split("/")[-2]),
        ("abc", name, Access(PASSING).image_path("abc", name).split("/")[-2]),
    ]
    for given in wrong:
        with pytest.raises(ApiError, match="the signature in the path is not that of this image"):
            access.check_image(*given)
    assert TOKEN not in path
    assert Access(None).image_path("abc", name) == f"/v1/sessions/abc/images/{name}"


# The token that is kept -----------------------------------------------------------------------------------------------


def test_a_folder_keeps_its_token_and_no_other_folder_has_it(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made.append(kept_token(tmp_path / name))
        assert kept_token(tmp_path / name) == made[-1]
        assert is_token(made[-1])
    assert made[0] != made[1]


@posix
def test_a_token_is_its_owners_alone_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        kept_token(tmp_path)
        announcement = Announcement(required=True)
        announcement.announce(1, 2)
    finally:
        os.umask(before)
    assert mode(tmp_path / "token") == 0o600
    assert mode(token_folder()) == 0o700
    assert [mode(port_file(port)) for port in (1, 2)] == [0o600] * 2
    assert {path.name for path in token_folder().iterdir()} == {"1", "2"}


@posix
@pytest.mark.parametrize("rights", [0o640, 0o604, 0o622])
def test_a_token_that_others_could_read_is_tightened_and_said(
    tmp_path: Path, rights: int, caplog: pytest.LogCaptureFixture
) -> None:
    token = kept_token(tmp_path)
    assert not caplog.messages
    (tmp_path / "token").chmod(rights)
    assert kept_token(tmp_path) == token
    assert mode(tmp_path / "token") == 0o600
    (said,) = caplog.messages
    assert "others could read the token" in said
    assert "delete the file and start again" in said
    assert token not in said


@pytest.mark.parametrize("content", ["", "\n", "short", "a" * 42, "a" * 513, "a b" * 20, "ķ" * 43, "a" * 10_000])
def test_a_file_that_holds_no_token_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content, encoding="utf-8")
    with pytest.raises(TokenFileError, match="holds no token: expected 43 to 512 letters") as caught:
        kept_token(tmp_path)
    assert "Delete it to have a new one made" in str(caught.value)
    assert (tmp_path / "token").read_text(encoding="utf-8") == content


def test_a_token_of_the_owners_own_is_taken(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"  {TOKEN}\r\n", encoding="utf-8")
    assert kept_token(tmp_path) == TOKEN


def test_a_token_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(TokenFileError, match=r"cannot keep a token in .*: Is a directory"):
        kept_token(tmp_path)


# Tokens for programs of the same user ---------------------------------------------------------------------------------


def test_files_are_there_from_the_start_to_the_end_and_no_two_servers_have_one_token() -> None:
    first, second = Announcement(required=True), Announcement(required=True)
    first.announce(1, 2)
    second.announce(3)
    assert {read_token(port_file(port)) for port in (1, 2)} == {first.token}
    assert read_token(port_file(3)) == second.token != first.token
    # A server of before, that was killed, has left 1; the one that now has the port is not harmed by its end.
    second.announce(1)
    first.withdraw()
    assert read_token(port_file(1)) == second.token
    assert not port_file(2).exists()
    second.withdraw()
    assert list(token_folder().iterdir()) == []


def test_a_server_that_needs_no_token_removes_that_of_one_before() -> None:
    Announcement(required=True).announce(1)
    Announcement(required=False).announce(1, 2)
    assert not port_file(1).exists()


@posix
def test_a_folder_that_others_could_write_is_tightened(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    Announcement(required=True).announce(1)
    assert mode(folder) == 0o700


def test_a_folder_that_cannot_be_used_is_said_and_the_server_goes_on(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.touch()
    announcement = Announcement(required=True)
    announcement.announce(1)
    (said,) = caplog.messages
    assert "need $PULLBACK_TOKEN_FILE" in said
    assert "$PULLBACK_TOKEN_FOLDER names another folder" in said
    announcement.withdraw()


@posix
def test_a_folder_of_another_user_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token_folder().mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    Announcement(required=True).announce(1)
    assert "is another user's" in caplog.text
    assert not port_file(1).exists()


# Over HTTP ------------------------------------------------------------------------------------------------------------

SERVICES = [module.DESCRIPTOR.services_by_name[name] for module, name in ((jobs_pb2, "Jobs"), (search_pb2, "Search"))]
IMAGE = "thread000_gen000_000001"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def send() -> Callable[..., httpx.Response]:
    """Sends one request to an application whose one token is `TOKEN`, or to an open one."""

    async def image(request: search_pb2.GetSessionImageRequest, context: object) -> values_pb2.Image:
        del context
        return values_pb2.Image(data=request.image_id.encode(), format=values_pb2.IMAGE_FORMAT_PNG)

    def send(method: str, path: str, *, open_: bool = False, **options: Any) -> httpx.Response:
        async def main() -> httpx.Response:
            search = search_pb2_grpc.SearchServicer()
            search.GetSessionImage = image
            servicers = dict(zip(SERVICES, [jobs_pb2_grpc.JobsServicer(), search], strict=True))
            access = Access(None if open_ else TOKEN)
            server = HttpServer(servicers, Health(), max_request_bytes=2_000, grace_seconds=1, access=access)
            transport = httpx.ASGITransport(server.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **options)

        return asyncio.run(main())

    return send


Send = Callable[..., httpx.Response]


@pytest.mark.parametrize("credentials", [value for value in NEAR.values() if all(map(str.isascii, value))])
def test_no_route_but_health_answers_without_a_token(send: Send, credentials: Sequence[str]) -> None:
    headers = [("Authorization", value) for value in credentials]
    paths = [f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods]
    paths += [f"/v1/sessions/abc/images/{IMAGE}", "/", "/nothing", "/healthz/", "/v1/sessions/abc/images/a/b/c"]
    for path in paths:
        for method in ("GET", "POST", "OPTIONS", "HEAD"):
            answer = send(method, path, headers=headers)
            assert (path, answer.status_code) == (path, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert method == "HEAD" or answer.json()["code"] == "unauthenticated"
    assert send("GET", "/healthz", headers=headers).status_code == 200


def test_errors_in_the_body_are_as_ever(send: Send) -> None:
    answer = send("POST", "/pullback_api.v1.Jobs/GetJob", json={}, headers={"Pullback-Errors": "body"})
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == "unauthenticated"
    assert answer.json()["error"]["retry_after_ms"] == 0


def test_an_image_comes_by_its_path_or_by_a_token(send: Send) -> None:
    path = Access(TOKEN).image_path("abc", IMAGE)
    for each, options in [
        (path, {}),
        (f"{path}.png", {}),
        (f"{path}.PNG", {}),
        (f"/v1/sessions/abc/images/{IMAGE}.png", {"headers": BEARER}),
        (f"/v1/sessions/abc/images/{IMAGE}", {"open_": True}),
        # A path from before the server was opened.
        (path, {"open_": True}),
    ]:
        answer = send("GET", each, **options)
        assert (answer.status_code, answer.content) == (200, IMAGE.encode())
    assert send("GET", f"{path}.jpg").status_code == 404


def test_a_path_that_is_signed_for_another_image_is_refused_even_with_a_token(send: Send) -> None:
    signature = Access(TOKEN).image_path("abc", IMAGE).split("/")[-2]
    for path in (
        f"/v1/sessions/abc/images/{signature}/thread000_gen000_000002",
        f"/v1/sessions/abd/images/{signature}/{IMAGE}",
        f"/v1/sessions/abc/images/{signature}/{IMAGE}.png.png",
        f"/v1/sessions/abc/images/{signature.lower()}/{IMAGE}",
        f"/v1/sessions/abc/images/%20/{IMAGE}",
        f"/v1/sessions/abc/images/{'é' * 43}/{IMAGE}",
        Access(OTHER).image_path("abc", IMAGE),
    ):
        assert send("GET", path).status_code == 401, path
    assert send("GET", Access(OTHER).image_path("abc", IMAGE), headers=BEARER).status_code == 401


def test_nothing_of_this_is_logged(send: Send, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    send("POST", "/pullback_api.v1.Jobs/GetJob", json={}, headers={"Authorization": f"Bearer {OTHER}"})
    send("POST", "/pullback_api.v1.Jobs/GetJob", json={}, headers=BEARER)
    assert TOKEN not in caplog.text
    assert OTHER not in caplog.text
