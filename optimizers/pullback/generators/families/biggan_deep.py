"""BigGAN-deep of pytorch-pretrained-BigGAN (Hugging Face): `biggan-deep-128`, `-256`, `-512`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.residual.generator import StagedGenerator
from pullback.generators.residual.hugging_face_weights import read_hugging_face
from pullback.generators.residual.priors import ClassEmbeddings, TruncatedNormal
from pullback.generators.spectral_norm import fold_spectral_norm
from pullback.generators.state_tensors import StateTensors


class BigGanDeep(StagedGenerator):
    """BigGAN-deep (Brock, Donahue and Simonyan, ICLR 2019) as Hugging Face converted it.

    The input is cat(z, e): noise, and the embedding of a class, both of them free. z is what the network takes: the
    published sampler's truncated normal numbers times the truncation.

    Args:
        entry: What the catalogue says of this generator; its option `truncation` chooses the statistics of the
            normalisations, and is the scale of truncated noise.
        state: Tensors of `pytorch_model.bin` by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other spaces or another image shape than the weights give.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings
        truncation = entry.asked("truncation")
        tensors = StateTensors(fold_spectral_norm(state), entry.name, entry.family)
        network, embeddings = read_hugging_face(tensors, truncation)
        priors = {"truncated-normal": TruncatedNormal(truncation), "class-embeddings": ClassEmbeddings(embeddings)}
        super().__init__(entry, network, network.input_dim - embeddings.shape[1], embeddings, priors)
