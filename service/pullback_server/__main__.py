"""`python -m pullback_server`: runs a server until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from pullback.errors import InvalidInputError
from pullback.memory import bytes_of
from pullback_server.access import quotas
from pullback_server.address import AddressError
from pullback_server.errors import ApiError
from pullback_server.intake.heap import settle
from pullback_server.keeping.options import DEFAULT_DATA, add_database, add_retention
from pullback_server.server import Config, Server, StartError
from pullback_server.store import StoreError
from pullback_server.tls import files as tls
from pullback_server.watching import Watching, add_options
from pullback_server.watching.logs import announce_format, configure
from pullback_server.watching.systemd import notify
from pullback_server.watching.tracing import ENDPOINT_VARIABLES

DEFAULT_LISTEN = "127.0.0.1:50051"
READY_LINE = "pullback-server listening on {endpoint}"
HTTP_READY = " (http: {endpoint})"
METRICS_READY = " (metrics: {endpoint})"
STUDIO_READY = " (studio: {way_in})"


def main(arguments: list[str] | None = None) -> int:
    """Runs a server; returns the exit status."""
    options = _parser().parse_args(arguments)
    level = getattr(logging, options.log_level)
    # Here too, that a mistake in it is told at once and not by workers that do not get ready.
    memory = options.memory or os.environ.get("PULLBACK_MEMORY")
    announce_format(options.log_format)
    configure(level, "server")
    if options.traces:
        # Where workers look too.
        os.environ[ENDPOINT_VARIABLES[0]] = options.traces
    try:
        limit = bytes_of(memory) if memory else None
    except InvalidInputError as error:
        return _refuse(f"--memory or PULLBACK_MEMORY: {error}", options.log_format)
    try:
        certificates = tls.read_options(options)
        each_key = quotas.from_options(options.quota or ())
    except ValueError as error:
        return _refuse(str(error), options.log_format)
    config = Config(
        listen=options.listen,
        data=options.data,
        devices=options.device or ["auto"],
        checkpoint_seconds=options.checkpoint_seconds,
        memory=limit,
        http=options.http,
        studio=options.studio,
        log_level=level,
        open=options.open,
        tls=certificates,
        insecure=options.insecure,
        database=options.database,
        retention=options.retention,
        watching=Watching.of(options),
        quotas=each_key,
    )
    try:
        asyncio.run(_serve(config))
    except (AddressError, StartError, StoreError, ApiError) as error:
        return _refuse(str(error), options.log_format)
    return 0


def _refuse(why: str, log_format: str) -> int:
    """Says why there is no server; returns the exit status."""
    if log_format == "json":
        logging.getLogger(__name__).critical("%s", why)
    else:
        sys.stderr.write(f"pullback-server: {why}\n")
    return 1


async def _serve(config: Config) -> None:
    server = Server(config)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        _end_within(config.watching.drain)
        loop.call_soon_threadsafe(stopping.set)

    for number in _stop_signals():
        # Not the event loop's own handler, which would be heard only as long as nothing holds up the loop.
        signal.signal(number, stop)
    await server.start()
    settle()
    ready = READY_LINE.format(endpoint=server.endpoint)
    if server.http_endpoint is not None:
        ready += HTTP_READY.format(endpoint=server.http_endpoint)
    if server.watch.exposition is not None:
        ready += METRICS_READY.format(endpoint=server.watch.exposition.target)
    if server.studio is not None:
        ready += STUDIO_READY.format(way_in=server.studio.way_in)
    sys.stdout.write(f"{ready}\n")
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    await stopping.wait()
    notify("STOPPING=1")
    logging.getLogger(__name__).info("stopping; jobs that do not end meanwhile go on when the server is back")
    await server.stop()


def _end_within(seconds: float) -> None:
    """Ends the process after so long, whatever it is at; its workers end with it."""

    def end() -> None:
        sys.stderr.write(f"pullback-server: not stopped after {seconds:.0f} s; ending now. This is where it is:\n")
        faulthandler.dump_traceback(all_threads=True)
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _stop_signals() -> list[signal.Signals]:
    # Windows sends SIGBREAK where others send SIGTERM.
    names = ("SIGTERM", "SIGINT", "SIGBREAK")
    return [signal.Signals[name] for name in names if name in signal.Signals.__members__]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pullback-server", description="Pullback's gRPC server.")
    parser.add_argument(
        "--listen",
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help="loopback only, unless there is TLS; port 0 = any free",
    )
    parser.add_argument(
        "--http", metavar="HOST:PORT", help="HTTP + JSON too, on this address, as for --listen (default: off)"
    )
    parser.add_argument(
        "--studio",
        metavar="HOST:PORT",
        help="the studio's pages too, on this address: loopback only, unless there is TLS (default: off)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="folder of jobs and results (default: %(default)s)",
    )
    add_database(parser)
    add_retention(parser)
    parser.add_argument(
        "--open",
        action="store_true",
        help="let in every user of this machine, without a token: for machines of one person",
    )
    parser.add_argument(
        "--device",
        action="append",
        metavar="DEVICE",
        help="a worker process on this device: auto (every GPU, else the CPU), cpu, cuda:0; repeatable",
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="what a worker may take on its device beside the weights, such as 8GiB; block sizes follow from it "
        "(default: PULLBACK_MEMORY, else a share of what is free there)",
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="how much work of a job a crash can undo at most (default: %(default)s)",
    )
    tls.add_options(parser)
    parser.add_argument(
        "--quota",
        action="append",
        metavar="NAME=NUMBER",
        help=f"what each key may have where `pullback keys create` says nothing of it; repeatable: {quotas.HELP}",
    )
    add_options(parser)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
