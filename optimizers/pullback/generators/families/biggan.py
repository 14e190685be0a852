"""BigGAN, BigGAN-deep and BigBiGAN in the form of BigGAN-PyTorch (Brock)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.generator import Prior
from pullback.generators.residual.brock_weights import BrockNetwork, read_brock
from pullback.generators.residual.generator import StagedGenerator
from pullback.generators.residual.priors import ClassEmbeddings, TruncatedNormal


class BigGan(StagedGenerator):
    """BigGAN (Brock, Donahue and Simonyan, ICLR 2019) as BigGAN-PyTorch saves it, in any of its variants.

    The input is cat(z, e): noise, and the shared embedding of a class, both of them free. Networks that share none
    have a gain and an offset for each class in every normalisation: there, the class is one-hot.

    Args:
        entry: What the catalogue says of this generator; its option `epsilon` is that of the blocks' normalisations,
            `output_epsilon` that of the last one, `truncation` the scale of truncated noise.
        state: Tensors of `G_ema.pth` by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other spaces or another image shape than the weights give.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings
        read = read_brock(state, entry, entry.asked("epsilon"), entry.asked("output_epsilon"))
        codes = torch.eye(read.classes) if read.embeddings is None else read.embeddings
        priors: dict[str, Prior] = {} if read.embeddings is None else {"class-embeddings": ClassEmbeddings(codes)}
        if any(space.prior == "truncated-normal" for space in entry.spaces):
            priors["truncated-normal"] = TruncatedNormal(entry.asked("truncation"))
        super().__init__(entry, read.network, read.noise_dim, codes, priors)


class BigBiGan(StagedGenerator):
    """The generator of BigBiGAN (Donahue and Simonyan, NeurIPS 2019) as it was converted to BigGAN-PyTorch.

    It has the tensors of a BigGAN of 128 px, but takes one row of the embedding always, its only class. That row's
    coordinates are free all the same: they widen what an inversion can reach.

    Args:
        entry: What the catalogue says of this generator; its option `epsilon` is that of the blocks' normalisations,
            `output_epsilon` that of the last one, `class` the row.
        state: Tensors by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other spaces or another image shape than the weights give, or a row
            that there is not.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings
        read = read_brock(state, entry, entry.asked("epsilon"), entry.asked("output_epsilon"))
        row = _row(read, entry)
        priors = {"class-embeddings": ClassEmbeddings(row)}
        super().__init__(entry, read.network, read.noise_dim, row, priors)


def _row(read: BrockNetwork, entry: CatalogueEntry) -> Tensor:
    number = entry.asked("class")
    if not number < read.classes:
        raise InvalidInputError(
            f"generator {entry.name!r}: the option 'class' is a row of the embedding, 0 to {read.classes - 1}, but "
            f"{number} came"
        )
    assert read.embeddings is not None  # noqa: S101  (files without any are not taken for a BigBiGAN's)
    return read.embeddings[number : number + 1].clone()
