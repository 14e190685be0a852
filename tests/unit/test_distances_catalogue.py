"""The catalogue of distances, and what is said when weights are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pullback.distances import DEFAULT_DISTANCE, build, catalogue, entry, load
from pullback.errors import InvalidInputError, UnknownNameError, WeightsError, WeightsUnavailableError


def test_the_default_comes_first_and_every_distance_is_named():
    names = [known.name for known in catalogue()]
    assert names == [
        "lpips-alex",
        "lpips-vgg",
        "lpips-squeeze",
        "lpips-effnet-lite0",
        "st-lpips-alex",
        "st-lpips-vgg",
        "mse",
        "ssim",
        "stft",
    ]
    assert names[0] == DEFAULT_DISTANCE


def test_a_distance_is_its_own_preconditioner_unless_the_catalogue_names_another():
    assert {known.name: known.preconditioner for known in catalogue()} == {
        known.name: known.name for known in catalogue()
    } | {"lpips-vgg": "lpips-alex"}
    assert entry("lpips-vgg@256").preconditioner == "lpips-alex@256"
    assert entry("lpips-alex@64").preconditioner == "lpips-alex@64"
    assert entry("lpips-timm:resnet18.a1_in1k:96").preconditioner == "lpips-timm:resnet18.a1_in1k:96"


def test_every_entry_says_what_it_takes():
    takes = {known.name: known.takes for known in catalogue()}
    assert takes.pop("mse") == ("images", "sounds")
    assert takes.pop("stft") == ("sounds",)
    assert set(takes.values()) == {("images",)}


@pytest.mark.parametrize("name", [known.name for known in catalogue() if "images" not in known.takes])
def test_a_distance_of_sounds_refuses_images(name: str):
    with pytest.raises(InvalidInputError, match=rf"'{name}' takes sounds .* but shape \(1, 3, 40, 40\) came"):
        load(name)(torch.zeros(1, 3, 40, 40), torch.zeros(1, 3, 40, 40))


@pytest.mark.parametrize("name", ["lpips-effnet-lite0", "st-lpips-alex", "ssim"])
def test_a_distance_of_images_refuses_sounds_and_names_those_that_take_them(name: str):
    sounds = torch.zeros(1, 1, 512)
    with pytest.raises(InvalidInputError) as caught:
        load(name)(sounds, sounds)
    assert str(caught.value) == (
        f"distance '{name}' takes images of shape (batch, channels, height, width), but shape (1, 1, 512) came; "
        "the distances of sounds are stft and mse"
    )


def test_an_unknown_distance_gets_the_known_names():
    with pytest.raises(UnknownNameError, match="no distance is named 'dists'; known: lpips-alex, lpips-vgg, "):
        load("dists")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("lpips-alex", "alexnet-owt-7be5be79.pth"),
        ("lpips-vgg", "vgg16-397923af.pth"),
        ("lpips-squeeze", "squeezenet1_1-b8a52dc0.pth"),
    ],
)
def test_missing_backbone_weights_are_an_error_that_says_how_to_get_them(
    name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(WeightsUnavailableError) as caught:
        load(name)
    for part in (
        f"https://download.pytorch.org/models/{file}",
        str(tmp_path / "torch" / "hub" / "checkpoints" / file),
        str(tmp_path / "cache" / "placed"),
    ):
        assert part in str(caught.value)
    source = entry(name).source
    assert source is not None
    assert all(way.sha256 in str(caught.value) and way.file_name in str(caught.value) for way in source.ways)


@pytest.mark.parametrize("name", ["lpips-alex", "lpips-vgg", "lpips-squeeze", "st-lpips-vgg", "lpips-effnet-lite0"])
def test_weights_of_another_network_are_refused(name: str):
    with pytest.raises(WeightsError, match=f"the weights of distance '{name}' (lack|do not fit)"):
        build(entry(name), {"features.0.weight": torch.zeros(1)})
