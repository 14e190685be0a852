"""The server listens where only this machine can reach it."""

from __future__ import annotations

import pytest

from pullback_server.address import AddressError, check_loopback


@pytest.mark.parametrize("address", ["127.0.0.1:50051", "127.0.0.1:0", "127.8.9.1:65535", "localhost:1", "[::1]:50051"])
def test_loopback_addresses_are_taken_as_they_are(address: str) -> None:
    assert check_loopback(address) == address


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:50051", "[::]:50051", "192.168.1.5:50051", "8.8.8.8:1", "example.com:443", "[2001:db8::1]:1", "*:50051"],
)
def test_an_address_that_others_can_reach_is_refused_with_the_reason(address: str) -> None:
    with pytest.raises(AddressError, match=r"without TLS.*Listen on 127\.0\.0\.1 and forward the port") as caught:
        check_loopback(address)
    assert address in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["", "50051", "127.0.0.1", "127.0.0.1:", ":50051", "::1:50051", "127.0.0.1:65536", "127.0.0.1:-1", "a:b", "x:1\n"],
)
def test_what_is_no_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(AddressError, match=r"expected host:port, such as 127\.0\.0\.1:50051") as caught:
        check_loopback(address)
    assert repr(address) in str(caught.value)
