"""Tunings over a server in this process: asked for, told of, drawn with, exported and deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from commands import Run
from in_process import DIM, InProcessServer
from pullback.generators import CatalogueEntry
from pullback_api.v1 import specs_pb2, tunings_pb2
from pullback_client import Client, FailedPreconditionError, InvalidArgumentError, Inversion, NotFoundError, Tuning
from pullback_client.inversion.framing import Framing

PIVOT = np.arange(DIM, dtype=np.float32)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


@pytest.fixture
def found(client: Client, photo: Path) -> Inversion:
    return client.invert(photo, "faces", method="adam", steps=3)


def test_an_inversion_is_tuned_to_with_the_published_settings(
    client: Client, server: InProcessServer, found: Inversion
) -> None:
    tuning = client.tune(found)
    assert tuning.name.startswith("generators/faces/tunings/")
    settings = {name: tuning.settings[name] for name in ("space", "distance", "steps", "l2", "threshold", "locality")}
    assert settings == {"space": "z", "distance": "lpips-alex", "steps": 350, "l2": 1, "threshold": 0.06, "locality": 0}
    assert tuning.settings["learning_rate"] == 3e-4
    (photograph,) = tuning.photographs
    assert photograph.label == "me.png"
    assert photograph.pivot is not None
    assert photograph.pivot.tolist() == found.latent.tolist()
    assert (photograph.distance_before, photograph.distance) == (0.4, 0.2)
    assert tuning.trace is not None
    assert tuning.trace.shape == (3, 3)
    (request,) = server.called("Tune")
    assert request.targets[0].image.data != b""
    assert client.get_tuning(tuning).name == client.get_tuning(tuning.name).name == tuning.name
    job = client.get_job(tuning.job)
    assert (job.kind, job.generator) == ("tuning", "generators/faces")
    assert isinstance(job.result(), Tuning)


def test_it_draws_is_listed_exported_and_deleted(client: Client, found: Inversion, tmp_path: Path) -> None:
    tuning = client.tune([found, found], steps=9)
    (listed,) = client.list_tunings("faces")
    assert listed.name == tuning.name
    assert listed.trace is None
    assert [each.pivot for each in listed.photographs] == [None, None]
    assert len(client.render("faces", [found.latent], tuning=tuning)) == 1
    assert len(client.render("faces", [found.latent], tuning=tuning.name.rpartition("/")[2])) == 1
    exported = client.export_tuning(tuning, tmp_path / "weights.safetensors")
    assert safetensors.numpy.load_file(exported)["weight"].tolist() == [1, 2]
    assert exported.stat().st_size == tuning.size
    client.delete_tuning(tuning)
    for call in (client.get_tuning, client.delete_tuning, lambda name: client.render("faces", PIVOT, tuning=name)):
        with pytest.raises(NotFoundError, match="no tuning 'generators/faces/tunings/"):
            call(tuning.name)
    assert not client.list_tunings()


def test_photographs_with_latents_of_an_encoder(client: Client, server: InProcessServer, photo: Path) -> None:
    tuning = client.tune(photo, "faces", pivots=PIVOT, locality=0.1, masks=Image.new("L", (20, 20), 255))
    assert tuning.settings["locality"] == 0.1
    (request,) = server.called("Tune")
    assert request.targets[0].HasField("mask")


def test_what_cannot_be_asked_for_is_refused(client: Client, found: Inversion, photo: Path) -> None:
    hidden = replace(found, solutions=(replace(found.solutions[0], framing=Framing(mask=b"file")),))
    noisy = replace(found, solutions=(replace(found.solutions[0], noise_maps=(PIVOT,)),))
    refused: list[tuple[Any, str]] = [
        (lambda: client.tune(photo, "faces"), "pivots: give"),
        (lambda: client.tune(photo, pivots=PIVOT), "generator: name"),
        (lambda: client.tune([found, photo]), "inversions alone"),
        (lambda: client.tune(hidden), "something was hidden"),
        (lambda: client.tune(noisy), "noise maps were searched"),
        (lambda: client.tune(photo, "faces", pivots=PIVOT[1:]), r"expected shape \(5\)"),
        (lambda: client.tune(photo, "faces", pivots=PIVOT * np.nan), "finite"),
        (lambda: client.tune(found, steps=10_001), "steps"),
        (lambda: client.tune([found] * 30, steps=1_001), "at most 1000 for 30 photographs"),
        (lambda: client.tune([found] * 31), "1 to 30 photographs, but 31"),
        (lambda: client.tune(found, distance="ssim"), "embedding"),
        (lambda: client.tune(photo.parent / "none.png", "faces", pivots=PIVOT), "none.png"),
        (lambda: client.render("eyes", PIVOT, tuning="generators/faces/tunings/x"), "no tuning of generators/eyes"),
        (lambda: client.compute_eigenbasis("faces/tunings/x"), "take generators/faces: its eigenbases"),
    ]
    for call, words in refused:
        with pytest.raises(InvalidArgumentError, match=words):
            call()


def test_the_contract_names_the_fields(client: Client) -> None:
    request = tunings_pb2.TuneRequest(
        settings=specs_pb2.TuningSettings(generator="generators/faces"), targets=[{"label": "no pivot"}]
    )
    with pytest.raises(InvalidArgumentError, match=r"targets\[0\]\.start: expected the pivot"):
        client._transport.call(client._transport.tunings.Tune, request)


def test_a_tuning_of_other_weights_than_the_catalogue_has_now_does_not_draw(
    client: Client, found: Inversion, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning = client.tune(found)
    monkeypatch.setattr(CatalogueEntry, "weights_hash", "1" * 64)
    with pytest.raises(FailedPreconditionError, match="was tuned from weights"):
        client.render("faces", PIVOT, tuning=tuning)


def test_an_inversion_can_be_tuned_to_at_once(
    client: Client, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    one = client.invert(photo, "faces", method="adam", tune=True)
    assert one.tuning == client.list_tunings()[0].name
    several = client.invert([photo, tmp_path / "none.png"], "faces", method="adam", tune={"steps": 9})
    assert client.get_tuning(several[0].tuning).settings["steps"] == 9  # type: ignore[union-attr]
    assert len(server.called("Tune")) == 2
    one.save(tmp_path / "one.safetensors")
    assert Inversion.load(tmp_path / "one.safetensors").tuning == one.tuning
    assert client.invert(photo, "faces", method="adam").tuning == ""


def test_an_edit_walks_with_the_tuned_weights(client: Client, server: InProcessServer, photo: Path) -> None:
    edit = client.edit(photo, "faces", "hessian:1", 2, tune=True)
    request = server.called("Traverse")[-1]
    assert request.generator == edit.inversion.tuning == client.list_tunings()[0].name


def test_tunings_on_the_command_line(
    run: Run, server: InProcessServer, found: Inversion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found.save(tmp_path / "results" / "me.safetensors")

    def told_by(*arguments: str) -> str:
        ended = run(*arguments)
        assert ended.code == 0, ended
        return ended.out

    Image.new("RGB", (20, 20), "red").save(tmp_path / "you.png")
    asked = ("invert", "you.png", "--generator", "faces", "--method", "adam", "--tune", "--out", "inverted")
    told_by(*asked)
    assert (tmp_path / "inverted" / "you-tuned.png").is_file()
    assert "you" in told_by(*asked, "--resume")
    assert len(server.called("Tune")) == 1
    told = told_by("tune", "results", "--out", "tuned", "--steps", "9")
    assert "0.4000" in told
    assert (tmp_path / "tuned" / "me-tuned.png").is_file()
    name = told.strip().splitlines()[-1].partition(":")[0]
    assert name in told_by("tunings")
    told_by("tunings", "export", name, "weights.safetensors")
    assert (tmp_path / "weights.safetensors").is_file()
    told_by("tunings", "delete", name)
    assert name not in told_by("tunings")
