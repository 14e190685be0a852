"""Random tensors of small style-based generators, with the names of their published files."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from pullback.generators import CatalogueEntry, SpaceEntry, StyleGan1, StyleGan2Ada, build
from pullback.generators.style_based.stylegan2_ada_network import AdaShape
from pullback.weights import WeightsSource

_SOURCE = WeightsSource("path", "/nowhere/style.pt", "1" * 64)

FORMS = {
    "orig": AdaShape(5, (7, 6), (6, 5, 4), architecture="orig"),
    "resnet": AdaShape(5, (7, 6), (6, 5, 4), architecture="resnet"),
    "grey": AdaShape(5, (6,), (6, 5), image_channels=1),
    "conditional": AdaShape(5, (7, 6), (6, 5), classes=4, embedding=3),
}


def ada_random_state(shape: AdaShape, *, noise: bool = True, seed: int = 0) -> dict[str, Tensor]:
    """Random tensors with NVIDIA's names."""
    rng = torch.Generator().manual_seed(seed)

    def drawn(*sizes: int) -> Tensor:
        return torch.randn(sizes, generator=rng)

    widths = (shape.latent_dim + shape.embedding, *shape.mapping)
    state = {"mapping.w_avg": drawn(shape.mapping[-1]), "synthesis.b4.const": drawn(shape.channels[0], 4, 4)}
    for layer, (before, width) in enumerate(pairwise(widths)):
        state |= {f"mapping.fc{layer}.weight": 100 * drawn(width, before), f"mapping.fc{layer}.bias": 30 * drawn(width)}
    if shape.classes:
        state |= {
            "mapping.embed.weight": drawn(shape.embedding, shape.classes),
            "mapping.embed.bias": drawn(shape.embedding),
        }
    filters = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
    for index, (before, width) in enumerate(pairwise((0, *shape.channels))):
        side = 4 * 2**index
        block, last = f"synthesis.b{side}", index == len(shape.channels) - 1
        layers = {"conv0": (width, before, 3, 3)} if before else {}
        layers["conv1"] = (width, width, 3, 3)
        if last or shape.architecture == "skip":
            layers["torgb"] = (shape.image_channels, width, 1, 1)
        if before and shape.architecture == "resnet":
            state |= {f"{block}.skip.weight": drawn(width, before, 1, 1), f"{block}.skip.resample_filter": filters}
        state[f"{block}.resample_filter"] = filters
        for name, sizes in layers.items():
            layer = f"{block}.{name}"
            state |= {f"{layer}.weight": drawn(*sizes), f"{layer}.bias": drawn(sizes[0])}
            state |= {
                f"{layer}.affine.weight": drawn(sizes[1], shape.mapping[-1]),
                f"{layer}.affine.bias": drawn(sizes[1]),
            }
            if name != "torgb":
                state[f"{layer}.resample_filter"] = filters
            if name != "torgb" and noise:
                state |= {f"{layer}.noise_strength": drawn()[None][0], f"{layer}.noise_const": drawn(side, side)}
    return state


def stylegan1_state(seed: int = 0) -> dict[str, Tensor]:
    """Random tensors of four scales with the published names; images of 16 px take three."""
    rng = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng)

    state = {"generator.progression.0.conv1.input": drawn(1, 6, 4, 4)}
    for layer in (1, 3):
        state |= {f"style.{layer}.linear.weight_orig": drawn(5, 5), f"style.{layer}.linear.bias": drawn(5)}
    for scale, (before, width) in enumerate([(6, 6), (6, 6), (6, 4), (4, 4)]):
        block, fused = f"generator.progression.{scale}", scale > 1
        if scale:
            entering = f"{block}.conv1.0" if fused else f"{block}.conv1.1.conv"
            weight = "weight" if fused else "weight_orig"
            state[f"{entering}.{weight}"] = drawn(*((before, width) if fused else (width, before)), 3, 3)
            state[f"{entering}.bias"] = drawn(width)
            for name in ("weight", "weight_flip"):
                state[f"{block}.conv1.{1 if fused else 2}.{name}"] = drawn(width, 1, 3, 3)
        layers = {f"{block}.conv2.conv": (width, width, 3, 3), f"generator.to_rgb.{scale}.conv": (3, width, 1, 1)}
        for half in (1, 2):
            state[f"{block}.noise{half}.weight_orig"] = drawn(1, width, 1, 1)
            layers[f"{block}.adain{half}.style.linear"] = (2 * width, 5)
        for name, shape in layers.items():
            state |= {f"{name}.weight_orig": drawn(*shape), f"{name}.bias": drawn(shape[0])}
    return state


def style_spaces(z: int, w: int, layers: int, labels: tuple[str, ...] = ()) -> tuple[SpaceEntry, ...]:
    """The spaces of a style-based generator; of classes, the second is the default."""
    mapped = SpaceEntry("w", w, "mapped"), SpaceEntry("w+", w * layers, "mapped")
    latent = SpaceEntry("z", z, "standard-normal")
    if not labels:
        return (latent, *mapped)
    classes = SpaceEntry("class", len(labels), "one-hot", z, labels, labels[1])
    return (SpaceEntry("full", z + len(labels), "product"), latent, classes, *mapped)


def stylegan1_entry(dim: int, resolution: int, **options: Any) -> CatalogueEntry:
    """The entry of a StyleGAN."""
    spaces, shape = style_spaces(dim, dim, resolution.bit_length() - 2), (3, resolution, resolution)
    said = {"resolution": resolution, **options}
    return CatalogueEntry("old", "Old", "stylegan1", spaces, "w+", shape, _SOURCE, said)


def ada_entry(
    z: int, w: int, layers: int, shape: tuple[int, int, int], labels: tuple[str, ...] = (), **options: Any
) -> CatalogueEntry:
    """The entry of one of NVIDIA's StyleGAN2s, of all classes where they have labels."""
    spaces = style_spaces(z, w, layers, labels)
    return CatalogueEntry("ada", "Ada", "stylegan2-ada", spaces, "w+", shape, _SOURCE, options)


def small_stylegan1(**options: Any) -> StyleGan1:
    """The generator of `stylegan1_state`, 16 px."""
    generator = build(stylegan1_entry(5, 16, **options), stylegan1_state())
    assert isinstance(generator, StyleGan1)
    return generator


def ada_form(name: str, labels: tuple[str, ...] = (), *, noise: bool = True, **options: Any) -> StyleGan2Ada:
    """The generator of `ada_random_state` of a form; of the second of its classes, and not clamped, unless stated.

    Args:
        name: The form.
        labels: Of a conditional one, the names of all classes, where they are meant under one entry.
        noise: Whether it has noise.
        options: What the entry states besides.
    """
    shape = FORMS[name]
    side = 4 * 2 ** (len(shape.channels) - 1)
    said = {"conv_clamp": 0.0, **({"class": 1} if shape.classes and not labels else {}), **options}
    entry = ada_entry(5, 6, 2 * len(shape.channels), (shape.image_channels, side, side), labels, **said)
    generator = build(entry, ada_random_state(shape, noise=noise))
    assert isinstance(generator, StyleGan2Ada)
    return generator
