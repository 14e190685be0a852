"""`pullback directions`, `traverse` and `edit` against a server in this process."""

from __future__ import annotations

import io
import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cases import CASES
from commands import Run, runner
from in_process import DIM, InProcessServer
from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_client import Client
from sample_images import SIZE


def zipped(latent: np.ndarray) -> bytes:
    """An npz file of a latent."""
    buffer = io.BytesIO()
    np.savez(buffer, latent=latent)
    return buffer.getvalue()


EDITED = [
    "animation.gif",
    "edit.json",
    "edited.png",
    "inversion.safetensors",
    "inverted.png",
    "strip.png",
    "walk.npz",
]


@pytest.fixture
def run(
    server: InProcessServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """In the test's folder."""
    return runner(server, capsys, monkeypatch, folder=tmp_path)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Directions


def test_directions_are_found_and_shown_in_a_table(run: Run, server: InProcessServer) -> None:
    sefa = run("directions", "faces32", "--method", "sefa", "--k", 3, "--layers", "0-2,4")
    assert sefa.code == 0, sefa.err
    spec = server.called("DiscoverDirections")[-1].spec
    assert (spec.method, spec.k, list(spec.layers)) == (specs_pb2.DIRECTION_METHOD_SEFA, 3, [0, 1, 2, 4])
    assert "3 directions of w by sefa" in sefa.out
    result = run("directions", "faces", "--k", 3)
    assert "3 directions of z by hessian" in result.out
    row = next(line for line in result.out.splitlines() if "0.0625" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["2", "", "0.125", "0.0625", "1.000", "2 (1.00)"]


def test_a_direction_is_given_a_title_that_is_listed(run: Run) -> None:
    set_id = run("directions", "faces").out.split(":")[0].rpartition("/")[2]
    result = run("directions", "faces", "--annotate", set_id, 2, "smile", "--notes", "with teeth")
    assert result.code == 0, result.err
    assert "smile" in result.out
    listed = run("directions", "faces", "--list").out
    assert set_id in listed
    assert "2 smile" in listed
    assert "smile" in run("directions", "faces", "--set", set_id).out


def test_a_published_file_is_imported_and_saved_again(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    run("eigenbasis", "faces")
    np.save(tmp_path / "d.npy", np.eye(DIM, dtype=np.float32)[:4])
    result = run("directions", "faces", "--import", "d.npy", "--format", "sefa", "--space", "z", "--out", "d.npz")
    assert result.code == 0, result.err
    assert server.called("ImportDirections")[0].format == directions_pb2.IMPORT_FORMAT_SEFA
    with np.load(tmp_path / "d.npz") as saved:
        assert saved["vectors"].shape == (4, DIM)
    assert "saved d.npz" in result.out


def test_purified_directions_are_shown_as_they_are_then(run: Run, server: InProcessServer) -> None:
    assert run("directions", "faces", "--method", "sefa", "--purify", 2).code == 0
    assert server.called("GetDirections")[-1].purify == 2


def test_the_sheet_is_a_picture_of_every_direction(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    result = run("directions", "faces", "--sheet", "sheet.png", "--starts", 2, "--frames", 3, "--reach", 1)
    assert result.code == 0, result.err
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 3 * 96
        assert sheet.height > DIM * 96
    assert len(server.called("Traverse")) == 2 * DIM
    assert run("directions", "faces", "--sheet", "sheet.png").code == 1
    assert len(server.called("Traverse")) == 2 * DIM


def test_a_local_method_looks_at_the_latent_of_a_file(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", np.arange(DIM, dtype=np.float32))
    assert run("directions", "faces", "--method", "jacobian", "--latent", "z.npy").code == 0
    latent = server.called("DiscoverDirections")[-1].spec.latent
    assert np.frombuffer(latent.data, "<f4").tolist() == list(range(DIM))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--list", "--set", "a"), "--list and --set exclude each other"),
        (("--import", "a.npy"), "give both"),
        (("--set", "a", "--k", 3), "--set finds nothing: leave out --k"),
        (("--notes", "x"), "--notes are of a direction"),
        (("--starts", 2), "starts: of a sheet; name its file with --sheet"),
        (("--sheet", "a.jpg"), "--sheet must be a .png file, got 'a.jpg'"),
        (("--sheet", "a.png", "--reach", 0), "--reach must be a number above 0"),
        (("--out", "a.mp4"), "cannot save directions as '.mp4'"),
        (("--layers", "first"), "--layers is a list such as 0-3,7; got 'first'"),
        (("--latent", "nothing.npy"), "cannot read nothing.npy"),
    ],
)
def test_what_does_not_go_together_is_one_clear_line(
    run: Run, server: InProcessServer, options: tuple[object, ...], message: str
) -> None:
    result = run("directions", "faces", *options)
    assert result.code == 1
    assert result.err.startswith("error: ")
    assert message in result.err
    assert server.calls == []


@pytest.mark.parametrize("name", ["z.npy", "z.npz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "No data left in file: save or copy it again"),
        ((CASES / "lfs_pointer.safetensors").read_bytes(), "begins with b'version https://git-lfs.github.com/spec"),
        (b"<!DOCTYPE html>", "begins with b'<!DOCTYPE html>'"),
        (zipped(np.zeros(DIM))[:-40], "File is not a zip file: save or copy it again"),
    ],
)
def test_a_latents_file_that_is_something_else_is_one_clear_line(
    run: Run, server: InProcessServer, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("directions", "faces", "--method", "jacobian", "--latent", name)
    assert result.code == 1
    assert result.err.startswith(f"error: cannot read {name} as .npy, .npz or .safetensors: ")
    assert message in result.err
    assert "allow_pickle" not in result.err
    assert server.calls == []


# Walks


def test_a_walk_is_written_into_a_folder(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    result = run(
        "traverse", "faces", "--direction", "hessian:3", "--seed", 4, "--frames", 3, "--first", -1, "--out", "walk"
    )
    assert result.code == 0, result.err
    assert "3 frames in z" in result.out
    assert names(tmp_path / "walk") == [
        "animation.gif",
        *(f"frame-00{index}.png" for index in range(3)),
        "strip.png",
        "traversal.json",
        "traversal.npz",
    ]
    assert server.called("SampleLatents")[0].seed == 4
    (request,) = server.called("Traverse")
    assert (request.direction.index, request.first_step, request.HasField("last_step")) == (3, -1, False)
    again = run("traverse", "faces", "--direction", "hessian:3", "--out", "walk")
    assert again.code == 1
    assert "would be overwritten" in again.err


def test_pictures_are_enlarged_on_request(run: Run, server: InProcessServer, photo: Path, tmp_path: Path) -> None:
    walk = ("traverse", "faces", "--direction", "hessian:3", "--frames", 3)
    assert run(*walk, "--out", "walk", "--upscale", 5).code == 0
    edit = ("edit", photo, "--generator", "faces", "--direction", "hessian:1", "--strength", 1, "--frames", 2)
    assert run(*edit, "--out", "edited", "--upscale", 4, "--method", "adam").code == 0
    with Image.open(tmp_path / "walk" / "animation.gif") as gif, Image.open(tmp_path / "walk" / "strip.png") as strip:
        assert gif.size == (5 * SIZE, 5 * SIZE)
        assert strip.width == 3 * 5 * SIZE
    with Image.open(tmp_path / "edited" / "animation.gif") as gif:
        assert gif.size == (4 * SIZE, 4 * SIZE)
    with Image.open(tmp_path / "edited" / "edited.png") as edited:
        assert edited.size == (SIZE, SIZE)
    assert run("directions", "faces", "--sheet", "a.png", "--starts", 1, "--frames", 2, "--upscale", 9).code == 0
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width == 8 + 150 + 2 * 9 * SIZE + 2 + 8
    assert "upscale: of a sheet" in run("directions", "faces", "--upscale", 2).err


def test_what_moves_is_written_as_one_file(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    walk = ("traverse", "faces", "--direction", "hessian:3", "--frames", 3, "--out")
    told = run(*walk, "w/walk.MP4", "--upscale", 4, "--fps", 24)
    assert told.out.endswith("; wrote w/walk.MP4\n"), told.err
    assert run(*walk, "walk.gif").code == 0
    assert names(tmp_path / "w") == ["walk.MP4"]
    with av.open(str(tmp_path / "w" / "walk.MP4")) as file:
        assert (file.streams.video[0].average_rate, file.streams.video[0].width) == (24, 4 * SIZE)
    assert (tmp_path / "walk.gif").read_bytes().startswith(b"GIF8")
    assert "walk.gif would be overwritten" in run(*walk, "walk.gif").err
    # A folder may be called so.
    (tmp_path / "f.mp4").mkdir()
    assert run(*walk, "f.mp4").code == 0
    assert "strip.png" in names(tmp_path / "f.mp4")


def test_a_video_that_cannot_be_is_refused_before_anything_is_sent(
    run: Run, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = ("traverse", "faces", "--direction", "hessian:3", "--out")
    assert "--fps: of a video; name an .mp4 file with --out" in run(*walk, "walk.gif", "--fps", 5).err
    assert "fps must be a number from 1/60 to 240, got 0.0" in run(*walk, "walk.mp4", "--fps", 0).err
    assert "4096 a side" in run(*walk, "walk.mp4", "--upscale", 1000).err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "an .mp4 file needs PyAV to be written: pip install 'pullback[video]'" in run(*walk, "walk.mp4").err
    assert {call for call, *_ in server.calls} <= {"GetGenerator"}


def test_too_large_a_picture_is_refused_before_anything_is_walked(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    walk = run("traverse", "faces", "--direction", "hessian:3", "--out", "walk", "--upscale", 1000)
    edit = run(
        *("edit", photo, "--generator", "faces", "--direction", "hessian:1", "--strength", 1),
        *("--out", "edited", "--upscale", 1000),
    )
    for result in (walk, edit):
        assert result.code == 1
        assert "upscale=1000 makes 16 frames of 16000 x 16000 pixels" in result.err
    assert {call for call, *_ in server.calls} <= {"GetGenerator"}
    assert not (tmp_path / "walk").exists()


def test_a_walk_starts_where_it_is_told_to(run: Run, server: InProcessServer, photo: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", latent=np.ones(DIM, np.float32))
    run("invert", photo, "--generator", "faces", "--method", "adam", "--out", "found")
    for options in (("--latent", "z.npz"), ("--latent", "found/me.safetensors"), ("--photo", photo)):
        assert run("traverse", "faces", "--direction", "hessian:0", "--out", "w", "--force", *options).code == 0
    starts = [np.frombuffer(request.latent.data, "<f4") for request in server.called("Traverse")]
    assert [start.tolist() for start in starts] == [[1.0] * DIM, [0.0] * DIM, [0.0] * DIM]
    assert server.called("SampleLatents") == []


def test_a_curve_a_subspace_and_a_purified_direction_reach_the_server(run: Run, server: InProcessServer) -> None:
    walk = ("traverse", "faces", "--out", "w", "--force")
    assert run("traverse", "faces32", *walk[2:], "--kind", "curve", "--rank", 1, "--pieces", 7).code == 0
    assert run(*walk, "--kind", "subspace", "--direction", "hessian:0", "--second", "hessian:1").code == 0
    assert run(*walk, "--direction", "sefa:2", "--purify", 2, "--unit", "latent").code == 0
    masked = ("--mask", "1/3", "--mask-layer", "layer 2", "--mask-seed", 5)
    assert run(*walk, "--direction", "hessian:2", *masked).code == 0
    curve, subspace, purified, parted = server.called("Traverse")
    assert parted.mask == directions_pb2.MaskSettings(subset=1, subsets=3, layer="layer 2", seed=5)
    assert curve.curve == directions_pb2.CurveSettings(pieces=7, rank=1)
    assert (subspace.direction.index, subspace.second.index) == (0, 1)
    assert (purified.direction.purify, purified.unit) == (2, directions_pb2.STEP_UNIT_LATENT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mask", "second"), "--mask is a subset and their number such as 0/4; got 'second'"),
        (("--mask", "4/4"), "counts subsets from 0: of 4 the last is 3, got 4"),
        (("--mask-layer", "layer 1"), "say more of --mask"),
        (("--mask", "0/4", "--kind", "metric_uniform"), "mask: of the kinds linear"),
    ],
)
def test_a_mask_that_cannot_be_is_one_clear_line(
    run: Run, server: InProcessServer, options: tuple[object, ...], message: str
) -> None:
    result = run("traverse", "faces", "--direction", "hessian:0", "--out", "w", *options)
    assert result.code == 1
    assert message in result.err
    assert server.calls == []


def test_a_folder_may_be_called_like_a_file_but_must_be_none(run: Run, photo: Path, tmp_path: Path) -> None:
    walk = ("traverse", "faces", "--direction", "hessian:0", "--frames", 3, "--out")
    assert run(*walk, "walk.v2").code == 0
    assert "frame-002.png" in names(tmp_path / "walk.v2")
    assert run(*walk, photo).err == f"error: {photo} is a file, but the results go into a folder: name another --out\n"
    dotted = photo.rename(tmp_path / "shot 10.30.12.png")
    result = run("edit", dotted, "--generator", "faces", "--direction", "hessian:0", "--strength", 1)
    assert result.code == 0, result.err
    assert names(tmp_path / "shot 10.30.12-edited") == EDITED


def test_a_local_direction_that_is_purified_is_still_of_the_start(
    run: Run, server: InProcessServer, tmp_path: Path
) -> None:
    np.save(tmp_path / "z.npy", np.ones(DIM))
    walk = ("traverse", "faces", "--direction", "local_hessian:0", "--latent", "z.npy", "--purify", 2, "--out", "w")
    assert run(*walk).code == 0
    assert np.frombuffer(server.called("DiscoverDirections")[-1].spec.latent.data).tolist() == [1.0] * DIM
    assert server.called("Traverse")[0].direction.purify == 2


def test_a_walk_has_one_start(run: Run, server: InProcessServer) -> None:
    result = run("traverse", "faces", "--direction", "hessian:0", "--seed", 1, "--photo", "me.png", "--out", "w")
    assert result.err == "error: --seed and --photo exclude each other: a walk has one start\n"
    assert server.calls == []


# Edits


def test_a_photograph_is_edited_in_one_command(run: Run, server: InProcessServer, photo: Path, tmp_path: Path) -> None:
    result = run("edit", photo, "--generator", "faces", "--direction", "hessian:3", "--strength", 2, "--steps", 5)
    assert result.code == 0, result.err
    assert names(tmp_path / "me-edited") == EDITED
    told = json.loads((tmp_path / "me-edited" / "edit.json").read_text("utf-8"))
    assert (told["strength"], told["inversion"]["settings"]["steps"]) == (2, 5)
    assert "the results are in me-edited" in result.out
    (request,) = server.called("Traverse")
    assert (request.first_step, request.last_step) == (0, 2)


def test_several_photographs_have_a_folder_each_and_one_that_fails_fails_alone(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "you.png").write_bytes(b"no photograph")
    command = ("edit", photo, "you.png", "--generator", "faces", "--direction", "hessian:0", "--strength", -1)
    result = run(*command, "--method", "adam", "--out", "o", "--paste", "--align")
    assert result.code == 1
    assert "1 of 2 photographs failed\n  you.png: is a text file" in result.err
    assert names(tmp_path / "o") == ["me"]
    assert names(tmp_path / "o" / "me") == sorted([*EDITED, "pasted.png"])


def test_a_title_names_a_direction_and_nothing_is_overwritten(run: Run, server: InProcessServer, photo: Path) -> None:
    with Client(server.target) as client:
        client.discover_directions("faces").annotate(1, "smile")
    command = ("edit", photo, "--generator", "faces", "--direction", "smile", "--strength", 1, "--method", "adam")
    assert run(*command).code == 0
    assert server.called("Traverse")[0].direction.index == 1
    assert "would be overwritten" in run(*command).err
    assert run(*command, "--force").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strength", 0), "strength must be a finite number other than 0"),
        (("--strength", 1, "--kind", "subspace"), "an edit has one strength"),
        (("--strength", 1, "--layers", "x"), "--layers is a list"),
    ],
)
def test_an_edit_that_cannot_be_is_one_clear_line(
    run: Run, server: InProcessServer, photo: Path, options: tuple[object, ...], message: str
) -> None:
    result = run("edit", photo, "--generator", "faces", "--direction", "hessian:0", *options)
    assert result.code == 1
    assert message in result.err
    assert server.calls == []
