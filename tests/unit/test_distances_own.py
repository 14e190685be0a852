"""Distances of one's own: by code that a catalogue names or an installed package brings; errors say whose it is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pullback.distances import EmbeddingDistance, catalogue, entry, identity_of, load
from pullback.errors import CatalogueError, InvalidInputError, OwnCodeError, UnknownNameError
from pullback.generators import read_catalogue
from pullback.weights.entry_points import DISTANCES, entry_points_of

CODE = """
from torch import nn
from pullback.distances import Distance, EmbeddingDistance

def coarse():
    return nn.AvgPool2d(4)

class Doubled(EmbeddingDistance):
    def embed(self, images):
        if len(images) == 7:
            raise RuntimeError("seven")
        return 2 * images.flatten(1)

class Plain(Distance):
    def forward(self, a, b):
        return (a - b).abs().pow(3).flatten(1).sum(1)

def nothing():
    return 3
"""
IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a catalogue file with one distance of the code beside it."""
    (tmp_path / "own.py").write_text(CODE, "utf-8")
    file = tmp_path / "catalogue.toml"
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(file))

    def write(factory: str = "coarse", name: str = "mine", embedding: str = "true", sha256: str = "") -> Path:
        sha256 = sha256 or identity_of(f"{tmp_path / 'own.py'}:{factory}")
        file.write_text(
            f'[distances.{name}]\nfamily = "python"\ntakes = ["images"]\nembedding = {embedding}\n'
            f'source = {{kind = "code", location = "own.py:{factory}", sha256 = "{sha256}"}}\n',
            "utf-8",
        )
        return file

    return write


def test_a_network_of_features_becomes_a_distance(write: Callable[..., Path]):
    write()
    assert [known.name for known in catalogue()][-1] == "mine"
    assert not read_catalogue().faults
    found = load("mine")
    assert isinstance(found, EmbeddingDistance)
    assert found.weights_hash == entry("mine", only_catalogue=True).weights_hash
    small = torch.nn.functional.avg_pool2d(IMAGES, 4)
    expected = (small[:1] - small[1:]).square().mean()
    torch.testing.assert_close(found(IMAGES[:1], IMAGES[1:])[0], expected)


def test_distances_of_both_kinds_are_what_they_are(write: Callable[..., Path]):
    write("Doubled")
    doubled = load("mine")
    torch.testing.assert_close(doubled(IMAGES[:1], IMAGES[1:])[0], 4 * (IMAGES[0] - IMAGES[1]).square().sum())
    with pytest.raises(OwnCodeError, match=r"distance 'mine': .*own\.py:Doubled raised RuntimeError: seven"):
        doubled.embed(torch.zeros(7, 3, 8, 8))
    write("Plain", embedding="false")
    plain = load("mine")
    torch.testing.assert_close(plain(IMAGES[:1], IMAGES[1:])[0], (IMAGES[0] - IMAGES[1]).abs().pow(3).sum())
    write("Plain")
    with pytest.raises(OwnCodeError, match="gives one that has no embedding: state embedding = false"):
        load("mine")


def test_other_code_is_another_distance(write: Callable[..., Path], tmp_path: Path):
    write()
    (tmp_path / "own.py").write_text(CODE.replace("AvgPool2d(4)", "AvgPool2d(2)"), "utf-8")
    with pytest.raises(OwnCodeError, match=r"distance 'mine': its code or its tensors are not those of the catalogue"):
        load("mine")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("[distances.mine]", "[distances.mse]", "none of the package's own distances"),
        ("[distances.mine]", '[distances."a:b"]', "lower-case letters, digits"),
        ('family = "python"', 'family = "mse"', "expected 'python', with a source of kind code; got 'mse'"),
        ("takes = [", "take = [", "expected some of images, sounds, got"),
        ('kind = "code"', 'kind = "cod"', "expected one of pypi, .*, code, got 'cod'"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why_and_takes_no_other_place(
    write: Callable[..., Path], before: str, after: str, message: str
):
    file = write()
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")
    assert "mine" not in {known.name for known in catalogue()}
    assert entry("mse").family == "mse"
    name = {"[distances.mse]": None, '[distances."a:b"]': "a:b"}.get(after, "mine")
    if name:
        with pytest.raises(CatalogueError, match=message):
            entry(name)


def test_what_fails_says_where_and_what(write: Callable[..., Path]):
    with pytest.raises(OwnCodeError, match=r"own\.py:nothing is to give a pullback\.distances\.Distance or .* int"):
        write("nothing")
    write(sha256="ab" * 32)
    with pytest.raises(OwnCodeError, match=r"gives \w{64}, and sha256 = abab"):
        load("mine")
    with pytest.raises(InvalidInputError, match="takes no side after @"):
        entry("mine@64")
    with pytest.raises(UnknownNameError, match=r"known: .*mine"):
        entry("yours")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that brings the distance `doubled`."""
    site = tmp_path / "site"
    told = site / "own_distances-1.0.dist-info"
    told.mkdir(parents=True)
    (site / "own_distances.py").write_text(CODE, "utf-8")
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: own-distances\nVersion: 1.0\n", "utf-8")
    (told / "entry_points.txt").write_text(f"[{DISTANCES}]\ndoubled = own_distances:Doubled\n", "utf-8")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    entry_points_of.cache_clear()
    yield
    entry_points_of.cache_clear()


@pytest.mark.usefixtures("package")
def test_an_installed_package_brings_a_distance():
    found = load("doubled")
    assert (found.name, len(found.weights_hash)) == ("doubled", 64)
    assert found.weights_hash == identity_of("doubled")
