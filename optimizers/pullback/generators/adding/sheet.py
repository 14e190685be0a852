"""Contact sheet of a generator: what it draws, as one picture; of sounds, one after the other as one file."""

from __future__ import annotations

import io
import wave

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.generators.rendering import rendered

COUNT, _ROWS, _GAP = 16, 4, 2
# Small images are shown larger, by a whole number.
_LEAST_SIDE = 64
# Where nothing says it: how fast a sheet is played changes nothing else.
_RATE = 16_000


def drawn(generator: Generator, seed: int = 0) -> Tensor:
    """Sixteen draws from the prior of a generator's first space, checked for what a generator promises.

    Raises:
        InvalidInputError: They are of another shape than stated, not finite, or beyond their range.
    """
    space = next(iter(generator.spaces.values()))
    latents = space.sample(COUNT, seed)
    shown = torch.cat([part.float().cpu() for part in rendered(generator, latents, space.name)])
    least = 0 if len(generator.image_shape) == 3 else -1
    expected = (COUNT, *generator.image_shape)
    if tuple(shown.shape) != expected:
        raise InvalidInputError(f"generator {generator.name!r} drew {tuple(shown.shape)}, but {expected} is stated")
    # NaN compares as false.
    if not bool(((shown >= least - 1e-4) & (shown <= 1 + 1e-4)).all()):
        raise InvalidInputError(
            f"generator {generator.name!r} drew values from {float(shown.min()):.3g} to {float(shown.max()):.3g}, but "
            f"they are to be finite and within [{least}, 1]"
        )
    return shown


def sheet(images: Tensor, rate: int | None = None) -> tuple[str, bytes]:
    """Images of shape (16, C, H, W) as a PNG, sounds of shape (16, C, T) as a WAV: how its name ends, and its bytes.

    Args:
        images: The images, or the sounds.
        rate: Samples a second of the sounds; None = 16,000.

    Raises:
        InvalidInputError: Pictures have one channel or three.
    """
    if images.ndim == 3:
        return ".wav", _wav(images, rate or _RATE)
    if images.shape[1] not in {1, 3}:
        raise InvalidInputError(f"a picture has 1 or 3 channels, but these images have {images.shape[1]}")
    levels = (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    scale = -(-_LEAST_SIDE // max(levels.shape[1:3]))
    levels = levels.repeat(scale, axis=1).repeat(scale, axis=2)
    framed = np.pad(levels, ((0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
    rows = [np.concatenate(list(framed[start : start + _ROWS]), axis=1) for start in range(0, COUNT, _ROWS)]
    whole = np.concatenate(rows)[:-_GAP, :-_GAP]
    buffer = io.BytesIO()
    Image.fromarray(whole[:, :, 0] if whole.shape[2] == 1 else whole).save(buffer, "PNG")
    return ".png", buffer.getvalue()


def _wav(sounds: Tensor, rate: int) -> bytes:
    samples = (sounds.clamp(-1, 1) * 32767).round().short().permute(0, 2, 1).reshape(-1, sounds.shape[1])
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(sounds.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.numpy().astype("<i2").tobytes())
    return buffer.getvalue()
