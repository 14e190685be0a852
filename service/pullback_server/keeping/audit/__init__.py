"""Audit: who did what, and when; never what was in it."""

from pullback_server.keeping.audit.audited import audited
from pullback_server.keeping.audit.trail import Trail

__all__ = ["Trail", "audited"]
