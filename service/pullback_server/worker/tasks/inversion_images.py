"""Prepared pictures and sounds as the numerical library takes them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pullback_api.sounds import read_wav
from pullback_api.v1 import inversion_pb2, values_pb2


def read_images(images: Sequence[values_pb2.Image]) -> Tensor:
    """Prepared PNG files as images in [0, 1], shape (images, C, H, W); WAV files as sounds, shape (sounds, C, T)."""
    return torch.stack([_read(image) for image in images])


def read_masks(targets: Sequence[inversion_pb2.Target]) -> Tensor | None:
    """Masks in [0, 1], shape (images, 1, H, W); None where no target has one."""
    if not any(target.HasField("mask") for target in targets):
        return None
    return torch.stack(
        [
            _read(target.mask) if target.HasField("mask") else torch.ones_like(_read(target.image)[:1])
            for target in targets
        ]
    )


def _read(image: values_pb2.Image) -> Tensor:
    if image.format == values_pb2.IMAGE_FORMAT_WAV:
        return torch.from_numpy(read_wav(image.data).samples)
    with Image.open(io.BytesIO(image.data)) as picture:
        levels = np.atleast_3d(np.asarray(picture, dtype=np.float32))
    return torch.from_numpy(levels / 255).movedim(-1, 0).contiguous()
