"""Sounds as targets of an inversion, and as references of a search: WAV files, turned into what a generator draws."""

from __future__ import annotations

from dataclasses import asdict

from pullback_api.pictures import kind_of
from pullback_api.sounds import Sound, SoundError, convert, is_wav, read_wav, write_wav
from pullback_server.decoding.images import ImageError
from pullback_server.protocol.calls import SoundShape

_CONVERT = "(FIT_CONVERT, convert=True, --convert)"


def prepare_sound(data: bytes, shape: SoundShape, *, converted: bool) -> bytes:
    """A sound as a generator draws them, as a WAV file of 16 bits.

    Args:
        data: A WAV file.
        shape: What the generator draws.
        converted: Resample, mix, cut and fill up what is otherwise; else that is an error.

    Raises:
        ImageError: Not a WAV file, one that is cut off, too long or silent, or one of another rate, length or number of
            channels, where it is not to be converted.
    """
    if not is_wav(data):
        raise ImageError(f"the generator draws sounds and takes WAV files, but this {_is(data)}")
    try:
        sound = read_wav(data)
        if converted:
            sound = convert(sound, **asdict(shape))
        elif differences := _differences(sound, shape):
            raise ImageError(f"{differences}: make it so, or ask for it to be converted {_CONVERT}")
    except SoundError as error:
        raise ImageError(str(error)) from None
    if sound.is_silent:
        raise ImageError(
            f"the sound is silent in all {sound.length:,} samples ({sound.seconds:.3g} s) that are compared, so there "
            "is nothing to resemble: begin it where something is heard"
        )
    return write_wav(sound)


def _differences(sound: Sound, shape: SoundShape) -> str:
    """What of a sound is not as the generator draws it; empty where nothing is."""
    compared = (
        ("samples a second", sound.rate, shape.rate),
        ("channels", sound.channels, shape.channels),
        ("samples", sound.length, shape.length),
    )
    came = [f"{found:,} {what}" for what, found, wanted in compared if found != wanted]
    drawn = [f"{wanted:,}" for _, found, wanted in compared if found != wanted]
    return f"the sound has {', '.join(came)}, but the generator draws {', '.join(drawn)}" if came else ""


def _is(data: bytes) -> str:
    kind = kind_of(data)
    if kind.format is not None:
        return f"is {kind.name}; send a sound, or take a generator of images"
    return f"is {kind.name}" + (
        "; convert it, for example with: ffmpeg -i FILE NEW.wav" if kind.is_known else "; send a whole WAV file"
    )
