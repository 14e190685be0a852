"""StyleGAN2 with the names of the public PyTorch checkpoints (rosinality/stylegan2-pytorch)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import fit
from pullback.generators.style_based.generator import StyleBased, mapping_rate, noise_of
from pullback.generators.style_based.stylegan2_network import StyleGan2Network, StyleGan2Shape


class StyleGan2(StyleBased):
    """A StyleGAN2 of any size, its configuration read from the weights' shapes.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of the checkpoint by name, as `StyleGan2Network` names them. Noise maps and the filters of
            upsampling may be missing, as in old files. `latent_avg`, shape (dim,), is the mean of w; without it the
            mean is estimated.
        settings: Of no meaning here: those of training.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other dimensions or another image shape than the weights have.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings
        shape = StyleGan2Shape.of(state, entry.name)
        weights = [tensor for name, tensor in state.items() if re.fullmatch(r"style\.\d+\.weight", name)]
        network = StyleGan2Network(shape, mapping_rate(entry, weights))
        filters = {name: buffer for name, buffer in network.named_buffers() if name.endswith(".kernel")}
        given = {name: tensor for name, tensor in state.items() if name != "latent_avg"}
        fit(network, {**filters, **given, **noise_of(entry, network.noise_sides(), given)}, entry)
        super().__init__(entry, network, state["latent_avg"].reshape(-1) if "latent_avg" in state else None)
