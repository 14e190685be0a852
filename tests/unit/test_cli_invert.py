"""`pullback invert` against a server in this process."""

from __future__ import annotations

import json
import os
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from commands import Run, runner
from in_process import Failure, InProcessServer
from pullback_api.v1 import specs_pb2
from pullback_client import Inversion
from pullback_client.report.inversion import REPORT_FILES


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, empty."""
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def run(
    server: InProcessServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, here: Path
) -> Run:
    """Runs `pullback invert` with plain Adam; results go to `here` by default."""
    return runner(server, capsys, monkeypatch, "invert", "--method", "adam", "--generator", "faces", folder=here)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return picture(tmp_path / "me.png")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of three photographs, one of which is damaged, a text, a hidden file and a folder."""
    folder = tmp_path / "album"
    folder.mkdir()
    picture(folder / "b.jpg", "green")
    picture(folder / "a.png", "red")
    (folder / "notes.txt").write_text("holidays")
    (folder / ".hidden.png").touch()
    (folder / "older").mkdir()
    whole = picture(folder / "c.png", "blue").read_bytes()
    (folder / "c.png").write_bytes(whole[:60])  # begins as an image
    return folder


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (20, 20)) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Results


def test_inverting_writes_four_files_for_every_photograph(run: Run, photo: Path, tmp_path: Path) -> None:
    other, out = picture(tmp_path / "you.jpg"), tmp_path / "out"
    result = run(photo, other, "--out", out, "--steps", 5, "--restarts", 2)
    assert result.code == 0, result.err
    assert names(out) == [f"{stem}.{end}" for stem in ("me", "you") for end in ("json", "npz", "png", "safetensors")]
    provenance = json.loads((out / "you.json").read_text("utf-8"))
    assert provenance["label"] == "you.jpg"
    assert provenance["settings"]["steps"] == 5
    assert f"{provenance['distance']:.4f}" in result.out
    assert Inversion.load(out / "you.safetensors").label == "you.jpg"


def test_without_a_folder_results_go_into_one_here_and_nothing_in_it_is_replaced(
    run: Run, photo: Path, here: Path
) -> None:
    result = run(photo)
    assert result.code == 0
    assert "me.png" in result.out
    assert "are in inverted\n" in result.out
    assert names(photo.parent) == ["me.png"]
    assert names(here / "inverted") == ["me.json", "me.npz", "me.png", "me.safetensors"]
    assert "inverted/me.png, inverted/me.npz" in (again := run(photo, "--seed", 1)).err
    assert again.code == 1
    assert run(photo, "--resume").code == 0


def test_several_solutions_and_the_pasted_photograph_have_files_of_their_own(run: Run, tmp_path: Path) -> None:
    wide = picture(tmp_path / "wide.png", "white", (80, 40))
    result = run(wide, "--out", tmp_path / "o", "--top-k", 2, "--restarts", 2, "--align", "--paste", "--center-crop")
    assert result.code == 0, result.err
    assert names(tmp_path / "o") == [
        f"wide{end}" for end in ("-2.png", "-pasted.png", ".json", ".npz", ".png", ".safetensors")
    ]
    with Image.open(tmp_path / "o" / "wide-pasted.png") as pasted:
        # Half of the middle 40 × 40, its centre a quarter of 20 to the right and above.
        changed = np.argwhere(np.asarray(pasted)[..., 0] == 50)
        assert pasted.size == (80, 40)
    assert changed.min(axis=0).tolist() == [5, 35]
    assert changed.max(axis=0).tolist() == [24, 54]


def test_results_are_not_overwritten_without_being_asked(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    result = run(photo, "--out", tmp_path / "o")
    assert result.code == 0
    before = len(server.calls)
    (tmp_path / "o" / "me.json").write_text("mine")
    result = run(photo, "--out", tmp_path / "o")
    assert result.code == 1
    assert "me.json would be overwritten: use --force" in result.err
    assert (tmp_path / "o" / "me.json").read_text() == "mine"
    assert len(server.calls) == before
    assert run(photo, "--out", tmp_path / "o", "--force").code == 0


@pytest.mark.parametrize(("other", "options"), [("other/ME.jpg", ()), ("other/me-2.jpg", ("--top-k", 2))])
def test_photographs_whose_results_would_overwrite_each_other_are_refused(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path, other: str, options: tuple[object, ...]
) -> None:
    (tmp_path / "other").mkdir()
    result = run(photo, picture(tmp_path / other), "--out", tmp_path / "o", *options)
    assert result.code == 1
    assert f"results of several photographs would be called {Path(other).stem.lower()}" in result.err
    assert server.calls == []


def test_a_folder_that_cannot_be_written_is_one_clear_line(run: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(photo, "--out", tmp_path / "file" / "o")
    assert result.code == 1
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err


# Folders of photographs


def test_of_a_folder_every_photograph_is_inverted_and_the_rest_is_named(
    run: Run, server: InProcessServer, album: Path, tmp_path: Path
) -> None:
    result = run(album, "--out", tmp_path / "o")
    assert result.code == 1
    (request,) = server.called("Invert")
    assert [target.label for target in request.targets] == ["a.png", "b.jpg", "c.png"]
    assert f"skipped {album / 'notes.txt'}: no image" in result.err
    assert f"skipped {album / 'older'}: a folder" in result.err
    assert "hidden" not in result.err
    assert f"error: 1 of 3 photographs failed\n  {album / 'c.png'}: the PNG file is truncated" in result.err
    assert {Path(name).stem for name in names(tmp_path / "o")} == {"a", "b"}


def test_a_folder_without_photographs_is_a_clear_error(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty")
    assert (result.code, result.err) == (1, "error: no photographs in what was named\n")
    assert server.calls == []


def test_many_photographs_are_several_requests_under_one_bar(
    run: Run, server: InProcessServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "many").mkdir()
    for number in range(70):
        picture(tmp_path / "many" / f"{number:02}.png", size=(8, 8))
    server.bench.pause = 0.05
    with open(os.devnull, "w", encoding="utf-8") as sink:  # noqa: PTH123
        console = Console(file=sink, force_terminal=True, record=True, width=120)
        monkeypatch.setattr("pullback_client.cli.console.err", console)
        result = run(tmp_path / "many", "--out", tmp_path / "o")
    assert result.code == 0
    assert [len(request.targets) for request in server.called("Invert")] == [32, 32, 6]
    assert len(names(tmp_path / "o")) == 4 * 70
    (bar,) = (line for line in console.export_text().splitlines() if "/" in line)
    assert "photographs" in bar
    assert "70/70" in bar


def test_results_are_saved_as_soon_as_their_request_is_finished(
    run: Run, server: InProcessServer, tmp_path: Path
) -> None:
    (tmp_path / "many").mkdir()
    for number in range(40):
        picture(tmp_path / "many" / f"{number:02}.png", size=(8, 8))
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, "the worker died"), "jobs/2")
    result = run(tmp_path / "many", "--out", tmp_path / "o")
    assert result.code == 1
    assert len(names(tmp_path / "o")) == 4 * 32
    assert "8 of 40 photographs failed" in result.err
    assert f"{tmp_path / 'many' / '39.png'}: jobs/2 failed: the worker died" in result.err


# Going on where an earlier run ended


def test_what_is_there_already_is_not_computed_again(
    run: Run, server: InProcessServer, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    run(album, "--out", out)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    picture(album / "d.png", "white")
    result = run(album, "--out", out, "--resume")
    _, second = server.called("Invert")
    assert [target.label for target in second.targets] == ["c.png", "d.png"]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert all(name in result.out for name in ("a.png", "b.jpg", "d.png"))
    assert result.code == 1


@pytest.mark.parametrize("change", ["seed", "steps", "class", "photograph", "mask", "no mask"])
def test_results_of_another_request_are_told_and_left(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path, change: str
) -> None:
    out, mask, other = tmp_path / "o", picture(tmp_path / "mask.png", "white"), picture(tmp_path / "you.png")
    command = [photo, other, "--out", out, "--seed", 4]
    masked = ["--mask", mask]
    assert run(*command, *masked).code == 0
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()}
    match change:
        case "seed":
            command, message = [photo, other, "--out", out], "seed was 4, now 0: me.png, you.png"
        case "steps":
            command, message = [*command, "--steps", 7], "steps was the default, now 7: me.png, you.png"
        case "class":
            eyes = ["--generator", "eyes"]
            server.calls.clear()
            assert run(*command, *masked, *eyes, "--force").code == 0
            before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()}
            command, message = (
                [*command, *eyes, "--class", "free"],
                "class-mode was the default, now free: me.png, you.png",
            )
        case "photograph":
            picture(photo, "blue")
            message = "the photograph is another one: me.png\n"
        case "mask":
            picture(mask, "grey")
            message = "the mask is another one: me.png, you.png"
        case _:
            masked, message = [], "there is no mask now: me.png, you.png"
    calls = len(server.calls)
    result = run(*command, *masked, "--resume")
    assert result.code == 1
    assert f"error: --resume: results in {out} were made otherwise, so nothing was touched\n  {message}" in result.err
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()} == before
    assert len(server.calls) == calls
    # As it says: with --force they are done again, those alone that differ.
    assert run(*command, *masked, "--resume", "--force").code == 0
    (*_, again) = server.called("Invert")
    assert [target.label for target in again.targets] == ["me.png", "you.png"][: 1 if change == "photograph" else 2]
    assert run(*command, *masked, "--resume").code == 0
    assert len(server.called("Invert")) == 2


@pytest.mark.parametrize("change", ["unfinished", "lost", "half"])
def test_what_an_interrupted_run_left_is_done_again(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path, change: str
) -> None:
    out = tmp_path / "o"
    run(photo, "--out", out)
    match change:
        case "unfinished":  # as it stands before the last file is written
            record = json.loads((out / "me.json").read_text("utf-8"))
            left = {"unfinished": True, "request": record["request"], "pictures": {".png": None}}
            (out / "me.json").write_text(json.dumps(left))
            (out / "me.safetensors").unlink()
        case "lost":
            (out / "me.safetensors").unlink()
        case "half":
            (out / "me.safetensors").write_bytes((out / "me.safetensors").read_bytes()[:100])
    assert run(photo, "--out", out, "--resume").code == 0
    assert len(server.called("Invert")) == 2
    assert Inversion.load(out / "me.safetensors").label == "me.png"


@pytest.mark.parametrize("change", ["damaged", "gone", "an earlier version's", "somebody's", "pasted"])
def test_files_of_which_nothing_says_how_they_were_made_are_left(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path, change: str
) -> None:
    out, options = tmp_path / "o", ["--resume"]
    run(photo, "--out", out)
    record = out / "me.json"
    match change:
        case "damaged":
            record.write_text("{")
        case "gone":
            record.unlink()
        case "an earlier version's":
            told = json.loads(record.read_text("utf-8"))
            told = {key: value for key, value in told.items() if key not in {"request", "pictures"}}
            record.write_text(json.dumps(told | {"request_sha256": "ab" * 32}))
        case "somebody's":
            record.write_text('{"my": "notes"}')
        case _:
            options.append("--paste")
            (out / "me-pasted.png").write_bytes(b"somebody's own")
    before = {path: path.read_bytes() for path in out.iterdir()}
    result = run(photo, "--out", out, *options)
    assert result.code == 1
    assert "--resume: nothing says how " in result.err
    assert "came about (earlier versions did not write it down), so nothing was touched" in result.err
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert len(server.called("Invert")) == 1
    assert run(photo, "--out", out, *options, "--force").code == 0


def test_pictures_of_an_earlier_result_do_not_stay_among_those_of_another(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    run(photo, "--out", out, "--top-k", 3, "--paste")
    assert {"me-2.png", "me-3.png", "me-pasted.png"} <= set(names(out))
    (out / "me-3.png").write_bytes(b"changed by somebody")
    assert run(photo, "--out", out, "--force").code == 0
    assert names(out) == ["me-3.png", "me.json", "me.npz", "me.png", "me.safetensors"]


def test_a_finished_run_needs_no_server_to_be_reported_or_pasted(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o"
    run(photo, "--out", out)
    server.stop()
    assert run(photo, "--out", out, "--resume", "--report", "--paste").code == 0
    assert names(out / "report") == sorted(REPORT_FILES)
    assert (out / "me-pasted.png").exists()


# Options


def test_options_reach_the_server(run: Run, server: InProcessServer, photo: Path) -> None:
    options = (
        "--method hessian_adam --seed 4 --distance mse --learning-rate 0.2 --schedule cosine --basis none --start mean "
        "--betas 0.8 0.9"
    )
    budget = "--steps 7 --restarts 3 --no-thin --evaluations 90 --seconds 1.5 --patience 5 --truncation 2 --top-k 2"
    more = "--weights distance=2,prior=0.5 --align-scale 0.2 --ignore 1,2,3,4 --ignore 5,6,7,8 --center-crop"
    assert run(photo, *options.split(), *budget.split(), *more.split(), "--mask", photo).code == 0
    (request,) = server.called("Invert")
    settings, target = request.settings, request.targets[0]
    assert settings.method == specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
    assert (settings.seed, settings.distance, settings.learning_rate) == (4, "mse", 0.2)
    assert (settings.schedule, settings.basis, settings.start) == (
        specs_pb2.SCHEDULE_COSINE,
        specs_pb2.INVERSION_BASIS_NONE,
        specs_pb2.START_MEAN,
    )
    assert (settings.steps, settings.restarts, settings.evaluations, settings.patience) == (7, 3, 90, 5)
    assert (settings.HasField("thin"), settings.thin, settings.seconds) == (True, False, 1.5)
    assert (settings.truncation, settings.top_k) == (2, 2)
    assert (settings.betas.mean, settings.betas.square) == (0.8, 0.9)
    assert (settings.weights.distance, settings.weights.prior, settings.weights.HasField("l2")) == (2, 0.5, False)
    assert (settings.alignment.scale, settings.alignment.shift) == (0.2, 0)
    assert [(box.left, box.top, box.width, box.height) for box in target.ignore] == [(1, 2, 3, 4), (5, 6, 7, 8)]
    assert target.fit == 1
    assert target.mask.data == photo.read_bytes()


def test_what_is_left_out_is_left_to_the_server(run: Run, server: InProcessServer, photo: Path) -> None:
    run(photo)
    (request,) = server.called("Invert")
    expected = specs_pb2.InversionSettings(generator="generators/faces", method=specs_pb2.INVERSION_METHOD_ADAM)
    assert request.settings == expected
    assert not request.targets[0].HasField("mask")


@pytest.mark.parametrize(
    ("word", "mode", "label"),
    [
        ("brown", specs_pb2.CLASS_MODE_GIVEN, "brown"),
        ("free", specs_pb2.CLASS_MODE_FREE, ""),
        ("search", specs_pb2.CLASS_MODE_SEARCHED, ""),
    ],
)
def test_the_class_is_given_free_or_searched(
    run: Run, server: InProcessServer, photo: Path, word: str, mode: int, label: str
) -> None:
    assert run(photo, "--generator", "eyes", "--class", word).code == 0
    (request,) = server.called("Invert")
    assert (request.settings.class_mode, request.targets[0].class_label) == (mode, label)


def test_masks_of_a_folder_go_by_the_photographs_names(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "masks").mkdir()
    mask = picture(tmp_path / "masks" / "me.bmp", "white")
    other = picture(tmp_path / "you.png")
    result = run(photo, other, "--mask", tmp_path / "masks")
    assert result.code == 0
    assert f"no mask for {other} in {tmp_path / 'masks'}: it counts whole" in result.err
    (request,) = server.called("Invert")
    assert request.targets[0].mask.data == mask.read_bytes()
    assert not request.targets[1].HasField("mask")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--weights", "distance"), "--weights is NAME=WEIGHT,…, such as distance=1,l2=0.5; got 'distance'"),
        (("--weights", "l3=1"), "unknown weights l3; known: distance, l1, l2, prior"),
        (("--ignore", "1,2,3"), "--ignore is LEFT,TOP,WIDTH,HEIGHT in pixels; got '1,2,3'"),
        (("--mask", "nobody.png"), "no such file: nobody.png"),
        (("--crop", "1,2"), "--crop is LEFT,TOP,SIZE, a square in pixels; got '1,2'"),
        (("--crop", "1,2,x"), "--crop is LEFT,TOP,SIZE, a square in pixels; got '1,2,x'"),
        (("--feather", "0.1"), "--feather says how wide the edge of what is pasted is: give --paste too"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    run: Run, server: InProcessServer, photo: Path, options: tuple[str, ...], message: str
) -> None:
    result = run(photo, *options)
    assert result.code == 1
    assert f"error: {message}" in result.err
    assert server.calls == []


def test_masks_of_one_name_are_refused(run: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for name in ("me.png", "me.bmp"):
        picture(tmp_path / "masks" / name)
    result = run(photo, "--mask", tmp_path / "masks")
    assert result.code == 1
    assert "are called me: leave one of each" in result.err


def test_a_missing_photograph_is_one_clear_line(run: Run, server: InProcessServer, photo: Path, tmp_path: Path) -> None:
    result = run(photo, tmp_path / "nobody.jpg")
    assert (result.code, result.err) == (1, f"error: no such file: {tmp_path / 'nobody.jpg'}\n")
    assert server.calls == []


def test_field_violations_are_listed_without_a_traceback(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    violations = (("settings.steps", "must be at most 100000, got 200000", ""),)
    server.failures["Invert"] = Failure(grpc.StatusCode.INVALID_ARGUMENT, "cannot [invert] this", violations)
    result = run(photo, "--out", tmp_path / "o")
    assert result.code == 1
    assert result.err == "error: cannot [invert] this\n  settings.steps: must be at most 100000, got 200000\n"
    assert not (tmp_path / "o").exists()


# The report


def test_a_report_is_written_beside_the_results(run: Run, album: Path, tmp_path: Path) -> None:
    result = run(album, "--out", tmp_path / "o", "--report")
    assert result.code == 1  # one photograph is damaged
    assert names(tmp_path / "o" / "report") == sorted(REPORT_FILES)
    assert f"open {tmp_path / 'o' / 'report' / 'report.html'}" in result.out
    page = (tmp_path / "o" / "report" / "report.html").read_text("utf-8")
    assert all(words in page for words in ("a.png", "b.jpg", "c.png", "truncated or corrupted"))


def test_nothing_is_reported_where_everything_failed(run: Run, album: Path, tmp_path: Path) -> None:
    result = run(album / "c.png", "--out", tmp_path / "o", "--report")
    assert result.code == 1
    assert "error: 1 of 1 photographs failed" in result.err
    assert not (tmp_path / "o").exists()


def test_a_missing_extra_is_told_before_anything_is_computed(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run(photo, "--out", tmp_path / "o", "--report")
    assert result.code == 1
    assert "a report needs matplotlib to draw with: pip install 'pullback[report]'" in result.err
    assert server.calls == []


# Starts


def test_starting_from_a_folder_of_results_is_part_of_what_was_asked(
    run: Run, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    assert run(photo, "--out", before).code == 0
    assert run(photo, "--out", after, "--start-from", before).code == 0
    first, second = server.called("Invert")
    assert [request.targets[0].HasField("start") for request in (first, second)] == [False, True]
    assert second.settings.start_space == "z"
    assert run(photo, "--out", after, "--start-from", before, "--resume").code == 0
    assert len(server.called("Invert")) == 2
    refused = run(photo, "--out", after, "--resume")
    assert refused.code == 1
    assert "there is no start latent now" in refused.err
