"""A tiny seeded generator that a live server can load, so that whole paths are tested in seconds."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import torch

DIM = 8
SIZE = 16
# Of the conditional form, whose last coordinates they are.
CLASSES = ["red", "green", "blue"]
_NORMAL = f"""
[tiny]
title = "Seeded noise, {SIZE} px"
family = "dcgan"
input_space = "z"
image_shape = [3, {SIZE}, {SIZE}]

[[tiny.spaces]]
name = "z"
dim = {DIM}
prior = "standard-normal"
"""
_CONDITIONAL = f"""
[tiny]
title = "Seeded noise of three classes, {SIZE} px"
family = "conditional-dcgan"
input_space = "full"
image_shape = [3, {SIZE}, {SIZE}]

[[tiny.spaces]]
name = "full"
dim = {DIM}
prior = "product"

[[tiny.spaces]]
name = "noise"
dim = {DIM - len(CLASSES)}
prior = "standard-normal"

[[tiny.spaces]]
name = "class"
dim = {len(CLASSES)}
start = {DIM - len(CLASSES)}
prior = "one-hot"
labels = {json.dumps(CLASSES)}
default = "{CLASSES[0]}"
"""


def write_weights(
    path: Path, seed: int, *, conditional: bool = False, dim: int = DIM, width: int = 16, size: int = SIZE
) -> str:
    """Writes the weights of a DCGAN, 8 dimensions to 16 × 16 colour pixels or larger; returns the file's SHA-256."""
    rng = torch.Generator().manual_seed(seed)
    widths = [dim, width, *[8] * (size.bit_length() - SIZE.bit_length() + 1), 3]
    state = {}
    for layer, (before, after) in enumerate(pairwise(widths)):
        # The conditional form has one more module behind its first layer.
        place = 3 * layer + (conditional and layer > 0)
        state[f"main.{place}.weight"] = torch.randn(before, after, 4, 4, generator=rng) * 0.2
        if after != 3:
            norm = f"main.{place + 1}"
            state[f"{norm}.weight"] = torch.ones(after)
            state[f"{norm}.bias"] = torch.zeros(after)
            state[f"{norm}.running_mean"] = torch.zeros(after)
            state[f"{norm}.running_var"] = torch.ones(after)
            state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    torch.save(state, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_catalogue(
    folder: Path, seed: int = 0, *, conditional: bool = False, dim: int = DIM, width: int = 16, size: int = SIZE
) -> Path:
    """Writes weights and a catalogue with the one generator `tiny`; returns the catalogue's path.

    Args:
        folder: Where they are written.
        seed: Of the weights.
        conditional: Whether it has classes.
        dim: Dimensions of its latents, where it has none.
        width: Channels behind its first layer, of 4 × 4 px.
        size: Pixels of a side, 16 or a larger power of two.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"tiny-{seed}.pt"
    sha256 = write_weights(weights, seed, conditional=conditional, dim=dim, width=width, size=size)
    catalogue = folder / "catalogue.toml"
    entry = _CONDITIONAL if conditional else _NORMAL.replace(f"dim = {DIM}", f"dim = {dim}")
    entry = entry.replace(f"[3, {SIZE}, {SIZE}]", f"[3, {size}, {size}]")
    catalogue.write_text(
        f"""{entry}
[tiny.source]
kind = "path"
location = "{weights.as_posix()}"
sha256 = "{sha256}"
licence = "MIT"
citation = "Made by the tests."
""",
        encoding="utf-8",
    )
    return catalogue
