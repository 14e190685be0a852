"""A data folder that was moved, mixed up, shared or damaged: nothing of it is deleted, and nobody else reads it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from old_stores import make_older
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.store import JobState, Store, StoreDamagedError, UnreadableError, tighten
from pullback_server.store.folder_lock import FolderInUseError, FolderLock
from pullback_server.worker.checkpoint import DamagedCheckpointError, read_checkpoint, write_checkpoint

posix = pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")


def create(store: Store, job_id: str, payload: bytes) -> str:
    """A job with an input; returns the digest of that."""
    digest = store.blobs.write(payload)
    store.jobs.create(
        job_id=job_id,
        kind="inversion",
        work=b"",
        result=f"inversions/{job_id}",
        request_id=None,
        request_digest="0" * 64,
        progress=b"",
        payload=digest,
    )
    return digest


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


# Files of another database -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lost", [["pullback.sqlite"], ["pullback.sqlite", "pullback.sqlite-wal", "pullback.sqlite-shm"]]
)
def test_without_its_database_no_photograph_is_deleted(tmp_path: Path, lost: list[str]) -> None:
    store = Store(tmp_path)
    digests = {create(store, name, name.encode()) for name in "abcdefg"}
    store.close()
    for name in lost:
        (tmp_path / name).unlink(missing_ok=True)
    again = Store(tmp_path)
    swept = again.sweep_blobs()
    assert (swept.removed, swept.strangers) == (0, 7)
    assert swept.aside is not None
    assert names(swept.aside) == digests
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in swept.aside.iterdir()} == digests
    assert again.sweep_blobs().strangers == 0
    again.close()


def test_a_backup_of_the_database_that_is_put_back_deletes_nothing_that_is_newer(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    old = create(store, "old", b"old")
    with (
        closing(sqlite3.connect(tmp_path / "backup")) as backup,
        closing(sqlite3.connect(tmp_path / "data" / "pullback.sqlite")) as live,
    ):
        live.backup(backup)
    new = create(store, "new", b"new")
    store.close()
    (tmp_path / "backup").replace(tmp_path / "data" / "pullback.sqlite")
    again = Store(tmp_path / "data")
    swept = again.sweep_blobs()
    assert names(tmp_path / "data" / "blobs") == {old}
    assert swept.aside is not None
    assert names(swept.aside) == {new}
    again.close()


def test_files_of_the_version_before_stay_and_those_that_nobody_refers_to_are_moved_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept, orphan = create(store, "a", b"a"), store.blobs.write(b"orphan")
    store.close()
    make_older(tmp_path / "pullback.sqlite", 5)
    again = Store(tmp_path)
    swept = again.sweep_blobs()
    assert (names(tmp_path / "blobs"), swept.removed) == ({kept}, 0)
    assert swept.aside is not None
    assert names(swept.aside) == {orphan}
    again.jobs.cancel("a")
    assert names(tmp_path / "blobs") == set()
    again.close()


def test_what_a_crash_left_between_a_commit_and_the_deletion_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    digest = create(store, "a", b"photograph")
    monkeypatch.setattr(store.blobs, "delete", lambda digest: None)
    store.jobs.cancel("a")
    store.close()
    assert names(tmp_path / "blobs") == {digest}
    again = Store(tmp_path)
    assert again.sweep_blobs().removed == 1
    assert names(tmp_path / "blobs") == set()
    assert not (tmp_path / "aside").exists()
    again.close()


def test_what_a_lost_database_wrote_last_is_kept(tmp_path: Path) -> None:
    Store(tmp_path).close()
    (tmp_path / "pullback.sqlite").unlink()
    (tmp_path / "pullback.sqlite-wal").write_bytes(b"the last of it")
    Store(tmp_path).close()
    (kept,) = (tmp_path / "aside").rglob("pullback.sqlite-wal")
    assert kept.read_bytes() == b"the last of it"


# Rights --------------------------------------------------------------------------------------------------------------


def rights(folder: Path) -> dict[str, int]:
    """The rights of a folder and of all in it, by names."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}


@posix
def test_nobody_else_may_read_what_the_store_writes(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(tmp_path / "data")
        create(store, "a", b"photograph")
        Checkpoints(tmp_path / "data" / "checkpoints")
        write_checkpoint(tmp_path / "data" / "checkpoints" / "a.safetensors", b"state")
        lock = FolderLock(tmp_path / "data")
        lock.acquire()
    finally:
        os.umask(before)
    found = rights(tmp_path / "data")
    assert {"pullback.sqlite", "pullback.sqlite-wal", "lock", "checkpoints/a.safetensors"} <= found.keys()
    for name, mode in found.items():
        assert mode == (0o700 if (tmp_path / "data" / name).is_dir() else 0o600), name
    lock.release()
    store.close()


@posix
def test_a_folder_that_others_could_read_is_tightened_and_what_is_not_ours_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    create(store, "a", b"photograph")
    store.close()
    (tmp_path / "data" / "notes.txt").touch()
    target = tmp_path / "elsewhere"
    target.touch()
    (tmp_path / "data" / "blobs" / "link").symlink_to(target)
    for path in (tmp_path / "data", *(tmp_path / "data").rglob("*"), target):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert tighten(tmp_path / "data") == 5
    found = rights(tmp_path / "data")
    assert (found.pop("notes.txt"), stat.S_IMODE(target.stat().st_mode)) == (0o644, 0o644)
    del found["blobs/link"]
    assert set(found.values()) == {0o700, 0o600}
    assert tighten(tmp_path / "data") == 0


# The lock ------------------------------------------------------------------------------------------------------------


@posix
def test_a_second_server_is_refused_although_the_lock_file_was_deleted(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire()
    (tmp_path / "lock").unlink()
    with pytest.raises(FolderInUseError):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


# Damage --------------------------------------------------------------------------------------------------------------


def scribble(path: Path) -> None:
    """Damages a page in the middle of a database."""
    data = bytearray(path.read_bytes())
    for begin in range(4096, len(data), 4096):
        data[begin : begin + 64] = b"\xa5" * 64
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def replace(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 400)


@pytest.mark.parametrize("damage", [scribble, cut, replace])
def test_a_damaged_database_is_refused_in_plain_words_and_left_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    data = tmp_path / "the data"
    store = Store(data)
    for name in "abc":
        create(store, name, name.encode())
    store.close()
    damage(data / "pullback.sqlite")
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    with pytest.raises(StoreDamagedError, match=r"pullback\.sqlite is damaged: .*Nothing was changed") as caught:
        Store(data)
    command = [sys.executable, "-m", "pullback_server", "--listen", "127.0.0.1:0", "--data", str(data)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr
    assert "Traceback" not in refused.stderr
    kept = {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != "lock"}
    assert kept == before
    # What is advised works: an empty database, and no file of the old one is lost.
    begin_anew = str(caught.value).partition("or begin with an empty one: ")[2].partition(". Files")[0]
    subprocess.run(begin_anew, shell=True, check=True, timeout=60)
    again = Store(data)
    assert again.sweep_blobs().strangers == 3
    assert again.jobs.page(limit=9) == []
    again.close()
    assert len(names(data / "aside")) == 3


def test_a_damaged_checkpoint_is_noticed_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, b"state of a job")
    whole = path.read_bytes()
    assert read_checkpoint(path) == b"state of a job"
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedCheckpointError):
            read_checkpoint(path)
        path.write_bytes(whole[:place])
        with pytest.raises(DamagedCheckpointError):
            read_checkpoint(path)


def test_a_discarded_checkpoint_takes_along_what_a_kill_left_half_written(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for name in ("a", "ab"):
        write_checkpoint(checkpoints.path(name), name.encode())
        (tmp_path / "checkpoints" / f".{name}.safetensors.0123").touch()
    checkpoints.discard("a")
    assert names(tmp_path / "checkpoints") == {"ab.safetensors", ".ab.safetensors.0123"}


def test_checkpoints_of_ended_jobs_are_removed_and_those_of_unknown_ones_moved_aside(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    states = {"running": JobState.RUNNING, "ended": JobState.SUCCEEDED, "unknown": None}
    for name in (*states, "unreadable"):
        write_checkpoint(checkpoints.path(name), name.encode())
    (tmp_path / "checkpoints" / ".running.safetensors.0123").touch()

    def state(name: str) -> JobState | None:
        if name == "unreadable":
            raise UnreadableError("", "")
        return states[name]

    checkpoints.sweep(state)
    assert names(tmp_path / "checkpoints") == {"running.safetensors", "unreadable.safetensors"}
    assert names(tmp_path / "aside") == {"unknown.safetensors"}
