"""The server itself: how it is, and what it does."""

from __future__ import annotations

from pullback_api.v1 import server_pb2
from pullback_client.resources.connection import Connection
from pullback_client.server_status import ServerStatus


class ServerCalls(Connection):
    """The calls about the server itself."""

    def get_server_status(self) -> ServerStatus:
        """How the server is, how many jobs it has, and what each of its workers does now, and on which device.

        Of jobs that this client's key does not see it says only how many there are. The server answers from memory: to
        ask every second or two is fine.
        """
        answer = self._transport.call(self._transport.server.GetServerStatus, server_pb2.GetServerStatusRequest())
        return ServerStatus.from_wire(answer)
