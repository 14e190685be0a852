"""SNGAN in the forms of mimicry, GANLatentDiscovery, christiancosgrove and pfnet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.residual.generator import StagedGenerator
from pullback.generators.residual.sngan_weights import chainer_name, mimicry_names, read_mimicry, read_sequential
from pullback.generators.residual.transposed_network import read_transposed
from pullback.generators.state_tensors import StateTensors

# Chainer's default.
_CHAINER_EPSILON = 2e-5


class Sngan(StagedGenerator):
    """The generator of an SNGAN (Miyato et al., ICLR 2018) or of a cGAN with projection (Miyato and Koyama, the same).

    Whose code wrote a file follows from its names. The input of a conditional one is cat(z, class), the class one-hot.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of the file by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of such an architecture.
        InvalidInputError: The catalogue states other spaces or another image shape than the weights give.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings
        pfnet = any("/" in name for name in state)
        if pfnet:
            tensors = StateTensors(mimicry_names(state), entry.name, entry.family, chainer_name)
        else:
            tensors = StateTensors(state, entry.name, entry.family)
        if "l1.weight" in tensors:
            mode, epsilon = ("nearest", _CHAINER_EPSILON) if pfnet else ("bilinear", 1e-5)
            read = read_mimicry(tensors, mode, epsilon)
            super().__init__(entry, read.network, read.noise_dim, torch.eye(read.classes) if read.classes else None)
        elif tensors.ndim("model.0.weight") == 4:
            network = read_transposed(tensors)
            super().__init__(entry, network, network.input_dim)
        else:
            read = read_sequential(tensors)
            super().__init__(entry, read.network, read.noise_dim)
