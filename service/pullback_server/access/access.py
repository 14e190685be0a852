"""The decision who is let in, the same over gRPC and over HTTP."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from pullback_api.tokens import SCHEME
from pullback_server.access.identity import OPERATOR, Identity
from pullback_server.access.keys import Keys
from pullback_server.errors import unauthenticated
from pullback_server.names import session_name

_ADVICE = (
    "This server lets in programs of its own user on this machine, which find a token by themselves. Any other program "
    "needs a key that an operator makes by `pullback keys create`, or the token that this user finds in the file "
    "`token` of the server's data folder: Pullback's clients take either "
    f"from $PULLBACK_TOKEN, or from the file named in $PULLBACK_TOKEN_FILE; others send it as `authorization: {SCHEME} "
    "TOKEN`. On a machine of one person, `pullback serve --open` does without"
)


class Access:
    """Decides who is let in: whoever has one of the tokens.

    Args:
        token: The one that is kept from start to start; images' signatures are made with it. None lets in everybody.
        passing: Another one, which ends with this server process.
        keys: Keys, each with a token of its own; None for none.

    Attributes:
        keys: These.
    """

    def __init__(self, token: str | None, passing: str | None = None, keys: Keys | None = None) -> None:
        self.keys = Keys() if keys is None else keys
        self._key = None if token is None else token.encode()
        self._accepted = [each.encode() for each in (token, passing) if each is not None]

    def check(self, credentials: Sequence[str | bytes]) -> Identity:
        """Lets a call in, or does not; who calls.

        Args:
            credentials: Every `authorization` that the call carries.

        Raises:
            ApiError: UNAUTHENTICATED; says how to be let in.
        """
        if self._key is None:
            return OPERATOR
        if len(credentials) != 1:
            came = "no token came" if not credentials else f"{len(credentials)} authorizations came"
            raise unauthenticated(f"{came}. {_ADVICE}")
        given = credentials[0]
        scheme, _, token = (given.encode(errors="replace") if isinstance(given, str) else given).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            raise unauthenticated(f"an authorization came that is no bearer token. {_ADVICE}")
        if any(hmac.compare_digest(token, accepted) for accepted in self._accepted):
            return OPERATOR
        if (found := self.keys.identify(token)) is None:
            raise unauthenticated(f"a token came that is not this server's. {_ADVICE}")
        return found

    def image_path(self, session: str, image_id: str) -> str:
        """Path of a session's image over HTTP, to be opened by whoever has it.

        Args:
            session: The session's id.
            image_id: The image's.
        """
        folder = f"/v1/{session_name(session)}/images/"
        return folder + image_id if self._key is None else f"{folder}{self._signature(session, image_id)}/{image_id}"

    def check_image(self, session: str, image_id: str, signature: str) -> None:
        """Lets in a request for an image whose path is signed, or does not.

        Raises:
            ApiError: UNAUTHENTICATED: `image_path` gave another signature, or none.
        """
        if self._key is None:
            return
        if not hmac.compare_digest(self._signature(session, image_id).encode(), signature.encode(errors="replace")):
            raise unauthenticated(
                "the signature in the path is not that of this image; ask for its trial again for the right path, or "
                f"send a token. {_ADVICE}"
            )

    def _signature(self, session: str, image_id: str) -> str:
        assert self._key is not None  # noqa: S101  (where everybody is let in, nothing is signed)
        # Ids hold no null, so no two images have one text.
        text = "\0".join(("session image", session, image_id)).encode(errors="replace")
        return urlsafe_b64encode(hmac.digest(self._key, text, hashlib.sha256)).decode().rstrip("=")
