"""Units of an analysis of walks along random directions: what keeping the density does for the images.

Li et al., "Discovering Density-Preserving Latent Space Walks in GANs for Semantic Image Transformations" (ACM MM 2021):
Table 1, Fig. 5 (b) and 10.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.analysis.embedded_images import embedded_images
from pullback.analysis.mapping_units import Unit
from pullback.analysis.metric_analysis import AnalysisState
from pullback.analysis.walk_findings import WalkDistanceFindings, WalkQualityFindings
from pullback.directions.random_directions import random_directions
from pullback.directions.statistics.distance_curves import distances_along
from pullback.directions.statistics.frechet import frechet_distance_of_features
from pullback.directions.traversals.density_preserving import density_preserving
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.spherical import spherical
from pullback.directions.traversals.walk import Walk
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator, LatentSpace
from pullback.generators.priors import StandardNormal
from pullback.geometry.point import check_same_place
from pullback.geometry.seeding import derive_seed

TRAVERSALS: dict[str, Callable[[Tensor, Tensor, Tensor, str], Walk]] = {
    "linear": linear,
    "spherical": spherical,
    "density_preserving": density_preserving,
}
# ε of the image distances, as far as DP-LaSE walks.
STEPS = (2.0, 4.0, 6.0, 8.0, 10.0)
# Random directions from every start.
DIRECTIONS = 2
# ε of the Fréchet distances, those of Table 1: along random directions a sign says nothing.
STRIDES = (5.0, 10.0)
# Images of a set: so many for each position, of so many positions at most. With 120 images the embedding sees 960, half
# a minute on one thread; the paper's numbers of images would take hours.
LATENTS_PER_POSITION = 12
MOST_POSITIONS = 10
_REFERENCE, _UNMOVED = "reference", "unmoved"
_CHANNELS = (1, 3)
# Places of the seeds of what is drawn here.
_DIRECTIONS, _LATENTS, _OTHER_LATENTS, _LATENT_DIRECTIONS = range(4)


class RandomWalkAnalysis:
    """The units that move latents along random directions by each kind of walk, and what comes of the images.

    Every kind of walk takes the same latents, directions and steps. Fréchet distances are taken from images of other
    draws of the prior, so that the images that were not moved have the distance that the number of images alone makes:
    the column ε = 0 of Table 1. At the default of ten positions 960 images pass the embedding, at 27 to 34 a second on
    one thread, and some 300 the image distance.

    Args:
        generator: The generator.
        distance: The distance that says how far images go.
        space: A space with a standard normal prior (`has_normal_prior`).
        starts: Latents that the image distances are taken from, shape (positions, n).
        seed: Any integer ≥ 0.
        embedding: φ of the Fréchet distances, where the generator makes pictures (`makes_pictures`).

    Raises:
        InvalidInputError: The embedding is missing for a generator of pictures, or it or the distance lives elsewhere
            than the generator.
    """

    def __init__(
        self,
        generator: Generator,
        distance: Distance,
        space: str,
        starts: Float[Tensor, "positions n"],
        seed: int,
        embedding: EmbeddingDistance | None,
    ) -> None:
        check_same_place(generator, distance)
        self._generator = generator
        self._distance = distance
        self._space = generator.space(space)
        self._starts = starts
        self._seed = seed
        self._embedding: EmbeddingDistance | None = None
        if makes_pictures(generator):
            if embedding is None:
                raise InvalidInputError(
                    f"pictures of generator {generator.name!r} are compared after random walks by a Fréchet distance; "
                    "give the embedding that it is taken in, such as load_pooled_features()"
                )
            check_same_place(generator, embedding)
            self._embedding = embedding
        self._chunks = range(min(len(starts), MOST_POSITIONS))

    def units(self) -> dict[str, Unit]:
        """The units by name, in their order."""
        units = {_distances(i): self._distances_unit(i) for i in range(len(self._starts))}
        if self._embedding:
            for name in (_REFERENCE, _UNMOVED, *TRAVERSALS):
                units |= {
                    _features(name, chunk): self._features_unit(self._embedding, name, chunk) for chunk in self._chunks
                }
        return units

    def distances(self, state: AnalysisState) -> WalkDistanceFindings:
        """How far images go on each kind of walk, once all units are done."""
        found = torch.stack([state.tensors[_distances(i)] for i in range(len(self._starts))], dim=1).numpy()
        return WalkDistanceFindings(np.array(STEPS), dict(zip(TRAVERSALS, found, strict=True)))

    def quality(self, state: AnalysisState) -> WalkQualityFindings | None:
        """How well images of each kind of walk keep to those of the prior, once all units are done.

        None where the generator makes no pictures.
        """
        if self._embedding is None:
            return None
        reference, unmoved = (self._gathered(state, name)[0] for name in (_REFERENCE, _UNMOVED))
        return WalkQualityFindings(
            strides=np.array(STRIDES),
            distances={
                name: np.array([frechet_distance_of_features(rows, reference) for rows in self._gathered(state, name)])
                for name in TRAVERSALS
            },
            unmoved=frechet_distance_of_features(unmoved, reference),
            images=len(reference),
            embedding=self._embedding.name,
        )

    def _gathered(self, state: AnalysisState, name: str) -> Float64[np.ndarray, "strides images features"]:
        chunks = [state.tensors[_features(name, chunk)] for chunk in self._chunks]
        found: Float64[np.ndarray, "strides images features"] = torch.cat(chunks, dim=1).double().numpy()
        return found

    def _distances_unit(self, i: int) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            del state
            vectors, steps = self._directions(DIRECTIONS, _DIRECTIONS, i), torch.tensor(STEPS, dtype=torch.float64)
            found = [
                distances_along(
                    self._generator, self._distance, self._starts[i], vectors, steps, self._space.name, traversal
                )
                for traversal in TRAVERSALS.values()
            ]
            # (kinds, directions, steps)
            return torch.from_numpy(np.stack(found))

        return unit

    def _features_unit(self, embedding: EmbeddingDistance, name: str, chunk: int) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            del state
            place = _OTHER_LATENTS if name == _REFERENCE else _LATENTS
            drawn = self._space.sample(LATENTS_PER_POSITION, derive_seed(self._seed, place, chunk))
            drawn = drawn.to(self._generator.device, self._generator.dtype)
            moved = drawn[None] if name in {_REFERENCE, _UNMOVED} else self._moved(name, drawn, chunk)
            features = embedded_images(self._generator, embedding, moved.flatten(0, 1), self._space.name)
            return features.reshape(*moved.shape[:2], -1)

        return unit

    def _moved(self, name: str, latents: Tensor, chunk: int) -> Tensor:
        """Each latent along a random direction of its own, shape (strides, latents, n)."""
        vectors = self._directions(len(latents), _LATENT_DIRECTIONS, chunk)
        strides = torch.tensor(STRIDES, dtype=torch.float64)
        walks = (
            TRAVERSALS[name](latent, vector, strides, self._space.name)
            for latent, vector in zip(latents, vectors, strict=True)
        )
        return torch.stack([walk.latents for walk in walks], dim=1)

    def _directions(self, count: int, place: int, number: int) -> Float64[Tensor, "count n"]:
        return random_directions(count, self._space.dim, derive_seed(self._seed, place, number))


def has_normal_prior(space: LatentSpace) -> bool:
    """Whether walks in a space keep or lose its density as DP-LaSE means it.

    In one dimension there is no circle to walk on.
    """
    return isinstance(space.prior, StandardNormal) and space.dim > 1


def makes_pictures(generator: Generator) -> bool:
    """Whether an embedding of pictures takes what a generator makes: grey or coloured images, and no sounds."""
    return len(generator.image_shape) == 3 and generator.image_shape[0] in _CHANNELS


def _distances(i: int) -> str:
    return f"distances of random walks/{i:04d}"


def _features(name: str, chunk: int) -> str:
    return f"images of random walks/{name}/{chunk:04d}"
