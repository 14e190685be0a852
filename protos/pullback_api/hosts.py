"""Hosts by which a program may be called over HTTP: its own, so that no name of the web that points at it will do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]/@]+)(?::\d{1,5})?")


def is_own_host(host: str, hosts: Collection[str], *, addresses: bool = False) -> bool:
    """Whether a request's Host is one of this program's own, with whatever port; those of loopback always are.

    Args:
        host: The header, or the part of an Origin that stands in its place.
        hosts: Names, in small letters, and addresses beside those of loopback; `*.example.org` for all of a domain.
        addresses: Whether any address will do, as where the network is trusted: who sends one was not sent by a name.
    """
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["host"].strip("[]").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name in hosts or f"*.{name.partition('.')[2]}" in hosts
    return address.is_loopback or addresses or str(address) in hosts
