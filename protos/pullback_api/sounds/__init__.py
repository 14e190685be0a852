"""Sounds as people have them: WAV files, read and written in one way, for the client and the server."""

from pullback_api.sounds.fitting import convert
from pullback_api.sounds.sound import Sound, SoundError
from pullback_api.sounds.wav import MAX_VALUES, is_wav, read_wav, write_wav

__all__ = ["MAX_VALUES", "Sound", "SoundError", "convert", "is_wav", "read_wav", "write_wav"]
