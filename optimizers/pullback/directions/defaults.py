"""Methods of directions by name: what each takes, within which bounds, and the settings that hold by default."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.space_entry import SpaceEntry
from pullback.generators.style_based.named_layers import activation_layers, mapped_space, style_layers

ICA_VECTORS = ("mixing", "unmixing")
_LEAST_SAMPLES = 100
_MOST_ITERATIONS = 1000


@dataclass(frozen=True)
class Method:
    """What a method takes.

    Attributes:
        takes: Names of the settings, besides the space, k and the layers of a step, that it takes.
        local: Whether it looks at one latent.
        needs_distance: Whether it takes the metric of a distance.
        through_mapping: Whether it looks through a mapping network: from the space before it, at directions after it.
        looks_at_layers: Whether `layers` says where its directions act, so that a space that repeats another one for
            every layer adds nothing.
        trained: Whether it is trained, one step for each of its samples; its prior has to be normal, or is learnt.
        default_samples: Samples in a mapped space, and for the activations of a layer.
        most_samples: Samples at most.
    """

    takes: frozenset[str] = frozenset()
    local: bool = False
    needs_distance: bool = False
    through_mapping: bool = False
    looks_at_layers: bool = False
    trained: bool = False
    default_samples: tuple[int, int] = (100_000, 20_000)
    most_samples: int = 1_000_000


# A method that is not trained is the function of its name, in the module of its name in `pullback.directions.methods`.
METHODS: dict[str, Method] = {
    "hessian": Method(),
    "local_hessian": Method(frozenset({"seed"}), local=True, needs_distance=True),
    "local_basis": Method(frozenset({"seed"}), local=True, through_mapping=True),
    "jacobian": Method(frozenset({"seed", "iterations"}), local=True),
    "ganspace_pca": Method(frozenset({"seed", "samples", "layer"}), looks_at_layers=True),
    "ganspace_ica": Method(frozenset({"seed", "samples", "layer", "ica_vectors"}), looks_at_layers=True),
    "sefa": Method(looks_at_layers=True),
    "dp_lase": Method(
        frozenset({"seed", "samples", "learn_density"}),
        trained=True,
        default_samples=(2000, 2000),
        most_samples=100_000,
    ),
}


@dataclass(frozen=True)
class DirectionsSettings:
    """How directions are found; an empty text, 0 and no layers stand for the method's default.

    Attributes:
        method: One of `METHODS`.
        space: Name of the space that the method looks at; of `local_basis`, the one before the mapping network.
        k: How many directions, 1 to the dimension of the space.
        seed: Of what a method draws, ≥ 0.
        samples: GANSpace: latents that are looked at, 100 (and more than the space has dimensions) to 1,000,000;
            DP-LaSE: steps of its training, 100 to 100,000.
        layer: GANSpace: name of the layer whose activations are decomposed; empty in `w`, which is decomposed itself.
        layers: Layers of a style-based generator, from 0, on which a step acts and whose weights SeFa takes; of none,
            all.
        ica_vectors: `mixing` or `unmixing`.
        iterations: Of the subspace of `jacobian`, 1 to 1000.
        learn_density: DP-LaSE: whether the prior's density is learnt.
    """

    method: str
    space: str = ""
    k: int = 0
    seed: int = 0
    samples: int = 0
    layer: str = ""
    layers: tuple[int, ...] = ()
    ica_vectors: str = ""
    iterations: int = 0
    learn_density: bool = False


def method_of(name: str) -> Method:
    """The method of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in METHODS:
        raise UnknownNameError("method of directions", name, METHODS)
    return METHODS[name]


def spaces_of(settings: DirectionsSettings, entry: CatalogueEntry) -> tuple[str, ...]:
    """Names of the generator's spaces that the method takes, in the order of the catalogue.

    For DP-LaSE, `learn_density` says whether the prior has to be normal.

    Raises:
        UnknownNameError: No such method.
    """
    method_of(settings.method)
    return tuple(space.name for space in entry.spaces if _takes_space(settings, space, entry))


def space_of_directions(settings: DirectionsSettings, entry: CatalogueEntry) -> str:
    """The space that the directions of complete settings lie in: `w` for a local basis, otherwise their own."""
    mapped = mapped_space(entry)
    return mapped.name if method_of(settings.method).through_mapping and mapped is not None else settings.space


def faults(settings: DirectionsSettings, entry: CatalogueEntry) -> list[tuple[str, str]]:
    """What is wrong with settings for a generator: the name of each setting at fault, and the description.

    Raises:
        UnknownNameError: No such method.
    """
    known = spaces_of(settings, entry)
    found = _not_taken(settings)
    if settings.space not in ("", *known) or not known:
        found.append(("space", _space_fault(settings, entry, known)))
        return found
    filled = _filled(settings, entry)
    dim = entry.space(filled.space).dim
    if not 1 <= filled.k <= dim:
        found.append(("k", f"between 1 and {dim} directions of space {filled.space!r} can be had, but {filled.k} came"))
    if filled.seed < 0:
        found.append(("seed", f"a seed is a whole number from 0 on, but {filled.seed} came"))
    named = {name for name, _ in found}
    found += [fault for fault in _option_faults(filled, entry, dim) if fault[0] not in named]
    found += _layer_faults(filled, entry)
    return found


def complete(settings: DirectionsSettings, entry: CatalogueEntry) -> DirectionsSettings:
    """The settings with every default filled in; what a method does not take stays empty.

    Raises:
        UnknownNameError: No such method.
        InvalidInputError: The generator or the method does not have what is asked for, or a number is out of range.
    """
    wrong = faults(settings, entry)
    if wrong:
        raise InvalidInputError("; ".join(description for _, description in wrong))
    return _filled(settings, entry)


def _filled(settings: DirectionsSettings, entry: CatalogueEntry) -> DirectionsSettings:
    method, mapped, known = METHODS[settings.method], mapped_space(entry), spaces_of(settings, entry)
    preferred = mapped.name if mapped is not None and mapped.name in known else known[0]
    filled = replace(settings, space=settings.space or preferred)
    space = entry.space(filled.space)
    names = activation_layers(entry)
    if "layer" in method.takes and not filled.layer and space.prior != "mapped" and names:
        filled = replace(filled, layer=names[0])
    if "samples" in method.takes and not filled.samples:
        mapped_samples, layer_samples = method.default_samples
        filled = replace(filled, samples=layer_samples if filled.layer else mapped_samples)
    if "ica_vectors" in method.takes:
        filled = replace(filled, ica_vectors=filled.ica_vectors or "mixing")
    if "iterations" in method.takes:
        filled = replace(filled, iterations=filled.iterations or 30)
    # Every layer is what no layer stands for.
    whole = sorted(filled.layers) == list(range(style_layers(entry)))
    layers = () if whole else tuple(sorted(filled.layers))
    return replace(filled, k=filled.k or min(20, space.dim), layers=layers)


def _takes_space(settings: DirectionsSettings, space: SpaceEntry, entry: CatalogueEntry) -> bool:
    method, repeated = METHODS[settings.method], space.prior == "mapped" and space != mapped_space(entry)
    if method.through_mapping:
        return mapped_space(entry) is not None and space.prior == "standard-normal"
    if method.trained:
        return space.prior == "standard-normal" or (settings.learn_density and space.prior == "mapped" and not repeated)
    # w+ repeats w: principal components and weights of w say all, and `layers` says where they act.
    return not (repeated and method.looks_at_layers)


def _space_fault(settings: DirectionsSettings, entry: CatalogueEntry, known: tuple[str, ...]) -> str:
    if METHODS[settings.method].through_mapping and mapped_space(entry) is None:
        return f"method {settings.method!r} looks at a mapping network, but {entry.name!r} has none; take 'jacobian'"
    if not known:
        return f"method {settings.method!r} takes no space of {entry.name!r}; take another method"
    return (
        f"method {settings.method!r} takes the spaces {', '.join(known)} of {entry.name!r}, but {settings.space!r} came"
    )


def _not_taken(settings: DirectionsSettings) -> list[tuple[str, str]]:
    options = {field.name for field in fields(settings)} - {"method", "space", "k", "layers"}
    surplus = sorted(name for name in options - METHODS[settings.method].takes if getattr(settings, name))
    return [
        (name, f"method {settings.method!r} takes no {name}, but {getattr(settings, name)!r} came; leave it out")
        for name in surplus
    ]


def _option_faults(settings: DirectionsSettings, entry: CatalogueEntry, dim: int) -> list[tuple[str, str]]:
    """Of settings with their defaults, which of the method's own are out of range."""
    method, found = METHODS[settings.method], []
    takes = method.takes
    if "samples" in takes:
        # As many latents as coordinates do not determine what the activations say of them.
        least = _LEAST_SAMPLES if method.trained else max(_LEAST_SAMPLES, dim + 1)
        if not least <= settings.samples <= method.most_samples:
            bounds = f"{least:,} to {method.most_samples:,}"
            found.append(("samples", f"samples are {bounds}, but {settings.samples} came"))
    names = activation_layers(entry)
    if "layer" in takes and settings.layer not in ("", *names):
        known = ", ".join(names) or "none"
        found.append(("layer", f"{entry.name!r} has the layers {known}, but {settings.layer!r} came"))
    if "ica_vectors" in takes and settings.ica_vectors not in ICA_VECTORS:
        found.append(("ica_vectors", f"ica_vectors are mixing or unmixing, but {settings.ica_vectors!r} came"))
    if "iterations" in takes and not 1 <= settings.iterations <= _MOST_ITERATIONS:
        found.append(("iterations", f"iterations are 1 to {_MOST_ITERATIONS}, but {settings.iterations} came"))
    return found


def _layer_faults(settings: DirectionsSettings, entry: CatalogueEntry) -> list[tuple[str, str]]:
    if not settings.layers:
        return []
    mapped, count, given = mapped_space(entry), style_layers(entry), list(settings.layers)
    if mapped is None:
        return [("layers", f"{entry.name!r} has no layers that take a latent each, but layers {given} came")]
    if len(set(given)) < len(given) or not all(0 <= layer < count for layer in given):
        return [("layers", f"layers of {entry.name!r} are 0 to {count - 1}, each once, but {given} came")]
    if (space := space_of_directions(settings, entry)) != mapped.name:
        return [("layers", f"a step acts on layers along a direction of {mapped.name!r}, but this is one of {space!r}")]
    return []
