"""Kinds of files, told by their first bytes: which are taken as photographs, what the others are, and what to do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pullback_api.pictures import heif

HEAD_BYTES = 1024
"""How many of a file's first bytes tell its kind."""

_CONVERT = "convert it to PNG or JPEG"
_DEVELOP = "develop it to PNG, JPEG or 16-bit TIFF, for example with darktable or the camera's own program"
_FRAMES = "save the frames that are meant as PNG files, for example with: ffmpeg -i FILE frame-%04d.png"
_EXPORT = "export its picture as PNG or JPEG"
_UNPACK = "unpack it and name the pictures in it"
_ARRAY = "read it in Python and give the pixels as an array (height, width, channels)"
_FETCH = "download the picture itself, not the page around it"
_NO_PICTURE = "it holds no picture: leave it out"


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes:
        name: What it is, with an article: `a HEIC photograph`.
        advice: What to do with it, where it is not taken.
        format: Pillow's name of its format, where it may be taken; None where it never is.
    """

    name: str
    advice: str
    format: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether such a file can be read here; HEIC and AVIF only where there is a decoder for them."""
        if self.format == "HEIF":
            return heif.is_readable()
        return self.format is not None and (self.format != "AVIF" or heif.is_avif_readable())

    @property
    def noun(self) -> str:
        """Its name without the article."""
        return self.name.removeprefix("a ").removeprefix("an ")

    @property
    def is_known(self) -> bool:
        """Whether the bytes told anything."""
        return self is not UNKNOWN

    @property
    def refusal(self) -> str:
        """Why such a file is not taken, and what to do, to go on after the file's name: `is a PDF document: …`."""
        return f"is {self.name}: {self.advice}"


EMPTY = FileKind("empty (0 bytes)", "expected a photograph; copy or download it again")
UNKNOWN = FileKind(
    "not an image, or one that is damaged at its very beginning",
    f"send a whole file of one of the formats {', '.join(heif.FORMATS)}",
)
_HEIC = FileKind("a HEIC photograph", heif.ADVICE, "HEIF")
_HEIF = FileKind("a HEIF picture", heif.ADVICE, "HEIF")
_AVIF = FileKind("an AVIF picture", f"update Pillow to 11.3 or later, or {_CONVERT}", "AVIF")
_VIDEO = FileKind("an MP4 video", _FRAMES)
_RAW = FileKind("a camera's raw file", _DEVELOP)
_HTML = FileKind("a web page (HTML)", _FETCH)
_TEXT = FileKind("a text file", _NO_PICTURE)
_ZEROS = FileKind("filled with zeros, as an interrupted copy leaves it", "copy it again from where it came from")


def _taken(image_format: str) -> FileKind:
    return FileKind(f"a {image_format} file", _CONVERT, image_format)


# Where the bytes stand, the bytes, and what they tell; the first that fits counts.
_SIGNATURES: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _taken("PNG")),
    (0, b"\xff\xd8\xff", _taken("JPEG")),
    (0, b"GIF87a", _taken("GIF")),
    (0, b"GIF89a", _taken("GIF")),
    # Raw files that begin as TIFF files do.
    (8, b"CR\x02", FileKind("a Canon raw file (CR2)", _DEVELOP)),
    (0, b"IIU\0", FileKind("a Panasonic raw file (RW2)", _DEVELOP)),
    (0, b"IIRO", FileKind("an Olympus raw file (ORF)", _DEVELOP)),
    (0, b"IIRS", FileKind("an Olympus raw file (ORF)", _DEVELOP)),
    (0, b"MMOR", FileKind("an Olympus raw file (ORF)", _DEVELOP)),
    (6, b"HEAPCCDR", FileKind("a Canon raw file (CRW)", _DEVELOP)),
    (0, b"II*\0", _taken("TIFF")),
    (0, b"MM\0*", _taken("TIFF")),
    (0, b"II+\0", _taken("TIFF")),
    (0, b"MM\0+", _taken("TIFF")),
    (0, b"FUJIFILMCCD-RAW", FileKind("a Fujifilm raw file (RAF)", _DEVELOP)),
    (0, b"FOVb", FileKind("a Sigma raw file (X3F)", _DEVELOP)),
    (0, b"\0MRM", FileKind("a Minolta raw file (MRW)", _DEVELOP)),
    # Pictures of other formats.
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", FileKind("a JPEG 2000 picture", _CONVERT)),
    (0, b"\xff\x4f\xff\x51", FileKind("a JPEG 2000 picture", _CONVERT)),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", FileKind("a JPEG XL picture", _CONVERT)),
    (0, b"\xff\x0a", FileKind("a JPEG XL picture", _CONVERT)),
    (0, b"8BPS", FileKind("a Photoshop document", _EXPORT)),
    (0, b"gimp xcf", FileKind("a GIMP document", _EXPORT)),
    (0, b"v/1\x01", FileKind("an OpenEXR picture", _CONVERT)),
    (0, b"#?RADIANCE", FileKind("a Radiance HDR picture", _CONVERT)),
    (0, b"qoif", FileKind("a QOI picture", _CONVERT)),
    (0, b"DDS ", FileKind("a DDS texture", _CONVERT)),
    (0, b"\0\0\1\0", FileKind("an icon (ICO)", _CONVERT)),
    (0, b"%PDF-", FileKind("a PDF document", _EXPORT)),
    (0, b"%!PS", FileKind("a PostScript document", _EXPORT)),
    (0, b"\xc5\xd0\xd3\xc6", FileKind("a PostScript document", _EXPORT)),
    # Arrays, volumes and tables.
    (0, b"\x93NUMPY", FileKind("a NumPy array (.npy)", _ARRAY)),
    (0, b"\x89HDF\r\n\x1a\n", FileKind("an HDF5 file", _ARRAY)),
    (0, b"MATLAB 5.0 MAT", FileKind("a MATLAB file", _ARRAY)),
    (0, b"MATLAB 7.3 MAT", FileKind("a MATLAB file", _ARRAY)),
    (128, b"DICM", FileKind("a DICOM file", _ARRAY)),
    (344, b"n+1\0", FileKind("a NIfTI volume", _ARRAY)),
    (4, b'\0\0\0\0{"', FileKind("a safetensors file", _ARRAY)),
    # Videos and sounds.
    (0, b"\x1aE\xdf\xa3", FileKind("a Matroska or WebM video", _FRAMES)),
    (0, b"\0\0\1\xba", FileKind("an MPEG video", _FRAMES)),
    (0, b"\0\0\1\xb3", FileKind("an MPEG video", _FRAMES)),
    (0, b"FLV\1", FileKind("a Flash video", _FRAMES)),
    (0, b"0&\xb2u\x8ef\xcf\x11", FileKind("a Windows Media file", _FRAMES)),
    (4, b"moov", FileKind("a QuickTime video", _FRAMES)),
    (4, b"mdat", FileKind("a QuickTime video", _FRAMES)),
    (0, b"ID3", FileKind("a sound file (MP3)", _NO_PICTURE)),
    (0, b"fLaC", FileKind("a sound file (FLAC)", _NO_PICTURE)),
    (0, b"OggS", FileKind("an Ogg sound or video", _NO_PICTURE)),
    # Archives.
    (0, b"PK\3\4", FileKind("a ZIP archive or an office document", _UNPACK)),
    (0, b"\x1f\x8b", FileKind("a gzip archive", _UNPACK)),
    (0, b"BZh", FileKind("a bzip2 archive", _UNPACK)),
    (0, b"\xfd7zXZ\0", FileKind("an xz archive", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind("a 7-Zip archive", _UNPACK)),
    (0, b"Rar!\x1a\7", FileKind("a RAR archive", _UNPACK)),
    (257, b"ustar", FileKind("a tar archive", _UNPACK)),
    # What stands in the place of a file.
    (
        0,
        b"version https://git-lfs.github.com/spec/",
        FileKind("a pointer of Git LFS, not the file itself", "fetch the file with: git lfs pull"),
    ),
    (0, b"\0\5\x16\7", FileKind("what macOS keeps beside a file on other disks (._…)", _NO_PICTURE)),
    (0, b"\0\0\0\1Bud1", FileKind("a folder's settings on macOS (.DS_Store)", _NO_PICTURE)),
)

# The brands of ISO media files (HEIC, AVIF, MP4, QuickTime, CR3): the first that is known counts.
_BRANDS: dict[bytes, FileKind] = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    b"crx ": FileKind("a Canon raw file (CR3)", _DEVELOP),
    b"qt  ": FileKind("a QuickTime video", _FRAMES),
    b"M4A ": FileKind("a sound file (M4A)", _NO_PICTURE),
}
WAV = FileKind("a sound file (WAV)", "it holds no picture: leave it out, or take a generator of sounds")
"""What generators of sounds are inverted for."""
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_RIFF: dict[bytes, FileKind] = {
    b"WEBP": _taken("WEBP"),
    b"AVI ": FileKind("an AVI video", _FRAMES),
    b"WAVE": WAV,
}


def kind_of(head: bytes) -> FileKind:
    """What a file is, by its first bytes.

    Args:
        head: The whole file, or at least its first `HEAD_BYTES`.
    """
    head = head[:HEAD_BYTES]
    if not head:
        return EMPTY
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], UNKNOWN)
    return _by_signature(head) or _text(head)


def kind_of_file(path: str | os.PathLike[str]) -> FileKind:
    """What a file on disk is, by its first bytes.

    Raises:
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        return kind_of(file.read(HEAD_BYTES))


def _by_signature(head: bytes) -> FileKind | None:
    for start, signature, kind in _SIGNATURES:
        if head.startswith(signature, start):
            return kind
    # Two letters are few: the length of a bitmap's second header is asked for as well.
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return _taken("BMP")
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return FileKind("a Netpbm picture (PPM, PGM)", _CONVERT)
    return _ZEROS if len(head) > 16 and not any(head) else None


def _iso_media(head: bytes) -> FileKind:
    """By the brands of its first box: the major one, a version, then the compatible ones."""
    end = max(12, min(int.from_bytes(head[:4], "big"), len(head)))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    for brand in brands:
        if brand in _BRANDS:
            return _BRANDS[brand]
    return _HEIF if {b"mif1", b"msf1"} & set(brands) else _VIDEO


def _text(head: bytes) -> FileKind:
    """What kind of text it is, if it is text at all."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in start:
        return FileKind("a vector drawing (SVG)", _EXPORT)
    if start.startswith((b"<!doctype html", b"<html")):
        return _HTML
    if b"/annex/objects/" in start[:200]:
        return FileKind("a pointer of git-annex, not the file itself", "fetch the file with: git annex get")
    try:
        letters = head.decode("utf-8", errors="strict" if len(head) < HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return UNKNOWN
    printable = all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in letters)
    # What is shorter than any signature tells nothing; a decoder that drops bytes must have kept nearly all.
    return _TEXT if printable and len(head) > 8 and len(letters.encode()) > len(head) - 4 else UNKNOWN
