"""What a command reads is never written to: whatever the command, whatever the file is called, --force or not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import Run, runner
from in_process import InProcessServer
from pullback_client import Client, InvalidArgumentError
from pullback_client.files import protected_files
from pullback_client.files.atomic import delete, write_bytes

# Commands whose results would have the name of one of the files that they read, `{}` being the folder of all.
METHOD = ("--method", "adam", "--generator", "faces")
WALK = ("--direction", "hessian:0", "--generator", "faces", "--strength", "1", "--method", "adam")
COMMANDS = {
    "invert": ("invert", "{}/me.png", *METHOD, "--out", "{}"),
    "invert, resumed": ("invert", "{}/me.png", *METHOD, "--out", "{}", "--resume"),
    "invert, a folder": ("invert", "{}/report", *METHOD, "--out", "{}/report", "--resume"),
    "invert, rank": ("invert", "{}/you.jpg", *METHOD, "--out", "{}", "--top-k", "2", "--mask", "{}/you-2.png"),
    "invert, pasted": ("invert", "{}/you.jpg", *METHOD, "--out", "{}", "--paste", "--mask", "{}/you-pasted.png"),
    "invert, mask": ("invert", "{}/you.jpg", *METHOD, "--out", "{}", "--mask", "{}/you.png"),
    "invert, report": ("invert", "{}/report/loss_curves.png", *METHOD, "--out", "{}", "--report"),
    "edit": ("edit", "{}/edited.png", *WALK, "--out", "{}"),
    "edit, pasted": ("edit", "{}/pasted.png", *WALK, "--out", "{}", "--paste"),
    "edit, an earlier one pasted": ("edit", "{}/pasted.png", *WALK, "--out", "{}"),
    "edit, mask": ("edit", "{}/me.png", *WALK, "--out", "{}", "--mask", "{}/strip.png"),
    "traverse": ("traverse", "faces", "--direction", "hessian:0", "--photo", "{}/strip.png", "--out", "{}"),
    "traverse, frame": ("traverse", "faces", "--direction", "hessian:0", "--photo", "{}/frame-001.png", "--out", "{}"),
    "traverse, stale": ("traverse", "faces", "--direction", "hessian:0", "--photo", "{}/frame-777.png", "--out", "{}"),
    "traverse, latent": (
        "traverse",
        "faces",
        "--direction",
        "hessian:0",
        "--latent",
        "{}/traversal.npz",
        "--out",
        "{}",
    ),
    "directions, import": (
        "directions",
        "faces",
        "--import",
        "{}/set.npz",
        "--format",
        "ganspace",
        "--out",
        "{}/set.npz",
    ),
    "directions, latent": (
        *("directions", "faces", "--method", "local_basis", "--latent", "{}/set.npz", "--out", "{}/set.npz"),
    ),
}
PICTURES = (
    *("me.png", "you-2.png", "you.png", "you-pasted.png", "report/loss_curves.png", "edited.png", "pasted.png"),
    *("strip.png", "frame-001.png", "frame-777.png", "you.jpg"),
)


@pytest.fixture
def run(
    server: InProcessServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    return runner(server, capsys, monkeypatch, folder=tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of files that are each called as a result of some command is."""
    folder = tmp_path / "mine"
    for shade, name in enumerate(PICTURES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (shade, 90, 200)).save(folder / name)
    for name in ("set.npz", "traversal.npz"):
        np.savez(folder / name, latent=np.zeros(5, np.float32), lat_comp=np.zeros((2, 1, 5)))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spelled(folder: Path, how: str) -> Path:
    """The folder under another name; of `hard`, another folder whose files are the same."""
    match how:
        case "relative":
            return Path(os.path.relpath(folder))
        case "up":
            return folder / "report" / ".."
        case "linked":
            (other := folder.with_name("linked")).symlink_to(folder, target_is_directory=True)
        case "links":
            shutil.copytree(folder, other := folder.with_name("links"), copy_function=os.symlink)
        case "hard":
            shutil.copytree(folder, other := folder.with_name("hard"), copy_function=os.link)
        case _:
            return folder
    return other


@pytest.mark.parametrize(
    ("command", "how"),
    [
        *((command, how) for command in COMMANDS for how in ("as it is", "hard")),
        *((command, how) for command in ("invert", "traverse") for how in ("relative", "up", "linked", "links")),
    ],
    ids=lambda name: name.replace(", ", "-"),
)
def test_no_command_writes_to_what_it_reads(
    run: Run, server: InProcessServer, folder: Path, command: str, how: str
) -> None:
    before = content(folder)
    words = list(COMMANDS[command])
    at = words.index("--out") + 1
    place = spelled(folder, how)
    filled = [word.format(place if number == at else folder) for number, word in enumerate(words)]
    code, _, err = run(*filled, "--force")
    assert code == 1
    assert "is one of the files that this reads, and it would be written over" in err
    assert "in another folder (--out)" in err
    assert content(folder) == before
    assert server.calls == []  # told before any work is done
    # As it says.
    filled[at] = str(Path("elsewhere") / Path(words[at].format("here")).name)
    _, _, err = run(*filled)
    assert "would be written over" not in err
    assert content(folder) == before


def test_a_file_system_that_takes_capitals_for_small_letters_is_no_way_around(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Windows' rule, on whatever system this runs.
    monkeypatch.setattr(os.path, "normcase", str.casefold)
    refused = pytest.raises(InvalidArgumentError, match=r"GONE\.PNG, which is")
    with protected_files.keeping([folder / "gone.png"]), refused:
        protected_files.refuse([folder / "GONE.PNG"])


def test_whatever_writes_or_deletes_refuses_originals_by_itself(folder: Path) -> None:
    photo = folder / "me.png"
    before = content(folder)
    with protected_files.keeping([photo, None, Image.new("RGB", (8, 8))]):
        for act in (lambda: write_bytes(folder / ".." / "mine" / "me.png", b""), lambda: delete(photo)):
            with pytest.raises(InvalidArgumentError, match="originals are never replaced"):
                act()
        write_bytes(folder / "other.png", b"")
    assert content(folder) == {**before, "other.png": b""}
    delete(photo)  # outside of the block it is a file like any other
    assert not photo.exists()


def test_an_edit_is_never_saved_over_its_photograph(server: InProcessServer, folder: Path) -> None:
    with Client(server.target) as client:
        edit = client.edit(folder / "edited.png", "faces", "hessian:0", 1, method="adam", walk={"frames": 2})
    before = content(folder)
    for path in (folder / "edited.png", folder):
        with pytest.raises(InvalidArgumentError, match=r"edited\.png is one of the files that this reads"):
            edit.save(path, folder / "edited.png")
    assert content(folder) == before


def test_names_as_long_as_names_can_be_are_written(tmp_path: Path) -> None:
    name = "n" * 251 + ".png"
    write_bytes(tmp_path / name, b"data")
    assert content(tmp_path) == {name: b"data"}
