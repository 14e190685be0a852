"""Results of `pullback invert` on the disk: their files, what they were made of, whether they are still there."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from pullback_api.sounds import write_wav
from pullback_client.errors import ClientError, InvalidArgumentError
from pullback_client.files.atomic import delete, finite, write_bytes, write_json, write_png
from pullback_client.inversion.pasting import FEATHER
from pullback_client.inversion.result import Inversion
from pullback_client.text.printable import a_few, printable
from pullback_client.wire.codec import Array

Request: TypeAlias = "dict[str, Any]"
"""All that a result depends on, as plain values: the generator, the options that are given, and SHA-256 of photograph
and mask."""

_REQUEST, _PICTURES, _UNFINISHED = "request", "pictures", "unfinished"  # in the JSON of a result
_OLD_REQUEST = "request_sha256"  # by which earlier versions knew their results
_NAME_BYTES = 255  # of a file's name, on most file systems
_START_LATENT = "start_latent"
_CONTENT = ("photograph", "mask")


@dataclass(frozen=True)
class Earlier:
    """What an earlier run left of a photograph.

    Attributes:
        result: Its result, where it is whole and of the same request.
        differences: What was asked otherwise then, in words.
        unknown: Files in the place of results of which nothing says how they were made.
    """

    result: Inversion | None = None
    differences: tuple[str, ...] = ()
    unknown: tuple[Path, ...] = ()


@dataclass(frozen=True)
class PhotographFiles:
    """A photograph that is to be inverted, and where its results go.

    Attributes:
        path: Its file.
        mask: Its mask's file; None where it counts whole.
        folder: Where the results go.
        solutions: How many solutions there may be.
        paste: Whether the reconstruction is laid back into the photograph as well.
        feather: Width of the edge of what is laid back; see `Inversion.paste_back`.
        start: The latent from which it is inverted; None where none is given.
        tune: Whether the generator's weights are tuned to it as well.
        sound: Whether it is a sound, whose results are WAV files beside their spectrograms.
    """

    path: Path
    mask: Path | None
    folder: Path
    solutions: int = 1
    paste: bool = False
    feather: float = FEATHER
    start: Array | None = None
    tune: bool = False
    sound: bool = False

    @property
    def files(self) -> list[Path]:
        """The files of its results, the last of which tells of all the others."""
        return [self._file(ending) for ending in (*self._pictures, ".npz", ".safetensors", ".json")]

    def check_names(self) -> None:
        """Raises InvalidArgumentError where the results' names would be longer than names can be."""
        longest = max((file.name for file in self.files), key=lambda name: len(os.fsencode(name)))
        if (length := len(os.fsencode(longest))) > _NAME_BYTES:
            raise InvalidArgumentError(
                f"the name of a result would have {length} bytes, and names have at most {_NAME_BYTES}: "
                "give the photograph a shorter name"
            )

    def request(self, generator: str, options: Mapping[str, Any]) -> Request:
        """All that its result depends on.

        Raises:
            InvalidArgumentError: The photograph or the mask cannot be read.
        """
        given = {name: value for name, value in options.items() if value is not None and value != []}
        content = {
            name: _digest(file) for name, file in zip(_CONTENT, (self.path, self.mask), strict=True) if file is not None
        }
        if self.start is not None:
            content[_START_LATENT] = hashlib.sha256(self.start.tobytes()).hexdigest()
        if self.tune:
            given["tune"] = True
        request: Request = json.loads(json.dumps({"generator": generator, **given, **content}))
        return request

    def save(self, result: Inversion, request: Request, tuned: Image.Image | None = None) -> ClientError | None:
        """Writes the results, each file atomically, and says why one could not be laid back into its photograph.

        Args:
            result: The inversion.
            request: What it depends on.
            tuned: What the tuned weights draw; None where none were tuned.
        """
        before = _record(self._file(".json"))
        # First what says whose the others are, should the run end between them.
        planned = dict.fromkeys(self._pictures)
        write_json(self._file(".json"), {_UNFINISHED: True, _REQUEST: request, _PICTURES: planned})
        self._delete_stale(before)
        for rank, solution in enumerate(result.solutions, start=1):
            ending = "" if rank == 1 else f"-{rank}"
            write_png(self._file(f"{ending}.png"), solution.image)
            if solution.sound is not None:
                write_bytes(self._file(f"{ending}.wav"), write_wav(solution.sound))
        if tuned is not None:
            write_png(self._file("-tuned.png"), tuned)
        for ending in (".npz", ".safetensors"):
            result.save(self._file(ending))
        problem = self._paste(result)
        self._write_record(result, request)
        return problem

    def paste_kept(self, result: Inversion, request: Request) -> ClientError | None:
        """Lays a result that was there into its photograph, where that is asked for; says why it could not be done."""
        if not self.paste:
            return None
        problem = self._paste(result)
        self._write_record(result, request)
        return problem

    def earlier(self, request: Request) -> Earlier:
        """What an earlier run left."""
        existing = [file for file in self.files if os.path.lexists(file)]
        record = _record(self._file(".json"))
        if not isinstance(record.get(_REQUEST), dict):
            return Earlier(unknown=tuple(existing))
        if differences := _differences(record[_REQUEST], request):
            return Earlier(differences=differences)
        # The others are called after the record, but what pictures there were, it says itself.
        known = {self._file(ending) for ending in _pictures_of(record)}
        unknown = [file for file in existing if file.suffix in {".png", ".wav"} and file not in known]
        if unknown:
            return Earlier(unknown=tuple(unknown))
        if record.get(_UNFINISHED):
            return Earlier()
        try:
            return Earlier(Inversion.load(self._file(".safetensors")))
        except (InvalidArgumentError, KeyError, TypeError):
            return Earlier()

    @property
    def _pictures(self) -> list[str]:
        """How the names of the pictures end."""
        suffixes = (".png", ".wav") if self.sound else (".png",)
        ranks = ("", *(f"-{rank}" for rank in range(2, self.solutions + 1)))
        drawn = [f"{rank}{suffix}" for rank in ranks for suffix in suffixes]
        return [*drawn, *(["-pasted.png"] if self.paste else []), *(["-tuned.png"] if self.tune else [])]

    def _paste(self, result: Inversion) -> ClientError | None:
        if not self.paste:
            return None
        try:
            write_png(self._file("-pasted.png"), result.paste_back(self.path, feather=self.feather))
        except ClientError as error:
            return error
        return None

    def _write_record(self, result: Inversion, request: Request) -> None:
        # A picture of a run without --paste, or with it, stays known to be a result.
        pictures = sorted({*self._pictures, *_pictures_of(_record(self._file(".json")))})
        digests = {ending: _digest(self._file(ending)) for ending in pictures if self._file(ending).is_file()}
        write_json(self._file(".json"), result.provenance | {_REQUEST: request, _PICTURES: digests})

    def _delete_stale(self, record: Mapping[str, Any]) -> None:
        """Deletes pictures of an earlier result that this one does not replace, so that none is taken for its own."""
        for ending, digest in _pictures_of(record).items():
            file = self._file(ending)
            if ending not in self._pictures and file.is_file() and _digest(file) == digest:
                delete(file)

    def _file(self, ending: str) -> Path:
        return self.folder / f"{self.path.stem}{ending}"


@dataclass
class OwnResults:
    """The pictures of a folder that are results themselves, which are not inverted again.

    Args:
        folder: The folder.
    """

    folder: Path
    _digests: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for file in self.folder.glob("*.json"):
            record = _record(file)
            pictures = dict.fromkeys((".png", "-pasted.png")) if _OLD_REQUEST in record else _pictures_of(record)
            self._digests |= {f"{file.stem}{ending}": digest for ending, digest in pictures.items()}

    def __contains__(self, file: Path) -> bool:
        """Whether a file of the folder is a result, unchanged."""
        if file.name not in self._digests:
            return False
        digest = self._digests[file.name]
        return digest is None or _digest(file) == digest


def refuse_others(earlier: Sequence[Earlier], photos: Sequence[PhotographFiles]) -> None:
    """Raises InvalidArgumentError where results that are there are not of these requests.

    Args:
        earlier: What there is of each photograph.
        photos: The photographs.
    """
    unknown = [file for each in earlier for file in each.unknown]
    if unknown:
        raise InvalidArgumentError(
            f"--resume: nothing says how {a_few(unknown)} came about (earlier versions did not write it down), so "
            "nothing was touched: name another --out, or give --force as well to replace them"
        )
    otherwise: dict[str, list[str]] = defaultdict(list)
    for photo, each in zip(photos, earlier, strict=True):
        for difference in each.differences:
            otherwise[difference].append(photo.path.name)
    if otherwise:
        lines = "\n".join(f"  {difference}: {a_few(names)}" for difference, names in otherwise.items())
        raise InvalidArgumentError(
            f"--resume: results in {printable(photos[0].folder)} were made otherwise, so nothing was touched\n{lines}\n"
            "  give what was given then, name another --out, or give --force as well to do these again"
        )


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    words = []
    for name in dict.fromkeys((*now, *then)):
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        if name in (*_CONTENT, _START_LATENT):
            name = name.replace("_", " ")  # noqa: PLW2901
            words.append(f"the {name} is another one" if old and new else f"there is {'a' if new else 'no'} {name} now")
        else:
            words.append(f"{name.replace('_', '-')} was {_shown(old)}, now {_shown(new)}")
    return tuple(words)


def _shown(value: Any) -> str:
    return "the default" if value is None else value if isinstance(value, str) else json.dumps(finite(value))


def _record(file: Path) -> dict[str, Any]:
    """What the JSON of a result says; empty where there is none, or it is something else."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _pictures_of(record: Mapping[str, Any]) -> dict[str, str | None]:
    """How the pictures end that the JSON of a result tells of, with SHA-256 of each; None = perhaps not finished."""
    told = record.get(_PICTURES) if _REQUEST in record else None
    # Nothing that somebody else wrote there may lead out of the folder.
    pictures = told.items() if isinstance(told, dict) else ()
    return {ending: digest for ending, digest in pictures if Path(f"x{ending}").name == f"x{ending}"}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {printable(file)}: {error.strerror or error}") from error
