"""The catalogue of distances, and what is said when weights are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pullback.distances import DEFAULT_DISTANCE, build, catalogue, entry, load
from pullback.errors import UnknownNameError, WeightsError, WeightsUnavailableError


def test_the_default_comes_first_and_every_distance_is_named():
    names = [known.name for known in catalogue()]
    assert names == ["lpips-effnet-lite0", "st-lpips-alex", "lpips-alex", "lpips-vgg", "lpips-squeeze", "mse"]
    assert names[0] == DEFAULT_DISTANCE


def test_an_unknown_distance_gets_the_known_names():
    with pytest.raises(
        UnknownNameError, match="no distance is named 'ssim'; known: lpips-effnet-lite0, st-lpips-alex, "
    ):
        load("ssim")


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
        entry(name).weights_hash,
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["lpips-alex", "lpips-vgg", "lpips-squeeze", "st-lpips-alex", "lpips-effnet-lite0"])
def test_weights_of_another_network_are_refused(name: str):
    with pytest.raises(WeightsError, match=f"the weights of distance '{name}' (lack|do not fit)"):
        build(entry(name), {"features.0.weight": torch.zeros(1)})
