"""Access: who is let in, and by what; `service/README.md` says how programs come by it."""

from pullback_server.access.access import Access
from pullback_server.access.announcement import Announcement
from pullback_server.access.interceptor import OPEN_SERVICE, AccessInterceptor
from pullback_server.access.token_file import TOKEN_FILE, TokenFileError, kept_token

__all__ = [
    "OPEN_SERVICE",
    "TOKEN_FILE",
    "Access",
    "AccessInterceptor",
    "Announcement",
    "TokenFileError",
    "kept_token",
]
