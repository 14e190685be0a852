"""Archive of inversions for a download: a folder for each photograph with all its files, and the settings."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from PIL import Image

from pullback_client.files.atomic import to_json_file, to_png
from pullback_client.inversion.result import Inversion, InversionFailure, InversionOutcome

_UNFIT = re.compile(r"[^\w.-]+")
_LONGEST = 60  # characters of a folder's name


def archive(
    outcomes: Sequence[InversionOutcome], further: Mapping[int, Mapping[str, Image.Image]] | None = None
) -> bytes:
    """A zip file with everything that an inversion found.

    Of each photograph its folder holds what `Inversion.save` writes: pictures, latents and traces as npz and
    safetensors, the provenance as JSON. `settings.json` says how they were computed, and `failures.json` which
    photographs could not be inverted, and why.

    Args:
        outcomes: What became of each photograph.
        further: Pictures by the places of photographs and their names without the suffix, such as `pasted`.
    """
    buffer = io.BytesIO()
    # Pictures and arrays are compressed already.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, InversionFailure):
                continue
            folder = folder_name(place, outcome.label)
            for name, data in outcome.encoded().items():
                file.writestr(f"{folder}/{name}", data)
            for name, picture in (further or {}).get(place, {}).items():
                file.writestr(f"{folder}/{name}.png", to_png(picture))
        found = [outcome for outcome in outcomes if isinstance(outcome, Inversion)]
        if found:
            file.writestr("settings.json", to_json_file(found[0].settings))
        failures = {
            folder_name(place, outcome.label): str(outcome.error)
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, InversionFailure)
        }
        if failures:
            file.writestr("failures.json", to_json_file(failures))
    return buffer.getvalue()


def folder_name(place: int, label: str) -> str:
    """A name that every file system takes, of a photograph's place, from 0, and its label."""
    stem = _UNFIT.sub("-", PurePath(label).stem).strip("-.")[:_LONGEST]
    return f"{place + 1:03d}-{stem}" if stem else f"{place + 1:03d}"
