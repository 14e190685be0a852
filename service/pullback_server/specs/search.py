"""Specification of a search session: validation and defaults."""

from __future__ import annotations

import re

from pullback_api.options import faults
from pullback_api.v1 import search_pb2
from pullback_server.errors import Violations
from pullback_server.specs.common import FORMATS, find_generator, format_of
from pullback_server.specs.search_thread import complete_thread

MAX_TITLE = 200
MAX_THREADS = 16
MAX_REFERENCES = 256
MAX_NOTES, MAX_NOTE = 64, 1_000
DEFAULT_SHOWS = 3
DEFAULT_MIN_SCORED = 0.5
MIN_LEASE, MAX_LEASE, DEFAULT_LEASE = 1, 86_400, 600
_LABEL = re.compile(r"[A-Za-z0-9-]{1,64}")


def complete_session_spec(spec: search_pb2.SessionSpec, field: str = "spec") -> search_pb2.SessionSpec:
    """A copy with every default filled in but the names of eigenbases, which the store knows.

    Raises:
        ApiError: NOT_FOUND for a generator, FAILED_PRECONDITION where nothing says the rate of its sounds,
            INVALID_ARGUMENT for anything else that cannot be used.
    """
    wrong = Violations()
    complete = search_pb2.SessionSpec()
    complete.CopyFrom(spec)
    if not 1 <= len(spec.threads) <= MAX_THREADS:
        wrong.add(f"{field}.threads", f"expected 1 to {MAX_THREADS} threads, but {len(spec.threads)} came")
    for number, thread in enumerate(complete.threads[:MAX_THREADS]):
        complete_thread(thread, f"{field}.threads[{number}]", wrong)
    for path, description in faults(spec):
        wrong.add(f"{field}.{path}", description)
    _check_draws_alike(complete, field, wrong)
    _check_texts(spec, field, wrong)
    _check_references(spec, field, wrong)
    _complete_scores(complete.scores)
    _complete_images(complete, f"{field}.images", wrong)
    _complete_lease(complete, f"{field}.lease", wrong)
    complete.balance = complete.balance or search_pb2.BALANCE_NONE
    wrong.raise_if_any()
    return complete


def _check_texts(spec: search_pb2.SessionSpec, field: str, wrong: Violations) -> None:
    if len(spec.title) > MAX_TITLE:
        wrong.add(f"{field}.title", f"expected at most {MAX_TITLE} characters, but {len(spec.title)} came")
    if len(spec.notes) > MAX_NOTES:
        wrong.add(f"{field}.notes", f"expected at most {MAX_NOTES} entries, but {len(spec.notes)} came")
    for key, note in spec.notes.items():
        if max(len(key), len(note)) > MAX_NOTE:
            wrong.add(f"{field}.notes", f"entry {key[:64]!r}: expected at most {MAX_NOTE} characters")


def _check_references(spec: search_pb2.SessionSpec, field: str, wrong: Violations) -> None:
    count = len(spec.references)
    if count > MAX_REFERENCES:
        wrong.add(f"{field}.references", f"expected at most {MAX_REFERENCES} images, but {count} came")
    seen: set[str] = set()
    for number, reference in enumerate(spec.references):
        path = f"{field}.references[{number}].label"
        if _LABEL.fullmatch(reference.label) is None:
            wrong.add(path, f"expected 1 to 64 of a–z, A–Z, 0–9, '-', but {reference.label[:80]!r} came")
        # Windows' folders do not tell upper case from lower.
        elif (folded := reference.label.lower()) in seen:
            wrong.add(path, f"another reference is labelled {reference.label!r}, upper or lower case alike; rename one")
        else:
            seen.add(folded)
    if spec.references_per_generation > count:
        wrong.add(
            f"{field}.references_per_generation",
            f"expected 0 to {count}, as many as there are, but {spec.references_per_generation} came",
        )


def _complete_scores(scores: search_pb2.ScoreOptions) -> None:
    if not scores.HasField("repetitions"):
        scores.repetitions = 1
    if not scores.HasField("max_shows"):
        scores.max_shows = DEFAULT_SHOWS
    if not scores.HasField("min_scored"):
        scores.min_scored = DEFAULT_MIN_SCORED
    scores.aggregation = scores.aggregation or search_pb2.AGGREGATION_MEAN
    scores.missing = scores.missing or search_pb2.MISSING_POLICY_SHOW_AGAIN


def _check_draws_alike(spec: search_pb2.SessionSpec, field: str, wrong: Violations) -> None:
    """Threads of which some draw images and some sounds are a violation: a session has one kind of files."""
    kinds: dict[str, str] = {}
    for number, thread in enumerate(spec.threads[:MAX_THREADS]):
        generator = find_generator(thread.generator, f"{field}.threads[{number}].generator")
        kinds.setdefault(generator.draws, generator.name)
    if len(kinds) > 1:
        told = " and ".join(f"{name!r} draws {draws}" for draws, name in kinds.items())
        wrong.add(f"{field}.threads", f"all threads draw images, or all draw sounds, but {told}; begin two sessions")


def _complete_images(spec: search_pb2.SessionSpec, field: str, wrong: Violations) -> None:
    images = spec.images
    if images.HasField("width") != images.HasField("height"):
        missing = "height" if images.HasField("width") else "width"
        wrong.add(f"{field}.{missing}", "width and height are given together, or neither")
    if not spec.threads:
        return
    generator = find_generator(spec.threads[0].generator, f"{field}.threads[0].generator")
    images.format = FORMATS[format_of(images.format, generator, f"{field}.format", wrong)]
    if generator.draws == "sounds":
        for option, _ in images.ListFields():
            if option.name != "format":
                wrong.add(f"{field}.{option.name}", f"{generator.name!r} draws sounds, which have none; leave it out")


def _complete_lease(spec: search_pb2.SessionSpec, field: str, wrong: Violations) -> None:
    if not spec.HasField("lease"):
        spec.lease.FromSeconds(DEFAULT_LEASE)
    seconds = spec.lease.seconds + spec.lease.nanos * 1e-9
    if not MIN_LEASE <= seconds <= MAX_LEASE:
        wrong.add(field, f"expected {MIN_LEASE} to {MAX_LEASE} s, but {seconds} s came")
