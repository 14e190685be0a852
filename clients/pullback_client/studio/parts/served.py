"""Files in memory that a page offers for as long as it is open; nothing is written to a disk."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import Response


class ServedFile:
    """A file at an address of its own, for the page that is being built.

    Args:
        data: Its bytes.
        name: By which it is saved.
        media_type: Such as `image/png`.

    Attributes:
        url: Its address.
    """

    def __init__(self, data: bytes, name: str, media_type: str) -> None:
        client = ui.context.client
        self._path = f"/_nicegui/client/{client.id}/files/{secrets.token_hex(8)}/{quote(name)}"
        # Routes are looked up by the path as it is written out.
        self._route = f"{self._path.rpartition('/')[0]}/{{name}}"
        self.url = self._path

        async def serve(request: Request) -> Response:
            del request
            return Response(data, media_type=media_type, headers={"cache-control": "no-store"})

        app.add_route(self._route, serve, methods=["GET"], include_in_schema=False)
        client.on_delete(self.withdraw)

    def withdraw(self) -> None:
        """Ends it."""
        app.remove_route(self._route)
