"""StyleGAN2 of NVIDIA's PyTorch code (stylegan2-ada-pytorch, stylegan3), from its own files or its state dicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pullback.errors import CatalogueError, WeightsError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import fit, misfit
from pullback.generators.style_based.generator import StyleBased, mapping_rate, noise_of
from pullback.generators.style_based.stylegan2_ada_network import AdaNetwork, AdaShape

# Names in a block, and here: of filters, which have the gain 1 there and that of an upsampling by 2 here, those that
# are used; of layers without noise, none.
_NAMES: tuple[tuple[str, str, Callable[[Tensor], Tensor]], ...] = (
    (r"const", "const", lambda tensor: tensor),
    (r"(conv\d|torgb)\.weight", r"\1.conv.weight", lambda tensor: tensor[None]),
    (r"(conv\d|torgb)\.affine\.(weight|bias)", r"\1.conv.modulation.\2", lambda tensor: tensor),
    (r"(conv\d)\.bias", r"\1.activate.bias", lambda tensor: tensor),
    (r"(conv\d)\.noise_strength", r"\1.noise.weight", lambda tensor: tensor.reshape(1)),
    (r"torgb\.bias", "torgb.bias", lambda tensor: tensor[None, :, None, None]),
    (r"skip\.weight", "skip.weight", lambda tensor: tensor),
    (r"conv0\.resample_filter", "conv0.conv.blur.kernel", lambda tensor: 4 * tensor),
    (r"skip\.resample_filter", "skip.upsample.kernel", lambda tensor: 4 * tensor),
    (r"resample_filter", "torgb.upsample.kernel", lambda tensor: 4 * tensor),
)
# And back again.
_THEIRS = (
    (r"(conv\d|torgb)\.conv\.weight", r"\1.weight"),
    (r"(conv\d|torgb)\.conv\.modulation\.(weight|bias)", r"\1.affine.\2"),
    (r"(conv\d)\.activate\.bias", r"\1.bias"),
    (r"(conv\d)\.noise\.weight", r"\1.noise_strength"),
    (r"conv0\.conv\.blur\.kernel", "conv0.resample_filter"),
    (r"skip\.upsample\.kernel", "skip.resample_filter"),
    (r"torgb\.upsample\.kernel", "resample_filter"),
)


class StyleGan2Ada(StyleBased):
    """A StyleGAN2 from NVIDIA's `G_ema`: with classes or without, in colour or grey, in any of its three forms.

    Their own `.pkl` files say whether layers are clamped; of a state dict that was saved, `conv_clamp` is asked for.
    A conditional network has all its classes where the entry states `class` and `full` beside `z`, and one where it
    states the option `class`. `w` and `w+` hang on no class, but their priors do: with all classes they draw w of each
    equally often, around the file's w̄, and with one its own, around their mean. Truncation leads to the file's w̄.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of `G_ema` by name.
        settings: The attributes of `G_ema` and of its parts, as its pickle has them; empty of a state dict.

    Raises:
        WeightsError: The tensors are not those of this architecture, or its activations are not leaky rectifiers.
        InvalidInputError: The catalogue states other dimensions or another image shape than the weights have, or lacks
            an option (a CatalogueError).
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        try:
            shape = AdaShape.of(state)
        except WeightsError as error:
            raise misfit(entry, state, str(error)) from error
        weights = [state[f"mapping.fc{layer}.weight"] for layer in range(len(shape.mapping))]
        # A layer's bias is multiplied by the rate, as its attributes say.
        first, label = _attributes(settings, "mapping", "fc0"), _label(entry, shape)
        rate = mapping_rate(entry, weights, first.get("bias_gain"))
        network = AdaNetwork(shape, rate, label, _clamp(entry, settings))
        given = _renamed(state)
        # Networks without noise have neither strengths nor maps.
        quiet = {
            name: torch.zeros(1)
            for name in network.state_dict()
            if name.endswith(".noise.weight") and name not in given
        }
        fit(network, {**quiet, **given, **noise_of(entry, network.noise_sides(), given)}, entry, state, _published)
        super().__init__(entry, network, state.get("mapping.w_avg"), of_one_class=label is not None)


def _clamp(entry: CatalogueEntry, settings: Mapping[str, Any]) -> float | None:
    """The magnitude that layers do not exceed, as the entry says, or the file; None = any."""
    layer = _attributes(settings, "synthesis", "b4", "conv1")
    for each in (layer, _attributes(settings, "mapping", "fc0")):
        if each.get("activation", "lrelu") != "lrelu":
            raise WeightsError(
                f"generator {entry.name!r} has activations {each['activation']!r}; only such of 'lrelu' are known here"
            )
    says = "conv_clamp" in layer and isinstance(layer["conv_clamp"], int | float | None)
    stated = layer["conv_clamp"] if says and entry.option("conv_clamp") is None else entry.asked("conv_clamp")
    return float(stated) if stated else None


def _attributes(settings: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The attributes of a part of the network, as its pickle has them; none of a state dict."""
    part: Any = settings
    for name in path:
        part = part.get(name) if isinstance(part, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _label(entry: CatalogueEntry, shape: AdaShape) -> int | None:
    """The class that is mapped to; None without classes, or where the entry has a space of them."""
    if not shape.classes or (entry.option("class") is None and any(space.labels for space in entry.spaces)):
        return None
    label = int(entry.asked("class"))
    if label >= shape.classes:
        raise CatalogueError(
            f"generator {entry.name!r} has the classes 0 to {shape.classes - 1}, but class = {label} came"
        )
    return label


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as `AdaNetwork` names and shapes them; what it does not know keeps its name."""
    renamed = {}
    for name, tensor in state.items():
        block = re.fullmatch(r"synthesis\.b(\d+)\.(.*)", name)
        if name == "mapping.w_avg" or (block and _is_unused(block[2], int(block[1]), state)):
            continue
        if layer := re.fullmatch(r"mapping\.(embed|fc(\d+))\.(weight|bias)", name):
            renamed[f"style.fc.{layer[2]}.{layer[3]}" if layer[2] else f"style.embed.{layer[3]}"] = tensor
        elif block and (noise := re.fullmatch(r"conv([01])\.noise_const", block[2])):
            index = 2 * (int(block[1]).bit_length() - 3) - 1 + int(noise[1])
            renamed[f"noises.noise_{index}"] = tensor[None, None]
        elif block:
            ours, reshaped = _in_block(block[2], tensor)
            renamed[f"blocks.{int(block[1]).bit_length() - 3}.{ours}"] = reshaped
        else:
            renamed[name] = tensor
    return renamed


def _published(name: str) -> str:
    """What a file calls a tensor of `AdaNetwork`; what that does not know keeps its name."""
    if layer := re.fullmatch(r"style\.(?:fc\.(\d+)|embed)\.(.*)", name):
        return f"mapping.fc{layer[1]}.{layer[2]}" if layer[1] else f"mapping.embed.{layer[2]}"
    if noise := re.fullmatch(r"noises\.noise_(\d+)", name):
        depth = (int(noise[1]) + 1) // 2
        return f"synthesis.b{4 << depth}.conv{int(noise[1]) - 2 * depth + 1}.noise_const"
    if block := re.fullmatch(r"blocks\.(\d+)\.(.*)", name):
        theirs = next((re.sub(*names, block[2]) for names in _THEIRS if re.fullmatch(names[0], block[2])), block[2])
        return f"synthesis.b{4 << int(block[1])}.{theirs}"
    return name


def _in_block(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    for pattern, ours, reshape in _NAMES:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, ours, name), reshape(tensor)
    return name, tensor


def _is_unused(name: str, side: int, state: Mapping[str, Tensor]) -> bool:
    """Whether a filter of a block filters nothing: of layers that do not upsample, and where no image comes before."""
    if name in {"conv1.resample_filter", "torgb.resample_filter"}:
        return True
    return name == "resample_filter" and (side == 4 or "synthesis.b4.torgb.weight" not in state)
