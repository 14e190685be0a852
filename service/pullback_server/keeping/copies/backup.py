"""Backup: a whole copy of a data folder, made while its server runs. Nothing waits for it, and it is there or not.

    DIR/backup.json   what it is: when, of which version, how many files
    DIR/rows.sqlite   all rows as they were at one moment, also those of PostgreSQL
    DIR/blobs/        the files to which they refer
    DIR/token, audit/ the server's token, and who did what

Rows go before their files are removed, so of a moment's rows all files are there, or the rows of a later moment do not
refer to them: rows are copied, then their files, and where one is gone by then, both again. Checkpoints are left out:
what was running begins anew where a backup is put back, and comes to the same.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

import pullback
from pullback_server.keeping.copies.rows import copied_version, snapshot
from pullback_server.store.database import open_to_read
from pullback_server.store.privacy import make_folder, write_file
from pullback_server.store.references import texts_of, wanted_files
from pullback_server.stored_files import DamagedFileError, StoredFile

MANIFEST, ROWS, BLOBS = "backup.json", "rows.sqlite", "blobs"
KEPT = ("token", "audit")
# Moments that are tried: each time only what came since the one before is copied.
_ATTEMPTS = 20


class BackupError(Exception):
    """A backup cannot be made, or not be put back; says why, and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup is.

    Attributes:
        made: When, ISO 8601.
        version: Of Pullback.
        schema: Version of the tables.
        files: How many files it has.
        size: Bytes of these.
        lost: Digests of files that rows refer to, and that were missing or damaged.
    """

    made: str
    version: str
    schema: int
    files: int
    size: int
    lost: tuple[str, ...]


def back_up(data: Path, database: str | None, folder: Path) -> Manifest:
    """Makes a backup in a folder that is not there yet.

    Args:
        data: The data folder.
        database: URL of its database; None for SQLite in the folder.
        folder: Where it goes.

    Raises:
        BackupError: There is something at `folder`, or the rows change faster than their files can be copied.
        StoreError: The store cannot be read.
    """
    check_free(folder, "a backup")
    backend, _ = open_to_read(data, database)
    make_folder(folder.absolute().parent)
    # Beside it, so that it can be renamed: whole or not at all.
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    try:
        make_folder(making / BLOBS)
        lost: set[str] = set()
        for _ in range(_ATTEMPTS):
            (making / ROWS).unlink(missing_ok=True)
            snapshot(backend, making / ROWS)
            wanted = _referred_to(making / ROWS)
            missing = {digest for digest in sorted(wanted) if not _copied(data / BLOBS, making / BLOBS, digest)}
            # What was missing at two moments is lost, and not just deleted between them.
            if missing <= lost:
                break
            lost = missing
        else:
            raise BackupError("files are deleted faster than they can be copied; try again when less happens")
        for path in _files(making / BLOBS):
            if path.name not in wanted:
                path.unlink()
        for name in KEPT:
            _copy_kept(data / name, making / name)
        files = [path.stat().st_size for path in _files(making / BLOBS)]
        manifest = Manifest(
            made=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            version=pullback.__version__,
            schema=copied_version(making / ROWS),
            files=len(files),
            size=sum(files),
            lost=tuple(sorted(missing)),
        )
        write_file(making / MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
        check_free(folder, "a backup")
        making.replace(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    finally:
        backend.close()
    return manifest


def check_free(folder: Path, what: str) -> None:
    """Refuses a folder in which there is something.

    Raises:
        BackupError: There is.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{what} goes into a new folder, but there is something at {folder}: name another one")


def copy_checked(file: StoredFile, target: Path) -> bool:
    """Copies a file of the store, and checks what arrives; whether it is whole."""
    make_folder(target.parent)
    temporary = target.with_name(f".tmp-{target.name}")
    try:
        with (
            Path(file.path).open("rb") as source,
            os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as to,
        ):
            shutil.copyfileobj(source, to, 2**20)
            to.flush()
            os.fsync(to.fileno())
        StoredFile(str(temporary), file.digest).check()
    except (FileNotFoundError, DamagedFileError):
        temporary.unlink(missing_ok=True)
        return False
    temporary.replace(target)
    return True


def blob(folder: Path, digest: str) -> Path:
    """Where the file of a digest is below a folder of blobs."""
    return folder / digest[:2] / digest


def _copied(source: Path, target: Path, digest: str) -> bool:
    """Whether the file of a digest is in the backup, now or before."""
    there = blob(target, digest)
    return there.exists() or copy_checked(StoredFile(str(blob(source, digest)), digest), there)


def _referred_to(rows: Path) -> set[str]:
    engine = create_engine(f"sqlite:///{rows}")
    try:
        with Session(engine) as session:
            return texts_of(session, wanted_files().c.digest)
    finally:
        engine.dispose()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("??/*") if path.is_file()]


def _copy_kept(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy2(source, target)
