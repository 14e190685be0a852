"""The page "From a download to a first inversion": its commands, for every family, with small files as published."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from biggan_states import big_state
from live_server import LiveServer
from published import published, published_file
from pullback.generators.adding.__main__ import main as add
from pullback.generators.registry import FAMILIES
from pullback_api.sounds import Sound, write_wav
from pullback_client.cli import main
from sngan_states import mimicry
from style_states import stylegan1_state
from tiny import write_weights
from tiny_published import (
    dcgan_zoo_shapes,
    deepsim_shapes,
    fastgan_shapes,
    pggan_shapes,
    random_state,
    wavegan_shapes,
)
from tiny_style import style_state

PAGE = Path(__file__).parents[2] / "optimizers/pullback/generators/families/README.md"
COMMANDS = dict(re.findall(r'^```sh title="([\w-]+)"\n(.*?)^```', PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE))
# What small files need in place of what published ones do.
SIZES = {"resolution=256": "resolution=16"}
# What makes a command short.
SHORT = {
    "invert": "--distance mse --method adam --start prior --restarts 1 --steps 2 --evaluations 200",
    "evolve": "--optimizer cma --population 4",
    "eigenbasis": "--samples 8",
    "traverse": "--frames 2",
}
ZOO = {"lossCriterion": "DCGAN"}
CONTENTS: dict[str, Callable[[], Any]] = {
    "stylegan1": lambda: {"g_running": stylegan1_state()},
    "stylegan2": lambda: {"g_ema": style_state()},
    "pggan": lambda: {"config": ZOO, "avgG": random_state(pggan_shapes(6))},
    "dcgan-zoo": lambda: {"config": ZOO, "avgG": random_state(dcgan_zoo_shapes(6))},
    "deepsim": lambda: random_state(deepsim_shapes("fc6", 6)),
    "fastgan": lambda: {"g": random_state(fastgan_shapes(256, 6)), "d": {}},
    "sngan": lambda: {"model_state_dict": mimicry(3)},
    "wavegan": lambda: {"generator": random_state(wavegan_shapes(5, nearest=True, normalized=False, dim=6))},
    "biggan": lambda: big_state("biggan"),
    "bigbigan": lambda: big_state("bigbigan"),
    "biggan-deep": lambda: big_state("biggan-deep"),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Folders of a user, and a server of that user."""
    folder = tmp_path_factory.mktemp("first")
    environment = {"XDG_DATA_HOME": str(folder / "user"), "PULLBACK_CACHE": str(folder / "cache")}
    with LiveServer(folder / "data", environment) as live:
        yield {**environment, "PULLBACK_TARGET": live.target}


def write(family: str, file: Path) -> None:
    """Writes a small file of a family as it is published."""
    if family in {"dcgan", "conditional-dcgan"}:
        write_weights(file, seed=3, conditional=family != "dcgan")
    elif family == "stylegan2-ada":
        file.write_bytes(published_file("stylegan2_nvidia_plain_32.pkl").read_bytes())
    elif family == "stylegan2-ada-classes":
        torch.save(published("stylegan2_nvidia_conditional_32").state, file)
    else:
        torch.save(CONTENTS[family](), file)


def test_every_family_of_files_is_on_the_page() -> None:
    assert {family_of(name) for name in COMMANDS} == {name for name, family in FAMILIES.items() if not family.kinds}
    table = re.search(r"## Which spaces.*?\n## ", PAGE.read_text("utf-8"), re.DOTALL)
    assert table is not None
    assert all(f"`{family_of(name)}`" in table[0] for name in COMMANDS)


def family_of(title: str) -> str:
    """The family of the commands of that title."""
    return title.removesuffix("-classes")


@pytest.mark.parametrize("title", sorted(COMMANDS))
def test_its_commands_run(title: str, places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PULLBACK_CATALOGUE", raising=False)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    Image.fromarray(pixels).save("me.jpg")
    Path("my_experiment.py").write_text(
        "def score(image):\n    return float(sum(image.resize((1, 1)).getpixel((0, 0))[:1]))\n"
    )
    (tmp_path / "kick.wav").write_bytes(write_wav(Sound(np.sin(np.arange(9_000) / 10)[None], 22_050)))
    Path("my_sounds.py").write_text("def score(sound):\n    return float((sound.samples ** 2).mean())\n")
    for line in COMMANDS[title].splitlines():
        program, *words = shlex.split(line)
        if program == "curl":
            continue
        words = [SIZES.get(word, "2" if word == "40" else word) for word in words]
        if words[:2] == ["generators", "add"]:
            write(title, Path(words[3]))
            # What NVIDIA's own file says, and a state dict in its place does not.
            unsaid = ["--option", "conv_clamp=0"] if title == "stylegan2-ada-classes" else []
            assert add(["add", *words[2:], *unsaid]) == 0
            continue
        with pytest.raises(SystemExit) as ended:
            main([*words, *shlex.split(SHORT[words[0]])])
        assert ended.value.code in {0, None}
