"""Options of an evolution: from Python's words to the contract's specification of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.duration_pb2 import Duration

from pullback_api.options import options_of
from pullback_api.v1 import search_pb2, values_pb2
from pullback_client.eigenbasis.basis import EigenbasisInfo, eigenbasis_name
from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput, encode
from pullback_client.text.vocabulary import known_words, refuse_unknown_options
from pullback_client.wire.codec import tensor_from_array
from pullback_client.wire.fields import number, optional_flag, optional_positive, optional_text, text
from pullback_client.wire.names import generator_name
from pullback_client.wire.option_types import SessionFields, ThreadFields
from pullback_client.wire.option_values import set_options
from pullback_client.wire.times import duration


class ThreadOptions(ThreadFields, total=False):
    """Options of one evolution. What is left out, or None, is the server's default."""

    eigenbasis: str | EigenbasisInfo | None
    """An eigenbasis or its resource name, for `hessian_gp` and `hessian_cma`; default the newest that serves the
    generator and space, or one that is computed first."""
    initial_latents: npt.ArrayLike | None
    """Latents of the first generation, shape (n, dim); default the optimizer's own."""
    stay: str | float | None
    """Greatest Mahalanobis distance from the prior's mean, above 0, or `prior`: as far as all but one in a hundred of
    the prior's draws lie, which is about √n of n coordinates; or `free`: no bound. Default 2 √n of `hessian_gp`, and no
    bound of others."""
    channel_weights: Sequence[float] | npt.NDArray[Any] | None
    """How channel values become a score: one weight per channel; default their mean."""


class EvolveThread(ThreadOptions, total=False):
    """One evolution of several in a session. What it does not say is as the session's own options say."""

    generator: str
    """Name of the generator; default the session's."""


class EvolveOptions(ThreadOptions, SessionFields, total=False):
    """Options of a session. What is left out, or None, is the server's default."""

    threads: Sequence[EvolveThread] | None
    """Several evolutions in one session, 1 to 16, which share the options above; default one."""
    references: Mapping[str, ImageInput] | None
    """Images that are shown among the others and never enter an update, by their labels."""
    size: tuple[int, int] | None
    """Width and height of the images in pixels, 8 to 4096 each; default the generator's own."""
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
        notes={key: text(f"notes: {key!r}", value) for key, value in _by_text("notes", options.get("notes")).items()},
        dry_run=_dry_run(options.get("dry_run")),
    )
    set_options(spec, options)
    spec.scores.SetInParent()
    set_options(spec.scores, options)
    spec.images.SetInParent()
    set_options(spec.images, {**options, **_size(options.get("size"))})
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
    thread = search_pb2.ThreadSpec(
        generator=generator_name(text("generator", generator if named is None else named)),
        channel_weights=_channel_weights(options.get("channel_weights")),
    )
    set_options(thread, {**options, "eigenbasis": None if basis is None else eigenbasis_name(basis)})
    set_options(thread.optimizer, {**options, "optimizer": options.get("optimizer") or "hessian_gp"})
    stay = options.get("stay")
    set_options(thread.constraint, {**options, "stay": _as_text(stay)})
    if (latents := options.get("initial_latents")) is not None:
        thread.initial_latents.CopyFrom(_latents(latents))
    return thread


def _as_text(stay: Any) -> Any:
    """A distance as the contract carries it, which also has a word for one."""
    return repr(float(stay)) if isinstance(stay, (int, float)) and not isinstance(stay, bool) else stay


def _latents(latents: npt.ArrayLike) -> values_pb2.Tensor:
    try:
        return tensor_from_array(np.atleast_2d(np.asarray(latents, np.float32)))
    except (TypeError, ValueError) as error:  # texts, objects, or rows of several lengths
        raise InvalidArgumentError(f"initial_latents must be numbers, shape (n, dim), got {latents!r}") from error


def _channel_weights(weights: Any) -> list[float]:
    listed = [] if weights is None else _listed("channel_weights", weights, "a list of numbers, one per channel")
    return [number(f"channel_weights[{place}]", weight) for place, weight in enumerate(listed)]


def _size(size: Any) -> dict[str, Any]:
    """The width and the height of images; empty for None."""
    if size is None:
        return {}
    expected = "two numbers, (width, height)"
    listed = _listed("size", size, expected)
    if len(listed) != 2:
        raise InvalidArgumentError(f"size must be {expected}, got {size!r}")
    return {"width": listed[0], "height": listed[1]}


def _dry_run(dry_run: bool | Mapping[str, float] | None) -> search_pb2.DryRun | None:
    if not isinstance(dry_run, Mapping):
        return search_pb2.DryRun() if optional_flag("dry_run", dry_run) else None
    message = search_pb2.DryRun()
    known = options_of(message.DESCRIPTOR)
    if unknown := sorted(map(str, set(dry_run) - known.keys())):
        raise InvalidArgumentError(f"unknown of dry_run: {', '.join(unknown)}; {known_words(unknown[0], known)}")
    set_options(message, dry_run, "dry_run: ")
    return message


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


def _refuse_unknown(options: Mapping[str, Any], known: Any, what: str) -> None:
    refuse_unknown_options(options, known, what)
