"""The options of an evolution: from Python's words to the contract's specification of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
from google.protobuf.duration_pb2 import Duration

from pullback_api.v1 import search_pb2, values_pb2
from pullback_client.codec import tensor_from_array
from pullback_client.eigenbasis import EigenbasisInfo
from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput, encode
from pullback_client.inversion_options import eigenbasis_name
from pullback_client.models import duration
from pullback_client.settings import (
    choice,
    generator_name,
    number,
    numbers,
    optional_choice,
    optional_count,
    optional_flag,
    optional_number,
    optional_positive,
    optional_text,
    text,
    whole_number,
)
from pullback_client.words import known_words, refuse_unknown_options

SearchMethod: TypeAlias = Literal["hessian_cma", "cma", "cholesky_cma", "sphere_cma", "genetic", "random"]
Balance: TypeAlias = Literal["none", "block"]
Missing: TypeAlias = Literal["show_again", "carry_over", "drop"]
Aggregation: TypeAlias = Literal["mean", "median"]
StimulusFormat: TypeAlias = Literal["png", "jpeg"]

METHODS = numbers(SearchMethod, search_pb2.SearchMethod, "SEARCH_METHOD")
_BALANCES = numbers(Balance, search_pb2.Balance, "BALANCE")
_MISSING = numbers(Missing, search_pb2.MissingPolicy, "MISSING_POLICY")
_AGGREGATIONS = numbers(Aggregation, search_pb2.Aggregation, "AGGREGATION")
_FORMATS = numbers(StimulusFormat, values_pb2.ImageFormat, "IMAGE_FORMAT")
_DRY_RUN = ("noise", "failing")
# Settings that are plain numbers, under the same name here and in the contract; of whole ones, the least.
_COUNTS = {"population": 1, "axes": 1, "decay_generations": 0, "parents": 1}
_NUMBERS = (
    "sigma",
    "exponent",
    "radius",
    "first_angle",
    "last_angle",
    "learning_rate",
    "mutation_rate",
    "mutation_size",
    "selectivity",
    "last_sigma",
)


class ThreadOptions(TypedDict, total=False):
    """Options of one evolution. What is left out, or None, is the server's default."""

    optimizer: SearchMethod
    """`hessian_cma` (the default), `cma`, `cholesky_cma`, `sphere_cma`, `genetic` or `random`. What follows is of some
    of them; a setting that the method does not have is an error."""
    space: str | None
    """Latent space; default the generator's first."""
    population: int | None
    """Images of a generation, 2 to 1000."""
    sigma: float | None
    """First step size, > 0, in units of the prior's standard deviation."""
    exponent: float | None
    """p of the first covariance U diag(λ^−2p) Uᵀ of `hessian_cma`, 0 to 2."""
    axes: int | None
    """Leading eigenvectors that `hessian_cma` searches, ≥ 1."""
    adapt_covariance: bool | None
    """Whether `hessian_cma` adapts the covariance, or leaves it as it begins."""
    radius: float | None
    """Norm of all latents of `sphere_cma`, > 0."""
    first_angle: float | None
    """Step of an offspring of `sphere_cma` in degrees, first, 0 to 180."""
    last_angle: float | None
    """Step of an offspring of `sphere_cma` in degrees after `decay_generations`, 0 to 180."""
    decay_generations: int | None
    """Generations over which the angle of `sphere_cma` or the step size of `hessian_cma` falls, ≥ 1; of `hessian_cma`
    also 0: the step size is adapted instead."""
    last_sigma: float | None
    """Step size of `hessian_cma` after `decay_generations`, > 0."""
    learning_rate: float | None
    """How far the mean of `sphere_cma` or `hessian_cma` moves, 0 to 2; 1 = as far as the weighted selected."""
    negative_weights: bool | None
    """Whether the mean of `hessian_cma` moves away from the worse half of a generation as well."""
    parents: int | None
    """How many of the best `sphere_cma` selects, ≥ 1."""
    mutation_rate: float | None
    """Share of the coordinates that mutate in `genetic`, 0 to 1."""
    mutation_size: float | None
    """Standard deviation of a mutation of `genetic` in units of the prior's, > 0."""
    selectivity: float | None
    """How strongly `genetic` prefers fitter parents, > 0."""
    eigenbasis: str | EigenbasisInfo | None
    """An eigenbasis or its resource name, for `hessian_cma`; default the newest that serves the generator and space."""
    minimize: bool
    """Whether low scores are good ones."""
    min_norm: float | None
    """Least Euclidean norm of a latent, ≥ 0."""
    max_norm: float | None
    """Greatest Euclidean norm of a latent, > 0; equal to `min_norm` = a sphere."""
    truncation: float | None
    """Greatest absolute value of a coordinate, > 0."""
    class_label: str | None
    """The class of all images, one of the labels of the generator's class space; default free."""
    initial_latents: npt.ArrayLike | None
    """Latents of the first generation, shape (n, dim); default the optimizer's own."""
    max_generations: int | None
    """The thread ends after so many generations, 1 to 100000; default never."""
    channel_weights: Sequence[float] | npt.NDArray[Any] | None
    """How channel values become a score: one weight per channel; default their mean."""


class EvolveThread(ThreadOptions, total=False):
    """One evolution of several in a session. What it does not say is as the session's own options say."""

    generator: str
    """Name of the generator; default the session's."""


class EvolveOptions(ThreadOptions, total=False):
    """Options of a session. What is left out, or None, is the server's default."""

    threads: Sequence[EvolveThread] | None
    """Several evolutions in one session, 1 to 16, which share the options above; default one."""
    references: Mapping[str, ImageInput] | None
    """Images that are shown among the others and never enter an update, by their labels."""
    references_per_generation: int | None
    """How many references are mixed into each generation of each thread, in turn; default all of them."""
    repetitions: int | None
    """Valid scores that an image needs, 1 to 100; default 1."""
    aggregation: Aggregation | None
    """How they become one: `mean` (the default) or `median`."""
    balance: Balance | None
    """How threads share the batches: `none` (the default), each at its own pace, or `block`: every batch holds as many
    trials of each thread as of any other, give or take one, and generations are closed together. A thread that is done
    waits for the others: images of it that have their scores are shown again meanwhile, which makes those better."""
    missing: Missing | None
    """What becomes of images without a usable score: `show_again` (the default), `carry_over` or `drop`."""
    max_shows: int | None
    """`show_again`: how often an image is shown at most without a usable score, 1 to 100; default 3."""
    min_scored: float | None
    """Share of a generation's images that must have a score, above 0 to 1; default 0.5."""
    size: tuple[int, int] | None
    """Width and height of the images in pixels, 8 to 4096 each; default the generator's own."""
    greyscale: bool
    """Whether the images are grey."""
    luminance: float | None
    """Mean luma of every image, 0 to 1; default as it comes."""
    contrast: float | None
    """Standard deviation of the luma of every image, 0 to 0.5; default as it comes."""
    image_format: StimulusFormat | None
    """`png` (the default) or `jpeg`."""
    seed: int
    """Seed of everything random, ≥ 0; default 0."""
    lease: float | None
    """Seconds that a trial is its asker's, 1 to 86400; default 600."""
    dry_run: bool | Mapping[str, float] | None
    """Scores that the server makes up: True, or `noise` (≥ 0) of a score and the share `failing` (0 to 0.9)."""
    title: str
    """A title for people, at most 200 characters."""
    notes: Mapping[str, str] | None
    """Anything to keep with the session, such as the subject and the rig."""


def session_spec(generator: str, options: EvolveOptions) -> search_pb2.SessionSpec:
    """The specification of a session; None leaves a default to the server.

    Raises:
        InvalidArgumentError: An unknown word, a value of another type than the option's, a number that the contract
            cannot carry, or a reference that cannot be sent.
        TypeError: An option that does not exist.
    """
    _refuse_unknown(options, EvolveOptions, "options")
    common = {name: value for name, value in options.items() if name in ThreadOptions.__annotations__}
    spec = search_pb2.SessionSpec(
        title=optional_text("title", options.get("title")),
        threads=[_thread(generator, {**common, **thread}) for thread in _threads(options.get("threads"))],
        references=[
            search_pb2.ReferenceImage(label=label, image=values_pb2.Image(data=encode(image, f"reference {label!r}")))
            for label, image in _by_text("references", options.get("references")).items()
        ],
        references_per_generation=_optional_whole(
            "references_per_generation", options.get("references_per_generation"), minimum=0
        ),
        scores=search_pb2.ScoreOptions(
            repetitions=optional_count("repetitions", options.get("repetitions")),
            aggregation=optional_choice("aggregation", options.get("aggregation"), _AGGREGATIONS),
            missing=optional_choice("missing", options.get("missing"), _MISSING),
            max_shows=optional_count("max_shows", options.get("max_shows")),
            min_scored=optional_positive("min_scored", options.get("min_scored")),
        ),
        images=_images(options),
        seed=whole_number("seed", options.get("seed", 0), minimum=0),
        dry_run=_dry_run(options.get("dry_run")),
        balance=optional_choice("balance", options.get("balance"), _BALANCES),
        notes={key: text(f"notes: {key!r}", value) for key, value in _by_text("notes", options.get("notes")).items()},
    )
    if (lease := options.get("lease")) is not None:
        spec.lease.CopyFrom(_lease(lease))
    return spec


def _threads(threads: Sequence[EvolveThread] | None) -> Sequence[EvolveThread]:
    if threads is None:
        return [{}]
    listed: list[Any] = _listed("threads", threads, "a list of options, one entry per evolution")
    if not listed:
        raise InvalidArgumentError("threads is empty: give one entry per evolution, or leave it out for one")
    for place, thread in enumerate(listed):
        if not isinstance(thread, Mapping):
            raise InvalidArgumentError(f"threads[{place}] must be a dict of options, got {thread!r}")
        _refuse_unknown(thread, EvolveThread, "options of a thread")
    return listed


def _thread(generator: str, options: Mapping[str, Any]) -> search_pb2.ThreadSpec:
    basis, named = options.get("eigenbasis"), options.get("generator")
    optimizer: dict[str, Any] = {name: optional_number(name, options.get(name)) for name in _NUMBERS}
    optimizer |= {name: optional_flag(name, options.get(name)) for name in ("adapt_covariance", "negative_weights")}
    optimizer |= {name: _optional_whole(name, options.get(name), minimum=least) for name, least in _COUNTS.items()}
    thread = search_pb2.ThreadSpec(
        generator=generator_name(text("generator", generator if named is None else named)),
        space=optional_text("space", options.get("space")),
        optimizer=search_pb2.SearchOptions(
            method=choice("optimizer", options.get("optimizer", "hessian_cma"), METHODS), **optimizer
        ),
        eigenbasis="" if basis is None else text("eigenbasis", eigenbasis_name(basis)),
        minimize=optional_flag("minimize", options.get("minimize")) or False,
        constraint=_constraint(options),
        class_label=optional_text("class_label", options.get("class_label")),
        max_generations=optional_count("max_generations", options.get("max_generations")),
        channel_weights=_channel_weights(options.get("channel_weights")),
    )
    if (latents := options.get("initial_latents")) is not None:
        thread.initial_latents.CopyFrom(_latents(latents))
    return thread


def _latents(latents: npt.ArrayLike) -> values_pb2.Tensor:
    try:
        return tensor_from_array(np.atleast_2d(np.asarray(latents, np.float32)))
    except (TypeError, ValueError) as error:  # texts, objects, or rows of several lengths
        raise InvalidArgumentError(f"initial_latents must be numbers, shape (n, dim), got {latents!r}") from error


def _channel_weights(weights: Any) -> list[float]:
    listed = [] if weights is None else _listed("channel_weights", weights, "a list of numbers, one per channel")
    return [number(f"channel_weights[{place}]", weight) for place, weight in enumerate(listed)]


def _constraint(options: Mapping[str, Any]) -> search_pb2.SearchConstraint | None:
    limits = {name: optional_number(name, options.get(name)) for name in ("min_norm", "max_norm", "truncation")}
    return search_pb2.SearchConstraint(**limits) if any(limit is not None for limit in limits.values()) else None


def _images(options: EvolveOptions) -> search_pb2.ImageOptions:
    size = options.get("size")
    expected = "two numbers, (width, height)"
    width, height = None, None
    if size is not None:
        listed = _listed("size", size, expected)
        if len(listed) != 2:
            raise InvalidArgumentError(f"size must be {expected}, got {size!r}")
        width, height = listed
    return search_pb2.ImageOptions(
        width=optional_count("the width of size", width),
        height=optional_count("the height of size", height),
        greyscale=optional_flag("greyscale", options.get("greyscale")) or False,
        mean_luminance=optional_number("luminance", options.get("luminance")),
        contrast=optional_number("contrast", options.get("contrast")),
        format=optional_choice("image_format", options.get("image_format"), _FORMATS),
    )


def _dry_run(dry_run: bool | Mapping[str, float] | None) -> search_pb2.DryRun | None:
    if not isinstance(dry_run, Mapping):
        return search_pb2.DryRun() if optional_flag("dry_run", dry_run) else None
    if unknown := sorted(map(str, set(dry_run) - set(_DRY_RUN))):
        raise InvalidArgumentError(f"unknown of dry_run: {', '.join(unknown)}; {known_words(unknown[0], _DRY_RUN)}")
    return search_pb2.DryRun(**{name: optional_number(f"dry_run: {name}", value) for name, value in dry_run.items()})


def _lease(seconds: float) -> Duration:
    positive = optional_positive("lease", seconds)
    try:
        return duration(positive)
    except (OverflowError, ValueError) as error:  # infinite, or more than the contract's spans hold
        raise InvalidArgumentError(f"lease must be from 1 to 86400 seconds, got {seconds!r}") from error


def _by_text(field: str, entries: Any) -> Mapping[str, Any]:
    """A mapping whose keys are texts; empty for None."""
    if entries is None:
        return {}
    if not isinstance(entries, Mapping):
        raise InvalidArgumentError(f"{field} must be a dict, got {entries!r}")
    return {text(f"a key of {field}", key): value for key, value in entries.items()}


def _listed(field: str, values: Any, expected: str) -> list[Any]:
    """The entries of a list, a tuple or an array."""
    wrong = f"{field} must be {expected}, got {values!r}"
    if isinstance(values, str | bytes | Mapping):  # of which Python can make lists too
        raise InvalidArgumentError(wrong)
    try:
        return list(values)
    except TypeError as error:
        raise InvalidArgumentError(wrong) from error


def _optional_whole(field: str, value: int | None, *, minimum: int) -> int | None:
    return None if value is None else whole_number(field, value, minimum=minimum)


def _refuse_unknown(options: Mapping[str, Any], known: Any, what: str) -> None:
    refuse_unknown_options(options, known, what)
