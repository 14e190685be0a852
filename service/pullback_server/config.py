"""Configuration of a server."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from pullback_server.access.quotas import Quotas
from pullback_server.tls.files import TlsFiles
from pullback_server.watching import Watching


@dataclass(frozen=True)
class Config:
    """How to run a server.

    Attributes:
        listen: `host:port`; port 0 for any free one. On the loopback interface, unless there is TLS or `insecure`.
        data: Folder of everything that is kept.
        devices: A worker process each: `cpu`, `cuda:0`, …; `auto` is every GPU, or the CPU where there is none.
        checkpoint_seconds: How much work of a job a crash can undo at most.
        memory: Bytes that a worker may take on its device beside the weights; None for a share of what is free there.
        http: `host:port` of HTTP + JSON, as `listen`; None for none.
        studio: `host:port` of the studio's pages; None for none.
        log_level: Of the standard library's logging.
        database: URL of a database of PostgreSQL; None for SQLite in `data`.
        retention: Days after which jobs that have ended and their inversions and tunings are deleted; None for never.
        open: Whether every user of the machine is let in, without a token.
        tls: Files of TLS, of gRPC and HTTP both; None for none.
        insecure: Whether other machines may reach it without TLS.
        quotas: What each key may have where nothing else is said of it.
        watching: How it is watched, and how it ends.
    """

    listen: str
    data: Path
    devices: list[str] = field(default_factory=lambda: ["auto"])
    checkpoint_seconds: float = 2.0
    memory: int | None = None
    http: str | None = None
    studio: str | None = None
    log_level: int = logging.INFO
    open: bool = False
    tls: TlsFiles | None = None
    insecure: bool = False
    quotas: Quotas = field(default_factory=Quotas)
    database: str | None = None
    retention: float | None = None
    watching: Watching = field(default_factory=Watching)
