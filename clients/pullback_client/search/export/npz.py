"""A session as one npz file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback_client.files.atomic import write_npz
from pullback_client.search.history import SessionHistory, TrialRecord
from pullback_client.wire.codec import Array


def write(history: SessionHistory, path: Path) -> Path:
    """Writes the arrays of a session and its provenance, a JSON text, atomically; returns the path.

    Of images, those that were carried over once in every generation: `image_ids`, `threads`, `generations`, `scores`
    (NaN where there is none), `distances` from the prior's mean and `typicalities` likewise, `codes` (images × dim of
    the widest thread, NaN beyond a narrower thread's own `dims`), `origins` and `parents` (ids with a space between
    them). Of generations: `generation_threads`, `generation_numbers`, `generation_open_times`,
    `generation_close_times`. Of trials: `trial_` and the fields of `TrialRecord`, `trial_channel_values` (trials ×
    channels). Times are seconds since 1970 in UTC, but for the rig's own `trial_onsets`. NaN = none.
    """
    write_npz(path, _images(history) | _generations(history) | _trials(history.trials), history.status.provenance)
    return path


def _images(history: SessionHistory) -> dict[str, npt.NDArray[Any]]:
    generations = history.generations
    dims = np.zeros(len(history.status.threads), np.int64)
    for generation in generations:
        dims[generation.summary.thread] = generation.latents.shape[1]
    counts = [len(generation.image_ids) for generation in generations]
    origins = [origin for generation in generations for origin in generation.origins]
    codes = np.full((sum(counts), int(dims.max(initial=0))), np.nan, np.float32)
    start = 0
    for generation, count in zip(generations, counts, strict=True):
        codes[start : start + count, : generation.latents.shape[1]] = generation.latents
        start += count
    return {
        "image_ids": _texts(image_id for generation in generations for image_id in generation.image_ids),
        "threads": np.repeat([each.summary.thread for each in generations], counts).astype(np.int64),
        "generations": np.repeat([each.summary.generation for each in generations], counts).astype(np.int64),
        "scores": np.concatenate([np.zeros(0), *(generation.scores for generation in generations)]),
        "distances": np.concatenate([np.zeros(0), *(generation.distances for generation in generations)]),
        "typicalities": np.concatenate([np.zeros(0), *(generation.typicalities for generation in generations)]),
        "codes": codes,
        "dims": dims,
        "origins": _texts(origin.kind for origin in origins),
        "parents": _texts(" ".join(origin.parents) for origin in origins),
    }


def _generations(history: SessionHistory) -> dict[str, npt.NDArray[Any]]:
    generations = history.generations
    return {
        "generation_threads": np.array([each.summary.thread for each in generations], np.int64),
        "generation_numbers": np.array([each.summary.generation for each in generations], np.int64),
        "generation_open_times": _times(each.opened for each in generations),
        "generation_close_times": _times(each.closed for each in generations),
    }


def _trials(trials: tuple[TrialRecord, ...]) -> dict[str, npt.NDArray[Any]]:
    channels = max((len(trial.channel_values) for trial in trials), default=0)
    values = np.full((len(trials), channels), np.nan)
    for row, trial in zip(values, trials, strict=True):
        row[: len(trial.channel_values)] = trial.channel_values
    return {
        "trial_ids": _texts(trial.trial_id for trial in trials),
        "trial_image_ids": _texts(trial.image_id for trial in trials),
        "trial_threads": np.array([trial.thread for trial in trials], np.int64),
        "trial_generations": np.array([trial.generation for trial in trials], np.int64),
        "trial_repetitions": np.array([trial.repetition for trial in trials], np.int64),
        "trial_references": np.array([trial.reference for trial in trials], np.bool_),
        "trial_outcomes": _texts(trial.outcome for trial in trials),
        "trial_scores": _numbers(trial.score for trial in trials),
        "trial_used_scores": _numbers(trial.used_score for trial in trials),
        "trial_channel_values": values,
        "trial_onsets": _numbers(trial.t_onset for trial in trials),
        "trial_notes": _texts(trial.note for trial in trials),
        "trial_ask_times": _times(trial.asked for trial in trials),
        "trial_tell_times": _times(trial.told for trial in trials),
        "trial_late": np.array([trial.late for trial in trials], np.bool_),
    }


def _texts(values: Iterable[str]) -> npt.NDArray[np.str_]:
    return np.array(list(values), np.str_)


def _numbers(values: Iterable[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _times(values: Iterable[datetime | None]) -> Array:
    return _numbers(None if value is None else value.timestamp() for value in values)
