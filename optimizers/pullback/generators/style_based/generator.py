"""Style-based generators: a mapping network, one w for each layer, and fixed noise maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import check_stated
from pullback.generators.generator import Generator, LatentSpace, Prior
from pullback.generators.noise_maps import split_maps
from pullback.generators.priors import Mapped, OneHot, Product, StandardNormal, with_default_classes
from pullback.generators.residual.priors import ClassEmbeddings

_NOISE_SEED = 0
# The priors of so many classes are kept.
_CLASSES_KEPT = 16


class StyleNetwork(nn.Module, ABC):
    """Mapping and synthesis of a style-based generator: z → w, and a w for each layer → image.

    Attributes:
        style: The mapping network, z of shape (B, z_dim), with as many coordinates of a class behind them as it has
            `classes`, → w of shape (B, w_dim).
        noises: Holds the noise maps, buffers `noise_0` and on, shape (1, 1, H, W) each.
        classes: How many classes the mapping network takes; 0 where it takes none, or has one of its own.
    """

    style: nn.Module
    noises: nn.Module
    classes: int = 0

    @property
    @abstractmethod
    def dims(self) -> tuple[int, int, int]:
        """Coordinates of z, coordinates of w, and how many layers take a w each."""

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""

    @abstractmethod
    def noise_sides(self) -> list[int]:
        """Side of each noise map, px."""

    @abstractmethod
    def fixed_noise(self) -> list[Tensor]:
        """The noise maps that are used unless others are given, shape (1, 1, H, W) each."""

    @abstractmethod
    def steps(
        self, w: Float[Tensor, "batch layers dim"], noise: Sequence[Tensor]
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Synthesis, one resolution at a time.

        Args:
            w: A w for each layer.
            noise: The noise maps, shape (1 or B, 1, H, W) each.

        Yields:
            The maps of a resolution, and the image so far; None before there is one.
        """

    @abstractmethod
    def style_weights(self, layer: int) -> Float[Tensor, "outputs dim"]:
        """The weights by which a layer meets its w, as they are used."""

    @property
    @abstractmethod
    def first_mapping_weight(self) -> Float[Tensor, "outputs dim"]:
        """The weights by which the mapping network meets the normalised z, and classes where it takes any, as used."""

    def with_noise(self, maps: Sequence[Tensor]) -> StyleNetwork:
        """This network with other noise maps, shape (1, 1, H, W) each; it shares the weights."""
        other = _apart(self)
        other.noises = nn.Module()
        for index, each in enumerate(maps):
            other.noises.register_buffer(f"noise_{index}", each)
        return other

    def mapping(self, latents: Float[Tensor, "batch latent_dim"]) -> Float[Tensor, "batch w_dim"]:
        """The w of every z, or z and class side by side."""
        w: Tensor = self.style(latents)
        return w

    def synthesis(
        self, w: Float[Tensor, "batch layers dim"], noise: Sequence[Tensor] | None = None
    ) -> Float[Tensor, "batch channels h w"]:
        """Images, about [−1, 1] and not clamped; `fixed_noise` unless other maps are given."""
        *_, (_, image) = self.steps(w, self.fixed_noise() if noise is None else noise)
        assert image is not None  # noqa: S101  (the last step makes it)
        return image


class StyleBased(Generator):
    """A style-based generator with three spaces, or five where its mapping network takes classes.

    `z`, before the mapping network; `w`, behind it, one for the whole image; `w+`, one w for each layer, side by side,
    which is the generator's input. With classes, `full` is z and a one-hot class side by side, its blocks `z` and
    `class`; while one of them is explored the other holds, and `w` and `w+` are of all classes. The noise maps are
    fixed, so an image is a function of its latent alone, unless maps are given with it. Images are clamped to [0, 1].

    Truncation is that of z: it is mapped to w̄ + ψ (w − w̄), in the first `truncation_cutoff` layers or in all. Priors
    of `w` and `w+` draw such w; latents of these spaces are used as they are. Where it acts on some layers only, `w`,
    which is one for all, is drawn without it.

    Args:
        entry: What the catalogue says of this generator.
        network: The network with its weights.
        center: w̄ of all that the network was trained on, to which latents are truncated, shape (w_dim,); None where
            the mean of the prior is meant.
        of_one_class: Whether the mapping network has one class of several, so that w̄ of all is not the mean of its w.

    Raises:
        InvalidInputError: The catalogue states other dimensions or another image shape than the weights have, or a
            cutoff behind the last layer.
    """

    def __init__(
        self, entry: CatalogueEntry, network: StyleNetwork, center: Tensor | None, *, of_one_class: bool = False
    ) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.input_space = entry.input_space
        self.image_shape = entry.image_shape
        z_dim, w_dim, layers = network.dims
        classes = network.classes
        before = {"z": z_dim, **({"class": classes, "full": z_dim + classes} if classes else {})}
        check_stated(entry, {**before, "w": w_dim, "w+": layers * w_dim}, "w+", network.image_shape)
        self.network = network
        rate, cutoff = float(entry.option("truncation")), entry.option("truncation_cutoff") or layers
        if cutoff > layers:
            raise InvalidInputError(
                f"generator {entry.name!r} has {layers} layers, but truncation_cutoff = {cutoff} came; leave it out to "
                "truncate all"
            )
        # Priors draw on the CPU wherever the network is, so they have a mapping network of their own.
        mapping = deepcopy(network.style).requires_grad_(False).eval()
        latents = StandardNormal() if not classes else Product(((StandardNormal(), z_dim), (OneHot(), classes)))
        self.prior = Mapped.of(
            mapping, z_dim + classes, None if of_one_class else center, latents=latents, anchor=center
        )
        strengths = [
            each for name, each in network.named_parameters() if name.endswith(("noise.weight", "noise_weight"))
        ]
        heard = entry.option("noise") != "none" and any(bool(each.any()) for each in strengths)
        self._noise_sides = tuple(network.noise_sides()) if heard else ()
        self._rates = (rate,) * cutoff + (1.0,) * (layers - cutoff)
        self.register_buffer("_center", self.prior.anchor.clone(), persistent=False)
        whole = self.prior.truncated(self._rates)
        if cutoff == layers:
            self.prior = self.prior.truncated((rate,))
        spaces = _before_mapping(entry, z_dim, classes, latents) | {
            "w": LatentSpace("w", w_dim, self.prior, system="w"),
            "w+": LatentSpace("w+", layers * w_dim, whole),
        }
        self.spaces = {space.name: spaces[space.name] for space in entry.spaces}
        outer = self.spaces[self.spaces["z"].system]
        surroundings = with_default_classes(torch.zeros(outer.dim), entry, self.spaces)
        self.register_buffer("_surroundings", surroundings, persistent=False)
        self._of_class: dict[str, Mapped] = {}

    @property
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """The mean of w in every layer."""
        whole = self.spaces["w+"]
        return whole.prior.mean(whole.dim).to(self._anchor)

    def complete(
        self,
        latents: Float[Tensor, "batch dim"],
        space: str,
        context: Float[Tensor, "*batch whole_dim"] | None = None,
    ) -> Float[Tensor, "batch input_dim"]:
        """Latents as w+: those before the mapping network through it, those of `w` in every layer."""
        if space == self.input_space:
            return latents
        if self._is_before(space) and len(set(self._rates)) > 1:
            # Truncated in some layers only: one after the other, as the layers take them.
            w = self.mapped(latents, space, context)
            return torch.cat([self._truncated(w, rate) for rate in self._rates], dim=1)
        return self.map(latents, space, context).repeat(1, len(self._rates))

    def map(
        self,
        latents: Float[Tensor, "batch dim"],
        space: str,
        context: Float[Tensor, "*batch whole_dim"] | None = None,
    ) -> Float[Tensor, "batch w_dim"]:
        """The w of latents before the mapping, truncated where that is meant for all layers; others as they are."""
        if not self._is_before(space):
            return latents
        w, rates = self.mapped(latents, space, context), set(self._rates)
        return self._truncated(w, rates.pop()) if len(rates) == 1 else w

    def mapped(
        self,
        latents: Float[Tensor, "batch dim"],
        space: str = "z",
        context: Float[Tensor, "*batch whole_dim"] | None = None,
    ) -> Float[Tensor, "batch w_dim"]:
        """What the mapping network makes of latents of a space before it, not truncated."""
        return self.network.mapping(self.surround(latents, space, context))

    def space_of_class(self, space: str, label: str) -> LatentSpace:
        """See `Generator.space_of_class`: `w` or `w+` around the mean of the class's w."""
        whole = self.space(space)
        if not isinstance(whole.prior, Mapped):
            raise InvalidInputError(f"w and w+ of generator {self.name!r} have priors of classes, but {space!r} came")
        z, classes = self.spaces["z"], self.spaces.get("class")
        if classes is None or label not in classes.labels:
            raise UnknownNameError(
                f"class of generator {self.name!r}", label, () if classes is None else classes.labels
            )
        if label not in self._of_class:
            code = classes.prior.class_codes(classes.dim)[classes.labels.index(label)]
            latents = Product(((z.prior, z.dim), (ClassEmbeddings(code[None]), classes.dim)))
            # Their moments take seconds, and a megabyte.
            while len(self._of_class) >= _CLASSES_KEPT:
                self._of_class.pop(next(iter(self._of_class)))
            self._of_class[label] = Mapped.of(
                whole.prior.mapping, whole.prior.latent_dim, latents=latents, anchor=whole.prior.anchor
            )
        return replace(whole, prior=self._of_class[label].truncated(whole.prior.rates))

    def default_surroundings(self, space: str) -> Float[Tensor, " whole_dim"]:
        """Of a space before the mapping network, z = 0 and the class that the catalogue names as the default."""
        if not self._is_before(space):
            return super().default_surroundings(space)
        return self.get_buffer("_surroundings").clone()

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of w+."""
        return _levels(self.network.synthesis(self._layers(inputs)))

    @property
    def noise_shapes(self) -> tuple[tuple[int, int], ...]:
        """Those of the layers' maps; none where the entry leaves noise out, or no layer lets any through."""
        return tuple((side, side) for side in self._noise_sides)

    def synthesize_noisy(
        self, inputs: Float[Tensor, "batch input_dim"], noise: Float[Tensor, "batch values"] | None
    ) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of w+ and noise maps; of w+ alone where none are given."""
        if noise is None or not self._noise_sides:
            return super().synthesize_noisy(inputs, noise)
        maps = [each[:, None] for each in split_maps(noise, self.noise_shapes)]
        return _levels(self.network.synthesis(self._layers(inputs), maps))

    def with_noise(self, maps: Sequence[Tensor]) -> StyleBased:
        """See `Generator.with_noise`."""
        shapes, came = self.noise_shapes, tuple(tuple(each.shape) for each in maps)
        if not shapes:
            super().with_noise(maps)
        if came != shapes:
            raise InvalidInputError(f"generator {self.name!r} has noise maps of {shapes}, but {came} came")
        other = _apart(self)
        other.network = self.network.with_noise([each.to(self._anchor)[None, None] for each in maps])
        return other

    def first_weights(self, space: str, layers: tuple[int, ...] = ()) -> Float[Tensor, "outputs n"]:
        """Of `w`, the style weights of the layers one below the other; of spaces before it, the mapping's first layers.

        Where a w styles a convolution and the making of an image, it is the convolution's weights, but in the last
        layer.
        """
        name, count = self.space(space).name, len(self._rates)
        if self._is_before(name) and not layers:
            weights = self.network.first_mapping_weight[:, self.space(name).block]
            return weights[weights.any(dim=1)]
        if name != "w":
            raise InvalidInputError(
                f"weights of generator {self.name!r} meet z, or by layer w, but space {space!r} with layers "
                f"{list(layers)} came"
            )
        if not all(0 <= layer < count for layer in layers):
            raise InvalidInputError(f"layers of generator {self.name!r} are 0 to {count - 1}, but {list(layers)} came")
        return torch.cat([self.network.style_weights(layer) for layer in layers or range(count)])

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The maps of each resolution, `4 px` and on, and the images."""
        found: dict[str, Tensor] = {}
        last: Tensor | None = None
        for values, image in self.network.steps(self._layers(inputs), self.network.fixed_noise()):
            found[f"{values.shape[-1]} px"] = values
            if until in found:
                return found
            last = image
        assert last is not None  # noqa: S101  (the last step makes it)
        return {**found, "image": _levels(last)}

    def _layers(self, inputs: Tensor) -> Float[Tensor, "batch layers dim"]:
        return torch.unflatten(inputs, 1, (len(self._rates), -1))

    def _is_before(self, space: str) -> bool:
        """Whether latents of a space are what the mapping network takes, or a block of it."""
        return self.space(space).system == self.space("z").system

    def _truncated(self, w: Tensor, rate: float) -> Tensor:
        center = self.get_buffer("_center")
        return w if rate == 1 else center + rate * (w - center)


def _before_mapping(entry: CatalogueEntry, z_dim: int, classes: int, prior: Prior) -> dict[str, LatentSpace]:
    """The spaces of what the mapping network takes, by name: `z`, and with classes `class` and `full`."""
    if not classes:
        return {"z": LatentSpace("z", z_dim, prior, system="z")}
    stated = entry.space("class")
    if (stated.prior, stated.start) != ("one-hot", z_dim):
        raise InvalidInputError(
            f"catalogue entry {entry.name!r}: space 'class' is one-hot and starts at {z_dim}, behind z, but a "
            f"{stated.prior} one from {stated.start} on is stated"
        )
    return {
        "full": LatentSpace("full", z_dim + classes, prior, system="full"),
        "z": LatentSpace("z", z_dim, StandardNormal(), system="full"),
        "class": LatentSpace("class", classes, OneHot(), z_dim, stated.labels, system="full"),
    }


_Module = TypeVar("_Module", bound=nn.Module)


def _apart(module: _Module) -> _Module:
    """A module with the same parts, some of which may be replaced without a change to the first."""
    other = copy(module)
    other._modules = dict(module._modules)
    return other


def noise_of(entry: CatalogueEntry, sides: Sequence[int], given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The noise maps of a network by name, `noises.noise_0` and on, as an entry's option `noise` wants them.

    Args:
        entry: The entry.
        sides: Side of each map, px.
        given: Tensors of the file; its maps are taken where it has all of them. Where it has none they are drawn from
            N(0, 1) with a fixed seed, once and for all.
    """
    names = [f"noises.noise_{index}" for index in range(len(sides))]
    shapes = [(1, 1, side, side) for side in sides]
    if entry.option("noise") == "none":
        return {name: torch.zeros(shape) for name, shape in zip(names, shapes, strict=True)}
    if any(name in given for name in names):
        return {name: given[name] for name in names if name in given}
    rng = torch.Generator().manual_seed(_NOISE_SEED)
    return {name: torch.randn(shape, generator=rng) for name, shape in zip(names, shapes, strict=True)}


def mapping_rate(entry: CatalogueEntry, weights: Sequence[Tensor], said: object = None) -> float:
    """The multiplier of the mapping network's learning rate, which scales its weights at run time.

    Only NVIDIA's own files hold it. Weights begin as N(0, 1/rate²) and hardly move from there, so that 0.01, which the
    published files have, is taken of the others where their size speaks for it, and asked for otherwise.

    Args:
        entry: The entry; what it states as `lr_mlp` is taken in any case.
        weights: The weights of the mapping network's layers.
        said: What the file says; anything but a number above 0 = nothing.

    Raises:
        CatalogueError: The entry states none, and the weights do not look like those of 0.01.
    """
    stated: Any = entry.option("lr_mlp")
    if stated is None and isinstance(said, int | float) and said > 0:
        stated = said
    if stated is None:
        size = max((float(weight.square().mean().sqrt()) for weight in weights), default=0.0)
        stated = _USUAL_RATE if _LEAST_SIZE < _USUAL_RATE * size < 1 / _LEAST_SIZE else entry.asked("lr_mlp")
    return float(stated)


_USUAL_RATE, _LEAST_SIZE = 0.01, 0.2


def _levels(images: Tensor) -> Tensor:
    return torch.clamp((images + 1) / 2, 0, 1)
