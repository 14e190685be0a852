"""Loader of generators: from a name to a generator with its published weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from pullback.generators.catalogue_file import CatalogueEntry, entry
from pullback.generators.families.conditional_dcgan import ConditionalDcgan
from pullback.generators.families.dcgan import Dcgan
from pullback.generators.families.stylegan2 import StyleGan2
from pullback.generators.families.stylegan2_ada import StyleGan2Ada
from pullback.generators.generator import Generator
from pullback.weights.finite import check_module, check_tensors
from pullback.weights.store import load_state_dict

LOADERS: dict[str, Callable[[CatalogueEntry, Mapping[str, Tensor]], Generator]] = {
    "dcgan": Dcgan,
    "conditional-dcgan": ConditionalDcgan,
    "stylegan2": StyleGan2,
    "stylegan2-ada": StyleGan2Ada,
}


def load(name: str, device: str | torch.device | None = "cpu", dtype: torch.dtype = torch.float32) -> Generator:
    """Loads a generator of the catalogue, fetching its weights the first time.

    Args:
        name: Name in the catalogue.
        device: Where to put it; None takes CUDA where there is one, else the CPU.
        dtype: Floating-point type of the weights and of the images.

    Returns:
        The generator, frozen and in evaluation mode.

    Raises:
        UnknownNameError: No such generator.
        InvalidInputError: Its entry of the catalogue cannot be used (a CatalogueError), or disagrees with the weights.
        WeightsError: The weights cannot be had or cannot be used: they are of something else, or not finite, or not in
            this type.
    """
    found = entry(name)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    state = load_state_dict(found.source)
    generator = build(found, state).to(device, dtype)
    check_module(generator, state, f"generator {name!r}", found.source)
    return generator


def build(found: CatalogueEntry, state: Mapping[str, Tensor]) -> Generator:
    """A generator of a catalogue entry with these weights, frozen and in evaluation mode, float32 on the CPU.

    Raises:
        InvalidInputError: The entry disagrees with the weights.
        WeightsError: The weights are not those of the family, or not finite.
    """
    # All of a generator's file is used; priors draw from some of it as soon as it is built.
    check_tensors(state, f"generator {found.name!r}", found.source)
    return LOADERS[found.family](found, state).requires_grad_(False).eval()
