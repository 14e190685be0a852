"""A real PostgreSQL for tests: Debian's package, in a folder of its own, run by an unprivileged user."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lifelines import ending_with_us

BINARIES = "/usr/lib/postgresql/*/bin"
_START_SECONDS = 120
_ICU_SINCE = 15
# Nothing is kept beyond the tests: they need not wait for a disk.
_SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=20", "listen_addresses=")
_QUICK = [word for setting in _SETTINGS for word in ("-c", setting)]


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, the newest; None where there are none."""
    found = [path.parent for path in Path("/").glob(f"{BINARIES[1:]}/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server's database, until the end of the block; skips where none can be run, with the reason."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        pytest.skip(f"no psycopg: {error}")
    if (programs := binaries()) is None:
        pytest.skip(f"no PostgreSQL in {BINARIES}: apt-get install -y --no-install-recommends postgresql")
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    server: subprocess.Popen[bytes] | None = None
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        as_user: dict[str, Any] = (
            {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        )
        common: dict[str, Any] = {**as_user, "cwd": folder, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}}
        initdb = [programs / "initdb", "-D", "data", "-U", "pullback", "-A", "trust", "-E", "UTF8", "--no-sync"]
        if float(programs.parent.name) >= _ICU_SINCE:
            # A language's order of texts, on which nothing may depend.
            initdb += ["--locale-provider=icu", "--icu-locale=en-US"]
        made = subprocess.run(initdb, **common, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"initdb cannot make a database here: {made.stderr[-300:]}")
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                ending_with_us(
                    *(str(programs / "postgres"), "-D", "data", *_QUICK, "-c", f"unix_socket_directories={folder}"),
                    by="QUIT",
                ),
                **common,
                stdout=log,
                stderr=log,
            )
        _wait_until_up(f"host={folder} user=pullback dbname=postgres", server, folder / "log")
        yield f"postgresql://pullback@/postgres?host={folder}"
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait(_START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(where: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(where).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def empty(url: str, *, tables: bool = False) -> None:
    """Takes everything out of a database but its tables, or with these."""
    import psycopg

    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("SET lock_timeout = '30s'")
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        if tables or ("meta",) not in found:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
            return
        named = ", ".join(f'"{name}"' for (name,) in found if name != "meta")
        connection.execute(f"TRUNCATE {named} RESTART IDENTITY")
        connection.execute("DELETE FROM meta WHERE key <> 'schema_version'")


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run it as; None for ourselves. It refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
