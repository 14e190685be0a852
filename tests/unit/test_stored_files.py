"""Files of the store: read and checked by whoever works with them, an eigenbasis once for all on a worker."""

from __future__ import annotations

import errno
import gc
import os
from pathlib import Path

import numpy as np
import pytest
from grpc import StatusCode

from metrics import PROVENANCE, metric_with
from pullback.geometry.eigenbasis import Eigenbasis
from pullback_server import stored_files
from pullback_server.stored_files import DamagedFileError, StoredFile
from pullback_server.worker import files
from pullback_server.worker.failures import describe
from storing import stored

NAME = "generators/faces/eigenbases/b"
MADE = Eigenbasis.from_metric(metric_with(np.geomspace(9, 0.1, 6)), PROVENANCE)


@pytest.mark.parametrize("size", [0, 7, 10, 25])
def test_what_is_whole_is_read_and_checked_in_chunks(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_files, "_CHUNK_BYTES", 10)
    file = stored(bytes(range(size)), tmp_path)
    file.check()
    assert file.read() == bytes(range(size))


@pytest.mark.parametrize("damage", ["missing", "changed", "cut short", "longer"])
@pytest.mark.parametrize("name", [NAME, ""])
def test_damage_is_found_and_told_with_what_to_do_by_whoever_reads(damage: str, name: str, tmp_path: Path) -> None:
    data = MADE.to_bytes()
    file = stored(data, tmp_path, name)
    changed = {"changed": data[:-1] + b"x", "cut short": data[:-1], "longer": data + b"x"}
    if damage == "missing":
        Path(file.path).unlink()
    else:
        Path(file.path).write_bytes(changed[damage])
    for read in (file.read, file.check, lambda: files.eigenbasis(file)):
        with pytest.raises(DamagedFileError) as caught:
            read()
        failure = describe(caught.value, "a job")
        assert failure.code == StatusCode.DATA_LOSS.value[0]
        assert ("is missing" if damage == "missing" else "was changed or damaged") in failure.message
        assert "from a backup" in failure.message
        assert str(tmp_path) not in failure.message
        assert failure.message.startswith(f"{name} cannot be read" if name else "a file of this resource")


def test_a_worker_reads_an_eigenbasis_once_for_all_that_work_with_it(tmp_path: Path) -> None:
    file = stored(MADE.to_bytes(), tmp_path, NAME)
    first = files.eigenbasis(file)
    assert first is not None
    assert first.to_bytes() == MADE.to_bytes()
    Path(file.path).unlink()
    assert files.eigenbasis(file) is first
    del first
    gc.collect()
    with pytest.raises(DamagedFileError):
        files.eigenbasis(file)
    assert files.eigenbasis(None) is None
    assert files.content(None) == b""


def test_a_file_that_cannot_be_read_at_the_moment_is_worth_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = StoredFile(str(tmp_path / "f"), "0" * 64, NAME)
    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(files.FileUnavailableError) as caught:
        files.content(file)
    failure = describe(caught.value, "a job")
    assert failure.code == StatusCode.UNAVAILABLE.value[0]
    assert "Input/output error" in failure.message
    assert "try again" in failure.message
