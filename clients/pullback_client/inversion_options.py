"""The options of an inversion: from Python's words to the contract's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

from pullback_api.v1 import specs_pb2
from pullback_client.eigenbasis import EigenbasisInfo
from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput
from pullback_client.models import Generator
from pullback_client.settings import (
    choice,
    generator_name,
    numbers,
    optional_choice,
    optional_count,
    optional_positive,
    whole_number,
)
from pullback_client.words import known_words, refuse_unknown_options

InversionMethod: TypeAlias = Literal[
    "adam",
    "hessian_adam",
    "lbfgs",
    "basin_cma",
    "basin_cma_hessian_adam",
    "hessian_basin_cma",
    "levenberg_marquardt",
]
InversionBasis: TypeAlias = Literal["none", "global", "separate", "local"]
Schedule: TypeAlias = Literal["constant", "cosine"]
Start: TypeAlias = Literal["prior", "mean", "bank"]
ClassMode: TypeAlias = Literal["given", "free", "searched"]

_WEIGHTS = ("distance", "l1", "l2", "prior")
_ALIGNMENT = ("scale", "shift")


_METHODS = numbers(InversionMethod, specs_pb2.InversionMethod, "INVERSION_METHOD")
_BASES = numbers(InversionBasis, specs_pb2.InversionBasis, "INVERSION_BASIS")
_SCHEDULES = numbers(Schedule, specs_pb2.Schedule, "SCHEDULE")
_STARTS = numbers(Start, specs_pb2.Start, "START")
_CLASS_MODES = numbers(ClassMode, specs_pb2.ClassMode, "CLASS_MODE")

# The methods that work in an eigenbasis where nothing else is said.
_IN_EIGENBASIS = {
    _METHODS[method] for method in ("hessian_adam", "lbfgs", "basin_cma_hessian_adam", "hessian_basin_cma")
}


Boxes: TypeAlias = "Sequence[tuple[int, int, int, int]]"


class InversionOptions(TypedDict, total=False):
    """Options of an inversion. What is left out, or None, is the server's default."""

    method: InversionMethod
    """`hessian_adam` (the default), `adam`, `lbfgs`, `levenberg_marquardt`; BasinCMA as pix2latent does it
    (`basin_cma`), as Wang & Ponce do (`basin_cma_hessian_adam`), and in the eigenbasis throughout
    (`hessian_basin_cma`)."""
    space: str | None
    """Latent space; default the generator's first."""
    distance: str | None
    """Image distance; default the server's. Where it takes a side (`Distance.sides`), `lpips-vgg@256` resizes images to
    256 × 256 px before they are compared: what an image of 1024 px costs is then what one of 256 px does."""
    weights: Mapping[str, float] | None
    """Weights of the loss, each ≥ 0: `distance` (default 1), `l1` (0), `l2` (1), and `prior` (0.001) of the penalty
    ½‖z‖²."""
    steps: int | None
    """Updates of a restart that is kept to the end, 1 to 100000; default the method's own."""
    restarts: int | None
    """Starts per image, 1 to 1024; default the method's own. BasinCMA takes none."""
    seed: int
    """Seed of what is drawn, ≥ 0; default 0: starts at the prior or near its mean, BasinCMA's candidates, frames of an
    alignment. The same seed gives every method and every photograph the same starts. A start from the bank is not
    drawn: there a seed changes nothing but frames."""
    start: Start | None
    """Where latents start: at draws from the `prior`, at its `mean`, or at the nearest of a `bank` of draws;
    default the method's own. BasinCMA takes none."""
    thin: bool | None
    """Give the worse half of an image's restarts up, again and again, on the same budget; default the method's own."""
    evaluations: int | None
    """At most so many evaluations of the generator per image, ≥ 1; default no bound but `steps`."""
    seconds: float | None
    """At most so many seconds of optimization, > 0; the best so far is the result then. Default no bound."""
    patience: int | None
    """Stop the search for an image when its best loss has not fallen by a thousandth for so many updates, ≥ 1; default
    never. The others go on."""
    learning_rate: float | None
    """> 0; default the method's own. L-BFGS and Levenberg–Marquardt take none."""
    schedule: Schedule | None
    """How the learning rate goes over the steps: `constant` or `cosine`; default the method's own."""
    betas: tuple[float, float] | None
    """Adam's decay of the running means of the gradient and of its square, each from 0 to below 1; default the
    method's own. (0.9, 0.999) as published; only `adam` and `hessian_adam`."""
    basis: InversionBasis | None
    """In which coordinates a method with an eigenbasis works: `global` (the default), `separate` (no axis mixes noise
    and class), `none` (the latent's own), or `local` (Hessian Adam: the metric at the current latent)."""
    local_every: int | None
    """`local`: updates between two computations of the metric, ≥ 1; default 25."""
    eigenbasis: str | EigenbasisInfo | None
    """An eigenbasis or its resource name; default the one of the default specification."""
    exponent: float | None
    """Coordinates of the eigenbasis are scaled by λ^−exponent, 0 to 1; 0 = rotation only, as published."""
    truncation: float | None
    """Clamp the coordinates with a normal prior to ±truncation, > 0, those behind a mapping network to so many standard
    deviations around their mean, and a free class to [0, 1]; default no clamp."""
    class_mode: ClassMode | None
    """What becomes of the class of a class-conditional generator: `given` by `class_labels`, `free` between the
    classes, or `searched` among them. Default: the space decides, or `given` where there are `class_labels`."""
    class_labels: str | Sequence[str] | None
    """The class, one of the generator's labels: one for all images, or a list as long as the images'."""
    alignment: bool | Mapping[str, float] | None
    """Search the frame within the photograph too: True, or standard deviations `scale` (of the logarithm of the scale)
    and `shift` (in half sides), each above 0, at most 0.5; default 0.1 each."""
    top_k: int | None
    """How many solutions to return per image, the best of so many restarts, 1 to 64; default 1."""
    masks: ImageInput | Sequence[ImageInput | None] | None
    """White counts, black is ignored, greys in between: one for all images, or a list as long as the images'."""
    ignore: Boxes | Sequence[Boxes] | None
    """Regions to ignore, `(left, top, width, height)` in pixels of the photograph: one list for all images, or a list
    of lists as long as the images'."""
    crop: tuple[int, int, int] | Sequence[tuple[int, int, int] | None] | None
    """A square to cut out of the photograph, `(left, top, size)` in its pixels as it lies when it is looked at: one for
    all images, or a list as long as the images'. `masks` and `ignore` are of the whole photograph all the same."""
    center_crop: bool
    """Cut the largest centred part of the generator's aspect, instead of refusing other aspects."""
    preview_every: int
    """Send previews with every so many steps; 0 = none."""


def inversion_settings(generator: str, options: InversionOptions) -> specs_pb2.InversionSettings:
    """The settings of an inversion, without what is said of each image; None leaves a default to the server.

    Raises:
        InvalidArgumentError: An unknown word, or a number that the contract cannot carry.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, InversionOptions)
    basis = options.get("eigenbasis")
    settings = specs_pb2.InversionSettings(
        generator=generator_name(generator),
        space=options.get("space") or "",
        distance=options.get("distance") or "",
        method=choice("method", options.get("method", "hessian_adam"), _METHODS),
        weights=_weights(options.get("weights")),
        steps=optional_count("steps", options.get("steps")),
        restarts=optional_count("restarts", options.get("restarts")),
        seed=whole_number("seed", options.get("seed", 0), minimum=0),
        learning_rate=options.get("learning_rate"),
        schedule=optional_choice("schedule", options.get("schedule"), _SCHEDULES),
        betas=_betas(options.get("betas")),
        eigenbasis="" if basis is None else eigenbasis_name(basis),
        exponent=options.get("exponent"),
        preview_every=whole_number("preview_every", options.get("preview_every", 0), minimum=0),
        basis=optional_choice("basis", options.get("basis"), _BASES),
        local_every=optional_count("local_every", options.get("local_every")),
        start=optional_choice("start", options.get("start"), _STARTS),
        evaluations=optional_count("evaluations", options.get("evaluations")),
        seconds=optional_positive("seconds", options.get("seconds")),
        patience=optional_count("patience", options.get("patience")),
        truncation=options.get("truncation"),
        class_mode=_class_mode(options),
        alignment=_alignment(options.get("alignment")),
        top_k=optional_count("top_k", options.get("top_k")),
    )
    if (thin := options.get("thin")) is not None:
        settings.thin = thin
    return settings


def _betas(betas: tuple[float, float] | None) -> specs_pb2.Betas | None:
    if betas is None:
        return None
    if len(betas) != 2:
        raise InvalidArgumentError(f"betas must be two numbers, (mean, square), got {betas!r}")
    return specs_pb2.Betas(mean=betas[0], square=betas[1])


def default_eigenbasis(settings: specs_pb2.InversionSettings) -> specs_pb2.EigenbasisSpec | None:
    """The specification of the eigenbasis that an inversion needs and does not name; None where it needs none."""
    separate = settings.basis == specs_pb2.INVERSION_BASIS_SEPARATE
    stored = separate or settings.basis in (specs_pb2.INVERSION_BASIS_UNSPECIFIED, specs_pb2.INVERSION_BASIS_GLOBAL)
    if settings.eigenbasis or not stored or settings.method not in _IN_EIGENBASIS:
        return None
    return specs_pb2.EigenbasisSpec(
        generator=settings.generator, space=settings.space, distance=settings.distance, separate=separate
    )


def moving_space(generator: Generator, settings: specs_pb2.InversionSettings) -> str:
    """The space of what moves in an inversion that says what becomes of the class; empty where there is none.

    With a free class that is the generator's whole input, which other spaces tile; else all of it but the class.
    """
    spaces = generator.spaces.values()
    whole = next((space for space in spaces if space.prior == "product"), None)
    if whole is None or settings.class_mode == specs_pb2.CLASS_MODE_FREE:
        return "" if whole is None else whole.name
    rest = whole.dim - sum(space.dim for space in spaces if space.labels)
    others = [space.name for space in spaces if space is not whole and not space.labels and space.dim == rest]
    return others[0] if len(others) == 1 else ""


def eigenbasis_name(eigenbasis: str | EigenbasisInfo) -> str:
    """The resource name of an eigenbasis."""
    return eigenbasis.name if isinstance(eigenbasis, EigenbasisInfo) else eigenbasis


def _weights(weights: Mapping[str, float] | None) -> specs_pb2.LossWeights | None:
    if weights is None:
        return None
    if unknown := sorted(set(weights) - set(_WEIGHTS)):
        raise InvalidArgumentError(f"unknown weights {', '.join(unknown)}; {known_words(unknown[0], _WEIGHTS)}")
    return specs_pb2.LossWeights(**weights)


def _class_mode(options: InversionOptions) -> Any:
    mode = options.get("class_mode")
    if mode is None and options.get("class_labels") is not None:
        mode = "given"
    return optional_choice("class_mode", mode, _CLASS_MODES)


def _alignment(alignment: bool | Mapping[str, float] | None) -> specs_pb2.AlignmentSettings | None:
    if alignment is None or alignment is False:
        return None
    if alignment is True:
        return specs_pb2.AlignmentSettings()
    if unknown := sorted(set(alignment) - set(_ALIGNMENT)):
        raise InvalidArgumentError(f"unknown of alignment: {', '.join(unknown)}; {known_words(unknown[0], _ALIGNMENT)}")
    ranges = {name: optional_positive(f"alignment.{name}", value) for name, value in alignment.items()}
    return specs_pb2.AlignmentSettings(**ranges)
