"""The server listens where only this machine can reach it."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from pullback_server.address import AddressError, check_reach, take

# Both are this machine's own, without IPv6, and each has all ports to itself.
TWO = ["127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize("address", ["127.0.0.1:50051", "127.0.0.1:0", "127.8.9.1:65535", "localhost:1", "[::1]:50051"])
def test_loopback_addresses_are_taken_as_they_are(address: str) -> None:
    assert check_reach(address, beyond=False) == address


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:50051", "[::]:50051", "192.168.1.5:50051", "8.8.8.8:1", "example.com:443", "[2001:db8::1]:1", "*:50051"],
)
def test_an_address_that_others_can_reach_is_refused_with_the_reason(address: str) -> None:
    with pytest.raises(
        AddressError,
        match=r"without TLS.*pullback certificates.*listen on 127\.0\.0\.1 and forward the port.*--insecure",
    ) as caught:
        check_reach(address, beyond=False)
    assert address in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["", "50051", "127.0.0.1", "127.0.0.1:", ":50051", "::1:50051", "127.0.0.1:65536", "127.0.0.1:-1", "a:b", "x:1\n"],
)
def test_what_is_no_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(AddressError, match=r"expected host:port, such as 127\.0\.0\.1:50051") as caught:
        check_reach(address, beyond=False)
    assert repr(address) in str(caught.value)


@pytest.fixture
def localhost(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What `localhost` stands for, to be changed."""
    addresses = [*TWO, "127.0.0.1"]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, 0)) for found in addresses],
    )
    return addresses


two_addresses = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is nobody's")


def port_of(stack: ExitStack, address: str, port: int = 0) -> int:
    """A port that somebody else has on an address."""
    other = stack.enter_context(closing(socket.create_server((address, port))))
    taken: int = other.getsockname()[1]
    return taken


@two_addresses
def test_every_address_of_a_name_is_taken_with_one_port(localhost: list[str]) -> None:
    endpoint, listeners = take("localhost:0")
    with ExitStack() as stack:
        for listener in listeners:
            stack.enter_context(closing(listener))
        assert endpoint.port > 0
        assert [listener.getsockname() for listener in listeners] == [(address, endpoint.port) for address in TWO]
        for address in TWO:
            with closing(socket.socket()) as client:
                client.settimeout(10)
                client.connect((address, endpoint.port))
        first, second = (f"{address}:{endpoint.port}" for address in TWO)
        assert endpoint.targets == (first, second)
        assert str(endpoint) == f"localhost:{endpoint.port}, that is {first} and {second}"


@two_addresses
@pytest.mark.parametrize("taken", TWO)
def test_a_port_that_is_taken_on_one_address_of_a_name_is_refused_and_nothing_kept(
    localhost: list[str], taken: str
) -> None:
    with ExitStack() as stack:
        port = port_of(stack, taken)
        with pytest.raises(
            AddressError, match=f"cannot listen on localhost:{port}: another program has that port on {taken}"
        ):
            take(f"localhost:{port}")
        # The other one is free again.
        (other,) = set(TWO) - {taken}
        assert port_of(stack, other, port) == port


def test_an_address_that_this_machine_does_not_have_is_passed_over_where_it_has_another(
    localhost: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a container without IPv6, whose list of names has ::1 nevertheless.
    localhost[:] = ["::1", "127.0.0.1"]
    create = socket.create_server

    def without_ipv6(address: tuple[str, int], *, family: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return create(address, family=family)

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    endpoint, (listener,) = take("localhost:0")
    with closing(listener):
        assert str(endpoint) == f"localhost:{endpoint.port}, that is 127.0.0.1:{endpoint.port}"
    localhost[:] = ["::1"]
    with pytest.raises(AddressError, match="cannot listen on localhost:0 on ::1: Cannot assign requested address"):
        take("localhost:0")


def test_a_localhost_that_others_can_reach_is_refused(localhost: list[str]) -> None:
    localhost.append("192.168.1.5")
    with pytest.raises(
        AddressError, match=r"refusing to listen on 'localhost': .*192\.168\.1\.5, which others can reach"
    ):
        take("localhost:0")


def test_a_name_that_stands_for_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(AddressError, match=r"cannot find the address of 'localhost'.*listen on 127\.0\.0\.1 instead"):
        take("localhost:0")


def test_an_address_stands_for_itself_and_is_had_by_one_alone() -> None:
    endpoint, (listener,) = take("127.0.0.1:0")
    with closing(listener):
        assert str(endpoint) == f"127.0.0.1:{endpoint.port}"
        with pytest.raises(
            AddressError, match=r"another program has that port\. Stop it, .* or 0 for any that is free"
        ):
            take(str(endpoint))
