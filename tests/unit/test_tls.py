"""TLS: who is let in by a certificate, what a server shows, and that it reads its files anew."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from in_process import InProcessServer
from pullback_client import Client
from pullback_client.aio import AsyncClient
from pullback_client.errors import FailedPreconditionError, InvalidArgumentError, UnavailableError
from pullback_server.tls.__main__ import main as make_certificates
from pullback_server.tls.authority import Signed, make_authority, make_client, make_server, read, write
from pullback_server.tls.certificates import Certificates
from pullback_server.tls.files import TlsError, TlsFiles

HOSTS = ["localhost", "127.0.0.1", "rig2.example.org"]


def put(signed: Signed, folder: Path, name: str) -> None:
    """Writes a certificate and its key in the place of those that are there."""
    for suffix in ("pem", "key"):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    write(signed, folder / f"{name}.pem", folder / f"{name}.key")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A laboratory's certificates: of its own authority, and of a strange one."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, strange = make_authority(), make_authority("strange")
    put(authority, folder, "ca")
    put(strange, folder, "strange_ca")
    put(make_server(authority, HOSTS), folder, "server")
    put(make_client(authority, "rig"), folder, "client")
    put(make_client(authority, "gone", days=-1), folder, "expired")
    put(make_client(strange, "rig"), folder, "strange")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[InProcessServer]:
    """A server that lets in clients with a certificate alone, over gRPC and HTTP."""
    files = TlsFiles(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    with InProcessServer(tls=files, http="127.0.0.1:0") as server:
        yield server


def client(server: InProcessServer, folder: Path, name: str | None = "client", ca: str = "ca.pem") -> Client:
    cert, key = (None, None) if name is None else (folder / f"{name}.pem", folder / f"{name}.key")
    return Client(server.target, ca=folder / ca, cert=cert, key=key, timeout=60)


def test_a_client_with_a_certificate_is_let_in(server: InProcessServer, folder: Path) -> None:
    with client(server, folder) as connected:
        assert "faces" in [each.name for each in connected.list_generators()]


def test_the_client_for_asyncio_too(server: InProcessServer, folder: Path) -> None:
    async def main() -> int:
        files = {"ca": folder / "ca.pem", "cert": folder / "client.pem", "key": folder / "client.key"}
        async with AsyncClient(server.target, **files) as connected:
            return len(await connected.list_jobs())

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize("name", [None, "expired", "strange", "server"])
def test_without_a_certificate_of_the_authority_for_clients_nobody_is(
    server: InProcessServer, folder: Path, name: str | None
) -> None:
    with client(server, folder, name) as connected, pytest.raises(UnavailableError):
        connected.list_jobs()


def test_a_client_takes_no_server_of_another_authority_and_says_so(server: InProcessServer, folder: Path) -> None:
    refused = pytest.raises(UnavailableError, match=r"not one of .*strange_ca\.pem, has expired, or does not name")
    with client(server, folder, ca="strange_ca.pem") as connected, refused:
        connected.list_jobs()


def test_a_client_without_tls_is_told_of_it(server: InProcessServer) -> None:
    with Client(server.target) as connected, pytest.raises(UnavailableError, match=r"PULLBACK_CA"):
        connected.list_jobs()


def over_http(server: InProcessServer, folder: Path, *, certificate: bool = True) -> httpx.Client:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if certificate:
        context.load_cert_chain(folder / "client.pem", folder / "client.key")
    endpoint = server.server.http_endpoint
    assert endpoint is not None
    token = (server.data / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"https://localhost:{endpoint.port}", verify=context, headers=headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "rig2.example.org:50052"}, 200),
        ({"Host": "evil.example.org"}, 403),
        ({"Host": "10.0.0.5"}, 403),
        ({"Origin": "https://rig2.example.org"}, 200),
        ({"Origin": "http://localhost:8000"}, 200),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_over_http_the_hosts_are_those_that_the_certificate_names(
    server: InProcessServer, folder: Path, headers: dict[str, str], status: int
) -> None:
    with over_http(server, folder) as http:
        answer = http.post("/pullback_api.v1.Jobs/ListJobs", json={}, headers=headers)
    assert answer.status_code == status


def test_over_http_too_a_certificate_is_needed(server: InProcessServer, folder: Path) -> None:
    with over_http(server, folder, certificate=False) as http, pytest.raises(httpx.TransportError):
        http.get("/healthz")


def test_a_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_not(
    server: InProcessServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = server.server.http_endpoint
    assert endpoint is not None

    def shown(port: int) -> int:
        context = ssl.create_default_context(cafile=folder / "ca.pem")
        context.load_cert_chain(folder / "client.pem", folder / "client.key")
        context.set_alpn_protocols(["h2", "http/1.1"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=60)
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            found = secured.getpeercert(binary_form=True)
        assert found is not None
        return x509.load_der_x509_certificate(found).serial_number

    authority = read(folder / "ca.pem", folder / "ca.key")
    before = {shown(endpoint.port), shown(server.port)}
    assert len(before) == 1
    key = (folder / "server.key").read_bytes()
    (folder / "server.key").write_text("half of a fi")
    assert {shown(endpoint.port), shown(server.port)} == before
    assert "the certificates of before stay in use" in caplog.text
    (folder / "server.key").write_bytes(key)
    replaced = make_server(authority, HOSTS)
    put(replaced, folder, "server")
    assert {shown(endpoint.port), shown(server.port)} == {replaced.certificate.serial_number}
    with client(server, folder) as connected:
        connected.list_jobs()


# Files of a server --------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_used_are_told_by_their_names(folder: Path, tmp_path: Path) -> None:
    authority = make_authority()
    put(make_server(authority, HOSTS, days=-1), tmp_path, "old")
    put(make_client(authority, "nameless"), tmp_path, "nameless")
    (tmp_path / "text.pem").write_text("no certificate")
    for cert, key, message in (
        (folder / "missing.pem", folder / "server.key", r"cannot read .*missing\.pem"),
        (folder / "server.pem", folder / "client.key", "no certificate and its private key"),
        (tmp_path / "text.pem", folder / "server.key", "no certificate and its private key"),
        (tmp_path / "old.pem", tmp_path / "old.key", "has expired"),
        (tmp_path / "nameless.pem", tmp_path / "nameless.key", "names no hosts"),
    ):
        with pytest.raises(TlsError, match=message):
            Certificates(TlsFiles(cert, key))
    with pytest.raises(TlsError, match=r"text\.pem holds no certificates"):
        Certificates(TlsFiles(folder / "server.pem", folder / "server.key", tmp_path / "text.pem"))


def test_the_command_makes_what_is_missing_and_writes_nothing_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "certificates"
    assert make_certificates([str(made), "--host", "rig2.example.org", "--host", "10.0.0.5"]) == 0
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    assert sorted(before) == ["ca.key", "ca.pem", "client.key", "client.pem", "server.key", "server.pem"]
    if os.name == "posix":
        assert {stat.S_IMODE((made / f"{name}.key").stat().st_mode) for name in ("ca", "server", "client")} == {0o600}
    assert Certificates(TlsFiles(made / "server.pem", made / "server.key")).names == {
        "rig2.example.org",
        "10.0.0.5",
        "localhost",
        "127.0.0.1",
        "::1",
    }
    assert make_certificates([str(made), "--client", "rig 3"]) == 0
    after = {path.name: path.read_bytes() for path in made.iterdir()}
    assert sorted(after.keys() - before.keys()) == ["rig 3.key", "rig 3.pem"]
    assert {name: after[name] for name in before} == before
    (made / "server.key").unlink()
    assert make_certificates([str(made)]) == 1
    assert "server.key" in capsys.readouterr().err
    assert (made / "server.pem").read_bytes() == before["server.pem"]


@pytest.mark.parametrize("name", ["", "ca", "server", "../x", "a/b"])
def test_a_client_is_not_called_what_others_are(tmp_path: Path, name: str) -> None:
    assert make_certificates([str(tmp_path), "--client", name]) == 1


@pytest.mark.parametrize("host", ["", "a b", "https://rig2", "rig2:50051", "-"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    with pytest.raises(TlsError, match="expected a host's name or address"):
        make_server(make_authority(), [host])


# The client's files -------------------------------------------------------------------------------------------------


def test_the_variables_name_them_too(server: InProcessServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, name in (("CA", "ca.pem"), ("CERT", "client.pem"), ("KEY", "client.key")):
        monkeypatch.setenv(f"PULLBACK_{variable}", str(folder / name))
    with Client(server.target) as connected:
        assert connected.list_jobs() == []


def test_what_is_missing_or_unusable_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    with pytest.raises(InvalidArgumentError, match="cert needs key"):
        Client(cert=folder / "client.pem")
    with pytest.raises(InvalidArgumentError, match="needs ca too"):
        Client(cert=folder / "client.pem", key=folder / "client.key")
    with pytest.raises(FailedPreconditionError, match=r"ca or \$PULLBACK_CA: cannot read"):
        Client(ca=tmp_path / "missing")
    with pytest.raises(FailedPreconditionError, match="holds nothing in PEM"):
        Client(ca=tmp_path / "text")
