"""Place where photographs are dropped or chosen. They come in as they are, and stay in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pullback_client.text.printable import printable
from pullback_client.wire.transport import MAX_MESSAGE_BYTES

_HINT = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF; up to 64 million pixels each"
_ACCEPT = "image/*,.heic,.heif,.avif,.tif,.tiff"


class Drop(ui.element, component="drop.js"):
    """The place.

    Args:
        take: Called with the name and the bytes of each file, one after the other.
    """

    def __init__(self, take: Callable[[str, bytes], Awaitable[None]]) -> None:
        super().__init__()
        self._url = f"/_nicegui/client/{self.client.id}/photographs/{self.id}"
        self.props["url"], self.props["field"] = self._url, f"photographs-{self.id}"
        self.props["accept"], self.props["hint"], self.props["most"] = _ACCEPT, _HINT, MAX_MESSAGE_BYTES

        async def receive(request: Request) -> Response:
            data = bytearray()
            async for chunk in request.stream():
                data += chunk
                if len(data) > MAX_MESSAGE_BYTES:
                    return PlainTextResponse("it is larger than what can be sent", 413)
            with self:
                await take(printable(unquote(request.headers.get("x-name", ""))), bytes(data))
            return Response(status_code=204)

        app.add_route(self._url, receive, methods=["POST"], include_in_schema=False)

    def _handle_delete(self) -> None:
        app.remove_route(self._url)
        super()._handle_delete()
