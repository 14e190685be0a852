"""Table of the limits of every field that can be long: repeated fields and maps, texts and bytes.

They bound what a request may cost before anybody has looked at what it says. What a field may say is told by the
specifications, whose own limits are the same or narrower: `specs` names everything that is wrong at once, this table
the first thing that is far too much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pullback.inversion.tuning.settings import MAX_PHOTOGRAPHS
from pullback_api.limits import MAX_NOTE
from pullback_server.specs import chosen, search, search_reports, search_thread, targets

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""Bytes of a request, and so of any field."""

MAX_TARGETS = 256

_CLIENT = 200
_REQUEST_ID = 64
# Of what a resource's id begins with, or is called, in lists.
_MATCH = 200
# `generators/{id}/eigenbases/{id}` with ids of up to 122 characters, and whatever else is a name.
_RESOURCE = 300
_NAME = 128
# An opaque cursor: a row's number or a generator's id, in base64.
_TOKEN = 300
# Layers of the deepest style-based generators are some twenty; each is named once.
_LAYERS = 256
# A state may be named more than once.
_STATES = 16
_DISTANCES = 64
# Latents have two axes at most, images three.
_AXES = 8
# Where a specification has a limit of its own, it tells of a little too much together with all else that is wrong.
_SLACK = 2


@dataclass(frozen=True)
class Limit:
    """How much of a field is taken.

    Attributes:
        count: Entries of a repeated field or a map; None of a single one.
        length: Characters of a text, each up to four bytes, or bytes; of each entry, where there are several. None of
            numbers and messages.
    """

    count: int | None = None
    length: int | None = None


def _text(characters: int) -> Limit:
    return Limit(length=characters)


def _many(count: int) -> Limit:
    return Limit(count=count)


def _told_text(characters: int) -> Limit:
    return Limit(length=_SLACK * characters)


def _told_many(count: int) -> Limit:
    return Limit(count=_SLACK * count)


_BYTES = Limit(length=MAX_REQUEST_BYTES)
_GENERATOR = _EIGENBASIS = _SESSION = _PARENT = _text(_RESOURCE)
_PAGE: Mapping[str, Limit] = {"page_token": _text(_TOKEN)}
_CALLER: Mapping[str, Limit] = {"request_id": _text(_REQUEST_ID), "client": _text(_CLIENT)}

# Message → field → limit; `SessionSpec.NotesEntry` is what protobuf makes of an entry of the map `notes`.
FIELD_LIMITS: Mapping[str, Mapping[str, Limit]] = {
    # Values
    "Tensor": {"shape": _many(_AXES), "data": _BYTES},
    "Image": {"data": _BYTES},
    # Specifications
    "EigenbasisSpec": {"generator": _GENERATOR, "space": _text(_NAME), "distance": _text(_NAME)},
    "AnalysisSpec": {
        "generator": _GENERATOR,
        "space": _text(_NAME),
        "distance": _text(_NAME),
        "compared_distances": Limit(count=_DISTANCES, length=_NAME),
    },
    "InversionSettings": {
        "generator": _GENERATOR,
        "space": _text(_NAME),
        "distance": _text(_NAME),
        "eigenbasis": _EIGENBASIS,
        "start_space": _text(_NAME),
    },
    "TuningSettings": {"generator": _GENERATOR, "space": _text(_NAME), "distance": _text(_NAME)},
    "DirectionsSpec": {
        "generator": _GENERATOR,
        "space": _text(_NAME),
        "eigenbasis": _EIGENBASIS,
        "distance": _text(_NAME),
        "layer": _text(_NAME),
        "layers": _many(_LAYERS),
    },
    # Generators
    "ListGeneratorsRequest": _PAGE,
    "GetGeneratorRequest": {"name": _text(_RESOURCE)},
    "SampleLatentsRequest": {"generator": _GENERATOR, "space": _text(_NAME)},
    "RenderRequest": {"generator": _GENERATOR, "space": _text(_NAME), "noise_maps": _many(_LAYERS)},
    # Geometry
    "ComputeEigenbasisRequest": {"request_id": _text(_REQUEST_ID)},
    "GetEigenbasisRequest": {"name": _text(_RESOURCE)},
    "StreamEigenbasisRequest": {"name": _text(_RESOURCE)},
    "ListEigenbasesRequest": {"parent": _PARENT, **_PAGE},
    "DeleteEigenbasisRequest": {"name": _text(_RESOURCE)},
    "AnalyzeMetricRequest": {"request_id": _text(_REQUEST_ID)},
    "GetAnalysisRequest": {"name": _text(_RESOURCE)},
    "ListAnalysesRequest": {"parent": _PARENT, **_PAGE},
    "DeleteAnalysisRequest": {"name": _text(_RESOURCE)},
    # Inversion
    "Target": {
        "label": _told_text(targets.MAX_LABEL),
        "ignore": _told_many(targets.MAX_REGIONS),
        "class_label": _text(_NAME),
    },
    "InvertRequest": {"request_id": _text(_REQUEST_ID), "targets": _told_many(MAX_TARGETS)},
    "GetInversionRequest": {"name": _text(_RESOURCE)},
    "ListInversionsRequest": _PAGE,
    "DeleteInversionRequest": {"name": _text(_RESOURCE)},
    # Jobs
    "GetJobRequest": {"name": _text(_RESOURCE)},
    "ListJobsRequest": {"states": _many(_STATES), "match": _text(_MATCH), **_PAGE},
    "WatchJobRequest": {"name": _text(_RESOURCE)},
    "WaitJobRequest": {"name": _text(_RESOURCE)},
    "CancelJobRequest": {"name": _text(_RESOURCE)},
    "DeleteJobRequest": {"name": _text(_RESOURCE)},
    # Search
    "SearchConstraint": {"stay": _text(_NAME)},
    "ThreadSpec": {
        "generator": _GENERATOR,
        "space": _text(_NAME),
        "eigenbasis": _EIGENBASIS,
        "class_label": _text(_NAME),
        "channel_weights": _told_many(search_thread.MAX_CHANNELS),
    },
    "ReferenceImage": {"label": _text(_NAME)},
    "SessionSpec": {
        "title": _told_text(search.MAX_TITLE),
        "threads": _told_many(search.MAX_THREADS),
        "references": _told_many(search.MAX_REFERENCES),
        "notes": _told_many(search.MAX_NOTES),
    },
    "SessionSpec.NotesEntry": {"key": _told_text(search.MAX_NOTE), "value": _told_text(search.MAX_NOTE)},
    "CreateSessionRequest": {"request_id": _text(_REQUEST_ID)},
    "GetSessionRequest": {"name": _SESSION},
    "ListSessionsRequest": {"states": _many(_STATES), "match": _text(_MATCH), **_PAGE},
    "AskRequest": {"session": _SESSION, "threads": _told_many(search.MAX_THREADS), **_CALLER},
    "TrialReport": {
        "trial_id": _told_text(search_reports.MAX_TRIAL_ID),
        "image_id": _told_text(search_reports.MAX_TRIAL_ID),
        "channel_values": _told_many(search_reports.MAX_CHANNELS),
        "note": _told_text(MAX_NOTE),
    },
    "TrialColumns": {
        "trial_ids": Limit(count=search_reports.MAX_REPORTS, length=search_reports.MAX_TRIAL_ID),
        "image_ids": Limit(count=search_reports.MAX_REPORTS, length=search_reports.MAX_TRIAL_ID),
        "scores": _many(search_reports.MAX_REPORTS),
        "valid": _many(search_reports.MAX_REPORTS),
        "t_onsets": _many(search_reports.MAX_REPORTS),
    },
    "TellRequest": {
        "session": _SESSION,
        "trials": _many(search_reports.MAX_REPORTS),
        "end_generation": _told_many(search.MAX_THREADS),
    },
    "ReclaimTrialsRequest": {"session": _SESSION, **_CALLER},
    "PauseSessionRequest": {"name": _SESSION},
    "ResumeSessionRequest": {"name": _SESSION},
    "CloseSessionRequest": {"name": _SESSION},
    "DeleteSessionRequest": {"name": _SESSION},
    "GetSessionImageRequest": {"session": _SESSION, "image_id": _told_text(search_reports.MAX_TRIAL_ID)},
    "WatchSessionRequest": {"name": _SESSION},
    "ExportSessionRequest": {"name": _SESSION},
    # Access
    "CreateKeyRequest": {"id": _text(_NAME)},
    "RevokeKeyRequest": {"name": _text(_RESOURCE)},
    "ShareRequest": {"resource": _text(_RESOURCE), "key": _text(_RESOURCE)},
    # Directions
    "Annotation": {"title": _told_text(chosen.MAX_TITLE), "notes": _told_text(chosen.MAX_NOTES)},
    "DiscoverDirectionsRequest": {"request_id": _text(_REQUEST_ID)},
    "GetDirectionsRequest": {"name": _text(_RESOURCE)},
    "ListDirectionsRequest": {"parent": _PARENT, **_PAGE},
    "ImportDirectionsRequest": {
        "generator": _GENERATOR,
        "space": _text(_NAME),
        "content": _BYTES,
        "eigenbasis": _EIGENBASIS,
        "layers": _many(_LAYERS),
    },
    "AnnotateDirectionRequest": {"name": _text(_RESOURCE)},
    "DeleteDirectionsRequest": {"name": _text(_RESOURCE)},
    "DirectionRef": {"directions": _text(_RESOURCE), "space": _text(_NAME), "title": _told_text(chosen.MAX_TITLE)},
    "MaskSettings": {"layer": _text(_NAME)},
    "TraverseRequest": {
        "generator": _GENERATOR,
        "space": _text(_NAME),
        "layers": _many(_LAYERS),
        "distance": _text(_NAME),
        "noise_maps": _many(_LAYERS),
    },
    # Tunings
    "TuneRequest": {
        "request_id": _text(_REQUEST_ID),
        "targets": _told_many(MAX_PHOTOGRAPHS),
        "pivot_space": _text(_NAME),
    },
    "GetTuningRequest": {"name": _text(_RESOURCE)},
    "StreamTuningRequest": {"name": _text(_RESOURCE)},
    "ListTuningsRequest": {"parent": _PARENT, **_PAGE},
    "DeleteTuningRequest": {"name": _text(_RESOURCE)},
}

UNNAMED = Limit(count=1_000, length=1_000)
"""Of a field that the table does not name. It should: the tests ask for it."""
