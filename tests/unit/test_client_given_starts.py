"""Starts that the client sends, as a caller has them: latents, earlier inversions, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from in_process import DIM, InProcessServer
from pullback_api.tensors import unpack
from pullback_client import Client, InvalidArgumentError, Inversion, InversionFailure
from pullback_client.inversion.starts import read_starts, space_of_starts, starts_of


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.png" for name in "ab"]
    for path in paths:
        Image.new("RGB", (20, 20), "red").save(path)
    return paths


def invert(client: Client, photos: Any, **options: Any) -> Any:
    return client.invert(photos, "faces", method="adam", **options)


def test_starts_reach_the_server_each_with_its_photograph(
    client: Client, server: InProcessServer, photos: list[Path]
) -> None:
    latents = np.arange(2 * DIM, dtype=np.float32).reshape(2, DIM)
    invert(client, photos, starts=latents)
    (request,) = server.called("Invert")
    assert [unpack(target.start).tolist() for target in request.targets] == latents.tolist()
    assert request.settings.start_space == ""


def test_an_earlier_result_is_a_start_in_its_own_space(
    client: Client, server: InProcessServer, photos: list[Path]
) -> None:
    first, _ = found = invert(client, photos)
    invert(client, photos, starts=[first, None])
    invert(client, photos, starts=[InversionFailure("b", InvalidArgumentError("no")), found[1]])
    invert(client, photos[0], starts=first)
    *_, some, others, alone = server.called("Invert")
    assert unpack(some.targets[0].start).tolist() == first.latent.tolist()
    assert [target.HasField("start") for target in some.targets] == [True, False]
    assert [target.HasField("start") for target in others.targets] == [False, True]
    assert {request.settings.start_space for request in (some, others, alone)} == {"z"}


def test_starts_of_files(client: Client, photos: list[Path], tmp_path: Path) -> None:
    found: list[Inversion] = invert(client, photos)
    folder = tmp_path / "results"
    found[0].save(folder / "a.safetensors")
    found[1].save(folder / "b.npz")
    starts = read_starts(folder, ["a", "b", "c"])
    assert [None if each is None else each.tolist() for each in starts.latents] == [
        found[0].latent.tolist(),
        found[1].latent.tolist(),
        None,
    ]
    assert starts.space == "z"
    one = read_starts(folder / "b.npz", ["a", "b"])
    assert [each.tolist() for each in one.latents if each is not None] == [found[1].latent.tolist()] * 2
    np.save(tmp_path / "codes.npy", np.ones((2, 3, 4)))
    assert [each.shape for each in read_starts(tmp_path / "codes.npy", "ab").latents if each is not None] == [(12,)] * 2


def test_starts_that_are_none_are_refused(client: Client, photos: list[Path], tmp_path: Path) -> None:
    first: Inversion = invert(client, photos[0])
    other = replace(first, settings={**first.settings, "space": "w"})
    with pytest.raises(InvalidArgumentError, match="2 images but 3 starts"):
        starts_of(np.zeros((3, DIM)), 2)
    with pytest.raises(InvalidArgumentError, match="real numbers"):
        starts_of("latent.npz", 1)
    with pytest.raises(InvalidArgumentError, match=r"in \['w', 'z'\]"):
        space_of_starts([first, other])
    with pytest.raises(InvalidArgumentError, match="expected shape"):
        invert(client, photos[0], starts=np.zeros(DIM + 1))
    with pytest.raises(InvalidArgumentError, match="finite"):
        invert(client, photos[0], starts=np.full(DIM, np.nan))
    with pytest.raises(InvalidArgumentError, match="cannot read latents"):
        read_starts(tmp_path / "nothing.npz", ["a"])
    np.savez(tmp_path / "others.npz", pixels=np.zeros(3))
    with pytest.raises(InvalidArgumentError, match="holds pixels; expected one of latents"):
        read_starts(tmp_path / "others.npz", ["a"])
    with pytest.raises(InvalidArgumentError, match="no results of these photographs"):
        read_starts(tmp_path, ["x"])
