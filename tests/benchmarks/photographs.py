"""Real photographs that a package ships, at a generator's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
import torch
from PIL import Image
from torch import Tensor

# Boxes (left, top, right, bottom) in scikit-image's portrait of an astronaut, the face at several scales.
_PORTRAIT = [(140, 10, 300, 170), (120, 0, 320, 200), (150, 20, 290, 160), (160, 30, 280, 150)]
# What the generator of faces has never seen.
_OTHERS = {"chelsea.png": (110, 20, 310, 220), "coffee.png": (150, 50, 450, 350)}
# The first hundred of scikit-image's subset of Labeled Faces in the Wild are faces, grey, 25 × 25 pixels.
_FACES = 100


def faces(count: int, size: int) -> Tensor:
    """So many photographs of faces in [0, 1], shape (count, 3, size, size): crops of the portrait, then grey ones."""
    folder = Path(skimage.__file__).parent / "data"
    portrait = Image.open(folder / "astronaut.png").convert("RGB")
    pictures = [portrait.crop(box) for box in _PORTRAIT]
    chosen = np.random.default_rng(0).permutation(_FACES)[: max(0, count - len(pictures))]
    greys = np.load(folder / "lfw_subset.npy")[chosen]
    pictures += [Image.fromarray((255 * grey).round().astype(np.uint8)).convert("RGB") for grey in greys]
    return _tensor(pictures[:count], size)


def others(size: int) -> Tensor:
    """Photographs of other things in [0, 1], shape (count, 3, size, size)."""
    folder = Path(skimage.__file__).parent / "data"
    return _tensor([Image.open(folder / name).convert("RGB").crop(box) for name, box in _OTHERS.items()], size)


def _tensor(pictures: list[Image.Image], size: int) -> Tensor:
    resized = [picture.resize((size, size), Image.Resampling.LANCZOS) for picture in pictures]
    arrays = np.stack([np.asarray(picture, dtype=np.float32) / 255 for picture in resized])
    return torch.from_numpy(arrays).movedim(-1, 1).contiguous()
