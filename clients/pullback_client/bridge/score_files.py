"""Score files of a rig: `.mat` of MATLAB 7.3 and 5, `.h5`, `.csv`. h5py and SciPy are imported to read."""

from __future__ import annotations

import csv
import importlib.util
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback_client.codec import Array
from pullback_client.errors import ClientError, FailedPreconditionError

_IDS, _RESPONSES = "stimulusID", "tEvokedResp"  # XDream's names
_NONE = ("", "nan", "na", "none", "null")  # cells of a table that hold no score


class UnreadableError(ClientError):
    """A score file that is not there whole, or is not one."""


@dataclass(frozen=True, eq=False)
class ScoreFile:
    """What a score file says.

    Attributes:
        path: The file.
        ids: The images, one per row; None where the rows are known by their places.
        places: Places of the rows in the block, from 0; None where they are known by their ids.
        values: The scores, float64, shape (rows, channels); NaN = none.
        open_ended: Whether its last line has no end, so that the last number may be a part of one.
    """

    path: Path
    ids: tuple[str, ...] | None
    places: tuple[int, ...] | None
    values: Array
    open_ended: bool = False

    def says_as(self, other: ScoreFile) -> bool:
        """Whether another reading found the same.

        Args:
            other: What was read.
        """
        return (self.ids, self.places, self.open_ended) == (other.ids, other.places, other.open_ended) and (
            np.array_equal(self.values, other.values, equal_nan=True)
        )


def require_extras(suffix: str) -> None:
    """Raises FailedPreconditionError where a package that such files need is missing, with what to install.

    Args:
        suffix: `.mat`, `.h5` or `.csv`.
    """
    needed = {".mat": ("h5py", "scipy"), ".h5": ("h5py",)}.get(suffix, ())
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise FailedPreconditionError(
            f"{suffix} score files need {' and '.join(missing)} to be read: pip install 'pullback[bridge]'"
        )


def read(path: Path) -> ScoreFile:
    """Reads a score file by its suffix.

    Raises:
        UnreadableError: It is not there whole yet, or is not a score file; the message says what is wrong with it.
        FailedPreconditionError: A package that it needs is missing.
    """
    suffix = path.suffix.lower()
    require_extras(suffix)
    try:
        return READERS[suffix](path)
    except UnreadableError:
        raise
    # Files that are being written break their readers in more ways than their authors have thought of.
    except Exception as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error


def _read_mat(path: Path) -> ScoreFile:
    import h5py  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `bridge` extra)

    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            _require(path, file, (_IDS, _RESPONSES))
            return _by_id(path, _texts(file, file[_IDS][()]), file[_RESPONSES][()])
    from scipy import io  # type: ignore[import-untyped]  # noqa: PLC0415  (likewise)

    content = io.loadmat(path, variable_names=[_IDS, _RESPONSES])
    _require(path, content, (_IDS, _RESPONSES))
    # A cell array of strings comes as an array of arrays of one string each, a char matrix as padded strings.
    ids = [str(np.ravel(cell)[0]).rstrip() for cell in np.ravel(content[_IDS])]
    return _by_id(path, ids, content[_RESPONSES])


def _read_h5(path: Path) -> ScoreFile:
    import h5py  # noqa: PLC0415  (of the `bridge` extra)

    with h5py.File(path, "r") as file:
        _require(path, file, ("scores",))
        values = np.asarray(file["scores"][()], np.float64)
        values = values[:, None] if values.ndim == 1 else values
        places = np.ravel(file["indices"][()]).tolist() if "indices" in file else list(range(len(values)))
    return ScoreFile(path, None, _places(path, places), _oriented(path, values, len(places)))


def _read_csv(path: Path) -> ScoreFile:
    # Excel writes a byte-order mark, and semicolons in half of the world.
    text = path.read_bytes().decode("utf-8-sig")
    file = io.StringIO(text, newline="")
    delimiter = ";" if ";" in file.readline() else ","
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
    lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    # Rows without any content, as Excel leaves them below a table.
    lines = [(number, cells) for number, cells in lines if any(cells)]
    header = [name.lower() for name in lines[0][1]] if lines else []
    key = next((name for name in ("image_id", "index") if name in header), None)
    scored = ["score"] if "score" in header else [name for name in header if re.fullmatch(r"channel[_ ]?\d+", name)]
    if key is None or not scored or len(lines) < 2:
        raise UnreadableError(
            f"{path}: expected a header with image_id or index, and score or channel_1, channel_2 …, and rows below it"
        )
    if short := [number for number, cells in lines[1:] if len(cells) != len(header)]:
        raise UnreadableError(f"{path}: line {short[0]} has not as many cells as the header")
    rows = [dict(zip(header, cells, strict=True)) for _, cells in lines[1:]]
    # Where cells end with a semicolon, a comma is the decimal point.
    decimal = "," if delimiter == ";" else "."
    values = np.array([[_cell(row[name].replace(decimal, ".")) for name in scored] for row in rows], np.float64)
    open_ended = not text.endswith(("\n", "\r"))
    if key == "image_id":
        return ScoreFile(path, tuple(row[key] for row in rows), None, values, open_ended)
    return ScoreFile(path, None, _places(path, [float(row[key]) for row in rows]), values, open_ended)


READERS: dict[str, Callable[[Path], ScoreFile]] = {".mat": _read_mat, ".h5": _read_h5, ".csv": _read_csv}
"""How to read a score file, by its suffix."""


def _require(path: Path, content: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if missing := [name for name in names if name not in content]:
        raise UnreadableError(f"{path} has no {' and no '.join(missing)}")


def _texts(file: Mapping[Any, Any], cells: npt.NDArray[Any]) -> list[str]:
    """MATLAB 7.3's strings: a cell array is references to them, a char matrix holds one in each column, padded."""
    if cells.dtype == np.uint16:
        return [_text(codes).rstrip() for codes in cells.T]
    return [_text(file[reference][()]) for reference in np.ravel(cells)]


def _text(codes: npt.NDArray[Any]) -> str:
    """A MATLAB 7.3 string: its UTF-16 code units, one an element."""
    return np.ravel(codes).astype("<u2").tobytes().decode("utf-16-le")


def _by_id(path: Path, ids: list[str], responses: Any) -> ScoreFile:
    values = np.asarray(responses, np.float64)
    return ScoreFile(path, tuple(ids), None, _oriented(path, values, len(ids)))


def _oriented(path: Path, values: Array, rows: int) -> Array:
    """The values with images in rows.

    MATLAB 7.3 stores an array images × channels the other way round, and some rigs write channels × images. Where both
    have as many, rows are taken for images, as XDream does.
    """
    values = np.atleast_2d(values)
    if values.ndim != 2 or rows not in values.shape:
        raise UnreadableError(f"{path}: scores of shape {values.shape} for {rows} images")
    return values if values.shape[0] == rows else values.T


def _places(path: Path, numbers: list[float]) -> tuple[int, ...]:
    if broken := [number for number in numbers if number != int(number)]:
        raise UnreadableError(f"{path}: {broken[0]} is no place in a block, from 0")
    return tuple(int(number) for number in numbers)


def _cell(text: str) -> float:
    return float("nan") if text.lower() in _NONE else float(text)
