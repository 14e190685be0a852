"""`python -m pullback_server.tls`: makes a laboratory's own certificates; `pullback certificates` runs it."""

from __future__ import annotations

import argparse
import socket
import sys
from datetime import datetime, timezone
from pathlib import Path

from pullback_server.tls.authority import LOOPBACK, Signed, make_authority, make_client, make_server, read, write
from pullback_server.tls.files import TlsError


def main(arguments: list[str] | None = None) -> int:
    """Makes certificates; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _make(options.folder, options.host or [socket.gethostname()], options.client or ["client"])
    except (TlsError, OSError) as error:
        what = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        sys.stderr.write(f"pullback certificates: {what}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pullback certificates",
        description="Make a laboratory's own certificate authority in a folder, and certificates of a server and of "
        "clients. What is there stays: run it again for further clients, or, with the old files moved away, for new "
        "certificates of the same authority.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="keep ca.key of it to yourself: it makes certificates")
    parser.add_argument(
        "--host",
        action="append",
        metavar="HOST",
        help="name or address by which clients call the server; repeatable (default: this machine's name). localhost, "
        "127.0.0.1 and ::1 are always among them",
    )
    parser.add_argument(
        "--client", action="append", metavar="NAME", help="a client's certificate; repeatable (default: client)"
    )
    return parser


def _make(folder: Path, hosts: list[str], clients: list[str]) -> None:
    for name in clients:
        if not name or Path(name).name != name or name in ("ca", "server"):
            raise TlsError(f"expected a client's name that is a file's, and neither ca nor server, but {name!r} came")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = _there(folder, "ca")
    if authority is None:
        authority = _written(folder, "ca", make_authority(f"Pullback CA of {socket.gethostname()}"))
    if _there(folder, "server") is None:
        _written(folder, "server", make_server(authority, [*hosts, *LOOPBACK]))
    for name in clients:
        if _there(folder, name) is None:
            _written(folder, name, make_client(authority, name))
    cert, key, ca = (folder / name for name in ("server.pem", "server.key", "ca.pem"))
    mutual = f"--tls-client-ca {ca}, and for them PULLBACK_CERT and PULLBACK_KEY"
    sys.stdout.write(
        f"\nthe server:  pullback serve --listen 0.0.0.0:50051 --tls-cert {cert} --tls-key {key}\n"
        f"its clients: PULLBACK_CA={ca}, or a copy of that file\n"
        f"to let in clients with a certificate alone: {mutual}\n"
    )


def _there(folder: Path, name: str) -> Signed | None:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if not certificate.exists() and not key.exists():
        return None
    found = read(certificate, key)
    end = found.certificate.not_valid_after_utc
    state = "has EXPIRED" if end < datetime.now(timezone.utc) else "stays"
    sys.stdout.write(f"{certificate} {state}: there until {end:%Y-%m-%d}\n")
    return found


def _written(folder: Path, name: str, signed: Signed) -> Signed:
    certificate = folder / f"{name}.pem"
    write(signed, certificate, folder / f"{name}.key")
    sys.stdout.write(f"{certificate} and its key: made, until {signed.certificate.not_valid_after_utc:%Y-%m-%d}\n")
    return signed


if __name__ == "__main__":
    raise SystemExit(main())
