"""Analysis of walks in a latent space: what a report says beside the metric itself.

As in `pullback.analysis.metric_analysis`, the work is a list of short units, each of which adds a tensor under a name
of its own to the state; a state that is stored and taken up again goes on exactly where it stood.
"""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.analysis.mapping_units import MappingAnalysis, Unit
from pullback.analysis.metric_analysis import AXIS_FRAMES, AXIS_REACH, AnalysisState
from pullback.analysis.random_walk_units import (
    TRAVERSALS,
    RandomWalkAnalysis,
    has_normal_prior,
    makes_pictures,
)
from pullback.analysis.variation_units import VariationAnalysis
from pullback.analysis.walk_findings import DriftFindings, WalkFindings
from pullback.directions.statistics.density import density_drift
from pullback.directions.statistics.distance_curves import AXES, DistanceCurves, curve_directions, distances_along
from pullback.directions.traversals.walk import even_steps
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.geometry.point import check_same_place
from pullback.geometry.seeding import derive_seed

# As far as DP-LaSE walks.
DRIFT_REACH = 10.0
DRIFT_FRAMES = 21
_EIGENVECTORS = "eigenvectors"
# Places of the seeds of what is drawn here; those before are the metric's.
_POSITIONS, _RANDOM, _MAPPING, _VARIATION, _RANDOM_WALKS = 3, 4, 5, 6, 7


class WalkAnalysis:
    """Measures walks in a generator's latent space.

    Use: `state = init(eigenvectors)`, `state = step(state)` until `done(state)`, `result(state)`.

    Args:
        generator: The generator.
        distance: The distance that says how far images go.
        space: Name of the latent space. What is measured of a mapping network is measured in w, whatever the space; the
            eigenvectors are walked in this one.
        positions: Latents that walks start from, at least 1; Fréchet distances of random walks are taken over the more
            images the more there are.
        seed: Of everything that is drawn, any integer ≥ 0.
        embedding: φ of the Fréchet distances, such as `load_pooled_features()`, where they are taken
            (`needs_embedding`).

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range, generator, distance and embedding live on different devices or in
            different precisions, or the embedding is missing.
    """

    def __init__(
        self,
        generator: Generator,
        distance: Distance,
        space: str,
        *,
        positions: int = 10,
        seed: int = 0,
        embedding: EmbeddingDistance | None = None,
    ) -> None:
        if positions < 1:
            raise InvalidInputError(f"walks start from at least 1 position, but {positions} came")
        check_same_place(generator, distance)
        self.generator = generator
        self.distance = distance
        self.space = generator.space(space)
        self.seed = seed
        self._starts = self.space.sample(positions, derive_seed(seed, _POSITIONS))
        self._mapping = self._variation = None
        if MappingAnalysis.fits(generator):
            self._mapping = MappingAnalysis(generator, embedding, derive_seed(seed, _MAPPING))
            self._variation = VariationAnalysis(
                generator, self._mapping.embedding, space, _EIGENVECTORS, derive_seed(seed, _VARIATION)
            )
        self._random_walks = None
        if has_normal_prior(self.space):
            self._random_walks = RandomWalkAnalysis(
                generator, distance, space, self._starts, derive_seed(seed, _RANDOM_WALKS), embedding
            )
        self._units = self._plan()

    @staticmethod
    def needs_embedding(generator: Generator, space: str) -> bool:
        """Whether Fréchet distances are taken: of a mapping network, or of pictures of a space with a normal prior.

        Raises:
            UnknownNameError: The generator has no such space.
        """
        return MappingAnalysis.fits(generator) or (
            has_normal_prior(generator.space(space)) and makes_pictures(generator)
        )

    @property
    def total(self) -> int:
        """The number of units."""
        return len(self._units)

    def init(self, eigenvectors: Float64[Tensor, "n n"]) -> AnalysisState:
        """The state before the first step.

        Args:
            eigenvectors: Of the global metric, one a column, by descending eigenvalue.

        Raises:
            InvalidInputError: They are not as many, or not as long, as the space has dimensions.
        """
        dim = self.space.dim
        if eigenvectors.shape != (dim, dim):
            raise InvalidInputError(
                f"space {self.space.name!r} of generator {self.generator.name!r} has {dim} eigenvectors of {dim} "
                f"coordinates, but shape {tuple(eigenvectors.shape)} came"
            )
        return AnalysisState({_EIGENVECTORS: eigenvectors.clone()})

    def step(self, state: AnalysisState) -> AnalysisState:
        """Does the next unit."""
        name = next(name for name in self._units if name not in state.tensors)
        return AnalysisState({**state.tensors, name: self._units[name](state)})

    def made(self, state: AnalysisState) -> int:
        """How many units were done."""
        return len(state.tensors) - 1

    def done(self, state: AnalysisState) -> bool:
        """Whether every unit was done."""
        return self.made(state) == self.total

    def phase(self, state: AnalysisState) -> str:
        """What the next unit does, in a few words."""
        following = next((name for name in self._units if name not in state.tensors), "statistics")
        return following.split("/")[0]

    def result(self, state: AnalysisState) -> WalkFindings:
        """The statistics of what was measured.

        Raises:
            InvalidInputError: Some units are not done.
        """
        if not self.done(state):
            raise InvalidInputError(f"{self.made(state)} of {self.total} units are done; make the others first")
        curves = [state.tensors[_curves(i)].numpy() for i in range(len(self._starts))]
        return WalkFindings(
            curves=DistanceCurves.of(self._steps(), curves, self.distance.name),
            drifts=tuple(self._drift(state, traversal) for traversal in self._traversals()),
            warpage=self._mapping.warpage(state) if self._mapping else None,
            perturbations=self._mapping.perturbations(state) if self._mapping else {},
            variations=self._variation.result(state) if self._variation else None,
            walk_distances=self._random_walks.distances(state) if self._random_walks else None,
            walk_quality=self._random_walks.quality(state) if self._random_walks else None,
        )

    def _plan(self) -> dict[str, Unit]:
        units = {_curves(i): self._curves_unit(i) for i in range(len(self._starts))}
        units |= {_density(traversal): self._drift_unit(traversal) for traversal in self._traversals()}
        for part in (self._random_walks, self._mapping, self._variation):
            units |= part.units() if part else {}
        return units

    def _traversals(self) -> tuple[str, ...]:
        """Those whose density says something."""
        return tuple(TRAVERSALS) if has_normal_prior(self.space) else ()

    def _curves_unit(self, i: int) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            eigenvectors = state.tensors[_EIGENVECTORS]
            seed = derive_seed(self.seed, _RANDOM, i)
            vectors = curve_directions(eigenvectors, min(AXES, self.space.dim), seed)
            name = self.space.name
            found = distances_along(self.generator, self.distance, self._starts[i], vectors, self._steps(), name)
            return torch.from_numpy(found)

        return unit

    def _drift_unit(self, traversal: str) -> Unit:
        def unit(state: AnalysisState) -> Tensor:
            leading, steps = state.tensors[_EIGENVECTORS][:, 0], _drift_steps()
            walks = (TRAVERSALS[traversal](start, leading, steps, self.space.name) for start in self._starts)
            drifts = [density_drift(self.generator, walk) for walk in walks]
            return torch.stack(
                [
                    torch.stack([torch.from_numpy(drift.norms), torch.from_numpy(drift.log_densities)])
                    for drift in drifts
                ]
            )

        return unit

    def _drift(self, state: AnalysisState, traversal: str) -> DriftFindings:
        norms, log_densities = state.tensors[_density(traversal)].unbind(dim=1)
        return DriftFindings(traversal, _drift_steps().numpy(), norms.numpy(), log_densities.numpy())

    def _steps(self) -> Tensor:
        """As far as the strips of the metric's analysis go."""
        reach = AXIS_REACH * self.space.prior.spread()
        return even_steps(-reach, reach, AXIS_FRAMES)


def _drift_steps() -> Tensor:
    return even_steps(-DRIFT_REACH, DRIFT_REACH, DRIFT_FRAMES)


def _curves(i: int) -> str:
    return f"distance curves/{i:04d}"


def _density(traversal: str) -> str:
    return f"density drift/{traversal}"
