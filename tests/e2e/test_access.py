"""A live server as its own user, other users and supervisors see it."""

from __future__ import annotations

import re
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from live_server import CALL_SECONDS, LiveServer
from pullback_api.tokens import port_file, read_token
from pullback_api.v1 import jobs_pb2
from pullback_client import Client, InvalidArgumentError, UnauthenticatedError
from pullback_client.cli.main import main
from requests_for_tiny import ask, begin_search

OTHER = "o" * 43


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    """A server that speaks HTTP too."""
    server = LiveServer(tmp_path_factory.mktemp("access") / "data", environment)
    server.start("--http", "127.0.0.1:0")
    yield server
    server.close()


@pytest.fixture
def stranger(live: LiveServer) -> Iterator[grpc.Channel]:
    """A channel without a token."""
    with grpc.insecure_channel(live.target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of the test are those of a user who has no server."""
    monkeypatch.setenv("PULLBACK_TOKEN_FOLDER", str(tmp_path / "elsewhere"))


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def methods(live: LiveServer) -> dict[str, MethodDescriptor]:
    """Every method of every service that the server says it has, by its path."""
    stub = reflection_pb2_grpc.ServerReflectionStub(live.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=CALL_SECONDS)
    names = [service.name for service in answer.list_services_response.service]
    assert len(names) >= 8
    found = [descriptor_pool.Default().FindServiceByName(name).methods for name in names]
    return {f"/{each.containing_service.full_name}/{each.name}": each for every in found for each in every}


def code_of(
    channel: grpc.Channel, path: str, method: MethodDescriptor | None, metadata: tuple[tuple[str, str], ...] = ()
) -> grpc.StatusCode:
    """What a call that carries bytes that are no message, or none at all, comes to."""
    outgoing = iter([b"\xff\xff\xff"])
    try:
        if method is not None and method.client_streaming:
            list(channel.stream_stream(path)(outgoing, metadata=metadata, timeout=CALL_SECONDS))
        elif method is not None and method.server_streaming:
            list(channel.unary_stream(path)(b"\xff\xff\xff", metadata=metadata, timeout=CALL_SECONDS))
        else:
            channel.unary_unary(path)(b"\xff\xff\xff", metadata=metadata, timeout=CALL_SECONDS)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()  # type: ignore[attr-defined]
        return code
    return grpc.StatusCode.OK


# Another user ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, OTHER], ids=["no token", "another's"])
def test_no_method_but_those_of_health_answers_a_stranger(
    live: LiveServer, stranger: grpc.Channel, token: str | None
) -> None:
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    known = methods(live)
    codes = {path: code_of(stranger, path, method, metadata) for path, method in known.items()}
    health = {path for path in known if path.startswith("/grpc.health.v1.Health/")}
    assert {path for path, code in codes.items() if code != grpc.StatusCode.UNAUTHENTICATED} == health
    # Nor is it told which methods there are.
    for path in ("/pullback_api.v1.Jobs/Nothing", "/no.Service/Nothing", "/grpc.health.v1.Healthy/Check"):
        assert code_of(stranger, path, None, metadata) == grpc.StatusCode.UNAUTHENTICATED
    # They are refused for the token alone.
    assert grpc.StatusCode.UNAUTHENTICATED not in {code_of(live.channel, path, each) for path, each in known.items()}


def test_a_refusal_says_what_to_do(stranger: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stranger.unary_unary("/pullback_api.v1.Jobs/ListJobs")(b"", timeout=CALL_SECONDS)
    said: str = caught.value.details()
    assert said.startswith("no token came. This server lets in programs of its own user")
    assert "$PULLBACK_TOKEN_FILE" in said
    assert said.endswith("On a machine of one person, `pullback serve --open` does without")


def test_a_stranger_is_refused_before_anything_is_received(live: LiveServer, stranger: grpc.Channel) -> None:
    over = threading.Event()

    def never() -> Iterator[bytes]:
        over.wait(2 * CALL_SECONDS)
        yield b""

    call = stranger.stream_unary("/pullback_api.v1.Inversion/Invert").future(never(), timeout=CALL_SECONDS)
    try:
        assert call.code() == grpc.StatusCode.UNAUTHENTICATED
    finally:
        over.set()
    with closing(socket.create_connection(("127.0.0.1", port_of(live.http)), timeout=CALL_SECONDS)) as connection:
        head = (
            "POST /pullback_api.v1.Inversion/Invert HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        )
        connection.sendall(f"{head}Content-Length: 60000000\r\n\r\n".encode())
        assert connection.recv(1_000).startswith(b"HTTP/1.1 401")


def test_no_route_but_health_answers_a_stranger_over_http(live: LiveServer) -> None:
    paths = [*methods(live), "/", "/docs", "/v1/sessions", "/v1/sessions/a/images/b", "/v1/sessions/a/images/b/c"]
    with httpx.Client(base_url=live.http, timeout=CALL_SECONDS, trust_env=False) as http:
        for headers in ({}, {"Authorization": f"Bearer {OTHER}"}, {"Authorization": f"Bearer {live.token}x"}):
            for path in paths:
                for method, options in (("POST", {"json": {}}), ("GET", {})):
                    answer = http.request(method, path, headers=headers, **options)
                    assert (path, answer.status_code, answer.json()["code"]) == (path, 401, "unauthenticated")
                    assert answer.headers["www-authenticate"] == 'Bearer realm="pullback"'
        assert http.get("/healthz").status_code in (200, 503)
        # They are refused for the token alone.
        admitted = {path: http.post(path, json={}, headers=live.headers).status_code for path in paths}
    # A path that is signed for another image is not mended by a token.
    assert [path for path, status in admitted.items() if status == 401] == ["/v1/sessions/a/images/b/c"]


def test_supervisors_need_no_token(live: LiveServer, stranger: grpc.Channel) -> None:
    live.wait_until(True)
    stub = health_pb2_grpc.HealthStub(stranger)
    request = health_pb2.HealthCheckRequest()
    assert stub.Check(request, timeout=CALL_SECONDS).status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(request, timeout=CALL_SECONDS)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()
    assert httpx.get(f"{live.http}/healthz", timeout=CALL_SECONDS, trust_env=False).json()["status"] == "SERVING"


def test_strangers_who_watch_health_leave_places_for_the_servers_user(live: LiveServer, stranger: grpc.Channel) -> None:
    # Under whatever names: they have the share of one.
    stub = health_pb2_grpc.HealthStub(stranger)
    watches = [
        stub.Watch(health_pb2.HealthCheckRequest(), metadata=(("pullback-client", str(number)),), timeout=CALL_SECONDS)
        for number in range(1_100)
    ]

    def refused(watch: Any) -> bool:
        try:
            next(watch)
        except grpc.RpcError:
            return bool(watch.code() == grpc.StatusCode.RESOURCE_EXHAUSTED)
        return False

    try:
        # One that another test has just ended may hold its place for a moment more.
        assert sum(map(refused, watches)) in (100, 101)
        job = jobs_pb2.WaitJobRequest(name="jobs/none")
        with pytest.raises(grpc.RpcError) as caught:
            live.jobs.WaitJob(job, timeout=CALL_SECONDS)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    finally:
        for watch in watches:
            watch.cancel()


@pytest.mark.usefixtures("elsewhere")
def test_clients_of_another_user_need_the_token(
    live: LiveServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Client(live.target) as client, pytest.raises(UnauthenticatedError, match="this client sent no token"):
        client.list_generators()
    with pytest.raises(SystemExit) as refused:
        main(["generators", "--target", live.target])
    assert refused.value.code == 1
    assert "$PULLBACK_TOKEN" in capsys.readouterr().err
    for token in (live.token[:-1], live.token.swapcase(), OTHER):
        with pytest.raises((UnauthenticatedError, InvalidArgumentError)), Client(live.target, token=token) as client:
            client.list_generators()
    with Client(live.target, token=live.token) as client:
        assert client.list_generators()
        assert len(client.render("tiny", client.sample("tiny", 2))) == 2
    monkeypatch.setenv("PULLBACK_TOKEN_FILE", str(live.data / "token"))
    with pytest.raises(SystemExit) as ended:
        main(["generators", "--target", live.target])
    assert ended.value.code == 0
    assert "tiny" in capsys.readouterr().out


def test_images_come_by_their_own_path_alone(live: LiveServer) -> None:
    sessions = [begin_search(live), begin_search(live)]
    (first, second), (foreign, *_) = (ask(live, session)[:2] for session in sessions)
    with httpx.Client(base_url=live.http, timeout=CALL_SECONDS, trust_env=False) as http:

        def status(path: str) -> int:
            for _ in range(100):
                answer = http.get(path)
                if answer.status_code != 503:
                    break
            return answer.status_code

        assert [status(trial.image_path) for trial in (first, second, foreign)] == [200] * 3
        folder, signature, name = first.image_path.rsplit("/", 2)
        others = [trial.image_path.rsplit("/", 2)[1] for trial in (second, foreign)]
        for wrong in (*others, "", "-", signature[:-1], signature.swapcase(), live.token):
            assert status(f"{folder}/{wrong}/{name}") in (401, 404), wrong
        assert status(f"{folder}/{name}") == 401
        assert status(second.image_path.replace(second.image_id, first.image_id)) == 401


# The server's own user ------------------------------------------------------------------------------------------------


def test_files_with_tokens_are_the_owners_alone_and_no_token_is_logged(live: LiveServer) -> None:
    ports = [port_of(live.target), port_of(live.http)]
    left = {read_token(port_file(port)) for port in ports}
    assert len(left) == 1
    assert left != {live.token}
    files = [live.data / "token", *(port_file(port) for port in ports)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600] * 3
    assert [stat.S_IMODE(path.parent.stat().st_mode) for path in files] == [0o700] * 3
    with Client(live.target) as client:
        assert client.list_generators()
    log = live.log()
    assert str(live.data / "token") in log
    assert not any(token in log for token in (live.token, *left) if token)


def test_the_token_is_kept_and_what_was_left_for_a_port_ends_with_its_server(
    start_server: Callable[..., LiveServer],
) -> None:
    first = start_server("first")
    kept, port = first.token, port_of(first.target)
    with Client(first.target) as found, Client(first.target, token=kept) as given:
        assert found.list_generators() == given.list_generators()
        left = read_token(port_file(port))
        first.kill()
        # Whoever takes the port now gets this one, and nothing for it.
        assert read_token(port_file(port)) == left
        first.start("--listen", f"127.0.0.1:{port}")
        assert first.token == kept
        assert found.list_generators() == given.list_generators()
        with Client(first.target, token=left) as stale, pytest.raises(UnauthenticatedError):
            stale.list_generators()
        assert first.terminate() == 0
        assert not port_file(port).exists()
        # A server over another folder has another token.
        second = start_server("second", options=("--listen", f"127.0.0.1:{port}"))
        assert second.token != kept
        assert found.list_generators()
        with pytest.raises(UnauthenticatedError):
            given.list_generators()


def test_a_token_that_cannot_be_used_stops_the_start(start_server: Callable[..., LiveServer], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "token").write_text("secret\n", encoding="ascii")
    with pytest.raises(AssertionError, match="holds no token: expected 43 to 512") as caught:
        start_server()
    assert "Traceback" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_open_server_lets_in_everybody_and_says_so(
    start_server: Callable[..., LiveServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = start_server(options=("--open", "--http", "127.0.0.1:0"))
    assert re.search(r"WARNING .*--open: every user of this machine can use this server", server.log())
    assert not (server.data / "token").exists()
    assert not port_file(port_of(server.target)).exists()
    monkeypatch.setenv("PULLBACK_TOKEN_FOLDER", str(tmp_path / "elsewhere"))
    for token in (None, OTHER):
        with Client(server.target, token=token) as client:
            assert client.list_generators()
    session = begin_search(server)
    trial = ask(server, session)[0]
    assert trial.image_path == f"/v1/{session.name}/images/{trial.image_id}"
    answer = httpx.post(f"{server.http}/pullback_api.v1.Jobs/ListJobs", json={}, timeout=CALL_SECONDS, trust_env=False)
    assert answer.status_code == 200
