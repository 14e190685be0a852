"""A tiny seeded StyleGAN2, as a generator or as a file that a live server can load: spaces z, w (6) and w+ (36)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from pullback.generators import CatalogueEntry, SpaceEntry, StyleGan2, build
from pullback.generators.style_based.stylegan2_network import StyleGan2Network, StyleGan2Shape
from pullback.weights.source import WeightsSource

NAME = "tiny-style"
SHAPE = StyleGan2Shape(latent_dim=6, mapping_layers=3, channels=(8, 8, 4))
SPACES = (
    SpaceEntry("z", 6, "standard-normal"),
    SpaceEntry("w", 6, "mapped"),
    SpaceEntry("w+", 36, "mapped"),
)


def style_state(seed: int = 0, strength: float = 0.0) -> dict[str, Tensor]:
    """Tensors of a network whose mapping and images vary well, unlike those of a fresh one.

    Args:
        seed: Of the weights.
        strength: Of the noise in every layer.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StyleGan2Network(SHAPE)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    rng = torch.Generator().manual_seed(seed)
    for name, tensor in state.items():
        if name.startswith("style.") and name.endswith("bias"):
            # Biases are scaled by 0.01 where they are used.
            tensor.add_(50 * torch.randn(tensor.shape, generator=rng))
        if name.endswith("noise.weight"):
            tensor.fill_(strength)
        if name.startswith("to_rgb") and name.endswith("conv.weight"):
            tensor.mul_(0.3)
    return state


def tiny_style(seed: int = 0, strength: float = 0.0) -> StyleGan2:
    """The generator, float32 on the CPU; with a strength, noise maps change its images."""
    source = WeightsSource(kind="path", location="nowhere", sha256="1" * 64)
    entry = CatalogueEntry(NAME, "Seeded styles", "stylegan2", SPACES, "w+", (3, 16, 16), source)
    generator = build(entry, style_state(seed, strength))
    assert isinstance(generator, StyleGan2)
    return generator


def write_style_catalogue(folder: Path, seed: int = 0, strength: float = 0.0) -> Path:
    """Writes weights and a catalogue with the one generator `tiny-style`; returns the catalogue's path."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"tiny-style-{seed}.pt"
    torch.save(style_state(seed, strength), weights)
    spaces = "\n".join(
        f'[[{NAME}.spaces]]\nname = "{space.name}"\ndim = {space.dim}\nprior = "{space.prior}"\n' for space in SPACES
    )
    catalogue = folder / "style.toml"
    catalogue.write_text(
        f"""[{NAME}]
title = "Seeded styles, 16 px"
family = "stylegan2"
input_space = "w+"
image_shape = [3, 16, 16]

{spaces}
[{NAME}.source]
kind = "path"
location = "{weights.as_posix()}"
sha256 = "{hashlib.sha256(weights.read_bytes()).hexdigest()}"
licence = "MIT"
citation = "Made by the tests."
""",
        encoding="utf-8",
    )
    return catalogue
