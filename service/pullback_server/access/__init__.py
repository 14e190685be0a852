"""Access: who is let in, by what, and whose things they see; `service/README.md` says how programs come by it."""

from pullback_server.access.access import Access
from pullback_server.access.announcement import Announcement
from pullback_server.access.identity import Identity, Role, identity, set_identity
from pullback_server.access.interceptor import OPEN_SERVICE, AccessInterceptor
from pullback_server.access.keys import Keys
from pullback_server.access.ownership import Ownership
from pullback_server.access.permissions import check_may
from pullback_server.access.token_file import TOKEN_FILE, TokenFileError, kept_token

__all__ = [
    "OPEN_SERVICE",
    "TOKEN_FILE",
    "Access",
    "AccessInterceptor",
    "Announcement",
    "Identity",
    "Keys",
    "Ownership",
    "Role",
    "TokenFileError",
    "check_may",
    "identity",
    "kept_token",
    "set_identity",
]
