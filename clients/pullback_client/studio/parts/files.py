"""Place where files are chosen, or dropped. They come in as they are, and stay in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pullback_client.errors import ClientError
from pullback_client.text.printable import printable
from pullback_client.wire.transport import MAX_MESSAGE_BYTES


class FileChoice(ui.element, component="files.js"):
    """The place.

    Args:
        label: What it says, a verb first: "Choose photographs".
        take: Called with the name and the bytes of each file, one after the other; a `ClientError` that it raises is
            shown there.
        accept: Which files, as `accept` of HTML.
        hint: What is said below of them.
        dropped: What is said beside the label of files that are dropped anywhere on the page; empty where none are
            taken. One place of a page takes them.
        several: Whether more than one may be chosen at a time.
        most: Bytes of a file.
    """

    def __init__(
        self,
        label: str,
        take: Callable[[str, bytes], Awaitable[None]],
        *,
        accept: str,
        hint: str = "",
        dropped: str = "",
        several: bool = False,
        most: int = MAX_MESSAGE_BYTES,
    ) -> None:
        super().__init__()
        self._url = f"/_nicegui/client/{self.client.id}/files/{self.id}"
        self.props["url"], self.props["field"], self.props["label"] = self._url, f"files-{self.id}", label
        self.props["accept"], self.props["hint"], self.props["dropped"] = accept, hint, dropped
        self.props["several"], self.props["most"] = several, most

        # What is refused is answered with its reason, not with an error of HTTP, which browsers note as the page's own.
        async def receive(request: Request) -> Response:
            data = bytearray()
            async for chunk in request.stream():
                data += chunk
                if len(data) > most:
                    return PlainTextResponse("it is larger than what can be sent")
            try:
                with self:
                    await take(printable(unquote(request.headers.get("x-name", ""))), bytes(data))
            except ClientError as error:
                return PlainTextResponse(str(error))
            return Response(status_code=204)

        app.add_route(self._url, receive, methods=["POST"], include_in_schema=False)

    def _handle_delete(self) -> None:
        app.remove_route(self._url)
        super()._handle_delete()
