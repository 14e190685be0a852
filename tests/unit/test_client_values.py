"""Images on their way out, results on their way to disk."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image
from rich.console import Console
from safetensors import safe_open

import pullback_client.inversion.requests
from in_process import DIM, InProcessServer
from pullback_client import Client, Eigenbasis, InvalidArgumentError, Inversion, JobEvent, ResourceExhaustedError
from pullback_client.files.atomic import write_bytes, write_json
from pullback_client.jobs.progress import Bars, reporting


@pytest.fixture(scope="module")
def results() -> Iterator[tuple[Inversion, Eigenbasis]]:
    with InProcessServer() as server, Client(server.target) as client:
        yield client.invert(Image.new("RGB", (9, 9)), "faces", steps=5, restarts=2), client.compute_eigenbasis("faces")


@pytest.fixture
def inversion(results: tuple[Inversion, Eigenbasis]) -> Inversion:
    return results[0]


@pytest.fixture
def basis(results: tuple[Inversion, Eigenbasis]) -> Eigenbasis:
    return results[1]


def test_images_over_the_limit_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pullback_client.inversion.requests, "MAX_MESSAGE_BYTES", 2**20)
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(600_000))
    with pytest.raises(ResourceExhaustedError, match=r"2 images take 1\.1 MiB together; at most 1 MiB"):
        pullback_client.inversion.requests.invert_request([path, path], "faces", {})


def test_a_long_file_name_becomes_a_label_that_fits(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 240}.png"
    path.write_bytes(b"1")
    (target,) = pullback_client.inversion.requests.invert_request(path, "faces", {})[0].targets
    assert len(target.label) == 200
    assert target.label.endswith(".png")


def test_an_inversion_is_saved_by_suffix(inversion: Inversion, tmp_path: Path) -> None:
    inversion.save(tmp_path / "me.png")
    inversion.save(tmp_path / "me.npz")
    inversion.save(tmp_path / "me.json")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "me.png")), np.asarray(inversion.image))
    with np.load(tmp_path / "me.npz") as saved:
        np.testing.assert_array_equal(saved["latent"], inversion.latent)
        np.testing.assert_array_equal(saved["loss_trace"], inversion.loss_trace)
        provenance = json.loads(str(saved["provenance"]))
    assert provenance == json.loads((tmp_path / "me.json").read_text("utf-8"))
    assert provenance["settings"]["steps"] == 5
    assert provenance["generator_weights_hash"] == "a" * 64


def test_an_inversion_is_saved_as_a_folder(inversion: Inversion, tmp_path: Path) -> None:
    written = inversion.save(tmp_path / "new" / "me")
    names = ["image.png", "inversion.json", "inversion.npz", "inversion.safetensors", "target.png"]
    assert sorted(path.name for path in written) == names
    assert sorted(written) == sorted((tmp_path / "new" / "me").iterdir())


def test_an_inversion_of_several_solutions_is_saved_with_their_pictures(tmp_path: Path) -> None:
    with InProcessServer() as server, Client(server.target) as client:
        found = client.invert(Image.new("RGB", (9, 9)), "faces", method="adam", restarts=4, top_k=3, alignment=True)
    written = found.save(tmp_path)
    names = ["aligned_target", "image", "solution-1", "solution-2", "solution-3", "target"]
    assert sorted(path.stem for path in written if path.suffix == ".png") == names
    for rank, solution in enumerate(found.solutions, start=1):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"solution-{rank}.png")), solution.image)
    provenance = json.loads((tmp_path / "inversion.json").read_text("utf-8"))
    assert [each["restart"] for each in provenance["solutions"]] == [3, 2, 1]
    assert provenance["solutions"][0]["alignment"] == {"scale": 0.5, "shift_x": 0.25, "shift_y": -0.25}
    assert provenance["evaluations"] == found.evaluations
    with np.load(tmp_path / "inversion.npz") as saved:
        np.testing.assert_array_equal(saved["solution_latents"], [solution.latent for solution in found.solutions])


@pytest.mark.parametrize(("generator", "options"), [("faces", {}), ("eyes", {"alignment": True, "top_k": 2})])
def test_an_inversion_saved_as_safetensors_comes_back_as_it_was(
    tmp_path: Path, generator: str, options: dict[str, object]
) -> None:
    with InProcessServer() as server, Client(server.target) as client:
        found = client.invert(Image.new("RGB", (9, 9)), generator, method="adam", thin=True, **options)  # type: ignore[arg-type]
    (path,) = found.save(tmp_path / "me.safetensors")
    back = Inversion.load(path)
    assert back.provenance == found.provenance
    for name in ("latent", "restart_latents", "distance_trace", "loss_trace", "image", "target"):
        np.testing.assert_array_equal(np.asarray(getattr(back, name)), np.asarray(getattr(found, name)))
    assert (back.aligned_target is None) == (found.aligned_target is None)
    for solution, expected in zip(back.solutions, found.solutions, strict=True):
        np.testing.assert_array_equal(solution.latent, expected.latent)
        np.testing.assert_array_equal(np.asarray(solution.image), np.asarray(expected.image))
        assert solution.alignment == expected.alignment


def test_a_safetensors_file_has_latents_pictures_and_provenance_for_other_programs(
    inversion: Inversion, tmp_path: Path
) -> None:
    inversion.save(tmp_path / "me.safetensors")
    with safe_open(tmp_path / "me.safetensors", framework="numpy") as file:
        assert file.get_tensor("latent").dtype == np.float32
        assert file.get_tensor("image").shape == (16, 16, 3)
        assert json.loads(file.metadata()["pullback"])["provenance"]["settings"]["steps"] == 5


def test_a_file_that_is_no_saved_inversion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"cannot read .*nobody\.safetensors as a safetensors file"):
        Inversion.load(tmp_path / "nobody.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors here")
    with pytest.raises(InvalidArgumentError, match=r"cannot read .*text\.safetensors as a safetensors file"):
        Inversion.load(tmp_path / "text.safetensors")
    for metadata in (None, {"pullback": "[]"}, {"pullback": '{"format": "pullback-eigenbasis-1"}'}):
        (tmp_path / "other.safetensors").write_bytes(safetensors.numpy.save({"x": np.zeros(3)}, metadata))
        with pytest.raises(InvalidArgumentError, match=r"other\.safetensors is not an inversion"):
            Inversion.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("name", ["me.jpg", "me.pt"])
def test_an_unknown_suffix_is_refused(inversion: Inversion, basis: Eigenbasis, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"expected \.png, \.npz, \.safetensors, \.json, or a"):
        inversion.save(tmp_path / name)
    with pytest.raises(InvalidArgumentError, match=r"saved as \.npz"):
        basis.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_eigenbasis_is_saved_with_its_provenance(basis: Eigenbasis, tmp_path: Path) -> None:
    with np.load(basis.save(tmp_path / "basis.npz")) as saved:
        np.testing.assert_array_equal(saved["eigenvectors"], basis.eigenvectors)
        assert json.loads(str(saved["provenance"])) == basis.provenance


def test_an_eigenbasis_rotates_there_and_back(basis: Eigenbasis) -> None:
    latents = np.random.default_rng(1).standard_normal((3, DIM))
    np.testing.assert_allclose(basis.unrotate(basis.rotate(latents)), latents, atol=1e-12)
    np.testing.assert_allclose(basis.rotate(basis.eigenvectors[:, 2]), np.eye(DIM)[2], atol=1e-12)
    np.testing.assert_array_equal(basis.top(2), basis.eigenvectors[:, :2])
    assert (basis.dims_for(0.5), basis.dims_for(0.9), basis.dims_for(1)) == (1, 2, DIM)  # of 1 + 1/4 + 1/16 + …


def test_an_eigenbasis_refuses_what_does_not_fit(basis: Eigenbasis) -> None:
    with pytest.raises(InvalidArgumentError, match=r"vectors of 5 coordinates, got shape \(2, 4\)"):
        basis.rotate(np.zeros((2, 4)))
    with pytest.raises(InvalidArgumentError, match="k must be from 1 to 5, got 6"):
        basis.top(6)
    with pytest.raises(InvalidArgumentError, match="fraction must be in"):
        basis.dims_for(0)


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    write_json(path, {"loss": float("nan"), "trace": [1.0, float("inf")]})
    assert json.loads(path.read_text()) == {"loss": None, "trace": [1.0, None]}

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"half")
    assert list(tmp_path.iterdir()) == [path]
    assert "trace" in path.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_written_files_are_as_readable_as_any(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_bytes(tmp_path / "mine", b"")
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_bars_show_phase_steps_and_loss() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with InProcessServer() as server, Client(server.target) as client:
        server.bench.pause = 0.05
        with Bars(console) as bars:
            client.invert(Image.new("RGB", (9, 9)), "faces", method="adam", progress=bars)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "optimizing" in shown
    assert "3/3" in shown
    assert "loss 0.3333" in shown


def test_without_a_terminal_nothing_is_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    with InProcessServer() as server, Client(server.target) as client:
        server.bench.pause = 0.05
        client.compute_eigenbasis("faces")
    assert capfd.readouterr() == ("", "")


def test_a_callback_is_used_as_it_is() -> None:
    def callback(event: JobEvent) -> None:
        del event

    with reporting(callback) as report:
        assert report is callback
