"""The README's sessions against a live server, with parts that need nothing from elsewhere."""

from __future__ import annotations

import doctest
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_client import BestImage, Client, Directions, Edit, EvolutionSession, Inversion, Traversal

README = Path(__file__).parents[2] / "README.md"
Replacements = Sequence[tuple[str, str]]

# With a generator, a distance and an optimizer that need nothing from elsewhere.
INVERT = ('invert("portrait.png", "faces"', 'invert("portrait.png", "tiny", distance="mse", steps=5')
EVOLVE = ('evolve("faces"', 'evolve("tiny", population=4')


class Rig:
    """Something that looks at images: it takes one for better, the brighter it is, and misses every fifth."""

    def __init__(self) -> None:
        self.shown = 0

    def show(self, image: Image.Image) -> float:
        """The score, NaN where the trial failed."""
        self.shown += 1
        return float("nan") if self.shown % 5 == 0 else brightness(image)


def brightness(image: Image.Image) -> float:
    """A score: the mean of the image's pixels."""
    return float(np.asarray(image.convert("L"), np.float64).mean())


def example(heading: str, replacements: Replacements, language: str = "python") -> str:
    """The first example below a heading, with what stands for something small."""
    section = README.read_text("utf-8").partition(heading)[2]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None
    code = found[1]
    for said, small in replacements:
        assert said in code, said
        code = code.replace(said, small)
    return code


@pytest.fixture(autouse=True)
def desk(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a portrait, and clients that find the server."""
    monkeypatch.setenv("PULLBACK_TARGET", server.target)
    monkeypatch.chdir(tmp_path)
    for name in ("portrait.png", "portrait.jpg"):
        Image.new("RGB", (16, 16), "teal").save(name)
    return tmp_path


def test_the_first_session(desk: Path) -> None:
    session = example(
        "# Pullback",
        [
            ("['eyes', 'faces', 'faces32']", "['eyes', 'faces', 'faces32', 'tiny']"),
            ('"faces", center_crop=True', '"tiny", center_crop=True, distance="mse", steps=5'),
            ("((100,), (64, 64))", "((8,), (16, 16))"),
        ],
        "pycon",
    )
    test = doctest.DocTestParser().get_doctest(session, {}, "README", str(README), 0)
    said = io.StringIO()
    results = doctest.DocTestRunner(verbose=False).run(test, out=said.write, clear_globs=True)
    assert results.failed == 0, said.getvalue()
    assert results.attempted == 6
    with Image.open(desk / "portrait.png") as image:
        assert image.size == (16, 16)


def test_a_closed_loop(desk: Path) -> None:
    rig = Rig()
    values: dict[str, Any] = {"rig": rig, "done": lambda: rig.shown >= 16}
    with pytest.MonkeyPatch.context():
        from pullback_client import Client

        with Client() as client:
            # What it searches in; the server computes it at most once.
            client.compute_eigenbasis("tiny", distance="mse")
            values["client"] = client
            exec(example("## Evolving images in a closed loop", [EVOLVE, (".nwb", ".npz")]), values)
    assert isinstance(values["session"], EvolutionSession)
    assert (desk / "best.png").exists()
    assert (desk / "session.npz").exists()


def test_directions_and_walks(desk: Path) -> None:
    walked = 'strength=2, distance="mse", steps=5'
    small = [
        ('"faces", method="hessian", k=20', '"tiny", method="hessian", k=5, eigenbasis=basis'),
        (
            '"portrait.jpg", "faces", found["lighting"], strength=2',
            f'"portrait.jpg", "tiny", found["lighting"], {walked}',
        ),
        ("frames=17", 'frames=5, distance="mse"'),
    ]
    with Client() as client:
        basis = client.compute_eigenbasis("tiny", distance="mse")
        values: dict[str, Any] = {"client": client, "basis": basis, "latent": client.sample("tiny", 1)[0]}
        exec(example("## Edit directions", small), values)
    assert isinstance(values["found"], Directions)
    assert values["found"]["lighting"].title == "lighting"
    assert isinstance(values["edit"], Edit)
    assert isinstance(values["walk"], Traversal)
    assert (desk / "edited").is_dir()
    assert (desk / "walk").is_dir()


def test_the_same_from_asyncio() -> None:
    code = example("## From asyncio", [INVERT, ('evolve("faces"', 'evolve("tiny", optimizer="cma", population=4')])
    values: dict[str, Any] = {"brightness": brightness}
    exec(code, values)
    inversion, best = values["inversion"], values["best"]
    assert isinstance(inversion, Inversion)
    assert inversion.label == "portrait.png"
    assert isinstance(best, BestImage)
    assert best.score == pytest.approx(brightness(best.image))


def test_the_library_without_the_server(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    values: dict[str, Any] = {}
    exec(
        example("The library works without the server", [('"faces"', '"tiny"'), ('"lpips-alex"', '"mse"')]),
        values,
    )
    assert 1 <= values["basis"].dims_for(0.99) <= 8
