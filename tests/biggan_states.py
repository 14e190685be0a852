"""Tiny random files of BigGAN-PyTorch and of pytorch-pretrained-BigGAN, and what the former's networks draw.

The drawing is written from the description of the networks alone, operation by operation, on the tensors by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from catalogues import entry_text
from pullback.generators import CatalogueEntry
from pullback.generators.space_entry import SpaceEntry
from pullback.weights import WeightsSource

State = dict[str, Tensor]

CLASSES, CLASS_DIM, CHUNK = 5, 3, 2
# Channels before each block and behind the last.
WIDTHS = (16, 8, 8)
DEEP_WIDTHS = (16, 16, 8, 8, 8)


def _random(rng: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=rng)


def brock_state(
    *,
    hierarchical: bool = True,
    shared: bool = True,
    deep: bool = False,
    statistics: str = "stored",
    vectors: int = 1,
    attention: int = 1,
) -> State:
    """Tensors as `G_ema.pth` names them.

    Args:
        hierarchical: Whether noise is split into chunks; of no effect where `deep`, which gives all of it to all.
        shared: Whether classes share an embedding.
        deep: Whether blocks are those of BigGAN-deep.
        statistics: `stored`, `mybn` or `cross_replica`.
        vectors: How many singular vectors each layer keeps; 0 = no spectral normalisation.
        attention: After which block attention stands.
    """
    rng, state = torch.Generator().manual_seed(0), State()
    widths = DEEP_WIDTHS if deep else WIDTHS

    def normalised(name: str, weight: Tensor) -> None:
        state[f"{name}.weight"] = weight if vectors else weight / weight[0].numel() ** 0.5
        for number in range(vectors):
            u = _random(rng, 1, len(weight))
            state[f"{name}.u{number}"] = u / u.norm() if number else 0.7 * u / u.norm()
            state[f"{name}.sv{number}"] = torch.ones(1)

    def convolution(name: str, out: int, into: int, side: int) -> None:
        normalised(name, _random(rng, out, into, side, side))
        state[f"{name}.bias"] = 0.3 * _random(rng, out)

    def moments(name: str, width: int) -> None:
        at, ending = {"stored": (name, "stored"), "mybn": (f"{name}.bn", "stored")}.get(
            statistics, (f"{name}.bn", "running")
        )
        state[f"{at}.{ending}_mean"] = 0.3 * _random(rng, width)
        state[f"{at}.{ending}_var"] = 0.3 + 0.2 * _random(rng, width).square()
        if statistics == "mybn":
            state[f"{at}.accumulation_counter"] = torch.full((1,), 16.0)

    def norm(name: str, width: int, condition: int) -> None:
        moments(name, width)
        for part in ("gain", "bias"):
            if shared:
                normalised(f"{name}.{part}", _random(rng, width, condition))
            else:
                state[f"{name}.{part}.weight"] = 0.4 * _random(rng, CLASSES, width)

    if shared:
        state["shared.weight"] = _random(rng, CLASSES, CLASS_DIM)
    chunk = CHUNK if hierarchical else 3 * CHUNK
    taken, condition = (chunk, CLASS_DIM + (CHUNK if hierarchical else 0))
    if deep:
        taken = condition = CLASS_DIM + 3 * CHUNK
    normalised("linear", _random(rng, 16 * widths[0], taken))
    state["linear.bias"] = _random(rng, 16 * widths[0])
    for block, (into, out) in enumerate(pairwise(widths)):
        name, middle = f"blocks.{block}.0", max(into // 4, 2)
        layers = [(middle, into, 1), (middle, middle, 3), (middle, middle, 3), (out, middle, 1)]
        for number, (outer, inner, side) in enumerate(layers if deep else [(out, into, 3), (out, out, 3)], start=1):
            norm(f"{name}.bn{number}", inner, condition)
            convolution(f"{name}.conv{number}", outer, inner, side)
        if not deep:
            convolution(f"{name}.conv_sc", out, into, 1)
        if block == attention:
            shapes = {"theta": (out // 8, out), "phi": (out // 8, out), "g": (out // 2, out), "o": (out, out // 2)}
            for part, shape in shapes.items():
                normalised(f"blocks.{block}.1.{part}", _random(rng, *shape, 1, 1))
            state[f"blocks.{block}.1.gamma"] = torch.tensor(0.8)
    moments("output_layer.0", widths[-1])
    state["output_layer.0.gain"], state["output_layer.0.bias"] = _random(rng, widths[-1]), _random(rng, widths[-1])
    convolution("output_layer.2", 3, widths[-1], 3)
    return state


def brock_images(
    state: State, noise: Tensor, classes: Sequence[int], *, epsilon: float, hierarchical: bool = True
) -> Tensor:
    """What the network draws of noise and numbers of classes, in [−1, 1]."""
    shared, deep = "shared.weight" in state, "blocks.0.0.conv3.weight" in state
    chunks = noise.split(CHUNK, dim=1) if hierarchical and not deep else [noise, *([noise[:, :0]] * 9)]
    embedded = state["shared.weight"][list(classes)] if shared else None
    whole = None if embedded is None else torch.cat([embedded, noise], dim=1)

    def weight(name: str) -> Tensor:
        plain = state[f"{name}.weight"]
        if f"{name}.u0" not in state:
            return plain
        matrix = plain.reshape(len(plain), -1)
        v = functional.normalize(state[f"{name}.u0"] @ matrix)
        u = functional.normalize(v @ matrix.T)
        return plain / (v @ matrix.T @ u.T).squeeze()

    def moments(name: str) -> tuple[Tensor, Tensor]:
        means = [known for known in state if known.startswith(f"{name}.") and known.endswith("_mean")]
        return state[means[0]], state[means[0].replace("_mean", "_var")]

    def affine(name: str, values: Tensor, gain: Tensor, offset: Tensor, added: float) -> Tensor:
        mean, variance = (moment[:, None, None] for moment in moments(name))
        return (values - mean) / (variance + added).sqrt() * gain[..., None, None] + offset[..., None, None]

    def norm(name: str, values: Tensor, block: int) -> Tensor:
        parts = []
        for part in ("gain", "bias"):
            if embedded is None:
                parts.append(state[f"{name}.{part}.weight"][list(classes)])
            else:
                condition = whole if deep else torch.cat([embedded, chunks[block + 1]], dim=1)
                parts.append(condition @ weight(f"{name}.{part}").T)
        return torch.relu(affine(name, values, 1 + parts[0], parts[1], epsilon))

    def convolved(name: str, values: Tensor) -> Tensor:
        kernel = weight(name)
        return functional.conv2d(values, kernel, state.get(f"{name}.bias"), padding=kernel.shape[-1] // 2)

    def doubled(values: Tensor) -> Tensor:
        return values.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    start = whole if deep else chunks[0]
    values = (start @ weight("linear").T + state["linear.bias"]).reshape(len(noise), -1, 4, 4)
    for block in range(len({name.split(".")[1] for name in state if name.startswith("blocks.")})):
        name = f"blocks.{block}.0"
        if deep:
            inner = convolved(f"{name}.conv1", norm(f"{name}.bn1", values, block))
            inner = norm(f"{name}.bn2", inner, block)
            values = values[:, : len(state[f"{name}.conv4.bias"])]
            if block % 2:
                inner, values = doubled(inner), doubled(values)
            inner = norm(f"{name}.bn3", convolved(f"{name}.conv2", inner), block)
            inner = norm(f"{name}.bn4", convolved(f"{name}.conv3", inner), block)
            values = convolved(f"{name}.conv4", inner) + values
        else:
            inner = convolved(f"{name}.conv1", doubled(norm(f"{name}.bn1", values, block)))
            inner = convolved(f"{name}.conv2", norm(f"{name}.bn2", inner, block))
            values = inner + doubled(convolved(f"{name}.conv_sc", values))
        if f"blocks.{block}.1.gamma" in state:
            at = f"blocks.{block}.1"
            theta = convolved(f"{at}.theta", values).flatten(2)
            phi, g = (functional.max_pool2d(convolved(f"{at}.{part}", values), 2).flatten(2) for part in ("phi", "g"))
            beta = torch.softmax(torch.einsum("bcp,bcq->bpq", theta, phi), dim=-1)
            found = torch.einsum("bcq,bpq->bcp", g, beta).reshape(len(noise), -1, *values.shape[2:])
            values = values + state[f"{at}.gamma"] * convolved(f"{at}.o", found)
    last = affine("output_layer.0", values, state["output_layer.0.gain"], state["output_layer.0.bias"], 1e-5)
    return torch.tanh(convolved("output_layer.2", torch.relu(last)))


def hugging_face_state(widths: Sequence[int] = (16, 16, 8, 8, 8), attention: int = 3, rows: int = 51) -> State:
    """Tensors as `pytorch_model.bin` of pytorch-pretrained-BigGAN names them: noise 4, classes 5 of 3 coordinates."""
    rng, state, dim = torch.Generator().manual_seed(1), State(), 4 + CLASS_DIM

    def normalised(name: str, *shape: int) -> None:
        weight = _random(rng, *shape)
        matrix = weight.flatten(1)
        state[f"{name}.weight_orig"] = weight
        state[f"{name}.weight_u"] = functional.normalize(_random(rng, len(matrix)), dim=0)
        # Near enough to the left one's partner that the norm is not about zero.
        state[f"{name}.weight_v"] = functional.normalize(state[f"{name}.weight_u"] @ matrix, dim=0)

    def moments(name: str, width: int) -> None:
        state[f"{name}.running_means"] = 0.3 * _random(rng, rows, width)
        state[f"{name}.running_vars"] = 0.3 + 0.2 * _random(rng, rows, width).square()

    state["embeddings.weight"] = _random(rng, CLASS_DIM, CLASSES)
    normalised("generator.gen_z", 16 * widths[0], dim)
    state["generator.gen_z.bias"] = _random(rng, 16 * widths[0])
    layer = 0
    for into, out in pairwise(widths):
        if layer == attention:
            name = f"generator.layers.{layer}"
            shapes = {
                "theta": (into // 8, into),
                "phi": (into // 8, into),
                "g": (into // 2, into),
                "o_conv": (into, into // 2),
            }
            for part, shape in shapes.items():
                normalised(f"{name}.snconv1x1_{part}", *shape, 1, 1)
            state[f"{name}.gamma"] = torch.ones(1)
            layer += 1
        name, middle = f"generator.layers.{layer}", into // 4
        layers = [(middle, into, 1), (middle, middle, 3), (middle, middle, 3), (out, middle, 1)]
        for number, (outer, inner, side) in enumerate(layers):
            moments(f"{name}.bn_{number}", inner)
            normalised(f"{name}.bn_{number}.scale", inner, dim)
            normalised(f"{name}.bn_{number}.offset", inner, dim)
            normalised(f"{name}.conv_{number}", outer, inner, side, side)
            state[f"{name}.conv_{number}.bias"] = 0.1 * _random(rng, outer)
        layer += 1
    moments("generator.bn", widths[-1])
    state["generator.bn.weight"], state["generator.bn.bias"] = _random(rng, widths[-1]), _random(rng, widths[-1])
    normalised("generator.conv_to_rgb", widths[-1], widths[-1], 3, 3)
    state["generator.conv_to_rgb.bias"] = _random(rng, widths[-1])
    return state


LABELS = ("ant", "bee", "cat", "dog", "eel")
# What the file does not say.
OPTIONS: dict[str, dict[str, float | int]] = {
    "biggan": {"epsilon": 1e-3, "truncation": 0.5},
    "bigbigan": {"epsilon": 1e-3, "class": 2},
    "biggan-deep": {"truncation": 0.4},
}


def big_entry(
    family: str,
    *,
    noise: int | None = None,
    side: int = 16,
    noise_prior: str = "standard-normal",
    one_hot: bool = False,
    source: WeightsSource | None = None,
    **options: Any,
) -> CatalogueEntry:
    """An entry of the tiny files above.

    Args:
        family: `biggan`, `bigbigan` or `biggan-deep`.
        noise: Dimensions of its noise; those of the tiny files when omitted.
        side: Of its images in pixels.
        noise_prior: Of its noise.
        one_hot: Whether each class has gains and offsets of its own, in place of an embedding.
        source: Where its weights are.
        options: Beside those of OPTIONS, or in their place.
    """
    noise = noise or (4 if family == "biggan-deep" else 3 * CHUNK)
    classes, prior = (CLASSES, "one-hot") if one_hot else (CLASS_DIM, "class-embeddings")
    labels = ("cat",) if family == "bigbigan" else LABELS
    spaces = (
        SpaceEntry("noise", noise, noise_prior),
        SpaceEntry("class", classes, prior, start=noise, labels=labels, default="cat"),
        SpaceEntry("full", noise + classes, "product"),
    )
    source = source or WeightsSource("path", "/nowhere/G_ema.pth", "1" * 64)
    stated = {name: value for name, value in (OPTIONS[family] | options).items() if value is not None}
    return CatalogueEntry(f"tiny-{family}", "Big", family, spaces, "full", (3, side, side), source, stated)


def big_state(family: str) -> State:
    """The tensors of a tiny file of a family."""
    return hugging_face_state() if family == "biggan-deep" else brock_state()


def write_big_catalogue(folder: Path) -> Path:
    """Writes weights and a catalogue with one generator of each of these families; returns the catalogue's path."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for family in OPTIONS:
        weights = folder / f"{family}.pth"
        torch.save(big_state(family), weights)
        prior = "standard-normal" if family == "bigbigan" else "truncated-normal"
        written.append(entry_text(big_entry(family, noise_prior=prior), weights))
    catalogue = folder / "big.toml"
    catalogue.write_text("".join(written), encoding="utf-8")
    return catalogue
