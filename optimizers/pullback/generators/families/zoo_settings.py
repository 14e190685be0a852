"""Settings of the GAN zoo's files (facebookresearch/pytorch_GAN_zoo): what their `config` says, else the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pullback.errors import CatalogueError, WeightsError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.registry import FAMILIES
from pullback.weights.table import Table

# By the loss of the training, whether a generator's last layer ends in tanh.
_TANH = {"WGANGP": False, "Logistic": False, "MSE": True, "DCGAN": True}


def said(entry: CatalogueEntry, settings: Mapping[str, Any], option: str, key: str) -> Any:
    """What holds of an option: what the catalogue entry states; else what the file says; else the family's default.

    Args:
        entry: The entry.
        settings: The file's `config`.
        option: Name of the option.
        key: What the file calls it.

    Raises:
        CatalogueError: Neither says it, and there is no default.
        WeightsError: The file says something else than such files do.
    """
    if option in entry.options or settings.get(key) is None:
        return entry.asked(option)
    stated = Table(
        {option: settings[key]}, f"the file of generator {entry.name!r} says {key} = {settings[key]!r}", Path()
    )
    try:
        return FAMILIES[entry.family].option(option).read(stated)
    except CatalogueError as error:
        raise WeightsError(
            f"{error}. State {option} = … under [{entry.name}.options] where it means one of these"
        ) from None


def ends_in_tanh(entry: CatalogueEntry, settings: Mapping[str, Any]) -> bool:
    """Whether a generator's last layer is a tanh, which follows from the loss that it was trained with.

    Raises:
        CatalogueError: Neither the file nor the entry says it.
    """
    return _TANH[said(entry, settings, "loss_criterion", "lossCriterion")]
