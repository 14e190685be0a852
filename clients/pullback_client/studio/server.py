"""Server of the studio: an address, and the application there until the process is told to stop."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pullback_client.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from pullback_client.studio.visitors import Visitors

DEFAULT_LISTEN = "127.0.0.1:8765"

_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+):(?P<port>\d{1,5})")
_GRACE_SECONDS = 5


def require_extras() -> None:
    """Raises FailedPreconditionError where a package of the `studio` extra is missing, with what to install."""
    if find_spec("nicegui") is None:
        raise FailedPreconditionError("the studio needs nicegui: pip install 'pullback[studio]'")


@dataclass(frozen=True)
class Address:
    """Where the studio listens.

    Attributes:
        host: A numeric address, or `localhost`.
        port: 0 for any free one.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that a text says, `host:port`; IPv6 hosts in brackets.

        Raises:
            InvalidArgumentError: It says none.
        """
        match = _ADDRESS.fullmatch(text)
        host = match["host"].strip("[]") if match else ""
        try:
            if host != "localhost":
                ipaddress.ip_address(host)
        except ValueError:
            match = None
        if match is None or int(match["port"]) > 65_535:
            raise InvalidArgumentError(f"expected an address such as {DEFAULT_LISTEN} or [::1]:8765, got {text!r}")
        return cls(host, int(match["port"]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    def listen(self) -> socket.socket:
        """A socket that listens there.

        Raises:
            FailedPreconditionError: The port is taken, or the address is none of this machine.
        """
        # Of `localhost` the address that browsers try in the end; a name could otherwise stand for two.
        host = "127.0.0.1" if self.host == "localhost" else self.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, self.port), family=family, backlog=128)
        except OSError as error:
            raise FailedPreconditionError(
                f"cannot listen on {self.host}:{self.port}: {error.strerror}; name another with --listen"
            ) from error


def check_reach(address: Address, *, secure: bool) -> None:
    """Raises FailedPreconditionError where other machines could reach the studio and there is no TLS."""
    if not address.is_loopback and not secure:
        raise FailedPreconditionError(
            f"refusing to open the studio on {address.host}: without TLS, whoever is on the way there could read every "
            "photograph and every key. Have TLS, by --tls-cert and --tls-key (`pullback certificates DIR` makes both), "
            "or listen on 127.0.0.1 and forward the port (ssh -L)"
        )


def run(
    address: Address,
    visitors: Visitors,
    *,
    cert: str | None = None,
    key: str | None = None,
    hosts: Collection[str] = (),
    ready: Callable[[str], None],
) -> None:
    """Serves the studio until SIGTERM or Ctrl-C.

    Args:
        address: Where.
        visitors: Who may come in.
        cert: The file of its certificate, for TLS; None for none.
        key: The file of its private key.
        hosts: Names by which it may be called, beside `localhost` and its own address.
        ready: Called with the studio's URL once it answers.

    Raises:
        FailedPreconditionError: It cannot listen there, other machines could reach it without TLS, or a file cannot be
            used.
    """
    import uvicorn  # noqa: PLC0415  (of the `studio` extra)

    from pullback_client.studio.application import make_application  # noqa: PLC0415

    check_reach(address, secure=cert is not None)
    listener = address.listen()
    own = {*hosts, *(() if address.is_loopback else (address.host,))}
    config = uvicorn.Config(
        make_application(visitors, secure=cert is not None, hosts=own),
        ssl_certfile=cert,
        ssl_keyfile=key,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise FailedPreconditionError(
            f"the studio's certificate {cert} and key {key} cannot be used: {error}"
        ) from error
    shown = f"[{address.host}]" if ":" in address.host else address.host
    url = f"http{'s' if cert else ''}://{shown}:{listener.getsockname()[1]}"

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready(url)

    Announced(config).run(sockets=[listener])
