"""Folders as people have them: what is listed, what is said of the rest, and that one bad file fails alone."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cases import CASES
from commands import Result, Run, runner
from in_process import InProcessServer
from pullback_client import Inversion
from pullback_client.text.printable import a_few, printable, text_alone

NOT_UTF8 = os.fsdecode(b"caf\xe9.png")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


@pytest.fixture
def run(
    server: InProcessServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """Runs `pullback invert` with plain Adam, or another command, in a wide window and an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    in_it = runner(server, capsys, monkeypatch, width=300, folder=folder)

    def run(*arguments: object, command: str = "invert") -> Result:
        return in_it(command, "--method", "adam", "--generator", "faces", *arguments)

    return run


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of one good photograph."""
    folder = tmp_path / "album"
    folder.mkdir()
    picture(folder / "good.png")
    return folder


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (20, 20)) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# One bad file


def too_large(folder: Path) -> Path:
    return Path(shutil.copy(CASES / "huge_200MP.png", folder / "bad.png"))


def heic(folder: Path) -> Path:
    return Path(shutil.copy(CASES / "fake.heic", folder / "bad.heic"))


def written(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def dangling(folder: Path) -> Path:
    (folder / "bad.png").symlink_to(folder / "gone.png")
    return folder / "bad.png"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "bad.png")
    return folder / "bad.png"


def long_name(folder: Path) -> Path:
    return picture(folder / ("n" * 247 + ".png"))


TIFF = b"II*\0" + bytes(60)
BAD = {
    # Once it ended the folder: Pillow raises something of its own where there are too many pixels.
    "too large": (too_large, "the image has 20000 × 10000 pixels; at most 64,000,000 are taken"),
    "heic": (heic, "is a HEIC photograph: convert it to JPEG or PNG, or install what reads it"),
    "heic called jpg": (written("bad.jpg", HEIC), "is a HEIC photograph"),
    "nef": (written("bad.NEF", TIFF), "is a camera's raw file: develop it to PNG, JPEG"),
    "raf": (written("bad.raf", b"FUJIFILMCCD-RAW 0201" + bytes(90)), "is a Fujifilm raw file (RAF): develop it"),
    "photoshop": (written("bad.psd", b"8BPS" + bytes(90)), "is a Photoshop document: export its picture"),
    "empty": (written("bad.png", b""), "is empty (0 bytes): expected a photograph"),
    "a page": (written("bad.jpg", b"<!DOCTYPE html><html>404</html>"), "is a web page (HTML): download the picture"),
    "a pointer": (written("bad.png", b"version https://git-lfs.github.com/spec/v1\n"), "with: git lfs pull"),
    "a video": (written("bad.png", b"\0\0\0\x18ftypisom" + bytes(90)), "is an MP4 video: save the frames"),
    "half": (
        written("bad.png", b"\x89PNG\r\n\x1a\n" + bytes(20)),
        "the PNG file cannot be read as an image",
    ),
    "dangling": (dangling, "is a link to something that is not there"),
    "long name": (long_name, "the name of a result would have 259 bytes, and names have at most 255"),
}
if sys.platform != "win32":
    BAD["pipe"] = (pipe, "is a device or a pipe, not a file")


@pytest.mark.parametrize("command", ["invert", "edit"])
@pytest.mark.parametrize("case", BAD)
def test_one_bad_file_is_one_failure_with_its_reason(run: Run, album: Path, case: str, command: str) -> None:
    make, reason = BAD[case]
    bad = make(album)
    if command == "edit" and case == "long name":
        pytest.skip("the folders of an edit have shorter names")
    options = ("--report",) if command == "invert" else ("--direction", "hessian:0", "--strength", 1)
    result = run(album, "--out", "o", *options, command=command)
    assert result.code == 1
    assert f"error: 1 of 2 photographs failed\n  {bad}: " in result.err
    assert reason in result.err
    if command == "invert":
        assert Inversion.load("o/good.safetensors").label == "good.png"
        report = json.loads(Path("o/report/report.json").read_text("utf-8"))
        assert [each["label"] for each in report["photographs"]] == ["good.png"]
        (failure,) = report["failures"]
        assert failure["label"] == bad.name
        assert reason in failure["error"]
        assert bad.name in Path("o/report/report.html").read_text("utf-8")
    else:
        assert "edited.png" in names(Path("o/good"))


@pytest.mark.parametrize("case", [name for name in BAD if name not in {"too large", "half"}])
def test_a_bad_file_that_is_named_is_told_likewise(run: Run, album: Path, case: str) -> None:
    make, reason = BAD[case]
    result = run(make(album), "--out", "o")
    assert result.code == 1
    assert "error: 1 of 1 photographs failed\n" in result.err
    assert reason in result.err
    assert not Path("o").exists()


def test_a_file_that_may_not_be_read_fails_alone(run: Run, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = picture(album / "secret.png")
    opened = Path.open

    def refused(path: Path, *arguments: object, **options: object) -> object:  # root may read everything
        if path.name == secret.name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refused)
    result = run(album, "--out", "o")
    assert result.code == 1
    assert f"  {secret}: cannot be read: Permission denied\n" in result.err
    assert "good.png" in names(Path("o"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_is_shown_with_escapes_everywhere(
    run: Run, server: InProcessServer, album: Path
) -> None:
    picture(album / NOT_UTF8, "blue")
    (album / os.fsdecode(b"\xff.png")).write_bytes(b"")
    (album / "two\nlines\x1b[2J.png").write_bytes(b"")
    result = run(album, "--out", "o", "--report", "--paste")
    assert result.code == 1
    (request,) = server.called("Invert")
    assert [target.label for target in request.targets] == [r"caf\xe9.png", "good.png"]
    assert r"caf\xe9.png" in result.out
    assert r"\xff.png: is empty (0 bytes)" in result.err
    assert r"two\nlines\x1b[2J.png: is empty (0 bytes)" in result.err
    assert os.fsdecode(b"caf\xe9-pasted.png") in names(Path("o"))
    saved = Path("o", NOT_UTF8).with_suffix(".safetensors")
    assert Inversion.load(saved).label == r"caf\xe9.png"
    report = json.loads(Path("o/report/report.json").read_text("utf-8"))
    assert [each["label"] for each in report["photographs"]] == [r"caf\xe9.png", "good.png"]
    assert [each["label"] for each in report["failures"]] == [r"two\nlines\x1b[2J.png", r"\xff.png"]
    assert r"caf\xe9.png" in Path("o/report/report.html").read_text("utf-8")
    again = run(album / NOT_UTF8, "--out", "o")
    assert r"o/caf\xe9.png" in again.err
    assert run(album / NOT_UTF8, "--out", "o", "--resume", "--paste").code == 0


# What is no photograph


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", b"holidays in the mountains", "a text file"),
        ("x", b"?", "no image"),
        ("empty", b"", "is empty (0 bytes): expected a photograph"),
        ("film.mp4", b"\0\0\0\x18ftypisom" + bytes(90), "is an MP4 video: save the frames that are meant as PNG files"),
        ("paper.pdf", b"%PDF-1.7" + bytes(90), "is a PDF document: export its picture as PNG or JPEG"),
    ],
)
def test_what_is_no_photograph_is_said_and_passed_over(
    run: Run, album: Path, name: str, content: bytes, said: str
) -> None:
    (album / name).write_bytes(content)
    result = run(album)
    assert result.code == 0, result.err
    assert f"skipped {album / name}: {said}" in result.err


def test_folders_that_are_called_like_photographs_are_folders(run: Run, album: Path) -> None:
    (album / "old.png").mkdir()
    result = run(album)
    assert result.code == 0
    assert f"skipped {album / 'old.png'}: a folder\n" in result.err


def test_of_many_skipped_files_a_few_are_named(run: Run, album: Path) -> None:
    for number in range(9):
        (album / f"{number}.txt").write_text("some words or others")
    (album / "zz.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(90))
    lines = run(album).err.splitlines()
    assert len([line for line in lines if line.startswith("skipped ")]) == 6
    assert lines[-1].startswith("skipped 5 more: 4 × a text file, 1 × is an MP4 video")


def test_the_same_file_is_inverted_once_however_often_it_is_named(
    run: Run, server: InProcessServer, album: Path, tmp_path: Path
) -> None:
    (tmp_path / "also").symlink_to(album, target_is_directory=True)
    (album / "latest.png").symlink_to(album / "good.png")
    result = run(album / "good.png", album, tmp_path / "also")
    assert result.code == 0, result.err
    (request,) = server.called("Invert")
    assert [target.label for target in request.targets] == ["good.png"]
    assert f"skipped {tmp_path / 'also' / 'good.png'}: it is the same file as {album / 'good.png'}\n" in result.err


def test_results_are_not_inverted_again_where_they_lie_among_the_photographs(
    run: Run, server: InProcessServer, album: Path
) -> None:
    picture(album / "other.jpg", "blue")
    (album / "good.png").rename(album / "good.webp")
    Image.new("RGB", (20, 20), "red").save(album / "good.webp")
    command = (album, "--out", album, "--top-k", 2, "--paste", "--report")
    assert run(*command).code == 0
    result = run(*command, "--resume")
    assert result.code == 0, result.err
    assert len(server.called("Invert")) == 1
    assert f"skipped {album / 'good.png'}: a result of an earlier run\n" in result.err
    # A photograph that has taken a result's place is one.
    picture(album / "good-2.png", "green")
    assert [each.label for each in _sent(run, server, album, "--out", "elsewhere")] == [
        "good-2.png",
        "good.webp",
        "other.jpg",
    ]


def test_an_output_folder_within_the_photographs_own_is_no_photograph(
    run: Run, server: InProcessServer, album: Path
) -> None:
    for options in ((), ("--resume",)):
        assert run(album, "--out", album / "inverted", *options).code == 0
    assert len(server.called("Invert")) == 1


def test_refusals_name_five_files_and_count_the_others(run: Run, album: Path, tmp_path: Path) -> None:
    for number in range(6):
        picture(album / f"{number}.png")
    assert run(album, "--out", "o").code == 0
    (line,) = run(album, "--out", "o").err.splitlines()
    assert line == (
        "error: o/0.png, o/0.npz, o/0.safetensors, o/0.json, o/1.png … and 23 more would be overwritten: use --force, "
        "or name other files"
    )


@pytest.mark.parametrize("place", ["file", "file/deeper", "gone"])
def test_results_need_a_folder_and_that_is_said_before_anything_is_computed(
    run: Run, server: InProcessServer, album: Path, place: str
) -> None:
    Path("file").touch()
    Path("gone").symlink_to("nowhere")
    result = run(album, "--out", place)
    assert result.code == 1
    what = "a link to something that is not there" if place == "gone" else "a file"
    assert f"error: {place.partition('/')[0]} is {what}, but the results go into a folder" in result.err
    assert server.calls == []


def test_what_cannot_be_pasted_is_told_and_kept(run: Run, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(album / "other.png", "blue")
    monkeypatch.setattr("pullback_client.inversion.result.open_photograph", _unreadable)
    result = run(album, "--out", "o", "--paste")
    assert result.code == 1
    assert f"error: 1 inverted but not pasted\n  {album / 'other.png'}: no decoder\n" in result.err
    assert {"good-pasted.png", "other.png", "other.json"} <= names(Path("o"))
    monkeypatch.undo()


# Texts


def test_names_are_printable_in_one_line() -> None:
    assert printable(NOT_UTF8 if sys.platform == "linux" else "caf\udce9.png") == r"caf\xe9.png"
    assert printable("a\u202eb\x7f\n\u2028") == r"a\u202eb\x7f\n\u2028"
    assert printable("日本 é\u202f😀.png") == "日本 é\u202f😀.png"
    assert text_alone("one\ntwo \udcff \ud800") == "one\ntwo \\xff \\ud800"


@pytest.mark.parametrize(("count", "expected"), [(1, "0"), (5, "0, 1, 2, 3, 4"), (17, "0, 1, 2, 3, 4 … and 12 more")])
def test_lists_are_short(count: int, expected: str) -> None:
    assert a_few(map(str, range(count))) == expected


def _sent(run: Run, server: InProcessServer, *arguments: object) -> list[object]:
    run(*arguments)
    return list(server.called("Invert")[-1].targets)


def _unreadable(photograph: Path) -> Image.Image:
    from pullback_client import InvalidArgumentError
    from pullback_client.images import open_photograph

    if photograph.name == "other.png":
        raise InvalidArgumentError("no decoder")
    return open_photograph(photograph)
