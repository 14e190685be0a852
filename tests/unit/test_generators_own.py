"""Generators of one's own: by code that a catalogue names, by entry points, by programs; errors say whose it is."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from pullback.errors import CatalogueError, InvalidInputError, OwnCodeError, WeightsCorruptedError, WeightsError
from pullback.generators import SpaceEntry, catalogue, entry, load, read_catalogue
from pullback.generators.adding.__main__ import main
from pullback.weights.catalogue_files import user_catalogue
from pullback.weights.entry_points import GENERATORS, entry_points_of

# torch itself warns of what it goes on to read.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.:FutureWarning")

CODE = """
import torch
from torch import nn
from pullback.generators import Generator, LatentSpace, OneHot, Product, StandardNormal

SEED = 0

def network():
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Unflatten(1, (3, 4, 4)))

def unseeded():
    return nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Unflatten(1, (3, 4, 4)))

def failing():
    raise ValueError("no such weights")

def leaving():
    raise SystemExit(3)

def nothing():
    return None

class Breaks(nn.Module):
    def forward(self, z):
        if len(z) == 1:
            raise KeyError("one alone")
        return torch.sigmoid(z)[:, :, None, None].expand(-1, 4, 2, 2)[:, :3]

class Stripes(Generator):
    name, weights_hash, input_space, image_shape = "stripes", "", "full", (1, 6, 2)

    def __init__(self):
        super().__init__()
        noise, kind = LatentSpace("noise", 4, StandardNormal()), LatentSpace("class", 2, OneHot(), 4, ("wide", "high"))
        prior = Product(((noise.prior, 4), (kind.prior, 2)))
        self.spaces = {"full": LatentSpace("full", 6, prior), "noise": noise, "class": kind}
        self.gain = nn.Parameter(torch.full((1,), 2.0))

    @property
    def default_context(self):
        return torch.tensor([0.0, 0, 0, 0, 0, 1])

    def synthesize(self, inputs):
        if inputs.shape[0] == 7:
            raise RuntimeError("seven")
        return torch.sigmoid(self.gain * inputs)[:, None, :, None].expand(-1, 1, 6, 2)
"""


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Adds a generator, with a user's folders and a cache of their own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PULLBACK_CATALOGUE", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(CODE, "utf-8")

    def add(*arguments: object) -> int:
        return main(["add", *map(str, arguments)])

    return add


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package `own_stripes` that brings the generator `stripes`; the file of its module."""
    site = tmp_path / "site"
    (site / "own_stripes").mkdir(parents=True)
    module = site / "own_stripes" / "__init__.py"
    module.write_text(CODE, "utf-8")
    told = site / "own_stripes-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: own-stripes\nVersion: 1.0\n", "utf-8")
    (told / "entry_points.txt").write_text(
        f"[{GENERATORS}]\nstripes = own_stripes:Stripes\nplain = own_stripes:network\n", "utf-8"
    )
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    entry_points_of.cache_clear()
    yield module
    entry_points_of.cache_clear()
    sys.modules.pop("own_stripes", None)


def test_a_plain_network_becomes_a_generator(add: Callable[..., int], capsys: pytest.CaptureFixture[str]):
    assert add("mine", "net.py:network", "--dim", 4, "--option=levels=-1..1", "--licence=MIT") == 0
    assert "assumed: latents are drawn from a standard normal distribution; else --bounds" in capsys.readouterr().out
    found, generator = entry("mine"), load("mine")
    assert (found.family, found.licence, found.image_shape) == ("python", "MIT", (3, 4, 4))
    assert found.spaces == (SpaceEntry("z", 4, "standard-normal"),)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Unflatten(1, (3, 4, 4)))
    latents = generator.space("z").sample(3, seed=1)
    torch.testing.assert_close(generator.render(latents, "z"), (network(latents) + 1) / 2)
    assert generator.weights_hash == found.weights_hash
    assert not any(parameter.requires_grad for parameter in generator.parameters())
    assert main(["check", "mine"]) == 0


def test_latents_are_drawn_within_bounds_where_that_is_said(add: Callable[..., int]):
    assert add("mine", "net.py:network", "--dim=4", "--option=levels=-1..1", "--bounds=-0.5,2") == 0
    assert entry("mine").spaces == (SpaceEntry("z", 4, "bounded", bounds=(-0.5, 2.0)),)
    drawn = load("mine").space("z").sample(500, seed=0)
    assert -0.5 <= float(drawn.min()) < 0
    assert 1.5 < float(drawn.max()) <= 2


def test_a_generator_of_ones_own_says_its_spaces_itself(add: Callable[..., int]):
    assert add("mine", "net.py:Stripes") == 0
    found, generator = entry("mine"), load("mine")
    assert [(space.name, space.prior, space.start) for space in found.spaces] == [
        ("full", "product", 0),
        ("noise", "standard-normal", 0),
        ("class", "one-hot", 4),
    ]
    assert (found.space("class").labels, found.space("class").default) == (("wide", "high"), "high")
    assert (generator.name, generator.weights_hash) == ("mine", found.weights_hash)
    with pytest.raises(OwnCodeError, match=r"generator 'mine': .*net\.py:Stripes raised RuntimeError: seven"):
        generator.render(torch.zeros(7, 6), "full")


def test_other_code_or_other_tensors_are_another_generator(add: Callable[..., int], tmp_path: Path):
    add("mine", "net.py:network", "--dim", 4, "--option=levels=-1..1")
    before = entry("mine").weights_hash
    (tmp_path / "net.py").write_text(CODE.replace("SEED = 0", "SEED = 1"), "utf-8")
    with pytest.raises(
        OwnCodeError, match=r"are not those of the catalogue: .*net\.py:network gives \w{64}.*--replace"
    ):
        load("mine")
    assert add("mine", "net.py:network", "--dim", 4, "--option=levels=-1..1", "--replace") == 0
    assert entry("mine").weights_hash != before
    load("mine")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net.py:network"], "net.py:network: say with --dim N how many coordinates its latents have"),
        (["net.py:network", "--dim", "4"], "needs the option 'levels'"),
        (["net.py:network", "--dim", "4", "--option=levels=0..2"], "expected one of '-1..1', '0..1'"),
        (["net.py:network", "--dim", "5", "--option=levels=0..1"], "Sequential raised RuntimeError: mat1 and mat2"),
        (["net.py:network", "--dim", "4", "--family", "dcgan"], "is of the family python, but 'dcgan' came"),
        (["net.py:network", "--dim", "4", "--key", "g"], "--key: "),
        (["net.py:unseeded", "--dim", "4", "--option=levels=0..1"], "let the factory load them, or seed them"),
        (
            ["net.py:Breaks", "--dim", "4", "--option=levels=0..1"],
            "generator 'mine': Breaks raised KeyError: 'one alone'",
        ),
        (["net.py:failing"], "generator 'mine': "),
        (["net.py:failing"], "net.py:failing raised ValueError: no such weights"),
        (["net.py:leaving"], "net.py:leaving raised SystemExit: 3"),
        (["net.py:nothing"], "is to give a pullback.generators.Generator or a torch.nn.Module, but gave NoneType"),
        (["net.py:nobody"], "net.py has no 'nobody'"),
        (["none.py:network"], "raised FileNotFoundError: "),
        (["own_none:network"], "own_none:network raised ModuleNotFoundError: No module named 'own_none'"),
        (["nobody"], "nobody cannot be added: there is no such file"),
    ],
)
def test_what_fails_in_ones_own_code_says_where_and_what(
    add: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
):
    code = add("mine", *arguments)
    if "Breaks" in arguments[0]:
        # Sixteen at once go well, and one alone as the check has it does not.
        code = main(["check", "mine"])
    assert code == 1
    assert message in capsys.readouterr().err


def test_an_installed_package_brings_a_generator(add: Callable[..., int], package: Path):
    del package
    read = read_catalogue()
    assert read.installed == ("plain", "stripes")
    assert "own_stripes" not in sys.modules
    assert "stripes" not in {known.name for known in catalogue()}
    assert "pullback generators add stripes stripes" in {fault.name: fault.reason for fault in read.faults}["stripes"]
    with pytest.raises(CatalogueError, match="an installed package brings it"):
        entry("stripes")
    generator = load("stripes")
    assert (generator.name, len(generator.weights_hash)) == ("stripes", 64)
    with pytest.raises(OwnCodeError, match=r"own_stripes:network gives a Sequential, .*pullback generators add plain"):
        load("plain")
    assert add("stripes", "stripes") == 0
    assert entry("stripes").source.location == "stripes"
    assert entry("stripes").weights_hash == generator.weights_hash
    assert load("stripes").weights_hash == generator.weights_hash
    assert "stripes" not in read_catalogue().installed


def test_a_module_that_has_changed_since_it_was_imported_is_not_taken_for_the_new_one(
    add: Callable[..., int], package: Path
):
    add("mine", "own_stripes:Stripes")
    load("mine")
    package.write_text(CODE.replace("2.0", "3.0"), "utf-8")
    with pytest.raises(OwnCodeError, match="has changed since this process imported it: restart the server"):
        load("mine")


def program(kind: str, path: Path) -> Path:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 48), nn.Sigmoid(), nn.Unflatten(1, (3, 4, 4))).eval()
    if kind == "torchscript":
        torch.jit.save(torch.jit.trace(network, torch.zeros(2, 4)), path)
    else:
        batch = {0: torch.export.Dim("batch")}
        torch.export.save(torch.export.export(network, (torch.zeros(2, 4),), dynamic_shapes=(batch,)), path)
    return path


@pytest.mark.parametrize("kind", ["torchscript", "torch-export"])
def test_a_saved_program_becomes_a_generator(add: Callable[..., int], tmp_path: Path, kind: str):
    file = program(kind, tmp_path / "net.pt2")
    dim = ["--dim", "4"] if kind == "torchscript" else []
    assert add("mine", file, "--option=levels=0..1", *dim) == 0
    found, generator = entry("mine"), load("mine")
    assert (found.family, found.image_shape, found.spaces[0].dim) == (kind, (3, 4, 4), 4)
    latents = generator.space("z").sample(2, seed=1)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 48), nn.Sigmoid(), nn.Unflatten(1, (3, 4, 4)))
    torch.testing.assert_close(generator.render(latents, "z"), network(latents))
    assert main(["check", "mine"]) == 0
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(WeightsCorruptedError, match="is another file than was added: SHA-256"):
        load("mine")
    file.unlink()
    with pytest.raises(WeightsError, match=r"generator 'mine': .*there is no such file"):
        load("mine")


def test_programs_say_what_was_not_said(add: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    exported = program("torch-export", tmp_path / "net.pt2")
    scripted = program("torchscript", tmp_path / "net.pt")
    for arguments, message in (
        ((scripted, "--option=levels=0..1"), "say with --dim N"),
        ((exported, "--option=levels=0..1", "--dim=5"), "--dim: its latents have 4 coordinates, but 5 came"),
        ((exported,), "needs the option 'levels'"),
    ):
        assert add("mine", *arguments) == 1
        assert message in capsys.readouterr().err
    assert not user_catalogue().exists()


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_code_of_a_catalogue_that_everybody_may_write_is_not_run(add: Callable[..., int]):
    add("mine", "net.py:Stripes")
    user_catalogue().chmod(0o666)
    with pytest.raises(CatalogueError, match=r"everybody may write to .*: chmod o-w"):
        load("mine")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('kind = "code"', 'kind = "path"', "a python comes by kind code, but 'path' came"),
        ('family = "python"', 'family = "dcgan"', r"a dcgan comes by kind pypi or .*, but 'code' came"),
        (":Stripes", ":2", "expected module:factory, or file.py:factory"),
        ("dim = 6", "dim = 7", r"spaces .* are stated, but the weights give|covers|tile"),
    ],
)
def test_an_entry_of_code_that_cannot_be_used_says_why(add: Callable[..., int], before: str, after: str, message: str):
    add("mine", "net.py:Stripes")
    text = user_catalogue().read_text("utf-8")
    assert before in text
    user_catalogue().write_text(text.replace(before, after), "utf-8")
    with pytest.raises(InvalidInputError, match=message):
        load("mine")
