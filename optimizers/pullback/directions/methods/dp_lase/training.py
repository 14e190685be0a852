"""Training of DP-LaSE, in steps that are functions of the state and of their number."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.adam import adam_step
from pullback.directions.direction_set import DirectionSet
from pullback.directions.methods.dp_lase.cut import Cut
from pullback.directions.methods.dp_lase.losses import ORTHOGONALITY, orthogonality, variation
from pullback.directions.methods.dp_lase.walks import KnownPrior, LearntPrior, Walks
from pullback.directions.origins import check_count, origin_of
from pullback.directions.traversals.layered import layer_count, spread
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.generators.priors import StandardNormal
from pullback.geometry.seeding import derive_seed
from pullback.pieces import finish

# Places of the draws under the seed.
_WEIGHTS, _LATENTS, _STEPS, _UNIT, _FINAL, _MOMENTS = range(6)
_UNIT_SAMPLES = 32
_FINAL_DRAWS = 16
_MOMENT_SAMPLES = 4096


@dataclass(frozen=True)
class DpLaseState:
    """Where a training stands.

    Attributes:
        tensors: By name: `directions`, shape (k, n); the networks' weights, `density.…` and `correction.…`; Adam's
            running means of each, `mean/…` and `square/…`; `unit`, in which changes of features are counted; `step`,
            how many steps were made.
    """

    tensors: Mapping[str, Tensor]

    @property
    def step(self) -> int:
        """How many steps were made."""
        return int(self.tensors["step"])


class DpLase:
    """DP-LaSE (Li et al., ACM MM 2021): directions along which a layer changes most while the density stays.

    Learns k orthonormal directions (Eq. 10), each of which changes the features otherwise than the others (Eq. 8), on
    walks that keep the density of the prior: scaled back to the start's norm where it is normal (Eq. 2); otherwise with
    a correction C, learnt together with the density's distribution function F (Eq. 4 to 7).

    Use: `state = init()`, `state = step(state)` until `done(state)`, `result(state)`. A state that was stored and taken
    up again goes on exactly where it stood.

    What the paper leaves open: features are counted in units of the root mean square distance between two draws of the
    prior, so that the losses' weights mean the same for every layer, and walks in units of its spread. Walks take what
    Gram & Schmidt make of the directions, and so does the result: otherwise a longer γ would do for a better one, and a
    learnt density, whose loss is hundreds of times the others at first, would turn all of them to the few axes along
    which it changes least. The paper makes 50,000 updates at the rate 10⁻⁴; fewer need a higher one.

    Args:
        generator: The generator.
        space: Name of the latent space.
        k: How many directions, 1 to the dimension of the space.
        layer: Name of the layer whose features are looked at; empty = the third.
        layers: Layers of a style-based generator on which a step along a direction of `w` acts, from 0; all when empty.
        learn_density: Learn F and C; otherwise the prior must be normal.
        samples: How many steps to make, at least 1.
        batch: Latents in each of them, at least 1.
        reach: Longest walk in units of the prior's spread: ε is uniform between −reach and reach of them.
        rate: Adam's step size.
        seed: Of the first directions and weights and of every draw, any integer ≥ 0.

    Raises:
        UnknownNameError: The generator has no such space or layer.
        InvalidInputError: A number is out of range, the prior is not normal and its density not to be learnt, or the
            generator has no such layers.
    """

    def __init__(
        self,
        generator: ImageGenerator,
        space: str,
        k: int,
        *,
        layer: str = "",
        layers: Sequence[int] = (),
        learn_density: bool = False,
        samples: int = 2000,
        batch: int = 1,
        reach: float = 10.0,
        rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        self.generator, self.space, self.k = generator, generator.space(space), k
        self.layers, self.learn_density, self.total = tuple(sorted(layers)), learn_density, samples
        self.batch, self.reach, self.rate, self.seed = batch, reach, rate, seed
        self._check()
        self._farthest = reach * self.space.prior.spread()
        self.cut = Cut(generator, layer)
        self._acting = self._acting_inputs()
        rng = torch.Generator().manual_seed(derive_seed(seed, _WEIGHTS))
        first = _orthonormal(torch.randn(k, self.space.dim, generator=rng))
        self._first = first.contiguous().to(generator.device, generator.dtype)
        self.walks: Walks = KnownPrior()
        if learn_density:
            self.walks = LearntPrior(self._sample(_MOMENT_SAMPLES, _MOMENTS), self._farthest, rng)

    def init(self) -> DpLaseState:
        """The state before the first step."""
        learnt = {"directions": self._first, **self.walks.weights()}
        means = {f"mean/{name}": torch.zeros_like(tensor) for name, tensor in learnt.items()}
        squares = {f"square/{name}": torch.zeros_like(tensor) for name, tensor in learnt.items()}
        return DpLaseState({**learnt, **means, **squares, "unit": self._unit(), "step": torch.tensor(0)})

    def step(self, state: DpLaseState) -> DpLaseState:
        """Makes the next update."""
        tensors = {name: tensor.to(self.generator.device) for name, tensor in state.tensors.items()}
        names = [name.removeprefix("mean/") for name in tensors if name.startswith("mean/")]
        learnt = {name: tensors[name].detach().requires_grad_() for name in names}
        loss = self._loss(learnt, tensors["unit"], state.step)
        gradients = torch.autograd.grad(loss, list(learnt.values()))
        with torch.no_grad():
            for name, gradient in zip(names, gradients, strict=True):
                places = (name, f"mean/{name}", f"square/{name}")
                values, mean, square = (tensors[place] for place in places)
                found = adam_step(values, gradient, mean, square, state.step + 1, rate=self.rate)
                tensors.update(zip(places, found, strict=True))
        return DpLaseState({**tensors, "step": torch.tensor(state.step + 1)})

    def done(self, state: DpLaseState) -> bool:
        """Whether every step was made."""
        return state.step >= self.total

    def result(self, state: DpLaseState) -> DirectionSet:
        """The directions, those that change the features most first, not yet measured.

        Their values are the mean squared changes of the features on walks of random lengths, those of each the same as
        those of the others, in squares of the unit.

        Raises:
            InvalidInputError: Steps are missing.
        """
        return finish(self.result_in_pieces(state))

    def result_in_pieces(self, state: DpLaseState) -> Generator[None, None, DirectionSet]:
        """As `result`.

        Yields:
            Nothing, after every few walks: other work may be done then.
        """
        if not self.done(state):
            raise InvalidInputError(f"{state.step} of {self.total} steps are made; make the others first")
        squares = []
        for number in range(_FINAL_DRAWS):
            squares.append(self._squared_changes(state, number))
            yield
        values = torch.stack(squares).mean(dim=0)
        order = values.argsort(descending=True)
        vectors = _orthonormal(state.tensors["directions"].double().cpu())[order]
        said = {"layer": self.cut.layer, "samples": self.total, "batch": self.batch, "reach": self.reach}
        said |= {"rate": self.rate, "seed": self.seed, "learn_density": self.learn_density}
        origin = origin_of(self.generator, self.space.name, "dp_lase", **said)
        return DirectionSet(vectors.numpy(), values[order].numpy(), origin, layers=self.layers)

    @torch.no_grad()
    def move(
        self, state: DpLaseState, starts: Float[Tensor, "batch n"], steps: Float[Tensor, "batch k"]
    ) -> Float[Tensor, "batch k n"]:
        """z_dp: where walks lead along each of the state's directions, in their order.

        Args:
            state: The state whose directions and weights are taken.
            starts: z₀, latents of the space, on the generator's device and in its dtype.
            steps: ε for each start and direction.
        """
        return self._move({name: tensor.to(starts.device) for name, tensor in state.tensors.items()}, starts, steps)

    def _move(self, tensors: Mapping[str, Tensor], starts: Tensor, steps: Tensor) -> Float[Tensor, "batch k n"]:
        return self.walks.lead(tensors, _orthonormal(tensors["directions"]), starts, steps)

    def _loss(self, tensors: Mapping[str, Tensor], unit: Tensor, number: int) -> Float[Tensor, ""]:
        starts, steps = self._draw(_LATENTS, number)
        moved = self._move(tensors, starts, steps)
        # ℓ_mon + ℓ_lik + ℓ_den + ℓ_var + ζ ℓ_reg (Eq. 11)
        of_directions = variation(self._changes(starts, moved, unit))
        return (
            self.walks.loss(tensors, starts, moved)
            + of_directions
            + ORTHOGONALITY * orthogonality(tensors["directions"])
        )

    def _squared_changes(self, state: DpLaseState, number: int) -> Float[Tensor, " k"]:
        starts, steps = self._draw(_FINAL, number)
        # Every direction is walked equally far, so that none ranks higher for the lengths that it was dealt.
        moved = self.move(state, starts, steps[:, :1].expand_as(steps))
        with torch.no_grad():
            changes = self._changes(starts, moved, state.tensors["unit"])
        return changes.square().sum(dim=-1).mean(dim=0).double().cpu()

    def _changes(self, starts: Tensor, moved: Tensor, unit: Tensor) -> Float[Tensor, "batch k features"]:
        """Δ(z₀, γ_j) = G₁(z₀) − G₁(z_dp(γ_j)) (Eq. 9), in units."""
        before = self._inputs(starts)
        after = self._inputs(moved.flatten(0, 1))
        if self._acting is not None:
            after = torch.where(self._acting, after, before.repeat_interleave(self.k, dim=0))
        features = self.cut.features(torch.cat([before, after])).flatten(1)
        kept, changed = features[: len(starts)], features[len(starts) :].reshape(*moved.shape[:2], -1)
        return (kept[:, None] - changed) / unit.to(features)

    def _unit(self) -> Float[Tensor, ""]:
        with torch.no_grad():
            features = self.cut.features(self._inputs(self._sample(_UNIT_SAMPLES, _UNIT))).flatten(1)
        # E‖a − b‖² = 2 Σ var
        unit = (2 * features.var(dim=0).sum()).sqrt()
        if not unit > 0:
            raise InvalidInputError(
                f"the features of layer {self.cut.layer!r} do not change with {self.space.name!r}; take another layer"
            )
        return unit

    def _draw(self, place: int, number: int) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch k"]]:
        """Starts and steps of one number."""
        rng = torch.Generator().manual_seed(derive_seed(self.seed, place, number, _STEPS))
        starts = self._sample(self.batch, place, number)
        shares = 2 * torch.rand(self.batch, self.k, generator=rng) - 1
        return starts, self._farthest * shares.to(starts)

    def _sample(self, n: int, *place: int) -> Float[Tensor, "samples n"]:
        latents = self.space.sample(n, derive_seed(self.seed, *place))
        return latents.to(self.generator.device, self.generator.dtype)

    def _inputs(self, latents: Tensor) -> Float[Tensor, "batch input_dim"]:
        return self.generator.complete(latents, self.space.name)

    def _acting_inputs(self) -> Tensor | None:
        """Which coordinates of the generator's input a step moves; None for all."""
        if not self.layers:
            return None
        total = layer_count(self.generator)
        return spread(torch.ones(self.space.dim), self.layers, total).bool().to(self.generator.device)

    def _check(self) -> None:
        name = self.space.name
        check_count(self.k, self.space.dim, name)
        if min(self.total, self.batch) < 1:
            raise InvalidInputError(f"samples and batch are 1 or more, but {self.total} and {self.batch} came")
        if not (0 < self.reach < math.inf and 0 < self.rate < math.inf):
            raise InvalidInputError(f"reach and rate are above 0, finite, but {self.reach} and {self.rate} came")
        if not self.learn_density and not isinstance(self.space.prior, StandardNormal):
            raise InvalidInputError(
                f"the prior of space {name!r} is not normal; set learn_density, so that it is learnt"
            )
        if self.layers and name != "w":
            raise InvalidInputError(f"a step acts on layers along a direction of 'w', but this is one of {name!r}")


def _orthonormal(directions: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
    """Directions made orthonormal one after the other, by Gram & Schmidt."""
    # Γᵀ = Q R: the columns of Q are theirs, up to their signs.
    columns, triangle = torch.linalg.qr(directions.T)
    rows: Tensor = (columns * triangle.diagonal().sign()).T
    return rows
