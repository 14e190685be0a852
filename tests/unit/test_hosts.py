"""Hosts of one's own: those of loopback, those that were named, all of a domain; none that only looks like them."""

from __future__ import annotations

import pytest

from pullback_api.hosts import is_own_host

NAMED = ("rig2.example.org", "*.lab.example.org", "192.0.2.7", "2001:db8::7")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:80",
        "127.0.0.1:50052",
        "127.8.9.1",
        "[::1]:1",
        "rig2.example.org:8765",
        "Rig2.Example.org",
        "a.lab.example.org",
        "192.0.2.7:1",
        "[2001:db8:0::7]:1",
    ],
)
def test_own_hosts_are_known(host: str) -> None:
    assert is_own_host(host, NAMED)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "lab.example.org",
        "a.b.lab.example.org",
        "192.0.2.8",
        "[2001:db8::8]",
        "user@localhost",
        "localhost:80:80",
        "localhost/",
        "localhost:123456",
    ],
)
def test_others_are_not(host: str) -> None:
    assert not is_own_host(host, NAMED)


def test_where_any_address_will_do_no_name_does() -> None:
    assert is_own_host("192.0.2.8:1", (), addresses=True)
    assert not is_own_host("example.org", (), addresses=True)
