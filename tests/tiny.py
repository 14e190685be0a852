"""A tiny seeded generator that a live server can load, so that whole paths are tested in seconds."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import torch

DIM = 8
SIZE = 16


def write_weights(path: Path, seed: int) -> str:
    """Writes the weights of a DCGAN, 8 dimensions to 16 × 16 colour pixels; returns the file's SHA-256."""
    rng = torch.Generator().manual_seed(seed)
    widths = [DIM, 16, 8, 3]
    state = {}
    for layer, (before, after) in enumerate(pairwise(widths)):
        state[f"main.{3 * layer}.weight"] = torch.randn(before, after, 4, 4, generator=rng) * 0.2
        if after != 3:
            norm = f"main.{3 * layer + 1}"
            state[f"{norm}.weight"] = torch.ones(after)
            state[f"{norm}.bias"] = torch.zeros(after)
            state[f"{norm}.running_mean"] = torch.zeros(after)
            state[f"{norm}.running_var"] = torch.ones(after)
            state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    torch.save(state, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_catalogue(folder: Path, seed: int = 0) -> Path:
    """Writes weights and a catalogue with the one generator `tiny`; returns the catalogue's path."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"tiny-{seed}.pt"
    sha256 = write_weights(weights, seed)
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(
        f"""
[tiny]
title = "Seeded noise, {SIZE} px"
family = "dcgan"
input_space = "z"
image_shape = [3, {SIZE}, {SIZE}]

[[tiny.spaces]]
name = "z"
dim = {DIM}
prior = "standard-normal"

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
