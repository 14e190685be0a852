"""Watching: metrics, traces and logs by which people see how a server does; `service/README.md` lists them."""

from pullback_server.watching.calls import CallWatch, WatchingInterceptor
from pullback_server.watching.options import Watching, add_options
from pullback_server.watching.tracing import TracingError
from pullback_server.watching.watch import Watch

__all__ = ["CallWatch", "TracingError", "Watch", "Watching", "WatchingInterceptor", "add_options"]
