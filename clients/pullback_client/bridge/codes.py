"""The latents of a block as the Ponce laboratory's analysis reads them. Needs SciPy, which is imported to write."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pullback_client.files import write_bytes
from pullback_client.search.batch import Trial
from pullback_client.search.session import EvolutionSession


def write_codes(
    session: EvolutionSession, folder: Path, block: int, trials: Sequence[Trial], names: Sequence[str]
) -> None:
    """Writes `block%03d_thread%03d_code.mat` of every thread of a block, each atomically.

    `codes` (images × dim, float32) and `ids` (1 × images, a cell array of the files' names), without references, an
    image that is shown several times once.

    Args:
        session: The session; its latents are fetched from the server.
        folder: Where to.
        block: Number of the block.
        trials: Its trials.
        names: Their files' names.
    """
    from scipy.io import savemat  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `bridge` extra)

    latents = {
        image_id: latent
        for generation in session.history().generations
        for image_id, latent in zip(generation.image_ids, generation.latents, strict=True)
    }
    files: dict[int, dict[str, str]] = {}
    for trial, name in zip(trials, names, strict=True):
        if not trial.reference:
            files.setdefault(trial.thread, {}).setdefault(trial.image_id, name)
    for thread, shown in files.items():
        ids = np.empty((1, len(shown)), object)
        ids[0, :] = list(shown.values())
        buffer = io.BytesIO()
        savemat(buffer, {"codes": np.stack([latents[image_id] for image_id in shown]), "ids": ids})
        write_bytes(folder / f"block{block:03d}_thread{thread:03d}_code.mat", buffer.getvalue())
