"""A session as a file of Neurodata Without Borders. The only module that needs pynwb, which it imports to write."""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pullback_api.v1 import values_pb2
from pullback_client.errors import FailedPreconditionError
from pullback_client.files.atomic import to_json, write_bytes
from pullback_client.search.history import GenerationRecord, SessionHistory, TrialRecord
from pullback_client.wire.codec import image_from_wire
from pullback_client.wire.names import id_of

if TYPE_CHECKING:
    from pynwb import NWBFile  # type: ignore[import-untyped]
    from pynwb.file import Subject  # type: ignore[import-untyped]

_SHOWN = ("scored", "failed")
_SUBJECT = ("subject_id", "species", "sex", "age", "strain", "weight")
_TRIAL_COLUMNS = {
    "trial_id": "Id of the trial.",
    "image_id": "The image that was shown.",
    "thread": "Thread of the image, from 0; -1 for a reference image of none.",
    "generation": "Generation in which it was shown, from 0.",
    "repetition": "Which showing of the image in this generation, from 0.",
    "reference": "Whether it is a reference image, whose scores never enter an update.",
    "score": "The score that was told; NaN where there was none.",
    "used_score": "The score that entered the image's; NaN where there was none, and for reference images.",
    "outcome": "scored; failed: shown without a usable score; or abandoned: not shown.",
    "late": "Whether it was told after its generation was closed, and not used.",
    "t_onset": "When the image appeared, in seconds of the rig's clock, as it was told; NaN where it was not.",
    "note": "What was told besides; empty where nothing was.",
    "ask_time": "When it was asked, in seconds from the session's creation; NaN where it never was.",
    "tell_time": "When it was told, likewise.",
}
_CHANNELS = "The responses of its channels, as they were told; NaN where there were none, or fewer."
_START = (
    "What start_time is: `onset`, the rig's; `trial before`, the onset of the last trial asked before that has one, "
    "since this has none of its own; or `asked`, by the server's clock."
)


def require_extras() -> None:
    """Raises FailedPreconditionError where a package of the `nwb` extra is missing, with what to install."""
    if importlib.util.find_spec("pynwb") is None:
        raise FailedPreconditionError("an .nwb file needs pynwb to be written: pip install 'pullback[nwb]'")


def write(history: SessionHistory, path: Path) -> Path:
    """Writes a session, atomically; returns the path.

    The images are `Images` of the stimulus templates, the showings an `IndexSeries` into them. The trials table has
    every trial that was told, with all that was told of it, in the order of start times. Where any of them has an
    onset, those are of the rig's clock, and a trial without one, such as a broken fixation, stands at the onset of the
    trial that was asked before it; else they are seconds from the session's creation, when the trial was asked to when
    it was told. The column `start_time_from` says which. Latents and scores of the images are tables `thread000`,
    `thread001` and so on of the module `evolution`.

    The subject is what the session's notes say under NWB's names: `subject_id` (or `subject`), `species`, `sex`, `age`,
    `strain` and `weight`.

    Args:
        history: The session, with its images.
        path: Where to.
    """
    import h5py  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `nwb` extra, as all of pynwb)
    from pynwb import NWBHDF5IO, NWBFile  # noqa: PLC0415

    status = history.status
    told = _timed([trial for trial in history.trials if trial.outcome], status.created)
    file = NWBFile(
        session_description=status.title or f"Closed-loop evolution of images for {', '.join(status.generators)}",
        identifier=f"{status.name} {status.created.isoformat()}",
        session_start_time=status.created,
        session_id=id_of(status.name),
        experiment_description="Black-box search in the latent space of an image generator, by Pullback.",
        keywords=["closed loop", "evolution", "visual stimuli"],
        notes=to_json(status.provenance),
        subject=_subject(status.settings["notes"]),
        source_script="pullback_client.search.export.nwb",
        source_script_file_name="nwb.py",
    )
    _add_showings(file, history.files, [each for each in told if each.trial.outcome in _SHOWN])
    _add_trials(file, told, status.created)
    _add_latents(file, history.generations)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as storage, NWBHDF5IO(file=storage, mode="w") as target:
        target.write(file)
    write_bytes(path, buffer.getvalue())
    return path


class _Timed(NamedTuple):
    """A trial with its times: of the rig's clock, or seconds from the session's creation."""

    trial: TrialRecord
    start: float
    stop: float
    start_from: str


def _timed(trials: Sequence[TrialRecord], created: datetime) -> list[_Timed]:
    """Trials with their times, in the order of these."""
    onset = next((trial.t_onset for trial in trials if trial.t_onset is not None), None)
    found = []
    for trial in trials:
        if onset is None:
            told = trial.told or created
            times = _seconds(trial.asked or told, created), _seconds(told, created), "asked"
        else:
            # The rig says when an image appeared, not when it went.
            onset = onset if trial.t_onset is None else trial.t_onset
            times = onset, math.nan, "trial before" if trial.t_onset is None else "onset"
        found.append(_Timed(trial, *times))
    return sorted(found, key=lambda each: each.start)


def _subject(notes: Mapping[str, str]) -> Subject:
    """Who or what was looking, as far as the session's notes say; NWB wants a subject in every file."""
    from pynwb.file import Subject  # noqa: PLC0415

    given = {name: notes[name] for name in _SUBJECT if name in notes}
    # What the notes do not say is unknown: U is NWB's letter for that, and any age at least none.
    return Subject(**{"subject_id": notes.get("subject", "unknown"), "sex": "U", "age": "P0D/"} | given)


def _add_showings(file: NWBFile, images: dict[str, values_pb2.Image], shown: Sequence[_Timed]) -> None:
    from pynwb.base import ImageReferences, Images  # type: ignore[import-untyped]  # noqa: PLC0415
    from pynwb.image import (  # type: ignore[import-untyped]  # noqa: PLC0415
        GrayscaleImage,
        IndexSeries,
        RGBImage,
    )

    if not images:
        return
    pictures = []
    for image_id, encoded in images.items():
        picture = image_from_wire(encoded, image_id)
        kind = GrayscaleImage if picture.mode == "L" else RGBImage
        pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
        is_sound = encoded.format == values_pb2.IMAGE_FORMAT_WAV
        description = "The spectrogram of a sound as it was played." if is_sound else "An image as it was shown."
        pictures.append(kind(name=image_id, data=pixels, description=description))
    stimuli = Images(
        name="stimuli",
        images=pictures,
        description="Every image of the session, references among them.",
        order_of_images=ImageReferences(name="order_of_images", data=pictures),
    )
    file.add_stimulus_template(stimuli)
    known = [each for each in shown if each.trial.image_id in images]
    if not known:
        return
    by_server = known[0].start_from == "asked"
    clock = "the server's clock, when the trial was asked" if by_server else "the rig's clock"
    places = {image_id: place for place, image_id in enumerate(images)}
    file.add_stimulus(
        IndexSeries(
            name="showings",
            data=np.array([places[each.trial.image_id] for each in known], np.uint32),
            indexed_images=stimuli,
            unit="N/A",
            timestamps=np.array([each.start for each in known], np.float64),
            description=f"Which image was shown when, by {clock}; the trials' column start_time_from says more.",
        )
    )


def _add_trials(file: NWBFile, told: Sequence[_Timed], created: datetime) -> None:
    if not told:
        return
    for name, description in _TRIAL_COLUMNS.items():
        file.add_trial_column(name=name, description=description)
    file.add_trial_column(name="start_time_from", description=_START)
    # Threads may have different numbers of channels, and trials none.
    channels = max(len(each.trial.channel_values) for each in told)
    if channels:
        file.add_trial_column(name="channel_values", description=_CHANNELS)
    for each in told:
        values = {
            **vars(each.trial),
            "reference": each.trial.reference,
            "ask_time": None if each.trial.asked is None else _seconds(each.trial.asked, created),
            "tell_time": None if each.trial.told is None else _seconds(each.trial.told, created),
        }
        row: dict[str, Any] = {name: _cell(values[name]) for name in _TRIAL_COLUMNS}
        if channels:
            row["channel_values"] = np.full(channels, np.nan)
            row["channel_values"][: len(each.trial.channel_values)] = each.trial.channel_values
        file.add_trial(start_time=each.start, stop_time=each.stop, start_time_from=each.start_from, **row)


def _cell(value: Any) -> Any:
    if value is None:
        return np.nan
    # HDF5 ends a text at the first NUL, which h5py refuses.
    return value.replace("\0", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value


def _add_latents(file: NWBFile, generations: Sequence[GenerationRecord]) -> None:
    from hdmf.common import DynamicTable, VectorData  # type: ignore[import-untyped]  # noqa: PLC0415

    if not generations:
        return
    module = file.create_processing_module(
        name="evolution", description="Latents and scores of the images, thread by thread."
    )
    for thread in sorted({generation.summary.thread for generation in generations}):
        own = [generation for generation in generations if generation.summary.thread == thread]
        counts = [len(generation.image_ids) for generation in own]
        origins = [origin for generation in own for origin in generation.origins]
        columns: dict[str, tuple[str, Any]] = {
            "image_id": ("The image.", [image_id for generation in own for image_id in generation.image_ids]),
            "generation": ("Its generation, from 0.", np.repeat([each.summary.generation for each in own], counts)),
            "code": ("Its latent.", np.concatenate([generation.latents for generation in own])),
            "score": ("Its score over all showings; NaN = none.", np.concatenate([each.scores for each in own])),
            "distance": (
                "Mahalanobis distance of its latent from the prior's mean; NaN = not measured.",
                np.concatenate([each.distances for each in own]),
            ),
            "typicality": (
                "Share of the prior's draws that lie at least as far, 0 to 1; NaN = not measured.",
                np.concatenate([each.typicalities for each in own]),
            ),
            "origin": ("How it was made.", [origin.kind for origin in origins]),
            "parents": ("Ids of the images it was made of.", [" ".join(origin.parents) for origin in origins]),
        }
        module.add(
            DynamicTable(
                name=f"thread{thread:03d}",
                description=f"The images of thread {thread}.",
                columns=[
                    VectorData(name=name, description=description, data=data)
                    for name, (description, data) in columns.items()
                ],
            )
        )


def _seconds(moment: datetime, created: datetime) -> float:
    return (moment - created).total_seconds()
