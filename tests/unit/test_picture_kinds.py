"""Kinds of files, told by their first bytes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from cases import CASES
from pullback_api.pictures import FileKind, heif, kind_of, kind_of_file
from pullback_api.pictures.kinds import HEAD_BYTES


def saved(image_format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, image_format)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


def array_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def iso(brand: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + brand + bytes(4) + b"".join(compatible)
    return (4 + len(box)).to_bytes(4, "big") + box + b"\0\0\0\x08free"


@pytest.mark.parametrize("image_format", heif.FORMATS)
def test_what_pillow_writes_in_a_format_that_is_taken_is_told_as_that_format(image_format: str) -> None:
    kind = kind_of(saved(image_format))
    assert (kind.format, kind.is_taken) == (image_format, True)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "empty (0 bytes)"),
        (iso(b"heic", b"mif1", b"heic"), "a HEIC photograph"),
        (iso(b"mif1", b"mif1", b"heic"), "a HEIC photograph"),
        (iso(b"mif1", b"avif", b"mif1"), "an AVIF picture"),
        (iso(b"mif1", b"mif1"), "a HEIF picture"),
        (iso(b"avif", b"mif1"), "an AVIF picture"),
        (iso(b"crx ", b"isom"), "a Canon raw file (CR3)"),
        (iso(b"qt  ", b"qt  "), "a QuickTime video"),
        (iso(b"isom", b"iso2", b"mp41"), "an MP4 video"),
        (saved("JPEG2000"), "a JPEG 2000 picture"),
        (saved("PPM"), "a Netpbm picture (PPM, PGM)"),
        (saved("ICO"), "an icon (ICO)"),
        (saved("PDF"), "a PDF document"),
        (saved("EPS"), "a PostScript document"),
        (saved("DDS"), "a DDS texture"),
        (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a Canon raw file (CR2)"),
        (b"FUJIFILMCCD-RAW 0201", "a Fujifilm raw file (RAF)"),
        (b"<!DOCTYPE html>\n<html><head><title>Not found</title>", "a web page (HTML)"),
        (b'\xef\xbb\xbf\n<html lang="en">', "a web page (HTML)"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "a vector drawing (SVG)"),
        (b"../../.git/annex/objects/Kx/2P/MD5E-s9--1.jpg", "a pointer of git-annex, not the file itself"),
        ((CASES / "lfs_pointer.safetensors").read_bytes(), "a pointer of Git LFS, not the file itself"),
        (zipped(), "a ZIP archive or an office document"),
        (tarred(), "a tar archive"),
        (array_file(), "a NumPy array (.npy)"),
        (safetensors.numpy.save({"a": np.zeros(3, np.float32)}), "a safetensors file"),
        (bytes(5000), "filled with zeros, as an interrupted copy leaves it"),
        ("photograph,score\nGrüße.jpg,1\n".encode(), "a text file"),
        # A letter of several bytes that the end of the head cuts in two.
        (b"x" * (HEAD_BYTES - 1) + "ü".encode(), "a text file"),
        (b"x", "not an image, or one that is damaged at its very beginning"),
        (b"BM is how this begins", "a text file"),
        (bytes(range(256)), "not an image, or one that is damaged at its very beginning"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_told_by_its_first_bytes(data: bytes, name: str) -> None:
    kind = kind_of(data)
    assert kind.name == name
    assert kind.advice
    assert kind == kind_of(data[:HEAD_BYTES])


def test_a_file_on_disk_is_told_whatever_its_name_is(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    path.write_bytes(saved("PDF"))
    assert kind_of_file(path).refusal == "is a PDF document: export its picture as PNG or JPEG"
    assert kind_of_file(CASES / "fake.heic").format == "HEIF"


def test_heic_is_taken_where_there_is_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = kind_of_file(CASES / "fake.heic")
    monkeypatch.setattr(heif, "is_readable", lambda: True)
    assert kind.is_taken
    monkeypatch.setattr(heif, "is_readable", lambda: False)
    assert not kind.is_taken
    assert "pip install pillow-heif" in kind.refusal


def test_what_never_is_taken_has_no_format() -> None:
    assert not FileKind("a thing", "leave it").is_taken
