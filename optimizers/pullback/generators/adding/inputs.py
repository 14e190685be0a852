"""Latent spaces that weights give, by family: what an entry has to state and a file of tensors does not name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.class_names import imagenet_names
from pullback.generators.residual.brock_weights import read_brock
from pullback.generators.residual.sngan_weights import mimicry_names
from pullback.generators.space_entry import SpaceEntry
from pullback.generators.style_based.stylegan2_ada_network import AdaShape

_STYLE_BASED = ("stylegan1", "stylegan2", "stylegan2-ada")
# Where nothing says how far codes go: as far as most activations of CaffeNet.
_BOUNDS = (-10.0, 10.0)
# Of the maps of CaffeNet's layers.
_CODE_SIDES = {"pool5": 6, "norm2": 13, "norm1": 27, "conv1": 27, "conv3": 13, "conv4": 13}
_IMAGENET = 1000


@dataclass
class Stated:
    """What somebody says of a generator, and what had to be assumed.

    Attributes:
        bounds: Least and greatest value of a coordinate of codes that have no known distribution; None = unsaid.
        labels: Names of the classes; empty = unsaid.
        dim: Coordinates of the latent, where weights do not tell; None = unsaid.
        assumed: What nothing said, one sentence each; added to here.
    """

    bounds: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    dim: int | None = None
    assumed: list[str] = field(default_factory=list)


Tensors = Mapping[str, Tensor]


def spaces_of(entry: CatalogueEntry, tensors: Tensors, stated: Stated) -> tuple[SpaceEntry, ...]:
    """The latent spaces of a generator, the default first, the one that covers the whole input included.

    Those of a style-based generator have one coordinate here: its loader says how many there are.

    Args:
        entry: What is known of it: name, family, options.
        tensors: Its tensors by name.
        stated: What is said besides; what had to be assumed is added.

    Raises:
        InvalidInputError: Something has to be stated that was not, or does not fit.
    """
    if entry.family in _STYLE_BASED:
        _unused(stated, "bounds", "dim")
        return (*_before_mapping(entry, tensors, stated), SpaceEntry("w", 1, "mapped"), SpaceEntry("w+", 1, "mapped"))
    _unused(stated, "dim")
    if entry.family == "conditional-dcgan":
        return _dcgan_of_classes(entry, tensors, stated)
    if found := _noise_and_class(entry, tensors):
        _unused(stated, "bounds")
        return _with_classes(entry, found, stated)
    _unused(stated, "labels")
    if entry.family == "deepsim":
        return (_code(entry, tensors, stated),)
    _unused(stated, "bounds")
    if entry.family not in _FIRST:
        raise InvalidInputError(
            f"the spaces of a {entry.family} cannot be told from its weights here: write the entry by hand, as "
            "catalogue.toml of the package has such"
        )
    stated.assumed.append("latents are drawn from a standard normal distribution")
    return (SpaceEntry("z", _width(entry, tensors, *_FIRST[entry.family]), "standard-normal"),)


def input_space_of(spaces: Sequence[SpaceEntry]) -> str:
    """The name of the space, of those that `spaces_of` gives, that covers the whole input."""
    return spaces[0].name if spaces[0].prior == "product" and spaces[-1].prior != "mapped" else spaces[-1].name


def _before_mapping(entry: CatalogueEntry, tensors: Tensors, stated: Stated) -> tuple[SpaceEntry, ...]:
    """What a mapping network takes: z, and its classes unless the entry has one of them."""
    classes = 0
    if entry.family == "stylegan2-ada" and "class" not in entry.options:
        shape = AdaShape.of(tensors)
        classes = shape.classes
    if not classes:
        _unused(stated, "labels")
        return (SpaceEntry("z", 1, "standard-normal"),)
    labels = _checked_labels(entry, classes, stated)
    return (
        SpaceEntry("full", shape.latent_dim + classes, "product"),
        SpaceEntry("z", shape.latent_dim, "standard-normal"),
        SpaceEntry("class", classes, "one-hot", shape.latent_dim, labels, labels[0]),
    )


# Tensors that first meet a latent: names of which a file has one, and the axis of the latent's coordinates.
_FIRST: dict[str, tuple[tuple[str, int], ...]] = {
    "dcgan": (("main.0.weight", 0),),
    "dcgan-zoo": (("formatLayer.weight", 0),),
    "pggan": (("formatLayer.module.weight", 1), ("formatLayer.weight", 1)),
    # Where the list of averages is what was read, the network itself stands beside it.
    "fastgan": tuple((f"{before}init.init.0.weight_orig", 0) for before in ("", "g.", "g.module.")),
    "wavegan": (("fc1.weight", 1),),
    # Transposed convolutions have four axes, linear layers two.
    "sngan": (("l1.weight", 1), ("l1/W", 1), ("dense.weight", 1), ("model.0.weight", -4)),
}


def _width(entry: CatalogueEntry, tensors: Tensors, *places: tuple[str, int]) -> int:
    for name, axis in places:
        if name in tensors:
            # Axis −4 of a linear layer's weight is none: its coordinates are the second.
            shape = tensors[name].shape
            return int(shape[1 if len(shape) < abs(axis) else axis])
    raise InvalidInputError(
        f"the weights of a {entry.family} have {' or '.join(name for name, _ in places)}, but these have neither"
    )


class _Parts(NamedTuple):
    noise_dim: int
    class_dim: int
    classes: int
    embedded: bool
    truncated: bool = False


def _brock(entry: CatalogueEntry, tensors: Tensors) -> _Parts | None:
    read = read_brock(tensors, entry, 1e-5, 1e-5)
    width = read.classes if read.embeddings is None else read.embeddings.shape[1]
    return _Parts(read.noise_dim, width, read.classes, read.embeddings is not None, "truncation" in entry.options)


def _bigbigan(entry: CatalogueEntry, tensors: Tensors) -> _Parts | None:
    found = _brock(entry, tensors)
    return found and found._replace(classes=1)


def _hugging_face(entry: CatalogueEntry, tensors: Tensors) -> _Parts | None:
    class_dim, classes = tensors["embeddings.weight"].shape
    dim = _width(entry, tensors, ("generator.gen_z.weight_orig", 1))
    return _Parts(dim - class_dim, class_dim, classes, embedded=True, truncated=True)


def _projected(entry: CatalogueEntry, tensors: Tensors) -> _Parts | None:
    names = mimicry_names(tensors) if any("/" in name for name in tensors) else tensors
    if (table := names.get("block2.b1.embed.weight")) is None:
        return None
    return _Parts(_width(entry, names, ("l1.weight", 1)), len(table), len(table), embedded=False)


_CLASSES: dict[str, Callable[[CatalogueEntry, Tensors], _Parts | None]] = {
    "biggan": _brock,
    "bigbigan": _bigbigan,
    "biggan-deep": _hugging_face,
    "sngan": _projected,
}


def _noise_and_class(entry: CatalogueEntry, tensors: Tensors) -> _Parts | None:
    read = _CLASSES.get(entry.family)
    return read and read(entry, tensors)


def _with_classes(entry: CatalogueEntry, parts: _Parts, stated: Stated) -> tuple[SpaceEntry, ...]:
    prior = "truncated-normal" if parts.truncated else "standard-normal"
    stated.assumed.append(f"noise is drawn from a {prior.replace('-', ' ')} distribution")
    if entry.family != "bigbigan" and "class" in entry.options:
        _unused(stated, "labels")
        return (SpaceEntry("noise", parts.noise_dim, prior),)
    labels = _checked_labels(entry, parts.classes, stated)
    class_prior = "class-embeddings" if parts.embedded else "one-hot"
    return (
        SpaceEntry("full", parts.noise_dim + parts.class_dim, "product"),
        SpaceEntry("noise", parts.noise_dim, prior),
        SpaceEntry("class", parts.class_dim, class_prior, parts.noise_dim, labels, labels[0]),
    )


def _checked_labels(entry: CatalogueEntry, classes: int, stated: Stated) -> tuple[str, ...]:
    """The names of so many classes, the first of which holds while they are not explored."""
    labels = stated.labels or _labels(classes, stated)
    if len(labels) != classes:
        raise InvalidInputError(f"--labels: this {entry.family} has {classes} classes, but {len(labels)} came")
    if len(labels) > 1:
        stated.assumed.append(f"the class is {labels[0]!r} while noise alone is explored")
    return labels


def _labels(classes: int, stated: Stated) -> tuple[str, ...]:
    if classes == _IMAGENET:
        stated.assumed.append("its 1,000 classes are those of ImageNet (ILSVRC 2012), in their order; else --labels")
        return imagenet_names()
    if classes > 1:
        stated.assumed.append(f"its classes are called 0 to {classes - 1}; --labels gives them names")
    return tuple(map(str, range(classes)))


def _dcgan_of_classes(entry: CatalogueEntry, tensors: Tensors, stated: Stated) -> tuple[SpaceEntry, ...]:
    dim = _width(entry, tensors, ("main.0.weight", 0))
    if not 0 < len(stated.labels) < dim:
        raise InvalidInputError(
            f"a conditional-dcgan takes noise and a one-hot class side by side, {dim} coordinates together, and its "
            "file does not say how many are classes: name them with --labels A,B,C"
        )
    _unused(stated, "bounds")
    count = len(stated.labels)
    return _with_classes(entry, _Parts(dim - count, count, count, embedded=False), stated)


def _code(entry: CatalogueEntry, tensors: Tensors, stated: Stated) -> SpaceEntry:
    """The code of a layer of CaffeNet: a vector, or a map whose side names do not always tell."""
    plain = {name.removeprefix("G.").replace(".1.", "."): tensor for name, tensor in tensors.items()}
    if "defc7.weight" in plain:
        dim = plain["defc7.weight"].shape[1]
    else:
        dim = plain["Rconv6.weight"].shape[1] * _CODE_SIDES[_layer(entry, plain)] ** 2
    bounds = stated.bounds or _BOUNDS
    if stated.bounds is None:
        stated.assumed.append(
            f"codes lie within {list(bounds)}: nobody published how they are distributed; else --bounds"
        )
    return SpaceEntry("z", dim, "bounded", bounds=bounds)


def _layer(entry: CatalogueEntry, plain: Tensors) -> str:
    if layer := entry.option("layer"):
        return str(layer)
    if "deconv0.weight" in plain:
        return "pool5"
    if "deconv5.weight" in plain:
        return "conv4"
    # As many channels as the layer of CaffeNet has.
    return {256: "norm2", 96: "conv1"}.get(plain["Rconv6.weight"].shape[1]) or str(entry.asked("layer"))


def _unused(stated: Stated, *names: str) -> None:
    for name in names:
        if getattr(stated, name):
            raise InvalidInputError(f"--{name}: a generator of this family takes none; leave it out")
