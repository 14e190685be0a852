"""Addresses where the server may listen, and the ports that it takes there: on every address of a name, or on none."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from dataclasses import dataclass

_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+):(?P<port>\d{1,5})")
# A machine without IPv6 may still have ::1 in its list of names: nobody can be reached there, nor listen in our place.
_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_TRIES = 20


class AddressError(ValueError):
    """An address that the server does not listen on; says why, and what to do."""


@dataclass(frozen=True)
class Endpoint:
    """A port that the server has on one address or several.

    Attributes:
        host: As it was asked for: an address or a name, IPv6 addresses in brackets.
        port: The port, the same on every address.
        addresses: The addresses, `127.0.0.1`, `::1`.
    """

    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """`address:port` of every address."""
        return tuple(f"[{a}]:{self.port}" if ":" in a else f"{a}:{self.port}" for a in self.addresses)

    def __str__(self) -> str:
        target = f"{self.host}:{self.port}"
        return target if self.targets == (target,) else f"{target}, that is {' and '.join(self.targets)}"


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address, `host:port`; of names, `localhost` alone.

    Raises:
        AddressError: Not an address.
    """
    return is_loopback_host(split(address)[0].strip("[]"))


def is_loopback_host(host: str) -> bool:
    """Whether a host, an address without brackets or a name, is this machine alone; of names, `localhost` is."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_reach(address: str, *, beyond: bool) -> str:
    """The address, if only this machine can reach it, or others may.

    Args:
        address: `host:port`, port 0 for any free one; IPv6 hosts in brackets.
        beyond: Whether other machines may.

    Raises:
        AddressError: Not an address, or one that other machines can reach and may not.
    """
    if not is_loopback(address) and not beyond:
        raise AddressError(
            f"refusing to listen on {address}: without TLS, whoever is on the way there could read every photograph "
            "and every token, and use them. Have TLS, by --tls-cert and --tls-key (`pullback certificates DIR` makes "
            "both), or listen on 127.0.0.1 and forward the port (ssh -L). --insecure listens there all the same"
        )
    return address


def take(address: str, *, beyond: bool = False) -> tuple[Endpoint, list[socket.socket]]:
    """Listens on every address that a name stands for, with one port.

    A client takes whichever address of a name answers, so a server that had only one of them would leave its clients
    to whoever has the other.

    Args:
        address: As `check_reach` takes it; port 0 for one that is free on all of them.
        beyond: Whether other machines may reach it.

    Returns:
        What was taken, and a listening socket for each of its addresses.

    Raises:
        AddressError: A port is taken; the message says on which address.
    """
    host, port = split(check_reach(address, beyond=beyond))
    addresses = _addresses_of(host.strip("[]"), beyond=beyond)
    for left in reversed(range(_TRIES)):
        try:
            listeners = _listen(addresses, port)
        except OSError as error:
            # Of the ports that are free on the first address, one may be taken on the second.
            if port == 0 and error.errno == errno.EADDRINUSE and left:
                continue
            raise AddressError(_refusal(address, error)) from None
        names = [listener.getsockname() for listener in listeners]
        return Endpoint(host, names[0][1], tuple(name[0] for name in names)), listeners
    raise AssertionError("the last try returns or raises")


def _listen(addresses: list[str], port: int) -> list[socket.socket]:
    """A socket for each address that this machine has.

    Raises:
        OSError: A port is taken, or no address is this machine's; its `filename` is the address.
    """
    taken: list[socket.socket] = []
    missing: OSError | None = None
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            # Without SO_REUSEPORT, by which two servers would share a port's calls between them.
            taken.append(socket.create_server((address, port), family=family))
        except OSError as error:
            error.filename = address
            if error.errno in _NO_SUCH_ADDRESS:
                missing = error
                continue
            for listener in taken:
                listener.close()
            raise
        port = taken[0].getsockname()[1]
    if not taken and missing is not None:
        raise missing
    return taken


def _refusal(address: str, error: OSError) -> str:
    on = f" on {error.filename}" if str(error.filename) not in address else ""
    if error.errno == errno.EADDRINUSE:
        return (
            f"cannot listen on {address}: another program has that port{on}. Stop it, if it is a server of before, or "
            "choose another port, or 0 for any that is free"
        )
    if error.errno == errno.EACCES:
        return f"cannot listen on {address}: this user may not take that port{on}; choose one from 1024 on"
    return f"cannot listen on {address}{on}: {error.strerror or error}"


def _addresses_of(host: str, *, beyond: bool) -> list[str]:
    """The addresses that a name stands for, without repetition; an address stands for itself.

    Raises:
        AddressError: The name stands for none, or for one that other machines can reach and may not.
    """
    if _is_address(host):
        return [host]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"cannot find the address of {host!r} ({error}); listen on 127.0.0.1 instead") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    far = [address for address in addresses if not is_loopback_host(address)]
    if far and not beyond:
        raise AddressError(
            f"refusing to listen on {host!r}: on this machine it stands for {', '.join(far)}, which others can reach. "
            "Listen on 127.0.0.1 instead"
        )
    return addresses


def split(address: str) -> tuple[str, int]:
    """Host, IPv6 addresses in brackets, and port of an address."""
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65_535:
        raise AddressError(f"expected host:port, such as 127.0.0.1:50051, but {address!r} came")
    return match["host"], int(match["port"])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
