"""What is said of files that are not what they should be, wherever weights and arrays are read."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from cases import CASES
from pullback.directions.direction_set import DirectionSet
from pullback.directions.formats.reader import import_directions
from pullback.errors import InvalidInputError, WeightsError, WeightsUnavailableError
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback.geometry.interchange import import_npz
from pullback.inversion import StartBank
from pullback.weights import WeightsSource, ensure
from pullback.weights.inspection import inspect, inspect_bytes
from pullback.weights.tensor_files import read_weight_file

LFS = (CASES / "lfs_pointer.safetensors").read_bytes()
LFS_SAID = "it is a Git LFS pointer of 131 bytes in place of a file of 123456 bytes: run 'git lfs pull'"
PAGE = b"<!DOCTYPE html>\n<html><body>Please sign in</body></html>"
PAGE_SAID = "it is a web page of 56 bytes, as a site answers that wants a log-in"


def packed(write: Callable[..., object], *values: object, **named: object) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *values, **named)
    return buffer.getvalue()


SAFETENSORS = safetensors.numpy.save({"a": np.ones(100, dtype=np.float32)})
PYTORCH = packed(lambda file: torch.save({"a": torch.ones(3)}, file))
OLD_PYTORCH = packed(lambda file: torch.save({"a": torch.ones(3)}, file, _use_new_zipfile_serialization=False))
NPZ = packed(np.savez, a=np.ones(3))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LFS, LFS_SAID),
        (PAGE, PAGE_SAID),
        (b"\xef\xbb\xbf <?xml version='1.0'?><Error/>", "it is a web page of 33 bytes"),
        (b"", "it is empty (0 bytes): download or copy it again"),
        (bytes(9000), "it begins with 4096 zero bytes, as a download that broke off leaves them"),
        (SAFETENSORS, f"it is a safetensors file of {len(SAFETENSORS)} bytes"),
        (
            SAFETENSORS[:-7],
            f"it is a safetensors file of {len(SAFETENSORS)} bytes, of which {len(SAFETENSORS) - 7} are there",
        ),
        (SAFETENSORS + b"123", f"it is a safetensors file of {len(SAFETENSORS)} bytes with 3 more behind it"),
        (SAFETENSORS[:30], "it is a safetensors file that is cut off after 30 bytes, within its header"),
        (SAFETENSORS.replace(b"[0,400]", b"[0;400]"), "it begins like a safetensors file, but its header is damaged"),
        (PYTORCH, f"it is a file of PyTorch (.pt, .pth) of {len(PYTORCH)} bytes"),
        (
            PYTORCH[:-50],
            f"it is a zip archive (.pt, .npz and wheels are such) that is cut off after {len(PYTORCH) - 50} bytes",
        ),
        # Its length is that of addresses within, and not the same in every process.
        pytest.param(OLD_PYTORCH, f"it is a pickle of {len(OLD_PYTORCH)} bytes (PyTorch before 1.6", id="old pickle"),
        (NPZ, f"it is a file of NumPy arrays (.npz) of {len(NPZ)} bytes"),
        (packed(np.save, np.ones(3)), "it is a NumPy array (.npy)"),
        (b"\x1f\x8b\x08\x00", "it is a file compressed by gzip: unpack it first"),
        (b'{"message": "Not Found"}', """it is JSON of 24 bytes that begins with '{"message": "Not Found"}'"""),
        ("größe\n1".encode(), "it is text of 9 bytes that begins with 'größe'"),
        (b"\xfe\x00\x01\xff", "it is of no format known here: 4 bytes that begin with fe 00 01 ff"),
    ],
)
def test_bytes_are_called_what_they_are(content: bytes, said: str, tmp_path: Path) -> None:
    assert inspect_bytes(content).startswith(said)
    file = tmp_path / "weights.bin"
    file.write_bytes(content)
    assert inspect(file) == inspect_bytes(content)


def test_the_kinds_of_files_that_users_bring_are_told() -> None:
    assert inspect(CASES / "square_v5_channels_x_images.mat") == "it is a MATLAB file (.mat)"
    assert inspect(CASES / "square_v73_channels_x_images.mat").startswith("it is an HDF5 file")
    assert inspect(CASES / "p3_rgb.png") == "it is a PNG image"
    assert inspect(CASES / "gray16_be.tif") == "it is a TIFF image"
    assert inspect(CASES / "catalogue_bom.toml").startswith("it is text of 421 bytes that begins with '[ros_key]'")


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "g.pt").mkdir()
    assert inspect(tmp_path / "g.pt") == "it is a folder with nothing in it: name the file itself"
    assert inspect(tmp_path) == "it is a folder of g.pt: name the file itself"
    assert inspect(tmp_path / "none") == "there is no such file"
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert inspect(tmp_path / "link") == f"it is a link to {tmp_path / 'gone'}, which is not there"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who may not read everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    file = tmp_path / "g.pt"
    file.write_bytes(PYTORCH)
    file.chmod(0)
    assert inspect(file).startswith("this user may not read it")


@pytest.mark.parametrize("name", ["g.safetensors", "g.pt", "g.tar"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LFS, LFS_SAID),
        (PAGE, PAGE_SAID),
        (b"", "it is empty"),
        (SAFETENSORS[:-1], "of which"),
        (PYTORCH[:-1], "cut off"),
        (OLD_PYTORCH[:-30], "it ends too early"),
        (NPZ[:-1], "cut off"),
        (b"[1, 2]", "it is text of 6 bytes"),
    ],
)
def test_weights_that_cannot_be_read_are_described_whatever_their_name(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="is not a file of plain tensors that can be read safely: it ") as caught:
        read_weight_file(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)
    # Advice of PyTorch's that nobody should follow.
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("content", [SAFETENSORS, PYTORCH, OLD_PYTORCH, NPZ])
def test_a_weight_file_is_read_by_its_content_not_by_its_name(tmp_path: Path, content: bytes) -> None:
    for name in ("g.safetensors", "g.pt"):
        (tmp_path / name).write_bytes(content)
        read = read_weight_file(tmp_path / name)
        assert isinstance(read, dict)
        assert (read["a"] == 1).all()


def test_a_weight_file_of_the_wrong_hash_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    shutil.copy(CASES / "lfs_pointer.safetensors", tmp_path / "g.safetensors")
    digest = hashlib.sha256(LFS).hexdigest()
    source = WeightsSource("path", str(tmp_path / "g.safetensors"), "ab" * 32)
    with pytest.raises(WeightsError, match="git lfs pull") as caught:
        ensure(source)
    assert f"SHA-256 {digest}, expected {'ab' * 32}; {LFS_SAID}" in str(caught.value)
    # The pointer's own hash in the catalogue changes nothing.
    with pytest.raises(WeightsError, match="git lfs pull"):
        ensure(WeightsSource("path", str(tmp_path / "g.safetensors"), digest))


def test_a_path_to_a_folder_or_near_a_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "generator.pt").write_bytes(PYTORCH)
    with pytest.raises(WeightsUnavailableError, match=r"it is a folder of generator\.pt: name the file itself"):
        ensure(WeightsSource("path", str(tmp_path / "weights"), "ab" * 32))
    with pytest.raises(WeightsUnavailableError, match=r"in that folder there is generator\.pt\. Put it there, or"):
        ensure(WeightsSource("path", str(tmp_path / "weights" / "generator.pth"), "ab" * 32))
    with pytest.raises(WeightsUnavailableError, match=r"its folder .*nowhere cannot be read .No such file"):
        ensure(WeightsSource("path", str(tmp_path / "nowhere" / "g.pt"), "ab" * 32))


@pytest.mark.parametrize("content", [LFS, PAGE])
def test_eigenbases_banks_and_directions_of_other_files_are_described(tmp_path: Path, content: bytes) -> None:
    said = LFS_SAID if content is LFS else PAGE_SAID
    file = tmp_path / "it.npz"
    file.write_bytes(content)
    provenance = Provenance("tiny", "ab", "z", "mse", "", "sketch", 1, 0, "1")
    readers: list[Callable[[], object]] = [
        lambda: Eigenbasis.load(file),
        lambda: StartBank.load(file),
        lambda: DirectionSet.load(file),
        lambda: import_npz(file, provenance),
        *(
            lambda form=form: import_directions(  # type: ignore[misc]
                content, form, generator_name="tiny", weights_hash="", space="z", dim=8, version="1"
            )
            for form in ("ganspace", "sefa", "local_basis", "hessian_penalty", "deformator", "pullback")
        ),
    ]
    for read in readers:
        with pytest.raises(InvalidInputError) as caught:
            read()
        assert said in str(caught.value)
