"""Units of an analysis of walks that look at a mapping network: warpage of W, and images that fall apart there.

Choi et al., "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of GANs" (ICLR
2022), Fig. 8 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from pullback.analysis.embedded_images import embedded_images, moments_of
from pullback.analysis.metric_analysis import AnalysisState
from pullback.directions.methods.ganspace_pca import ganspace_pca
from pullback.directions.methods.sefa import sefa
from pullback.directions.statistics.frechet import frechet_distance
from pullback.directions.statistics.perturbation import PerturbationDistances, moved_latents
from pullback.directions.statistics.warpage import KS, SubspaceDistances, Warpage, warpage
from pullback.directions.statistics.ways import Way, along_curve, along_direction, along_local_axis
from pullback.distances.distance import EmbeddingDistance
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.generator import Generator
from pullback.generators.style_based.generator import StyleBased
from pullback.geometry.point import check_same_place
from pullback.geometry.seeding import derive_seed

# What a unit adds to the state.
Unit: TypeAlias = Callable[[AnalysisState], Tensor]

GLOBAL_METHODS = ("ganspace_pca", "sefa")
WAYS = ("curve", "local_basis", *GLOBAL_METHODS)
GANSPACE_SAMPLES = 20_000
# ‖z' − z‖ of close latents, as in Fig. 8.
EPSILON = 0.1
WARPAGE_PAIRS = 100
# Lengths of the way in w, up to the paper's largest; a curve has a piece for each unit of the longest.
STRENGTHS = (2.0, 4.0, 8.0, 12.0)
CURVE_PIECES = 12
# The paper took 10,000: hours on a few cores. With so few a Fréchet distance is far too large, but by about as much
# for every strength, so that rises compare.
IMAGES = 200
# Of one unit: a few seconds.
_PAIRS_AT_ONCE, _LATENTS_AT_ONCE = 10, 20
_KINDS = ("random", "far", "close", *GLOBAL_METHODS)
_REFERENCE = "reference"
# In place of features: there are none.
_ENDED = torch.full((1,), torch.nan)
# Places of the seeds of what is drawn here.
_GANSPACE, _WARPAGE, _MOVED, _UNMOVED = range(4)


class MappingAnalysis:
    """The units that look at w, and what comes of them.

    Args:
        generator: A generator with a mapping network.
        embedding: φ of the Fréchet distances, on the same device and in the same precision.
        seed: Any integer ≥ 0.

    Attributes:
        embedding: φ.

    Raises:
        InvalidInputError: The embedding is missing, or lives elsewhere than the generator.
    """

    def __init__(self, generator: Generator, embedding: EmbeddingDistance | None, seed: int) -> None:
        if embedding is None:
            raise InvalidInputError(
                f"generator {generator.name!r} has a mapping network, along which images fall apart by a Fréchet "
                "distance; give the embedding that it is taken in, such as load_pooled_features()"
            )
        check_same_place(generator, embedding)
        self._generator = generator
        self.embedding = embedding
        self._seed = seed
        self._ks = tuple(k for k in KS if k <= generator.space("w").dim)

    @staticmethod
    def fits(generator: Generator) -> bool:
        """Whether a generator has a mapping network."""
        return isinstance(generator, StyleBased)

    def units(self) -> dict[str, Unit]:
        """The units by name, in their order."""
        units: dict[str, Unit] = {_directions(method): self._directions_unit(method) for method in GLOBAL_METHODS}
        for chunk in range(WARPAGE_PAIRS // _PAIRS_AT_ONCE):
            units[_warpage(chunk)] = self._warpage_unit(chunk)
        for name in (_REFERENCE, *WAYS):
            for chunk in range(IMAGES // _LATENTS_AT_ONCE):
                units[_features(name, chunk)] = self._features_unit(name, chunk)
        return units | {_frechet(way): self._frechet_unit(way) for way in WAYS}

    def warpage(self, state: AnalysisState) -> Warpage:
        """How much W is warped, once all units are done."""
        chunks = [state.tensors[_warpage(chunk)] for chunk in range(WARPAGE_PAIRS // _PAIRS_AT_ONCE)]
        # (kinds, geodesic and projection, pairs, ks)
        parts = torch.cat(chunks, dim=2).numpy()
        random, far, close, *others = (SubspaceDistances(self._ks, *part) for part in parts)
        return Warpage(random, far, {EPSILON: close}, dict(zip(GLOBAL_METHODS, others, strict=True)))

    def perturbations(self, state: AnalysisState) -> dict[str, PerturbationDistances]:
        """How images fall apart by the strength of a step, by what is walked along, once all units are done.

        NaN along curves where one of them ends before the largest strength.
        """
        found = {}
        for way in WAYS:
            unmoved, *distances = state.tensors[_frechet(way)].tolist()
            name = self.embedding.name
            found[way] = PerturbationDistances(np.array(STRENGTHS), np.array(distances), unmoved, IMAGES, name)
        return found

    def _directions_unit(self, method: str) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            del state
            k = self._ks[-1]
            if method == "sefa":
                return torch.tensor(sefa(self._generator, k, space="w").vectors)
            if method == "ganspace_pca":
                seed = derive_seed(self._seed, _GANSPACE)
                found = ganspace_pca(self._generator, k, space="w", samples=GANSPACE_SAMPLES, seed=seed)
                return torch.tensor(found.vectors)
            raise UnknownNameError("method of global directions", method, GLOBAL_METHODS)

        return unit

    def _warpage_unit(self, chunk: int) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            found = warpage(
                self._generator,
                ks=self._ks,
                samples=_PAIRS_AT_ONCE,
                epsilons=(EPSILON,),
                references={method: state.tensors[_directions(method)].numpy() for method in GLOBAL_METHODS},
                seed=derive_seed(self._seed, _WARPAGE, chunk),
            )
            kinds = (found.random, found.far, found.close[EPSILON], *found.to_global.values())
            return torch.from_numpy(np.stack([(kind.geodesic, kind.projection) for kind in kinds]))

        return unit

    def _features_unit(self, name: str, chunk: int) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            # The same latents for every way, others for the reference.
            place = _UNMOVED if name == _REFERENCE else _MOVED
            drawn = self._generator.space("z").sample(_LATENTS_AT_ONCE, derive_seed(self._seed, place, chunk))
            drawn = drawn.to(self._generator.device, self._generator.dtype)
            if name == _REFERENCE:
                return embedded_images(self._generator, self.embedding, drawn, "z")
            way = self._way(name, state)
            try:
                moved = moved_latents(way, drawn, STRENGTHS)
            except InvalidInputError:
                if name != "curve":
                    raise
                # A curve ends where the mapping network moves w along no axis of its own; the other ways do not.
                return _ENDED
            features = embedded_images(self._generator, self.embedding, moved.flatten(0, 1), way.space)
            return features.reshape(*moved.shape[:2], -1)

        return unit

    def _frechet_unit(self, way: str) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            chunks = range(IMAGES // _LATENTS_AT_ONCE)
            embedded = [state.tensors[_features(_REFERENCE, chunk)] for chunk in chunks]
            reference = moments_of(self.embedding, embedded)
            found = [state.tensors[_features(way, chunk)] for chunk in chunks]
            if any(part.shape == _ENDED.shape for part in found):
                return torch.full((1 + len(STRENGTHS),), torch.nan, dtype=torch.float64)
            moved = torch.cat(found, dim=1)
            distances = [frechet_distance(moments_of(self.embedding, [features]), reference) for features in moved]
            return torch.tensor(distances, dtype=torch.float64)

        return unit

    def _way(self, name: str, state: AnalysisState) -> Way:
        """Along the first axis of each kind."""
        if name == "curve":
            return along_curve(self._generator, 0, CURVE_PIECES)
        if name == "local_basis":
            return along_local_axis(self._generator, 0)
        if name in GLOBAL_METHODS:
            vector = state.tensors[_directions(name)][0]
            return along_direction(self._generator, vector, "w", start_space="z")
        raise UnknownNameError("way through w", name, WAYS)


def _directions(method: str) -> str:
    return f"global directions/{method}"


def _warpage(chunk: int) -> str:
    return f"warpage/{chunk:04d}"


def _features(name: str, chunk: int) -> str:
    return f"perturbed images/{name}/{chunk:04d}"


def _frechet(way: str) -> str:
    return f"frechet distances/{way}"
