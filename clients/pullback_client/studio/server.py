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
    import uvicorn

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


def make_context(cert: str, key: str) -> ssl.SSLContext:
    """What connections are made with, of files in PEM.

    Raises:
        FailedPreconditionError: They cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise FailedPreconditionError(f"the certificate {cert} with the key {key} cannot be used: {error}") from error
    return context


class StudioServer:
    """A studio at an address: `open`, then `run` until it is told to stop.

    Args:
        address: Where.
        visitors: Who may come in.
        tls: What its connections are made with; None for none.
        hosts: Names by which it may be called, in small letters, beside `localhost` and its own address; asked for
            each time.

    Attributes:
        url: Where browsers find it, once it is open.
    """

    def __init__(
        self,
        address: Address,
        visitors: Visitors,
        *,
        tls: ssl.SSLContext | None = None,
        hosts: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._address, self._visitors, self._tls = address, visitors, tls
        self._hosts = hosts
        self._server: uvicorn.Server | None = None
        self.url = ""

    @property
    def way_in(self) -> str:
        """The link by which whoever started it comes in; without a code, where a key is asked for."""
        return f"{self.url}/enter?code={self._visitors.code}" if self._visitors.code else self.url

    def open(self) -> None:
        """Listens; browsers wait until it runs.

        Raises:
            FailedPreconditionError: It cannot listen there, or other machines could reach it without TLS.
        """
        check_reach(self._address, secure=self._tls is not None)
        self._listener = self._address.listen()
        host = f"[{self._address.host}]" if ":" in self._address.host else self._address.host
        self.url = f"http{'s' if self._tls else ''}://{host}:{self._listener.getsockname()[1]}"

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serves until SIGTERM, Ctrl-C or `stop`. On another thread than the main one it leaves the signals alone.

        Args:
            ready: Called once it answers.
        """
        import uvicorn  # noqa: PLC0415  (of the `studio` extra)

        from pullback_client.studio.application import make_application  # noqa: PLC0415

        class Announced(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                ready()

        config = uvicorn.Config(
            make_application(self._visitors, secure=self._tls is not None, hosts=self._all_hosts),
            log_level="warning",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        config.load()
        config.ssl = self._tls
        self._server = Announced(config)
        self._server.run(sockets=[self._listener])

    def _all_hosts(self) -> Collection[str]:
        return [*self._hosts(), *(() if self._address.is_loopback else (self._address.host,))]

    def stop(self) -> None:
        """Has `run` return, once what goes on has ended or a few seconds have passed."""
        if self._server is not None:
            self._server.should_exit = True
