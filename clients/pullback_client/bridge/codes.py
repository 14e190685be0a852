"""Codes of a block, its latents as the Ponce laboratory's analysis reads them. Needs SciPy, imported to write."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pullback_client.files.atomic import write_bytes
from pullback_client.search.batch import Trial
from pullback_client.search.session import EvolutionSession
from pullback_client.wire.codec import Array


class CodeFiles:
    """Writes `block%03d_thread%03d_code.mat` of every thread of a block.

    Latents of the block before are kept: images that are shown again, or carried over, are not fetched again.

    Args:
        session: The session; its latents are fetched from the server.
        folder: Where to.
    """

    def __init__(self, session: EvolutionSession, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._latents: dict[str, Array] = {}

    def write(self, block: int, trials: Sequence[Trial], names: Sequence[str]) -> None:
        """Writes the files of a block, each atomically.

        `codes` (images × dim, float32) and `ids` (1 × images, a cell array of the files' names), without references,
        an image that is shown several times once.

        Args:
            block: Number of the block.
            trials: Its trials.
            names: Their files' names.
        """
        from scipy.io import savemat  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `bridge` extra)

        files: dict[int, dict[str, str]] = {}
        for trial, name in zip(trials, names, strict=True):
            if not trial.reference:
                files.setdefault(trial.thread, {}).setdefault(trial.image_id, name)
        self._fetch(image_id for shown in files.values() for image_id in shown)
        for thread, shown in files.items():
            ids = np.empty((1, len(shown)), object)
            ids[0, :] = list(shown.values())
            codes = np.stack([self._latents[image_id] for image_id in shown])
            buffer = io.BytesIO()
            savemat(buffer, {"codes": codes, "ids": ids})
            write_bytes(self._folder / f"block{block:03d}_thread{thread:03d}_code.mat", buffer.getvalue())

    def _fetch(self, image_ids: Iterable[str]) -> None:
        wanted = set(image_ids)
        if new := wanted - self._latents.keys():
            kept = {image_id: self._latents[image_id] for image_id in wanted - new}
            self._latents = kept | self._session.latents(new)
