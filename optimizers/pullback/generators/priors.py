"""Priors: the distributions from which latents are drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.generator import LatentSpace, Prior
from pullback.generators.space_entry import SpaceEntry

_MOMENT_SAMPLES = 16384
_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class StandardNormal(Prior):
    """N(0, I)."""

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent standard normal coordinates."""
        return torch.randn(n, dim, generator=rng)


@dataclass(frozen=True)
class OneHot(Prior):
    """One coordinate is 1 and the others are 0, each coordinate equally often."""

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Uniformly drawn unit vectors of the coordinate axes."""
        return functional.one_hot(torch.randint(dim, (n,), generator=rng), dim).float()

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """Every coordinate is 1 equally often."""
        return torch.full((dim,), 1 / dim)

    def class_codes(self, dim: int) -> Float[Tensor, "classes dim"]:
        """The unit vectors of the axes."""
        return torch.eye(dim)

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """½‖c − e‖² to the nearest unit vector e of an axis."""
        nearest = functional.one_hot(latents.argmax(dim=-1), latents.shape[-1]).to(latents)
        return (latents - nearest).square().sum(dim=-1) / 2

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Coordinates within [0, 1], whatever the limit."""
        del limit
        return latents.clamp(0, 1)


@dataclass(frozen=True)
class Bounded(Prior):
    """Every coordinate uniform within bounds: of codes whose distribution is not known, but where they are used.

    Attributes:
        least: Least value of a coordinate.
        greatest: Greatest value, above the least.
    """

    least: float
    greatest: float

    @property
    def bounded(self) -> bool:
        """Always."""
        return True

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent uniform coordinates."""
        return torch.rand(n, dim, generator=rng) * (self.greatest - self.least) + self.least

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """The middle of the bounds."""
        return torch.full((dim,), (self.least + self.greatest) / 2)

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """½‖c − e‖² to the nearest latent e within the bounds, in standard deviations: zero within."""
        outside = latents - latents.clamp(self.least, self.greatest)
        return (outside / self.spread()).square().sum(dim=-1) / 2

    def curvature(self, dim: int) -> Float[Tensor, "dim dim"]:
        """That within the bounds: 0."""
        return torch.zeros(dim, dim)

    def spread(self) -> float:
        """A uniform coordinate's standard deviation: a share of 1/√12 of its range."""
        return (self.greatest - self.least) / math.sqrt(12)

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Coordinates within the bounds, whatever the limit."""
        del limit
        return latents.clamp(self.least, self.greatest)


@dataclass(frozen=True)
class Product(Prior):
    """Independent blocks side by side.

    Attributes:
        parts: Prior and number of coordinates of each block, in order.
    """

    parts: tuple[tuple[Prior, int], ...]

    @property
    def bounded(self) -> bool:
        """Whether some block is."""
        return any(prior.bounded for prior, _ in self.parts)

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Draws each block in turn, so the first block is what its own prior draws with the same seed."""
        del dim  # The parts know their own.
        return torch.cat([prior.sample(n, width, rng) for prior, width in self.parts], dim=1)

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """The means of the blocks side by side."""
        del dim  # The parts know their own.
        return torch.cat([prior.mean(width) for prior, width in self.parts])

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """The sum of the blocks' penalties."""
        blocks = zip(self.parts, self._blocks(latents), strict=True)
        return torch.stack([prior.penalty(block) for (prior, _), block in blocks]).sum(dim=0)

    def curvature(self, dim: int) -> Float[Tensor, "dim dim"]:
        """The blocks' curvatures along the diagonal."""
        del dim  # The parts know their own.
        blocks = [prior.curvature(width) for prior, width in self.parts]
        whole: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
        return whole

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Each block as its own prior truncates it."""
        blocks = zip(self.parts, self._blocks(latents), strict=True)
        return torch.cat([prior.truncate(block, limit) for (prior, _), block in blocks], dim=-1)

    def _blocks(self, latents: Tensor) -> tuple[Tensor, ...]:
        return torch.split(latents, [width for _, width in self.parts], dim=-1)


class _Moments(NamedTuple):
    """Those of w, as `Mapped` has them, its means layer by layer."""

    means: Tensor
    axes: Tensor
    scales: Tensor
    deviations: Tensor
    rates: Tensor


@dataclass(frozen=True, eq=False)
class Mapped(Prior):
    """What a mapping network makes of latents: the prior of w, and of w+ where it is repeated for every layer.

    Its moments are those of a fixed sample, so they are the same in every process.

    Attributes:
        mapping: The network, on the CPU in float32, latents of shape (n, latent_dim) → w of shape (n, d).
        latent_dim: Number of coordinates of what it takes.
        center: Mean of w, shape (d,).
        axes: Principal axes of w as columns, shape (d, d).
        scales: Standard deviations along them, shape (d,).
        deviations: Standard deviation of each coordinate of w, shape (d,).
        anchor: Where truncation leads, shape (d,): the mean of w but where that is the mean of more than these latents.
        latents: Prior of what the network takes.
        rates: For each layer that a w is repeated for, its truncation ψ > 0: the layer has anchor + ψ (w − anchor).
    """

    mapping: nn.Module
    latent_dim: int
    center: Tensor
    axes: Tensor
    scales: Tensor
    deviations: Tensor
    anchor: Tensor
    latents: Prior = StandardNormal()
    rates: tuple[float, ...] = (1.0,)
    _sent: dict[tuple[torch.device, torch.dtype], _Moments] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        mapping: nn.Module,
        latent_dim: int,
        mean: Float[Tensor, " dim"] | None = None,
        *,
        latents: Prior = StandardNormal(),
        anchor: Float[Tensor, " dim"] | None = None,
    ) -> Mapped:
        """The prior of a mapping network; the mean of w is estimated unless known, and is the anchor unless one is."""
        with torch.no_grad():
            w = mapping(latents.sample(_MOMENT_SAMPLES, latent_dim, torch.Generator().manual_seed(0)))
            center = w.mean(dim=0) if mean is None else mean
            covariance = torch.cov(w.T)
            squares, axes = torch.linalg.eigh(covariance.double())
        # A direction in which w hardly varies would otherwise outweigh all others.
        scales = squares.clamp(min=_LEAST_VARIANCE * float(squares.max())).sqrt().float()
        where = center if anchor is None else anchor
        return cls(mapping, latent_dim, center, axes.float(), scales, covariance.diagonal().sqrt(), where, latents)

    @property
    def layers(self) -> int:
        """How often w is repeated."""
        return len(self.rates)

    def repeated(self, layers: int) -> Mapped:
        """The same prior for so many layers that share a w."""
        return self.truncated((1.0,) * layers)

    def truncated(self, rates: tuple[float, ...]) -> Mapped:
        """The prior of as many layers that share a w, each truncated at its own rate ψ > 0."""
        return replace(self, rates=rates)

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """The w of drawn latents, the same in every layer but for its truncation."""
        del dim  # The mapping network knows its own.
        with torch.no_grad():
            w: Tensor = self.mapping(self.latents.sample(n, self.latent_dim, rng))
        return torch.cat([self._truncated(w, rate) for rate in self.rates], dim=1)

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """The mean of w in every layer."""
        del dim
        return torch.cat([self._truncated(self.center, rate) for rate in self.rates])

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """½(w − w̄)ᵀ Σ⁻¹ (w − w̄), Σ the covariance of w, which truncation makes ψ² Σ; the mean over the layers of w+."""
        moments = self._moments(latents)
        whitened = (self._layers(latents) - moments.means) @ moments.axes / (moments.rates * moments.scales)
        return whitened.square().sum(dim=-1).mean(dim=-1) / 2

    def curvature(self, dim: int) -> Float[Tensor, "dim dim"]:
        """Σ⁻¹ / ψ² in every layer, over the number of layers."""
        del dim
        inverse = (self.axes / self.scales.square()) @ self.axes.T
        return torch.kron(torch.diag(torch.tensor(self.rates) ** -2), inverse / self.layers)

    def spread(self) -> float:
        """The root mean square of w's standard deviations."""
        return float(self.deviations.square().mean().sqrt() * torch.tensor(self.rates).square().mean().sqrt())

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Every coordinate at most `limit` of its standard deviations from its mean."""
        moments = self._moments(latents)
        means, reach = moments.means, limit * moments.rates * moments.deviations
        return self._layers(latents).clamp(means - reach, means + reach).flatten(-2)

    def _truncated(self, w: Tensor, rate: float) -> Tensor:
        return w if rate == 1 else self.anchor + rate * (w - self.anchor)

    def _moments(self, like: Tensor) -> _Moments:
        """The moments on that device and of that type; they are sent there once."""
        place = (like.device, like.dtype)
        if place not in self._sent:
            # Who asks first may take no derivatives, but others do.
            with torch.inference_mode(mode=False):
                rates = torch.tensor(self.rates)[:, None]
                means = torch.stack([self._truncated(self.center, rate) for rate in self.rates])
                moved = [moment.to(*place) for moment in (means, self.axes, self.scales, self.deviations, rates)]
            self._sent[place] = _Moments(*moved)
        return self._sent[place]

    def _layers(self, latents: Tensor) -> Float[Tensor, "*batch layers dim"]:
        return torch.unflatten(latents, -1, (self.layers, len(self.center)))


def latent_spaces(entry: CatalogueEntry, own: Mapping[str, Prior] | None = None) -> dict[str, LatentSpace]:
    """The latent spaces of a catalogue entry with their priors, by name.

    Args:
        entry: The entry.
        own: Priors that the generator makes of its weights or options, by what the catalogue calls them.

    Raises:
        InvalidInputError: A space has a prior that such a generator does not make.
    """
    known = {**_SIMPLE, **(own or {})}
    return {
        space.name: LatentSpace(space.name, space.dim, _prior(space, entry, known), space.start, space.labels)
        for space in entry.spaces
    }


def with_default_classes(
    inputs: Float[Tensor, " input_dim"], entry: CatalogueEntry, spaces: Mapping[str, LatentSpace]
) -> Float[Tensor, " input_dim"]:
    """An input with the classes that an entry names as defaults, in the place of each.

    Args:
        inputs: The rest of it.
        entry: The entry.
        spaces: Its spaces, as `latent_spaces` gives them.
    """
    found = inputs.clone()
    for stated in entry.spaces:
        if stated.labels:
            space = spaces[stated.name]
            found[space.block] = space.prior.class_codes(space.dim)[stated.labels.index(stated.default)]
    return found


_SIMPLE: dict[str, Prior] = {"standard-normal": StandardNormal(), "one-hot": OneHot()}


def _prior(space: SpaceEntry, entry: CatalogueEntry, known: Mapping[str, Prior]) -> Prior:
    if space.prior == "product":
        return Product(tuple((_prior(part, entry, known), part.dim) for part in entry.parts(space)))
    if space.bounds is not None:
        return Bounded(*space.bounds)
    if space.prior not in known:
        raise InvalidInputError(
            f"generator {entry.name!r}: the family {entry.family!r} has no space of prior {space.prior!r} "
            f"({space.name!r}); take {', '.join((*known, 'bounded', 'product'))}"
        )
    return known[space.prior]
