"""StyleGAN with the names of the public PyTorch checkpoints (rosinality/style-based-gan-pytorch)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import fit, misfit
from pullback.generators.style_based.generator import StyleBased, noise_of
from pullback.generators.style_based.stylegan1_network import StyleGan1Network, StyleGan1Shape

_BLOCK = "generator.progression"


class StyleGan1(StyleBased):
    """A StyleGAN of a stated resolution: its files have all scales up to 1,024 px, whatever they were trained at.

    `w+` has one w for each resolution, which is the finest mixing of styles of the published code. The noise maps, one
    for both layers of a resolution, are not in such files, which draw them anew for each image: here they are drawn
    once and for all. `noises.noise_0` and on among the tensors, shape (1, 1, H, W), take their place.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of the checkpoint by name. `latent_avg`, shape (dim,), is the mean of w; without it, as in all
            published files, the mean is estimated.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other dimensions or another image shape than the weights have.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings
        scales = int(entry.asked("resolution")).bit_length() - 2
        given = _renamed(state, scales)
        network = StyleGan1Network(_shape(entry, state, given, scales))
        tensors = {**given, **noise_of(entry, network.noise_sides(), given)}
        fit(network, tensors, entry, state, lambda name: _published(name, network.shape.fused))
        super().__init__(entry, network, state["latent_avg"].reshape(-1) if "latent_avg" in state else None)


def _renamed(state: Mapping[str, Tensor], scales: int) -> dict[str, Tensor]:
    """The tensors that make images of so many scales, as `StyleGan1Network` names them; others keep their names."""
    names = (
        (r"style\.(\d+)\.linear\.(.*)", r"style.\1.\2"),
        (rf"{_BLOCK}\.0\.conv1\.input", "input"),
        (rf"{_BLOCK}\.(\d+)\.conv1\.(?:1\.conv|0)\.(.*)", r"ups.\1.\2"),
        (rf"{_BLOCK}\.(\d+)\.conv2\.conv\.(.*)", r"convs.\1.\2"),
        (rf"{_BLOCK}\.(\d+)\.noise(\d)\.weight", r"styles\2.\1.noise_weight"),
        (rf"{_BLOCK}\.(\d+)\.adain(\d)\.style\.linear\.(.*)", r"styles\2.\1.style.\3"),
        (rf"generator\.to_rgb\.{scales - 1}\.conv\.(.*)", r"to_rgb.\1"),
    )
    renamed = {}
    for name, tensor in state.items():
        if name == "latent_avg" or _is_left(name, scales):
            continue
        plain = name.replace(".weight_orig", ".weight")
        found = next((re.sub(pattern, ours, plain) for pattern, ours in names if re.fullmatch(pattern, plain)), name)
        renamed[found] = tensor
    return renamed


def _published(name: str, fused: tuple[bool, ...]) -> str:
    """What a file calls a tensor of `StyleGan1Network`; what that does not know keeps its name."""
    if name == "input":
        return f"{_BLOCK}.0.conv1.input"
    if entering := re.fullmatch(r"ups\.(\d+)\.(.*)", name):
        is_fused = fused[int(entering[1])]
        theirs = f"{_BLOCK}.{entering[1]}.conv1.{0 if is_fused else '1.conv'}.{entering[2]}"
        return theirs if is_fused else re.sub(r"weight$", "weight_orig", theirs)
    names = (
        (r"style\.(\d+)\.(weight|bias)", r"style.\1.linear.\2"),
        (r"convs\.(\d+)\.(.*)", rf"{_BLOCK}.\1.conv2.conv.\2"),
        (r"styles(\d)\.(\d+)\.noise_weight", rf"{_BLOCK}.\2.noise\1.weight"),
        (r"styles(\d)\.(\d+)\.style\.(.*)", rf"{_BLOCK}.\2.adain\1.style.linear.\3"),
        (r"to_rgb\.(.*)", rf"generator.to_rgb.{len(fused) - 1}.conv.\1"),
    )
    found = next((re.sub(*pair, name) for pair in names if re.fullmatch(pair[0], name)), "")
    return re.sub(r"weight$", "weight_orig", found) or name


def _is_left(name: str, scales: int) -> bool:
    """Whether a tensor plays no part in images of so many scales: others' tensors, and the filters, all alike."""
    if found := re.match(rf"{_BLOCK}\.(\d+)\.", name):
        return int(found[1]) >= scales or re.search(r"\.conv1\.[12]\.weight(_flip)?$", name) is not None
    found = re.match(r"generator\.to_rgb\.(\d+)\.", name)
    return found is not None and int(found[1]) != scales - 1


def _shape(
    entry: CatalogueEntry, state: Mapping[str, Tensor], given: Mapping[str, Tensor], scales: int
) -> StyleGan1Shape:
    convolutions = [f"convs.{index}.weight" for index in range(scales)]
    if missing := [name for name in ("style.1.weight", *convolutions) if name not in given or given[name].ndim < 2]:
        called = _published(missing[0], (False,) * scales)
        raise misfit(entry, state, f"no {called} for a resolution of {4 * 2 ** (scales - 1)} px")
    return StyleGan1Shape(
        latent_dim=int(given["style.1.weight"].shape[1]),
        mapping_layers=sum(re.fullmatch(r"style\.\d+\.weight", name) is not None for name in given),
        channels=tuple(int(given[name].shape[0]) for name in convolutions),
        fused=tuple(f"{_BLOCK}.{index}.conv1.0.weight" in state for index in range(scales)),
    )
