"""Sounds of the wire, and their pictures: what of a sound can be looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_api.sounds import Sound, SoundError, is_wav, read_wav
from pullback_api.v1 import values_pb2
from pullback_client.errors import BadResponseError

WIDTH, HEIGHT = 256, 128
"""Size of a spectrogram in pixels."""

_WINDOW = 512
# Levels that are told apart, below that of a full sine.
_DECIBELS = 80.0


def sound_from_wire(file: values_pb2.Image, what: str = "sound") -> Sound | None:
    """Reads a sound that the server sent; None where it sent an image.

    Args:
        file: From the wire.
        what: Name of the value, for the message.

    Raises:
        BadResponseError: The bytes begin like a sound, and are none.
    """
    if not is_wav(file.data):
        return None
    try:
        return read_wav(file.data)
    except SoundError as error:
        raise BadResponseError(f"{what}: {error}") from error


def spectrogram(sound: Sound) -> Image.Image:
    """The spectrogram of a sound: time to the right, frequency from 0 up to half its rate, 80 dB from black to white.

    Of several channels, of their mean. All sounds have pictures of one size.
    """
    mono = sound.samples.mean(axis=0, dtype=np.float64)
    window = np.hanning(_WINDOW + 1)[:-1]
    # A column for each pixel, in the middle of its part of the sound.
    places = ((np.arange(WIDTH) + 0.5) * sound.length / WIDTH).astype(int)
    padded = np.pad(mono, _WINDOW // 2)
    frames: npt.NDArray[np.float64] = padded[places[:, None] + np.arange(_WINDOW)] * window
    # A full sine has the level 0 dB.
    levels = 20 * np.log10(np.abs(np.fft.rfft(frames))[:, : _WINDOW // 2] / (window.sum() / 2) + 1e-9)
    rows = levels.reshape(WIDTH, HEIGHT, -1).max(axis=2)
    pixels = (255 * (1 + rows / _DECIBELS)).clip(0, 255).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels.T[::-1]))
