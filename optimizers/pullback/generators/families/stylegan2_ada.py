"""StyleGAN2 weights with the names of NVIDIA's PyTorch code (stylegan2-ada-pytorch, stylegan3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pullback.errors import WeightsError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.stylegan2 import StyleGan2

_Reshape = Callable[[Tensor], Tensor]


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _leading(tensor: Tensor) -> Tensor:
    return tensor[None]


_LAYER: dict[str, tuple[str, _Reshape]] = {
    "weight": ("conv.weight", _leading),
    "affine.weight": ("conv.modulation.weight", _same),
    "affine.bias": ("conv.modulation.bias", _same),
}
_CONVOLUTION = _LAYER | {"bias": ("activate.bias", _same), "noise_strength": ("noise.weight", _leading)}
_TO_RGB = _LAYER | {"bias": ("bias", lambda tensor: tensor[None, :, None, None])}


class StyleGan2Ada(StyleGan2):
    """A StyleGAN2 from the tensors of NVIDIA's `G_ema`, unconditional: `mapping.fc0.weight`, `synthesis.b4.const`, ….

    NVIDIA's own files are pickles that run code, which are not read: save `G_ema.state_dict()` where they are trusted.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other dimensions or another image shape than the weights have.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        super().__init__(entry, public_names(state), settings)


def public_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with the names and shapes of the public PyTorch checkpoints.

    Nothing is flipped or shifted. Filters alone change: there they have the gain 1, here that of an upsampling by 2.

    Args:
        state: Tensors of NVIDIA's `G_ema` by name.

    Returns:
        Tensors as `StyleGan2Network` names them, and `latent_avg`.

    Raises:
        WeightsError: A name is not of that architecture; a class-conditional network has such names.
    """
    renaming = _renaming(state)
    renamed = {}
    for name, tensor in state.items():
        if name in renaming:
            ours, reshaped = renaming[name]
            renamed[ours] = reshaped(tensor)
        elif not name.endswith("resample_filter"):
            raise WeightsError(f"{name!r} is no tensor of an unconditional StyleGAN2 as NVIDIA's code names them")
    return renamed


def _renaming(state: Mapping[str, Tensor]) -> dict[str, tuple[str, _Reshape]]:
    """What every tensor is called here, and how it becomes the one that is called so."""
    sides = sorted({int(found[1]) for name in state if (found := re.match(r"synthesis\.b(\d+)\.", name))})
    mapping = [name for name in state if re.fullmatch(r"mapping\.fc\d+\.weight", name)]
    renaming: dict[str, tuple[str, _Reshape]] = {
        "mapping.w_avg": ("latent_avg", _same),
        "synthesis.b4.const": ("input.input", _leading),
    }
    for number in range(len(mapping)):
        renaming |= {f"mapping.fc{number}.{part}": (f"style.{number + 1}.{part}", _same) for part in ("weight", "bias")}
    for block, side in enumerate(sides):
        # The block of 4 px has one convolution, and upsamples nothing.
        convolutions = {"conv1": "conv1"}
        to_rgb = "to_rgb1"
        if block:
            convolutions = {"conv0": f"convs.{2 * block - 2}", "conv1": f"convs.{2 * block - 1}"}
            to_rgb = f"to_rgbs.{block - 1}"
            renaming[f"synthesis.b{side}.conv0.resample_filter"] = (
                f"convs.{2 * block - 2}.conv.blur.kernel",
                _amplified,
            )
            renaming[f"synthesis.b{side}.resample_filter"] = (f"{to_rgb}.upsample.kernel", _amplified)
        for number, (theirs, ours) in enumerate(reversed(convolutions.items())):
            noise = (f"noises.noise_{2 * block - number}", lambda tensor: tensor[None, None])
            renaming[f"synthesis.b{side}.{theirs}.noise_const"] = noise
            renaming |= _parts(f"synthesis.b{side}.{theirs}", ours, _CONVOLUTION)
        renaming |= _parts(f"synthesis.b{side}.torgb", to_rgb, _TO_RGB)
    return renaming


def _parts(theirs: str, ours: str, parts: Mapping[str, tuple[str, _Reshape]]) -> dict[str, tuple[str, _Reshape]]:
    return {f"{theirs}.{part}": (f"{ours}.{name}", reshape) for part, (name, reshape) in parts.items()}


def _amplified(kernel: Tensor) -> Tensor:
    return 4 * kernel
