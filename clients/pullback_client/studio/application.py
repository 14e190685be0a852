"""Application: the studio's pages and doors as one ASGI application. There is one to a process, as NiceGUI has it."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from pullback_client.errors import ClientError
from pullback_client.studio.doors import Doors
from pullback_client.studio.entrance import Entrance
from pullback_client.studio.visitors import Visitors

_STATIC = Path(__file__).parent / "static"
_AWAY_SECONDS = 30.0  # that a page may be away, as in a tunnel, and goes on as it was
_GREATEST_UPLOAD = 64 * 1024 * 1024  # bytes of a message from a page, as the server takes of a client


class _Told(logging.Filter):
    """Keeps errors of the client out of the log: visitors are told them, and the studio has no fault in them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        raised = record.exc_info[1] if record.exc_info else None
        return not isinstance(raised, ClientError) and not isinstance(record.msg, ClientError)


def make_application(
    visitors: Visitors, *, secure: bool = False, hosts: Callable[[], Collection[str]] = tuple
) -> ASGIApp:
    """The studio. Call it once in a process.

    Args:
        visitors: Who may come in; closed when the application stops.
        secure: Whether it is served with TLS.
        hosts: By which it may be called, in small letters, beside those of loopback; asked for each time.
    """
    # NiceGUI's own storage, which the studio does not use: it must not make a folder where the program was started.
    os.environ["NICEGUI_STORAGE_PATH"] = str(Path(tempfile.gettempdir()) / f"pullback-studio-{os.getpid()}")

    from nicegui import app, core, ui  # noqa: PLC0415  (reads the variable when it is imported)

    import pullback_client.studio.pages  # noqa: F401, PLC0415  (registers them)

    logging.getLogger("nicegui").addFilter(_Told())
    app.state.visitors = visitors
    core.sio.eio.max_http_buffer_size = _GREATEST_UPLOAD

    @asynccontextmanager
    async def lifespan(whole: FastAPI) -> AsyncIterator[None]:
        del whole
        try:
            yield
        finally:
            await visitors.close()

    whole = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    whole.router.routes.extend(Entrance(visitors, secure=secure).routes())
    whole.mount("/studio", StaticFiles(directory=_STATIC))
    ui.run_with(
        whole,
        title="Pullback studio",
        favicon=_STATIC / "icon.svg",
        dark=None,
        language="en-US",
        tailwind=False,
        reconnect_timeout=_AWAY_SECONDS,
        show_welcome_message=False,
    )
    return Doors(whole, visitors, hosts)
