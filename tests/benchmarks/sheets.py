"""Contact sheets: rows of images as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor


def save_sheet(rows: Sequence[Tensor], path: Path) -> None:
    """Rows of images as one picture."""
    path.parent.mkdir(exist_ok=True)
    sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    levels = (255 * sheet).round().byte().movedim(0, -1).numpy()
    Image.fromarray(levels).save(path)
