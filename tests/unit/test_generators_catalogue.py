"""The catalogue of generators: what it says, what users may add, and what it answers to mistakes."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from cases import CASES
from pullback.errors import CatalogueError, InvalidInputError, UnknownNameError
from pullback.generators import Generator, catalogue, entry, read_catalogue
from pullback.generators.registry import FAMILIES

MINE = """
[mine]
title = "Mine"
family = "dcgan"
input_space = "all"
image_shape = [3, 16, 16]
[[mine.spaces]]
name = "all"
dim = 5
prior = "product"
[[mine.spaces]]
name = "class"
dim = 2
start = 3
prior = "one-hot"
labels = ["cat", "dog"]
default = "dog"
[[mine.spaces]]
name = "noise"
dim = 3
prior = "standard-normal"
[mine.source]
kind = "path"
location = "mine.pth"
sha256 = "0123456789abcdef"
"""


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's catalogue file that `$PULLBACK_CATALOGUE` names."""
    file = tmp_path / "extra.toml"
    file.write_text(MINE)
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(file))
    return file


def test_the_own_catalogue_names_faces_eyes_and_faces32(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PULLBACK_CATALOGUE", raising=False)
    faces, eyes, faces32 = catalogue()
    assert (faces.name, faces.image_shape, faces.input_space) == ("faces", (3, 64, 64), "z")
    assert [(space.name, space.dim, space.start) for space in faces.spaces] == [("z", 100, 0)]
    assert (eyes.name, eyes.image_shape, eyes.input_space) == ("eyes", (3, 128, 128), "full")
    assert [(space.name, space.dim, space.start) for space in eyes.spaces] == [
        ("full", 108, 0),
        ("noise", 100, 0),
        ("class", 8, 100),
    ]
    assert eyes.space("class").labels == ("amber", "blue", "brown", "gray", "grayscale", "green", "hazel", "red")
    assert (faces32.name, faces32.image_shape, faces32.input_space) == ("faces32", (3, 32, 32), "w+")
    assert [(space.name, space.dim) for space in faces32.spaces] == [("z", 64), ("w", 64), ("w+", 512)]
    for known in (faces, eyes, faces32):
        assert len(known.weights_hash) == 64
        assert known.licence == "MIT"
        assert known.citation


def test_an_unknown_generator_or_space_gets_the_known_names():
    with pytest.raises(UnknownNameError, match="no generator is named 'face'; known: faces, eyes"):
        entry("face")
    with pytest.raises(UnknownNameError, match="no space of generator 'eyes' is named 'z'; known: full, noise, class"):
        entry("eyes").space("z")


def test_a_users_file_adds_generators(extra: Path):
    assert [known.name for known in catalogue()] == ["faces", "eyes", "faces32", "mine"]
    mine = entry("mine")
    assert mine.space("class").default == "dog"
    assert mine.source.location == str(extra.parent / "mine.pth")


def test_of_two_entries_with_one_name_the_later_wins(extra: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    later = tmp_path / "later.toml"
    later.write_text(MINE.replace('"Mine"', '"Mine, retrained"'))
    monkeypatch.setenv("PULLBACK_CATALOGUE", os.pathsep.join([str(extra), str(later)]))
    assert entry("mine").title == "Mine, retrained"
    assert len(catalogue()) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('family = "dcgan"', "", "key 'family': missing; expected a string"),
        ("dim = 5", "dim = 0", "spaces.0.: key 'dim': expected an integer of at least 1, got 0"),
        ("dim = 5", "dim = true", "expected an integer of at least 1, got True"),
        ("dim = 5", "dim = 6", "spaces that tile .0, 6., got noise .0, 3., class .3, 5."),
        ("start = 3", "start = 4", "'class' covers coordinates up to 6 of 5"),
        (
            'prior = "product"',
            'prior = "uniform"',
            "expected one of standard-normal, .*one-hot, .*bounded, product, mapped, got 'uniform'",
        ),
        (
            'prior = "standard-normal"',
            'prior = "bounded"',
            "key 'bounds': missing; expected the least and the greatest",
        ),
        (
            'prior = "standard-normal"',
            'prior = "bounded"\nbounds = [1, 1]',
            "key 'bounds': expected a list of two finite numbers, the first below the second, got .1, 1.",
        ),
        (
            'prior = "standard-normal"',
            'prior = "standard-normal"\nbounds = [0, 1]',
            "key 'bounds': expected for a bounded prior and no other",
        ),
        (
            'prior = "standard-normal"',
            'prior = "product"',
            "only the input space, or what a mapping.* takes, may have a product prior",
        ),
        ('["cat", "dog"]', '["cat"]', "expected 2 different labels, got cat"),
        ('["cat", "dog"]', '["cat", "cat"]', "expected 2 different labels"),
        ('labels = ["cat", "dog"]', "", "key 'labels': expected for a prior one-hot or class-embeddings and no other"),
        ('labels = ["cat", "dog"]', 'label_set = "cifar"', "key 'label_set': expected imagenet-1k, got 'cifar'"),
        ('labels = ["cat", "dog"]', 'label_set = "imagenet-1k"', "expected 2 different labels, got tench, goldfish"),
        (
            'prior = "one-hot"',
            'prior = "one-hot"\nlabel_set = "imagenet-1k"',
            "key .label_set.: expected instead of labels",
        ),
        ('default = "dog"', 'default = "cow"', "key 'default': expected one of the labels"),
        (
            'title = "Mine"',
            'titel = "Mine"',
            "unknown key.s. 'titel'; known: spaces, image_shape, title, family, input_space, source",
        ),
        (
            'family = "dcgan"',
            'family = "gan"',
            "'family': expected one of .*conditional-dcgan, dcgan, .* got 'gan'",
        ),
        ("[3, 16, 16]", "[3]", "key 'image_shape': expected a list of 3 or 2 positive integers, got .3."),
        ('input_space = "all"', 'input_space = "z"', "key 'input_space': expected one of the spaces"),
        ('name = "noise"', 'name = "all"', "key 'spaces': expected different names"),
        ('name = "noise"', 'name = "noise"\ncolour = 1', "spaces.2.: unknown key.s. 'colour'; known: name, dim,"),
        ('sha256 = "0123456789abcdef"', "", "source: key 'sha256': missing"),
    ],
)
def test_a_malformed_entry_is_named_with_file_entry_and_key(extra: Path, old: str, new: str, message: str):
    extra.write_text(MINE.replace(old, new, 1))
    with pytest.raises(InvalidInputError, match=r"extra\.toml: entry 'mine'") as caught:
        catalogue()
    assert caught.match(message)


def test_an_entry_without_spaces_is_named(extra: Path):
    extra.write_text('[mine]\nfamily = "dcgan"\nspaces = []\n')
    with pytest.raises(InvalidInputError, match="key 'spaces': expected one table or more"):
        catalogue()


def test_every_family_that_a_file_may_name_has_a_loader():
    for name, family in FAMILIES.items():
        assert family.name == name
        module, _, loader = family.loader.partition(":")
        found = getattr(importlib.import_module(module), loader)
        # Of code and programs a function finds out what they are.
        assert callable(found) if family.kinds else issubclass(found, Generator)


def test_the_word_public_adds_what_others_have_published(extra: Path, monkeypatch: pytest.MonkeyPatch):
    assert "stylegan2-ffhq-1024" not in [known.name for known in catalogue()]
    monkeypatch.setenv("PULLBACK_CATALOGUE", os.pathsep.join(["public", str(extra)]))
    known = {found.name: found for found in catalogue()}
    assert {
        "faces",
        "mine",
        "stylegan2-ffhq-1024",
        "pggan-celebahq-256",
        "biggan-deep-256",
        "bigbigan-128",
    } <= known.keys()
    published = [found for found in known.values() if found.source.kind == "url"]
    assert len({found.weights_hash for found in published}) == len(published) > 15
    for found in published:
        assert found.source.location.startswith("https://"), found.name
        assert found.licence, found.name
        assert found.citation, found.name
        assert f"{found.image_shape[-1]}" in found.name
        if found.has_mapping:
            assert found.space("w+").dim == 512 * (2 * found.image_shape[-1].bit_length() - 4), found.name


def test_a_file_with_a_byte_order_mark_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(CASES / "catalogue_bom.toml"))
    assert entry("ros_key").source.key == "g_ema"


def test_one_bad_entry_leaves_the_others(extra: Path):
    good = MINE.replace("mine", "yours")
    extra.write_text(MINE.replace("dim = 5", "dim = 0") + good)
    read = read_catalogue()
    assert [known.name for known in read.entries] == ["faces", "eyes", "faces32", "yours"]
    assert [fault.name for fault in read.faults] == ["mine"]
    assert entry("yours").title == "Mine"
    for name, error, message in (
        (
            "mine",
            CatalogueError,
            "no generator 'mine': its entry cannot be used: .*entry 'mine'.*an integer of at least 1",
        ),
        ("ours", UnknownNameError, "no generator is named 'ours'; known: faces, eyes, faces32, yours"),
    ):
        with pytest.raises(error, match=message):
            entry(name)
    with pytest.raises(CatalogueError, match="entry 'mine'"):
        catalogue()


def test_an_unreadable_file_leaves_the_others_and_its_entries_say_why(
    extra: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = tmp_path / "broken.toml"
    broken.write_text(MINE.replace("mine", "faces") + "title =\n")
    monkeypatch.setenv("PULLBACK_CATALOGUE", os.pathsep.join([str(broken), str(extra)]))
    read = read_catalogue()
    # What was meant to replace the library's own is never replaced by it.
    assert [known.name for known in read.entries] == ["eyes", "faces32", "mine"]
    with pytest.raises(
        CatalogueError, match=r"no generator 'faces': its entry .*broken\.toml: not valid TOML: .*line 26"
    ):
        entry("faces")
    assert entry("mine").title == "Mine"


def test_a_file_that_is_not_there_leaves_the_others_and_is_told_where_it_may_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(tmp_path / "none.toml"))
    assert entry("faces").title == "Faces: DCGAN, 64 px"
    (fault,) = read_catalogue().faults
    assert (fault.name, fault.reason) == (
        "",
        f"catalogue file {tmp_path / 'none.toml'}: cannot be read: No such file or directory",
    )
    with pytest.raises(
        CatalogueError, match=r"no generator 'mine': it may be in a file .*none\.toml.*; known: faces, eyes"
    ):
        entry("mine")


def test_classes_of_imagenet_need_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    listed = tmp_path / "listed.toml"
    thousand = MINE.replace("dim = 2", "dim = 1000").replace("dim = 5", "dim = 1003")
    listed.write_text(
        thousand.replace('labels = ["cat", "dog"]', 'label_set = "imagenet-1k"').replace('"dog"', '"golden retriever"')
    )
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(listed))
    labels = entry("mine").space("class").labels
    assert len(set(labels)) == 1000
    assert (labels[0], labels[207], labels[999]) == ("tench", "golden retriever", "toilet tissue")
    # Two classes are called so, a bird and a machine.
    assert (labels[134], labels[517]) == ("crane (n02012849)", "crane (n03126707)")
