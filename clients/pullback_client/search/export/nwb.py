"""A session as a file of Neurodata Without Borders. The only module that needs pynwb, which it imports to write."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pullback_api.v1 import values_pb2
from pullback_client.codec import image_from_wire
from pullback_client.errors import FailedPreconditionError
from pullback_client.files import to_json, write_bytes
from pullback_client.models import id_of
from pullback_client.search.history import GenerationRecord, SessionHistory, TrialRecord

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
    "outcome": "scored, or failed: shown without a usable score.",
    "late": "Whether it was told after its generation was closed, and not used.",
}


def require_extras() -> None:
    """Raises FailedPreconditionError where a package of the `nwb` extra is missing, with what to install."""
    if importlib.util.find_spec("pynwb") is None:
        raise FailedPreconditionError("an .nwb file needs pynwb to be written: pip install 'pullback[nwb]'")


def write(history: SessionHistory, path: Path) -> Path:
    """Writes a session, atomically; returns the path.

    The images are `Images` of the stimulus templates, the showings an `IndexSeries` into them and rows of the trials
    table: trials that were shown, in the order of their times. Where every one of them has an onset, the times are
    those of the rig's clock; else they are seconds from the session's creation, when the trial was asked to when it was
    told. Latents and scores of the images are tables `thread000`, `thread001` and so on of the module `evolution`.

    The subject is what the session's notes say under NWB's names: `subject_id` (or `subject`), `species`, `sex`, `age`,
    `strain` and `weight`.

    Args:
        history: The session, with its images.
        path: Where to.
    """
    import h5py  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `nwb` extra, as all of pynwb)
    from pynwb import NWBHDF5IO, NWBFile  # noqa: PLC0415

    status = history.status
    shown, starts, stops, clock = _timed(history.trials, status.created)
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
    _add_showings(file, history.files, shown, starts, clock)
    _add_trials(file, shown, starts, stops)
    _add_latents(file, history.generations)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as storage, NWBHDF5IO(file=storage, mode="w") as target:
        target.write(file)
    write_bytes(path, buffer.getvalue())
    return path


def _timed(trials: Sequence[TrialRecord], created: datetime) -> tuple[list[TrialRecord], list[float], list[float], str]:
    """The trials that were shown, in the order of their times; their starts and stops, and whose clock that is."""
    shown = [trial for trial in trials if trial.outcome in _SHOWN]
    by_rig = all(trial.t_onset is not None for trial in shown)
    times = []
    for trial in shown:
        if by_rig and trial.t_onset is not None:
            # The rig says when an image appeared, not when it went.
            times.append((trial.t_onset, float("nan")))
        else:
            told = trial.told or created
            times.append((_seconds(trial.asked or told, created), _seconds(told, created)))
    order = sorted(range(len(shown)), key=lambda place: times[place][0])
    return (
        [shown[place] for place in order],
        [times[place][0] for place in order],
        [times[place][1] for place in order],
        "the rig's clock" if by_rig else "the server's clock, when the trial was asked",
    )


def _subject(notes: Mapping[str, str]) -> Subject:
    """Who or what was looking, as far as the session's notes say; NWB wants a subject in every file."""
    from pynwb.file import Subject  # noqa: PLC0415

    given = {name: notes[name] for name in _SUBJECT if name in notes}
    # What the notes do not say is unknown: U is NWB's letter for that, and any age at least none.
    return Subject(**{"subject_id": notes.get("subject", "unknown"), "sex": "U", "age": "P0D/"} | given)


def _add_showings(
    file: NWBFile,
    images: dict[str, values_pb2.Image],
    shown: Sequence[TrialRecord],
    starts: Sequence[float],
    clock: str,
) -> None:
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
        pictures.append(kind(name=image_id, data=pixels, description="An image as it was shown."))
    stimuli = Images(
        name="stimuli",
        images=pictures,
        description="Every image of the session, references among them.",
        order_of_images=ImageReferences(name="order_of_images", data=pictures),
    )
    file.add_stimulus_template(stimuli)
    known = [(trial.image_id, start) for trial, start in zip(shown, starts, strict=True) if trial.image_id in images]
    if not known:
        return
    places = {image_id: place for place, image_id in enumerate(images)}
    file.add_stimulus(
        IndexSeries(
            name="showings",
            data=np.array([places[image_id] for image_id, _ in known], np.uint32),
            indexed_images=stimuli,
            unit="N/A",
            timestamps=np.array([start for _, start in known], np.float64),
            description=f"Which image was shown when, by {clock}.",
        )
    )


def _add_trials(file: NWBFile, shown: Sequence[TrialRecord], starts: Sequence[float], stops: Sequence[float]) -> None:
    if not shown:
        return
    for name, description in _TRIAL_COLUMNS.items():
        file.add_trial_column(name=name, description=description)
    for trial, start, stop in zip(shown, starts, stops, strict=True):
        fields = ((name, getattr(trial, name)) for name in _TRIAL_COLUMNS)
        row: dict[str, Any] = {name: np.nan if value is None else value for name, value in fields}
        file.add_trial(start_time=start, stop_time=stop, **row)


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
