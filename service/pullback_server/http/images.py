"""Images of sessions by URL."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from pullback_api.v1 import search_pb2, values_pb2
from pullback_server.errors import as_api_error, not_found
from pullback_server.http.bounded_calls import BoundedCalls
from pullback_server.http.errors import error_response
from pullback_server.http.services import Behaviour
from pullback_server.names import session_name

PATH = "/v1/sessions/{session}/images/{image}"
# An id stands for one image for ever.
_CACHE = "private, max-age=31536000, immutable"
_TYPES = {
    values_pb2.IMAGE_FORMAT_PNG: ("image/png", (".png",)),
    values_pb2.IMAGE_FORMAT_JPEG: ("image/jpeg", (".jpg", ".jpeg")),
    values_pb2.IMAGE_FORMAT_WAV: ("audio/wav", (".wav",)),
}


class SessionImages:
    """Answers GET on `PATH`, with or without the suffix of the image's format.

    An image that is still being rendered is waited for as long as GetSessionImage waits, and is 503 then.

    Args:
        get_session_image: The servicer's method.
        calls: Bounds the call.
    """

    def __init__(self, get_session_image: Behaviour, calls: BoundedCalls) -> None:
        self._get_session_image = get_session_image
        self._calls = calls

    async def answer(self, request: Request) -> Response:
        """Answers one request."""
        stem, suffix = split_name(request.path_params["image"])
        asked = search_pb2.GetSessionImageRequest(session=session_name(request.path_params["session"]), image_id=stem)
        try:
            image = await self._calls.call(PATH, asked.SerializeToString(), lambda: self._get(asked), reading=True)
            media_type, suffixes = _TYPES[image.format]
            if suffix and suffix.lower() not in suffixes:
                raise not_found(f"image {stem!r} is {media_type}; ask for {stem}{suffixes[0]}, or without a suffix")
        except Exception as error:
            return error_response(as_api_error(error))
        return Response(image.data, media_type=media_type, headers={"Cache-Control": _CACHE})

    async def _get(self, asked: search_pb2.GetSessionImageRequest) -> values_pb2.Image:
        image = await self._get_session_image(asked, None)
        assert isinstance(image, values_pb2.Image)  # noqa: S101  (as the contract says)
        return image


def split_name(name: str) -> tuple[str, str]:
    """Id and suffix of a file's name."""
    match = re.fullmatch(r"(.*?)(\.[A-Za-z]+)?", name, re.DOTALL)
    assert match is not None  # noqa: S101  (matches any text)
    return match[1], match[2] or ""
