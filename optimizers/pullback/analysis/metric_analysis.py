"""Analysis of a generator's metric: the tables and figures of Wang & Ponce (ICLR 2021).

The work is a list of short units, each of which adds tensors under a name of its own to the state; a state that is
stored and taken up again therefore goes on exactly where it stood. What the units computed becomes statistics in
`pullback.analysis.metric_findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from pullback.analysis.amplification import amplifications, first_layer_metric
from pullback.analysis.metric_findings import (
    Axis,
    ComparisonFindings,
    Findings,
    LayerFindings,
    compare_all,
    layer_findings,
    spectrum_findings,
    speed_findings,
)
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.generators.rendering import rendered
from pullback.generators.shuffled_weights import shuffle_weights
from pullback.geometry.metric import POINTWISE_METHODS
from pullback.geometry.point import Point, check_same_place
from pullback.geometry.seeding import derive_seed
from pullback.geometry.statistics import metric_homogeneity
from pullback.memory import budget_of, in_blocks
from pullback.pieces import finish

AXIS_FRAMES = 9
# How far a strip reaches to either side, as a multiple of the prior's deviation.
AXIS_REACH = 3.0


@dataclass(frozen=True)
class AnalysisState:
    """What the units have computed so far, by name; `metric/0003` is the metric at position 3."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)


# What a unit makes of what was measured before; in pieces, where it takes long.
_Unit = Callable[[AnalysisState], Tensor | Generator[None, None, Tensor]]


class MetricAnalysis:
    """Measures the metric of a generator under a distance.

    Use: `state = init()`, `state = step(state)` until `done(state)`, `result(state)`.

    Args:
        generator: The generator.
        distance: The distance whose metric is analysed.
        space: Name of the latent space.
        others: Other distances to compare it with.
        positions: Positions at which the metric is computed exactly, at least 2.
        control_positions: Positions for the weight-shuffled control, 2 to `positions`.
        compared_positions: Positions for the other distances, 2 to `positions`; as many as for the control when
            omitted.
        seed: Of the positions and of the control, any integer ≥ 0.
        max_memory: Bytes that the metric at a position may add at its peak, as for `metric_tensor`; no bound when
            omitted. The other units carry up to 32 directions or images through the generator.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range, or generator and distances live on different devices or in
            different precisions.
    """

    def __init__(
        self,
        generator: ImageGenerator,
        distance: Distance,
        space: str,
        *,
        others: Sequence[Distance] = (),
        positions: int = 50,
        control_positions: int = 10,
        compared_positions: int | None = None,
        seed: int = 0,
        max_memory: int | None = None,
    ) -> None:
        if positions < 2:
            raise InvalidInputError(f"an analysis needs at least 2 positions, but {positions} came")
        compared_positions = control_positions if compared_positions is None else compared_positions
        for what, count in (("control", control_positions), ("compared", compared_positions)):
            if not 2 <= count <= positions:
                raise InvalidInputError(f"{what} positions lie between 2 and {positions}, but {count} came")
        for each in (distance, *others):
            check_same_place(generator, each)
        self.generator = generator
        self.distance = distance
        self.others = tuple(others)
        self.space = generator.space(space)
        self.positions = positions
        self.control_positions = control_positions
        self.compared_positions = compared_positions
        self.seed = seed
        # One for each distance: what was measured of its memory at one position serves the others.
        self._methods = {each: POINTWISE_METHODS[_method(each)](max_memory=max_memory) for each in (distance, *others)}
        self._control = shuffle_weights(generator, derive_seed(seed, 2))
        self._latents, self._contexts = self._draw()
        self._units = self._plan()

    @property
    def method(self) -> str:
        """The estimator of the analysed distance's metric at a position."""
        return _method(self.distance)

    @property
    def total(self) -> int:
        """The number of units."""
        return len(self._units)

    def init(self) -> AnalysisState:
        """The state before the first step."""
        return AnalysisState()

    def step(self, state: AnalysisState) -> AnalysisState:
        """Does the next unit."""
        return finish(self.step_in_pieces(state))

    def step_in_pieces(self, state: AnalysisState) -> Generator[None, None, AnalysisState]:
        """As `step`.

        Yields:
            Nothing, after every few derivatives of a metric: other work may be done then. Other units are one piece.
        """
        name = next(name for name in self._units if name not in state.tensors)
        made = self._units[name](state)
        return AnalysisState({**state.tensors, name: made if isinstance(made, Tensor) else (yield from made)})

    def done(self, state: AnalysisState) -> bool:
        """Whether every unit was done."""
        return len(state.tensors) == self.total

    def phase(self, state: AnalysisState) -> str:
        """What the next unit does, in a few words."""
        following = next((name for name in self._units if name not in state.tensors), "statistics")
        return following.split("/")[0]

    def eigenvectors(self, state: AnalysisState) -> Float64[Tensor, "n n"]:
        """Those of the mean metric as columns, by descending eigenvalue; the metrics have to be measured."""
        mean = torch.from_numpy(_stack(state, "metric").mean(axis=0))
        # Ascending in torch.
        descending: Tensor = torch.linalg.eigh(mean).eigenvectors.flip(1)
        return descending

    def result(self, state: AnalysisState) -> Findings:
        """The statistics of what was measured."""
        if not self.done(state):
            raise InvalidInputError(f"{len(state.tensors)} of {self.total} units are done; make the others first")
        metrics = _stack(state, "metric")
        control = _stack(state, "shuffled metric")
        return Findings(
            spectrum=spectrum_findings(metrics),
            shuffled_spectrum=spectrum_findings(control),
            apparent_speed=speed_findings(metrics, self.seed),
            homogeneity=metric_homogeneity(metrics),
            shuffled_homogeneity=metric_homogeneity(control),
            comparisons=self._comparisons(state, metrics),
            layers=self._layers(_stack(state, "layers")),
            shuffled_layers=self._layers(_stack(state, "shuffled layers")),
            axes=tuple(self._axis(state, rank, metrics) for rank in self._ranks()),
        )

    def _comparisons(self, state: AnalysisState, metrics: NDArray[np.float64]) -> tuple[ComparisonFindings, ...]:
        found = {self.distance.name: metrics[: self.compared_positions]}
        found |= {other.name: _stack(state, f"metric under {other.name}") for other in self.others}
        return compare_all(found, {each.name: _method(each) for each in (self.distance, *self.others)})

    def _layers(self, amplifications: NDArray[np.float64]) -> tuple[LayerFindings, ...]:
        """Means over positions of amplifications, shape (positions, layers, n)."""
        with torch.no_grad():
            names = self.generator.activations(self._complete(0))
        return layer_findings(dict(zip(names, amplifications.mean(axis=0), strict=True)))

    def _axis(self, state: AnalysisState, rank: int, metrics: NDArray[np.float64]) -> Axis:
        return Axis(
            rank=rank,
            eigenvalue=float(np.linalg.eigvalsh(metrics.mean(axis=0))[-1 - rank]),
            steps=self._steps().numpy(),
            distances=state.tensors[f"axis distances/{rank}"].numpy(),
            images=state.tensors[f"axis images/{rank}"].numpy(),
        )

    def _draw(self) -> tuple[Tensor, Tensor]:
        device, dtype = self.generator.device, self.generator.dtype
        whole = self.generator.whole_of(self.space.name)
        latents = self.space.sample(self.positions, derive_seed(self.seed, 0)).to(device, dtype)
        contexts = whole.sample(self.positions, derive_seed(self.seed, 1)).to(device, dtype)
        return latents, contexts

    def _plan(self) -> dict[str, _Unit]:
        units: dict[str, _Unit] = {}
        for i in range(self.positions):
            units[_name("metric", i)] = self._metric_unit(self.generator, self.distance, i)
        for i in range(self.control_positions):
            units[_name("shuffled metric", i)] = self._metric_unit(self._control, self.distance, i)
        for other in self.others:
            for i in range(self.compared_positions):
                units[_name(f"metric under {other.name}", i)] = self._metric_unit(self.generator, other, i)
        for prefix, generator in (("", self.generator), ("shuffled ", self._control)):
            for i in range(self.control_positions):
                units[_name(f"{prefix}first layer", i)] = self._first_layer_unit(generator, i)
            for i in range(self.control_positions):
                units[_name(f"{prefix}layers", i)] = self._layers_unit(generator, prefix, i)
        for rank in self._ranks():
            units[f"axis images/{rank}"] = self._axis_images_unit(rank)
            units[f"axis distances/{rank}"] = self._axis_distances_unit(rank)
        return units

    def _metric_unit(self, generator: ImageGenerator, distance: Distance, i: int) -> _Unit:
        def unit(state: AnalysisState) -> Generator[None, None, Tensor]:
            del state
            point = Point(generator, distance, self._latents[i], self.space.name, self._contexts[i])
            return (yield from self._methods[distance].metric_in_pieces(point)).cpu()

        return unit

    def _first_layer_unit(self, generator: ImageGenerator, i: int) -> _Unit:
        def unit(state: AnalysisState) -> Tensor:
            del state
            return first_layer_metric(generator, self._latents[i], self.space.name, self._contexts[i]).cpu()

        return unit

    def _layers_unit(self, generator: ImageGenerator, prefix: str, i: int) -> _Unit:
        def unit(state: AnalysisState) -> Tensor:
            first = torch.from_numpy(_stack(state, f"{prefix}first layer").mean(axis=0))
            # Ascending in torch; the paper ranks from the largest.
            directions = torch.linalg.eigh(first).eigenvectors.flip(1)
            found = amplifications(generator, self._latents[i], self.space.name, directions, self._contexts[i])
            return torch.stack(list(found.values())).cpu()

        return unit

    def _axis_images_unit(self, rank: int) -> _Unit:
        def unit(state: AnalysisState) -> Tensor:
            return self._axis_images(state, rank).cpu()

        return unit

    def _axis_distances_unit(self, rank: int) -> _Unit:
        def unit(state: AnalysisState) -> Tensor:
            images = self._axis_images(state, rank)
            middle = images[AXIS_FRAMES // 2]

            @torch.no_grad()
            def from_middle(part: slice) -> Tensor:
                some = images[part]
                distances: Tensor = self.distance(some, middle.expand_as(some))
                return distances.double().cpu()

            block = budget_of(images.device).block("distances of frames", self.distance, self.generator)
            rows = block.rows(len(images), lambda: from_middle(slice(0, 1)))
            return torch.cat(finish(in_blocks(len(images), rows, block, from_middle)))

        return unit

    def _axis_images(self, state: AnalysisState, rank: int) -> Tensor:
        axis = self.eigenvectors(state)[:, rank]
        # z₀ + t u
        latents = self._latents[0] + torch.outer(self._steps(), axis).to(self._latents)
        return torch.cat(list(rendered(self.generator, latents, self.space.name, self._contexts[0])))

    def _steps(self) -> Tensor:
        reach = AXIS_REACH * self.space.prior.spread()
        return torch.linspace(-reach, reach, AXIS_FRAMES, dtype=torch.float64)

    def _ranks(self) -> list[int]:
        """Ranks from the first to the last, about evenly on a logarithmic scale."""
        last = self.space.dim - 1
        return sorted({min(rank, last) for rank in (0, 1, 3, 9, 29, 99, 299, 999)} | {last // 2, last})

    def _complete(self, i: int) -> Tensor:
        return self.generator.complete(self._latents[i : i + 1], self.space.name, self._contexts[i])


def _name(kind: str, i: int) -> str:
    return f"{kind}/{i:04d}"


def _stack(state: AnalysisState, kind: str) -> NDArray[np.float64]:
    """All tensors of a kind, in the order of their positions."""
    found = [tensor.numpy() for name, tensor in sorted(state.tensors.items()) if name.rpartition("/")[0] == kind]
    return np.stack(found).astype(np.float64)


def _method(distance: Distance) -> str:
    return "gram" if isinstance(distance, EmbeddingDistance) else "gauss_newton"
