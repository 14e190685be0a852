"""WAV files (RIFF), read and written.

The standard library's `wave` reads neither floats nor, before Python 3.12, the extensible form that recorders write for
24 bits, and takes a file that was cut off for a shorter one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pullback_api.sounds.sound import Sound, SoundError

MAX_VALUES = 16_000_000
"""Most values of a file, of all its channels together: 6 minutes at 44.1 kHz."""

_MAX_RATE = 768_000
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# What the extensible form says after the two bytes of the encoding.
_GUID = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
_SAVE = "save it anew as a WAV file of 16 bits, for example with: ffmpeg -i FILE -c:a pcm_s16le NEW.wav"
_CUT_OFF = "it was cut off: copy or download it again"


@dataclass(frozen=True)
class _Format:
    """What the chunk `fmt ` says."""

    encoding: int
    channels: int
    rate: int
    bits: int

    @property
    def name(self) -> str:
        return f"encoding {self.encoding} of {self.bits} bits"


def is_wav(data: bytes) -> bool:
    """Whether a file begins as a WAV file does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def read_wav(data: bytes) -> Sound:
    """The sound of a WAV file.

    Integers of k bits become x / 2^(k−1), those of 8 bits (x − 128) / 128.

    Args:
        data: The file: integers of 8, 16, 24 or 32 bits, or floats of 32 or 64 bits within [−1, 1].

    Raises:
        SoundError: No such file, or one that is cut off, empty, or too long; the message says what to do.
    """
    if not is_wav(data):
        raise SoundError(f"it is not a WAV file: {_SAVE}")
    form: _Format | None = None
    for name, start, size in _chunks(data):
        if name == b"fmt ":
            form = _read_format(data[start : start + size])
        elif name == b"data" and form is not None:
            return Sound(_read_samples(data[start : start + size], form), form.rate)
        elif name == b"data":
            raise SoundError(f"its samples come before the chunk 'fmt ' that says how they are written: {_SAVE}")
    raise SoundError(f"the WAV file has no samples: {_CUT_OFF}")


def write_wav(sound: Sound) -> bytes:
    """The sound as a WAV file of 16 bits: x becomes 32768 x, rounded, at most 32767."""
    levels = np.clip(np.rint(sound.samples.T.astype(np.float64) * 32768), -32768, 32767).astype("<i2")
    content = levels.tobytes()
    frame = 2 * sound.channels
    form = struct.pack("<HHIIHH", _PCM, sound.channels, sound.rate, sound.rate * frame, frame, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(content))
    return b"RIFF" + struct.pack("<I", len(head) + len(content)) + head + content


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of every chunk, all of it within the file."""
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        if place + 8 + size > len(data):
            found = len(data) - place - 8
            raise SoundError(
                f"the WAV file ends after {found:,} of the {size:,} bytes of {_readable(name)}: {_CUT_OFF}"
            )
        yield name, place + 8, size
        place += 8 + size + size % 2


def _readable(name: bytes) -> str:
    return "its samples" if name == b"data" else f"its chunk {name.decode('ascii', 'replace')!r}"


def _read_format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise SoundError(f"the WAV file does not say how its samples are written: {_SAVE}")
    encoding, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", chunk)
    if encoding == _EXTENSIBLE and len(chunk) >= 40 and chunk[26:40] == _GUID:
        encoding = int.from_bytes(chunk[24:26], "little")
    form = _Format(encoding, channels, rate, bits)
    if bits not in {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}.get(encoding, ()):
        raise SoundError(f"the WAV file has {form.name}, which is not read here: {_SAVE}")
    if not channels or frame != channels * bits // 8:
        raise SoundError(f"the WAV file says {channels} channels of {bits} bits in {frame} bytes: {_SAVE}")
    if not 1 <= rate <= _MAX_RATE:
        raise SoundError(f"the WAV file says {rate:,} samples a second; 1 to {_MAX_RATE:,} are read: {_SAVE}")
    return form


def _read_samples(content: bytes, form: _Format) -> npt.NDArray[np.float32]:
    """Samples of shape (channels, samples)."""
    width = form.bits // 8
    if len(content) // width > MAX_VALUES:
        raise SoundError(
            f"the sound has {len(content) // width:,} values in {form.channels} channels; at most {MAX_VALUES:,} are "
            "taken: cut out the part that is meant"
        )
    if not content or len(content) % (width * form.channels):
        raise SoundError(f"the WAV file has no whole number of samples of {form.channels} channels: {_CUT_OFF}")
    return np.ascontiguousarray(_values(content, form).reshape(-1, form.channels).T)


def _values(content: bytes, form: _Format) -> npt.NDArray[np.float32]:
    if form.encoding == _FLOAT:
        return np.frombuffer(content, f"<f{form.bits // 8}").astype(np.float32)
    if form.bits == 8:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / np.float32(128)
    if form.bits == 24:
        # The three bytes above an empty one.
        padded = np.zeros((len(content) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        values, bits = padded.view("<i4")[:, 0].astype(np.float32), 32
    else:
        values, bits = np.frombuffer(content, f"<i{form.bits // 8}").astype(np.float32), form.bits
    values /= 2 ** (bits - 1)
    return values
