"""Loader of generators: from a name to a generator with its published weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pullback.errors import PullbackError, WeightsError
from pullback.generators.catalogue_file import CatalogueEntry, read_catalogue
from pullback.generators.family import Family
from pullback.generators.fitting import misfit
from pullback.generators.generator import Generator
from pullback.generators.own.python_code import installed_generator
from pullback.generators.registry import FAMILIES
from pullback.weights.contents import some
from pullback.weights.finite import check_module, check_tensors
from pullback.weights.store import load_published


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
        OwnCodeError: Its code failed, or is not what its entry names.
        WeightsError: The weights cannot be had or cannot be used: they are of something else, or not finite, or not in
            this type.
    """
    known = read_catalogue()
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if name in known.installed:
        return _finished(installed_generator(name), name, device, dtype)
    return load_entry(known.entry(name), device, dtype)


def load_entry(
    found: CatalogueEntry, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Generator:
    """The generator of a catalogue entry, as `load` gives it.

    Raises:
        InvalidInputError: The entry disagrees with the weights, or lacks an option that they need.
        OwnCodeError: Its code failed, or is not what the entry names.
        WeightsError: The weights cannot be had or cannot be used.
    """
    family = FAMILIES[found.family]
    if family.kinds:
        return _finished(_loader(family)(found), found.name, device, dtype)
    state, settings = load_published(found.source)
    generator = build(found, state, settings).to(device, dtype)
    check_module(generator, state, f"generator {found.name!r}", found.source)
    return generator


def _finished(generator: Generator, name: str, device: str | torch.device, dtype: torch.dtype) -> Generator:
    """A generator of one's own, frozen, in evaluation mode, in its place."""
    generator = generator.requires_grad_(False).eval().to(device, dtype)
    check_module(generator, {}, f"generator {name!r}", None)
    return generator


def build(found: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any] | None = None) -> Generator:
    """A generator of a catalogue entry with these weights, frozen and in evaluation mode, float32 on the CPU.

    Args:
        found: The entry.
        state: Tensors of the published file by name, of any floating-point type.
        settings: What the file says of itself besides.

    Raises:
        InvalidInputError: The entry disagrees with the weights, or lacks an option that they need.
        WeightsError: The weights are not those of the family, or not finite.
    """
    single = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    # All of a generator's file is used; priors draw from some of it as soon as it is built.
    check_tensors(single, f"generator {found.name!r}", found.source)
    family = FAMILIES[found.family]
    if problem := family.strangeness(single):
        raise misfit(found, single, problem)
    if empty := [name for name, tensor in single.items() if not tensor.numel()]:
        raise misfit(found, single, f"no number is in {some(empty)}")
    try:
        made = _loader(family)(found, single, settings or {})
    except WeightsError as error:
        if repr(found.name) in str(error):
            raise
        # What reads names and shapes alone does not know whose they are.
        raise misfit(found, single, str(error)) from error
    except PullbackError:
        raise
    except Exception as error:  # whatever torch makes of shapes that do not belong together says one thing
        raise misfit(found, single, f"its tensors make no network ({type(error).__name__}: {error})") from error
    return made.requires_grad_(False).eval()


def _loader(family: Family) -> Callable[..., Generator]:
    module, _, name = family.loader.partition(":")
    loader: Callable[..., Generator] = getattr(importlib.import_module(module), name)
    return loader
