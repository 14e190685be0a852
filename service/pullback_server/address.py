"""Where the server may listen."""

from __future__ import annotations

import ipaddress
import re

_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+):(?P<port>\d{1,5})")


class AddressError(ValueError):
    """An address that the server does not listen on; says why, and what to do."""


def check_loopback(address: str) -> str:
    """The address, if only this machine can reach it.

    Args:
        address: `host:port`, port 0 for any free one; IPv6 hosts in brackets.

    Raises:
        AddressError: Not an address, or one that other machines can reach.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65_535:
        raise AddressError(f"expected host:port, such as 127.0.0.1:50051, but {address!r} came")
    host = match["host"].strip("[]")
    if host != "localhost" and not _is_loopback(host):
        raise AddressError(
            f"refusing to listen on {address}: without TLS, whoever reaches that address could read every image and "
            "spend this machine's compute. Listen on 127.0.0.1 and forward the port (ssh -L) instead"
        )
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
