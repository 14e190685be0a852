"""Restore: a backup put back as a new data folder, its rows in SQLite or in PostgreSQL, whichever they came from."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import create_engine, inspect

from pullback_server.keeping.copies.backup import (
    BLOBS,
    KEPT,
    MANIFEST,
    ROWS,
    BackupError,
    Manifest,
    blob,
    check_free,
    copy_checked,
)
from pullback_server.keeping.copies.rows import copied_version, copy_rows, is_present
from pullback_server.store.database import parse_url
from pullback_server.store.database.belonging import DATABASE_FILE, write_mark
from pullback_server.store.database.examination import examine
from pullback_server.store.database.postgresql import Postgresql
from pullback_server.store.privacy import make_folder, tighten
from pullback_server.stored_files import StoredFile


def restore(folder: Path, data: Path, database: str | None) -> tuple[Manifest, list[str]]:
    """Puts a backup back.

    Args:
        folder: The backup.
        data: The data folder, which is not there yet, or empty.
        database: URL of a database of PostgreSQL without tables of ours; None for SQLite in the data folder.

    Returns:
        What the backup is, and digests of its files that are missing or damaged: their resources alone are lost.

    Raises:
        BackupError: It is no backup, or there is something where it goes.
        StoreError: Its rows are damaged or of a newer version, or the database cannot be used.
    """
    manifest = read_manifest(folder)
    check_free(data, "what is restored")
    # Also refuses what a newer server wrote.
    examine(folder / ROWS)
    make_folder(data.absolute().parent)
    making = Path(tempfile.mkdtemp(prefix=f".{data.name}.", dir=data.absolute().parent))
    try:
        lost = [
            path.name
            for path in sorted((folder / BLOBS).glob("??/*"))
            if not copy_checked(StoredFile(str(path), path.name), blob(making / BLOBS, path.name))
        ]
        for name in KEPT:
            source = folder / name
            if source.is_dir():
                shutil.copytree(source, making / name)
            elif source.exists():
                shutil.copy2(source, making / name)
        if database is None:
            shutil.copyfile(folder / ROWS, making / DATABASE_FILE)
        else:
            _restore_rows(folder / ROWS, making, database)
        tighten(making)
        if data.exists():
            data.rmdir()
        making.replace(data)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return manifest, lost


def read_manifest(folder: Path) -> Manifest:
    """What a backup is.

    Raises:
        BackupError: It is none.
    """
    try:
        read = json.loads((folder / MANIFEST).read_bytes())
        return Manifest(**{**read, "lost": tuple(read["lost"])})
    except FileNotFoundError:
        raise BackupError(f"{folder} is no backup: it holds no {MANIFEST}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder / MANIFEST} cannot be read: {error}") from None


def _restore_rows(rows: Path, data: Path, url: str) -> None:
    if not is_present(version := copied_version(rows)):
        raise BackupError(
            f"the backup is of schema version {version}: restore it without --database first, and start a server once"
        )
    backend = Postgresql(parse_url(url))
    source = create_engine(f"sqlite:///{rows}")
    try:
        with backend.faults_told(writing=True), source.begin() as found, backend.writer.begin() as made:
            if inspect(made).has_table("meta"):
                raise BackupError(f"{backend} is not empty: name another database")
            copy_rows(found, made)
            write_mark(data, backend, secrets.token_hex(16), made)
    finally:
        source.dispose()
        backend.close()
