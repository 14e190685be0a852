"""Adding of generators to a catalogue file: what is derived, asked for, assumed, refused and kept."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from PIL import Image

from biggan_states import brock_state
from published import published, published_file
from pullback.errors import CatalogueError
from pullback.generators import CatalogueEntry, SpaceEntry, entry, load, read_catalogue
from pullback.generators.adding.__main__ import main
from pullback.generators.adding.catalogue_text import entry_text, write_entry
from pullback.generators.adding.sheet import sheet
from pullback.generators.class_names import imagenet_names
from pullback.weights import WeightsSource
from pullback.weights.catalogue_files import user_catalogue
from tiny import CLASSES, write_catalogue, write_weights

KEPT = """# Mine.

[other] # the other one
title = "Other"
family = "dcgan"
input_space = "z"
image_shape = [3, 16, 16]
# Of its space.
spaces = [{name = "z", dim = 8, prior = "standard-normal"}]
source = {kind = "path", location = "other.pt", sha256 = "abababab"}

# The end.
"""


class Said(NamedTuple):
    """What a run ended with and said."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `add` or `check`, with a user's folders and a cache of their own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PULLBACK_CATALOGUE", raising=False)

    def run(*arguments: object) -> Said:
        code = main([str(argument) for argument in arguments])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The file of a DCGAN, 8 dimensions to 16 × 16 pixels."""
    path = tmp_path / "own.pt"
    write_weights(path, seed=3)
    return path


def test_a_file_becomes_a_generator(run: Run, weights: Path):
    said = run("add", "mine", weights, "--licence", "CC-BY-4.0", "--title", 'Noise "of" mine')
    assert (said.code, said.err) == (0, "")
    found = entry("mine")
    assert (found.family, found.title, found.image_shape) == ("dcgan", 'Noise "of" mine', (3, 16, 16))
    assert found.spaces == (SpaceEntry("z", 8, "standard-normal"),)
    assert found.source.local_path == weights
    assert (len(found.weights_hash), found.licence, found.citation) == (64, "CC-BY-4.0", "unknown")
    generator = load("mine")
    assert generator.render(generator.space("z").sample(1, 0), "z").shape == (1, 3, 16, 16)
    assert "assumed: latents are drawn from a standard normal distribution" in said.out
    assert "assumed: its citation is unknown; --citation says it" in said.out
    assert "licence is unknown" not in said.out
    with Image.open(user_catalogue().parent / "contact-sheets" / "mine.png") as shown:
        assert shown.size == (4 * 66 - 2, 4 * 66 - 2)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_what_is_made_is_the_users_alone(run: Run, weights: Path):
    run("add", "mine", weights)
    assert user_catalogue().stat().st_mode & 0o777 == 0o600
    assert user_catalogue().parent.stat().st_mode & 0o077 == 0


def test_the_users_file_is_read_before_those_that_the_environment_names(
    run: Run, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run("add", "mine", weights)
    run("add", "tiny", weights)
    named = write_catalogue(tmp_path / "named", seed=1)
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(named))
    assert entry("mine").source.local_path == weights
    assert entry("tiny").source.local_path == named.parent / "tiny-1.pt"


def test_a_catalogue_file_of_ones_own_gets_the_entry_and_keeps_the_rest(run: Run, weights: Path, tmp_path: Path):
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(KEPT, "utf-8")
    said = run("add", "mine", weights, "--catalogue", catalogue, "--sheet", tmp_path / "sheet.png")
    assert said.code == 0
    assert "a server reads it where PULLBACK_CATALOGUE names it" in said.out
    assert catalogue.read_text("utf-8").startswith(KEPT)
    assert (tmp_path / "sheet.png").is_file()
    assert not user_catalogue().exists()


def test_an_entry_is_replaced_where_that_is_asked_for(run: Run, weights: Path, tmp_path: Path):
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(KEPT, "utf-8")
    run("add", "mine", weights, "--catalogue", catalogue, "--sheet", tmp_path / "sheet.png")
    with catalogue.open("a") as file:
        file.write("\n# Another.\n[last]\ntitle = 'z'\n")
    again = ("add", "mine", weights, "--catalogue", catalogue, "--sheet", tmp_path / "sheet.png", "--title", "New")
    said = run(*again)
    assert (said.code, said.out) == (1, "")
    assert "has a generator 'mine' already: take another name, or --replace" in said.err
    assert run(*again, "--replace").code == 0
    text = catalogue.read_text("utf-8")
    assert text.startswith(KEPT + "\n# Another.\n[last]\ntitle = 'z'\n")
    assert text.count("[mine]") == 1
    assert 'title = "New"' in text


ODD = 'A "b" \\ c\td\x7f\u2028 é\U0001f98e'
SOURCE = WeightsSource("path", "/nowhere/x.pt", "ab" * 32, key="g.ema", prefix="a.b.", licence=ODD, citation="[x]")
PLAIN = CatalogueEntry("x", ODD, "dcgan", (SpaceEntry("z", 8, "standard-normal"),), "z", (1, 8, 8), SOURCE)
ENTRIES = [
    PLAIN,
    replace(PLAIN, name="1.0"),
    replace(PLAIN, spaces=(SpaceEntry("z", 8, "bounded", bounds=(-1.5, 1e-7)),)),
    replace(
        PLAIN,
        family="biggan",
        input_space="full",
        spaces=(
            SpaceEntry("full", 12, "product"),
            SpaceEntry("noise", 4, "truncated-normal"),
            SpaceEntry("class", 8, "class-embeddings", 4, imagenet_names(), imagenet_names()[0]),
        ),
        options={"epsilon": 1e-5, "truncation": 1.0},
    ),
    replace(
        PLAIN,
        input_space="full",
        spaces=(
            SpaceEntry("full", 6, "product"),
            SpaceEntry("noise", 4, "standard-normal"),
            SpaceEntry("class", 2, "one-hot", 4, ("a]", ODD), ODD),
        ),
    ),
]


@pytest.mark.parametrize("written", ENTRIES, ids=range(len(ENTRIES)))
def test_an_entry_is_read_as_it_was_written(written: CatalogueEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(KEPT, "utf-8")
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(catalogue))
    for replaced in (False, True):
        write_entry(catalogue, written, replace=replaced)
        assert replace(entry(written.name), source=SOURCE) == written
        assert replace(entry(written.name).source, layout=SOURCE.layout) == SOURCE
        assert catalogue.read_text("utf-8") == f"{KEPT}\n{entry_text(written)}"


def test_an_entry_that_others_lean_on_is_left_to_its_writer(tmp_path: Path):
    catalogue = tmp_path / "catalogue.toml"
    text = KEPT.replace("[other] # the other one", "x.title = 'dotted'\n[other]")
    catalogue.write_text(text, "utf-8")
    with pytest.raises(CatalogueError, match=r"cannot be replaced without harm.*\n\n\[x\]\ntitle"):
        write_entry(catalogue, PLAIN, replace=True)
    assert catalogue.read_text("utf-8") == text


@pytest.mark.skipif(os.name != "posix", reason="links and permissions are POSIX's")
def test_a_link_and_permissions_stay(tmp_path: Path):
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text(KEPT, "utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    write_entry(link, PLAIN, replace=False)
    assert link.is_symlink()
    assert "[x]" in real.read_text("utf-8")
    assert real.stat().st_mode & 0o777 == 0o640


def unchanged(tmp_path: Path) -> bool:
    return not user_catalogue().parent.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Mine", "own.pt"], "lower-case letters, digits, '.', '_' and '-', but 'Mine' came"),
        (["faces", "own.pt"], "there is a generator 'faces' already"),
        (["mine", "none.pt"], "none.pt cannot be added: there is no such file"),
        (["mine", "."], "cannot be added: it is a folder"),
        (["mine", "text.txt"], "not a file of plain tensors that can be read safely: it is text"),
        (["mine", "own.pt", "--family", "dcgna"], "--family: expected one of"),
        (["mine", "own.pt", "--family", "dcgna"], "did you mean 'dcgan'?"),
        (["mine", "own.pt", "--family", "stylegan2"], "does not hold the tensors of stylegan2; it has: main.0.weight"),
        (["mine", "other.pt"], "it has: encoder.weight"),
        (["mine", "own.pt", "--key", "g_ema"], "has no dictionary 'g_ema'; it has: main.0.weight"),
        (["mine", "own.pt", "--prefix", "net."], "holds no tensors whose names begin with 'net.'"),
        (["mine", "twice.pt"], "which by --prefix, one of a., b."),
        (["mine", "own.pt", "--option", "size=3"], "--option of a dcgan: unknown key(s) 'size'"),
        (["mine", "own.pt", "--option", "size"], "--option is NAME=VALUE, but 'size' came"),
        (["mine", "own.pt", "--bounds", "1,1"], "--bounds is LEAST,GREATEST, such as -10,10, but '1,1' came"),
        (["mine", "own.pt", "--bounds", "nan,1"], "but 'nan,1' came"),
        (["mine", "own.pt", "--bounds=-1,1"], "--bounds: a generator of this family takes none"),
        (["mine", "own.pt", "--labels", "a,b"], "--labels: a generator of this family takes none"),
        (["mine", "own.pt", "--dim", "8"], "--dim: a generator of this family takes none"),
        (["mine", "nan.pt"], "not finite: 1 of 2048 numbers of 'main.3.weight'"),
        (["mine", "classes.pt"], "name them with --labels A,B,C"),
        (["mine", "classes.pt", "--labels", "a,b,c,d,e,f,g,h"], "8 coordinates together"),
        (["mine", "biggan.pt"], "say which by --family, one of bigbigan, biggan"),
        (["mine", "biggan.pt", "--family", "biggan"], "needs the option 'epsilon', which its file does not say"),
        (["mine", "biggan.pt", "--family", "biggan"], "usual: 1e-5 of networks that BigGAN-PyTorch trained"),
        (["mine", "biggan.pt", "--family", "biggan", "--option", "epsilon=x"], "expected a number of at least 0"),
        (
            ["mine", "biggan.pt", "--family", "biggan", "--option", "epsilon=1e-5", "--labels", "a"],
            "this biggan has 5 classes, but 1 came",
        ),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_written(
    run: Run, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    state = torch.load(weights, weights_only=True)
    torch.save({f"{part}.{name}": value for part in "ab" for name, value in state.items()}, "twice.pt")
    torch.save({"encoder.weight": torch.ones(3, 3)}, "other.pt")
    torch.save({**state, "main.3.weight": state["main.3.weight"].index_fill(0, torch.tensor(0), 1.0)}, "nan.pt")
    spoilt = torch.load("nan.pt", weights_only=True)
    spoilt["main.3.weight"][0, 0, 0, 0] = torch.nan
    torch.save(spoilt, "nan.pt")
    Path("text.txt").write_text("Not weights.", "utf-8")
    write_weights(tmp_path / "classes.pt", seed=0, conditional=True)
    torch.save(brock_state(), "biggan.pt")
    said = run("add", *arguments)
    assert (said.code, said.out) == (1, "")
    assert message in said.err
    assert unchanged(tmp_path)


def test_classes_are_named_by_who_adds_them(run: Run, tmp_path: Path):
    write_weights(tmp_path / "classes.pt", seed=0, conditional=True)
    said = run("add", "mine", tmp_path / "classes.pt", "--labels", ",".join(CLASSES))
    assert said.code == 0
    found = entry("mine")
    assert {space.name: (space.dim, space.start) for space in found.spaces} == {
        "full": (8, 0),
        "noise": (5, 0),
        "class": (3, 5),
    }
    assert found.space("class").labels == tuple(CLASSES)
    assert "assumed: the class is 'red' while noise alone is explored" in said.out


def test_classes_and_noise_are_told_by_the_weights(run: Run, tmp_path: Path):
    torch.save(brock_state(), tmp_path / "biggan.pt")
    said = run("add", "mine", tmp_path / "biggan.pt", "--family", "biggan", "--option", "epsilon=0.0001")
    assert (said.code, said.err) == (0, "")
    found = entry("mine")
    assert found.options == {"epsilon": 1e-4}
    assert [space.prior for space in found.spaces] == ["product", "standard-normal", "class-embeddings"]
    assert found.space("class").labels == tuple(map(str, range(5)))
    assert "assumed: its classes are called 0 to 4; --labels gives them names" in said.out
    assert "assumed: output_epsilon = 1e-05, unless the file says it" in said.out
    assert run("check", "mine").code == 0


def test_a_training_checkpoint_is_looked_through_for_the_generator(run: Run, weights: Path, tmp_path: Path):
    state = torch.load(weights, weights_only=True)
    whole = {
        "netG": {f"module.{name}": value for name, value in state.items()},
        "epoch": 3,
        "netD": {"x": torch.ones(1)},
    }
    torch.save(whole, tmp_path / "whole.pt")
    assert run("add", "mine", tmp_path / "whole.pt").code == 0
    assert entry("mine").source.prefix == "netG.module."
    run("add", "plain", weights)
    latents = torch.ones(1, 8)
    assert torch.equal(load("mine").render(latents, "z"), load("plain").render(latents, "z"))


PUBLISHED = {
    "stylegan2_nvidia_plain_32.pkl": ("stylegan2-ada", (3, 32, 32), {"z": 20, "w": 20, "w+": 160}),
    "dcgan_zoo_64_object_config.pth": ("dcgan-zoo", (3, 64, 64), {"z": 20}),
    "pggan_zoo_32_object_config.pth": ("pggan", (3, 32, 32), {"z": 24}),
    "sngan_pfnet_32.npz": ("sngan", (3, 32, 32), {"z": 10}),
    "upconvGAN_fc6.pt": ("deepsim", (3, 256, 256), {"z": 96}),
    # Their tensors stand beside inputs and outputs.
    "stylegan2_rosinality_32.safetensors": ("stylegan2", (3, 32, 32), {"z": 20, "w": 20, "w+": 160}),
    "fastgan_512.safetensors": ("fastgan", (3, 512, 512), {"z": 12}),
    "wavegan_16384_nearest.safetensors": ("wavegan", (1, 16384), {"z": 100}),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_are_recognised_where_they_say_it_all(run: Run, name: str):
    family, image_shape, spaces = PUBLISHED[name]
    said = run("add", "mine", published_file(name))
    assert (said.code, said.err) == (0, "")
    found = entry("mine")
    assert (found.family, found.image_shape) == (family, image_shape)
    assert {space.name: space.dim for space in found.spaces} == spaces
    assert dict(found.options) == {}
    assert load("mine").image_shape == image_shape


def test_labels_behind_the_noise_of_the_zoo_are_told(run: Run, tmp_path: Path):
    known = published("pggan_zoo_32")
    config = {"lossCriterion": "WGANGP", "attribKeysOrder": {"colour": {"order": 0, "values": ["red", "blue"]}}}
    torch.save({"config": config, "avgG": known.state}, tmp_path / "labels.pth")
    said = run("add", "mine", tmp_path / "labels.pth")
    assert (said.code, said.err) == (0, "")
    assert "assumed: the last coordinates of its input, its labels (attribKeysOrder), are drawn as noise is" in said.out


@pytest.mark.parametrize(
    ("name", "asked", "options", "spaces"),
    [
        ("biggan_deep_64.safetensors", "truncation", ["truncation=0.4"], {"full": 16, "noise": 8, "class": 8}),
        ("biggan_deep_64.safetensors", "truncation", ["truncation=1", "class=2"], {"noise": 8}),
        ("stylegan1_fused.safetensors", "resolution", ["resolution=64"], {"z": 24, "w": 24, "w+": 120}),
        (
            "stylegan2_nvidia_conditional_32.safetensors",
            "conv_clamp",
            ["conv_clamp=0"],
            {"full": 21, "z": 16, "class": 5, "w": 24, "w+": 192},
        ),
        (
            "stylegan2_nvidia_conditional_32.safetensors",
            "conv_clamp",
            ["conv_clamp=0", "class=2"],
            {"z": 16, "w": 24, "w+": 192},
        ),
        ("wavegan_65536_nearest.safetensors", "length", ["length=65536"], {"z": 100}),
    ],
)
def test_what_published_files_do_not_say_is_asked_for_by_its_option(
    run: Run, name: str, asked: str, options: list[str], spaces: dict[str, int]
):
    file = published_file(name)
    assert f"needs the option {asked!r}, which its file does not say" in run("add", "mine", file).err
    assert run("add", "mine", file, *(f"--option={option}" for option in options)).code == 0
    assert {space.name: space.dim for space in entry("mine").spaces} == spaces


def test_a_generator_is_checked(run: Run, weights: Path):
    run("add", "mine", weights)
    said = run("check", "mine")
    assert (said.code, said.err) == (0, "")
    assert "gradient: finite, norm " in said.out
    assert "a step of one image on cpu: " in said.out
    assert " MiB beside the weights" in said.out


def test_to_check_what_is_not_there_is_refused(run: Run):
    said = run("check", "mine")
    assert (said.code, said.out) == (1, "")
    assert "no generator is named 'mine'; known: faces" in said.err


def test_a_broken_catalogue_file_is_told_and_left_alone(run: Run, weights: Path):
    user_catalogue().parent.mkdir(parents=True)
    user_catalogue().write_text("[half", "utf-8")
    said = run("add", "mine", weights)
    assert said.code == 1
    assert f"catalogue file {user_catalogue()}: not valid TOML" in said.err
    assert user_catalogue().read_text("utf-8") == "[half"
    assert read_catalogue().faults


def test_sounds_are_a_file_that_can_be_heard(tmp_path: Path):
    sounds = torch.linspace(-1, 1, 16 * 2 * 100).reshape(16, 2, 100)
    ending, content = sheet(sounds, 44_100)
    (tmp_path / "sheet.wav").write_bytes(content)
    assert ending == ".wav"
    with wave.open(str(tmp_path / "sheet.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 44_100, 1600)
