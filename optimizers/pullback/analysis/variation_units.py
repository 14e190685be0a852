"""Units of an analysis of walks that vary images at random along a set of directions.

Palaev et al., "Exploring Semantic Variations in GAN Latent Spaces via Matrix Factorization" (ICLR 2023, Tiny Papers),
Tables 1 to 3.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pullback.analysis.embedded_images import embedded_images, moments_of
from pullback.analysis.mapping_units import Unit
from pullback.analysis.metric_analysis import AnalysisState
from pullback.analysis.walk_findings import VariationFindings
from pullback.directions.direction_set import DirectionSet
from pullback.directions.methods.ganspace_ica import ganspace_ica
from pullback.directions.methods.ganspace_pca import ganspace_pca
from pullback.directions.origins import origin_of
from pullback.directions.random_directions import random_directions
from pullback.directions.statistics.frechet import frechet_distance
from pullback.directions.statistics.ways import along_any
from pullback.distances.distance import EmbeddingDistance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator
from pullback.geometry.point import check_same_place
from pullback.geometry.seeding import derive_seed

SETS = ("hessian", "ganspace_pca", "ica_mixing", "ica_unmixing", "random")
# Leading directions of each set: the fewer of the two numbers of components of Table 2.
DIRECTIONS = 20
GANSPACE_SAMPLES = 20_000
# Of α ~ U[−s, s], as in the tables, in units of the prior's deviation.
STRENGTHS = (3.0, 6.0)
# The paper took 1,000: too many for a report.
IMAGES = 200
# Of one unit: a few seconds.
_LATENTS_AT_ONCE = 20
_ORIGINALS = "originals"
# In place of directions, and of features: there are none.
_NONE = torch.full((1,), torch.nan)
# Places of the seeds of what is drawn here.
_GANSPACE, _RANDOM, _LATENTS, _CHANGES = range(4)


class VariationAnalysis:
    """The units that change each image by a random step along a random direction of a set, and what comes of them.

    The latents are draws of z. GANSpace's directions, the independent components and the random ones lie in w, the
    eigenvectors in the analysed space. Every set takes the same draws of the latents, the places in the set and the
    steps.

    Args:
        generator: A generator with a mapping network (`MappingAnalysis.fits`).
        embedding: φ of the Fréchet distances, on the same device and in the same precision.
        space: Name of the space in which the eigenvectors lie.
        eigenvectors: Name of the tensor in the state that holds them, one a column, by descending eigenvalue.
        seed: Any integer ≥ 0.

    Raises:
        InvalidInputError: The embedding lives elsewhere than the generator.
    """

    def __init__(
        self, generator: Generator, embedding: EmbeddingDistance, space: str, eigenvectors: str, seed: int
    ) -> None:
        check_same_place(generator, embedding)
        self._generator = generator
        self._embedding = embedding
        self._space = space
        self._eigenvectors = eigenvectors
        self._seed = seed
        self._k = min(DIRECTIONS, generator.space("w").dim)

    def units(self) -> dict[str, Unit]:
        """The units by name, in their order."""
        units: dict[str, Unit] = {_directions(name): self._directions_unit(name) for name in SETS}
        for name in (_ORIGINALS, *SETS):
            for chunk in range(IMAGES // _LATENTS_AT_ONCE):
                units[_features(name, chunk)] = self._features_unit(name, chunk)
        return units | {_frechet(name): self._frechet_unit(name) for name in SETS}

    def result(self, state: AnalysisState) -> VariationFindings:
        """How far images go from what they were, once all units are done.

        NaN for independent components that the iteration did not find.
        """
        return VariationFindings(
            strengths=np.array(STRENGTHS),
            distances={name: state.tensors[_frechet(name)].numpy() for name in SETS},
            spaces={name: self._space_of(name) for name in SETS},
            directions=self._k,
            images=IMAGES,
            embedding=self._embedding.name,
        )

    def _space_of(self, name: str) -> str:
        return self._space if name == "hessian" else "w"

    def _directions_unit(self, name: str) -> Unit:
        sets: dict[str, Unit] = {
            "hessian": lambda state: state.tensors[self._eigenvectors][:, : self._k].T.clone(),
            "ganspace_pca": lambda _: self._principal(),
            "ica_mixing": lambda _: self._independent("mixing"),
            "ica_unmixing": lambda _: self._independent("unmixing"),
            "random": lambda _: random_directions(
                self._k, self._generator.space("w").dim, derive_seed(self._seed, _RANDOM)
            ),
        }
        return sets[name]

    def _principal(self) -> Tensor:
        seed = derive_seed(self._seed, _GANSPACE)
        found = ganspace_pca(self._generator, self._k, space="w", samples=GANSPACE_SAMPLES, seed=seed)
        return torch.tensor(found.vectors)

    def _independent(self, vectors: str) -> Tensor:
        seed = derive_seed(self._seed, _GANSPACE)
        try:
            found = ganspace_ica(
                self._generator, self._k, space="w", samples=GANSPACE_SAMPLES, seed=seed, ica_vectors=vectors
            )
        except InvalidInputError:
            raise
        except PullbackError:
            # The iteration does not settle: there are no such components, and a report says so of them alone.
            return _NONE
        return torch.tensor(found.vectors)

    def _features_unit(self, name: str, chunk: int) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            drawn = self._generator.space("z").sample(_LATENTS_AT_ONCE, derive_seed(self._seed, _LATENTS, chunk))
            drawn = drawn.to(self._generator.device, self._generator.dtype)
            if name == _ORIGINALS:
                return embedded_images(self._generator, self._embedding, drawn, "z")
            vectors = state.tensors[_directions(name)]
            if vectors.shape == _NONE.shape:
                return _NONE
            space = self._space_of(name)
            # What they are ranked by is of no matter here.
            values = np.full(len(vectors), np.nan)
            directions = DirectionSet(vectors.numpy(), values, origin_of(self._generator, space, name))
            seed = derive_seed(self._seed, _CHANGES, chunk)
            steps = self._generator.space(space).prior.spread() * torch.tensor(STRENGTHS, dtype=torch.float64)
            # (latents, strengths, n), strengths first
            moved = (
                along_any(self._generator, directions, start_space="z", seed=seed).move(drawn, steps).transpose(0, 1)
            )
            features = embedded_images(self._generator, self._embedding, moved.flatten(0, 1), space)
            return features.reshape(*moved.shape[:2], -1)

        return unit

    def _frechet_unit(self, name: str) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            chunks = range(IMAGES // _LATENTS_AT_ONCE)
            found = [state.tensors[_features(name, chunk)] for chunk in chunks]
            if found[0].shape == _NONE.shape:
                return torch.full((len(STRENGTHS),), torch.nan, dtype=torch.float64)
            originals = moments_of(self._embedding, [state.tensors[_features(_ORIGINALS, chunk)] for chunk in chunks])
            distances = [
                frechet_distance(moments_of(self._embedding, [features]), originals)
                for features in torch.cat(found, dim=1)
            ]
            return torch.tensor(distances, dtype=torch.float64)

        return unit


def _directions(name: str) -> str:
    return f"varied directions/{name}"


def _features(name: str, chunk: int) -> str:
    return f"varied images/{name}/{chunk:04d}"


def _frechet(name: str) -> str:
    return f"frechet distances of varied images/{name}"
