"""A checkpoint of a job: a file with a checksum, so that what is damaged is not gone on from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pullback.files import write_whole

# Then the SHA-256 of what follows.
_MAGIC = b"pullback-checkpoint-1\n"


class DamagedCheckpointError(Exception):
    """A checkpoint that is not what was written."""


def write_checkpoint(path: Path, state: bytes) -> None:
    """Writes a checkpoint for its owner alone, whole or not at all.

    Raises:
        OSError: It cannot be written; the one before is untouched.
    """
    write_whole(path, _MAGIC + hashlib.sha256(state).digest() + state, mode=0o600)


def read_checkpoint(path: Path) -> bytes:
    """What `write_checkpoint` wrote.

    Raises:
        DamagedCheckpointError: It is not what was written.
        OSError: It cannot be read.
    """
    data = path.read_bytes()
    begin = len(_MAGIC)
    end = begin + hashlib.sha256().digest_size
    if not data.startswith(_MAGIC):
        raise DamagedCheckpointError(f"{path} is no checkpoint of this version, or damaged at its beginning")
    if hashlib.sha256(data[end:]).digest() != data[begin:end]:
        raise DamagedCheckpointError(f"{path} is damaged: its content is not what its checksum says")
    return data[end:]
