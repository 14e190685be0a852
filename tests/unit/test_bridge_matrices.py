"""Score files that hold matrices: one matrix means the same in every version, and is not guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridging import Rig, mat73, told
from cases import CASES
from in_process import InProcessServer
from pullback_client import EvolutionSession
from pullback_client.bridge.score_files import Reading, read
from pullback_client.bridge.score_files.scores import MatrixRows, ScoreFile, UnreadableError

h5py = pytest.importorskip("h5py")
scipy_io = pytest.importorskip("scipy.io")


SQUARE = ["square_v5_channels_x_images.mat", "square_v73_channels_x_images.mat"]
IDS = ["a", "b", "c", "d"]


def cells(texts: list[Any], shape: tuple[int, int] | None = None) -> Any:
    """A cell array, as SciPy writes it."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array.reshape(shape or (len(texts), 1))


def mat(folder: Path, version: str, ids: list[str], matrix: Any, **more: Any) -> Path:
    """A file in which MATLAB shows this matrix."""
    path = folder / "block000.mat"
    if version == "5":
        scipy_io.savemat(path, {"stimulusID": cells(ids), "tEvokedResp": matrix} | more)
    else:
        path.write_bytes(mat73(ids, np.asarray(matrix).T))
        with h5py.File(path, "a") as file:
            for name, value in more.items():
                file[name] = np.asarray(value).T
    return path


def of(path: Path, rows: MatrixRows | None = None, images: int = 4) -> ScoreFile:
    return read(path, Reading(images, rows))


# Which way round


@pytest.mark.parametrize("name", SQUARE)
def test_a_square_matrix_is_refused_with_both_readings(name: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        of(CASES / name, images=2)
    assert str(raised.value) == (
        f"{CASES / name}: tEvokedResp is 2 × 2 for 2 images, so its rows may be images (block000_000_x then has 1, 2) "
        "or channels (block000_000_x then has 1, 10). Start the bridge with --rows images or --rows channels"
    )


@pytest.mark.parametrize("name", SQUARE)
@pytest.mark.parametrize(("rows", "expected"), [("images", [[1, 2], [10, 20]]), ("channels", [[1, 10], [2, 20]])])
def test_a_square_matrix_means_the_same_in_every_version(
    name: str, rows: MatrixRows, expected: list[list[float]]
) -> None:
    found = of(CASES / name, rows, images=2)
    assert found.ids == ("block000_000_x", "block000_001_y")
    assert found.values.tolist() == expected


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("rows", [None, "images", "channels"])
def test_a_rig_with_as_many_channels_as_images_says_which_way_round_once(
    session: EvolutionSession, rig: Rig, server: InProcessServer, version: str, rows: MatrixRows | None
) -> None:
    values = np.arange(16.0).reshape(4, 4)

    def answer() -> None:
        mat(rig.folder, version, rig.images(), values)

    rig.steps = [answer, *rig.seconds(12), rig.csv]
    rig.bridge(session, rows=rows).run(blocks=1)
    came = [list(report.channel_values) for _, report in sorted(told(server).items())]
    refused = [line for line in rig.lines if "so its rows may be images" in line]
    if rows is None:
        # Nothing was told of it.
        assert came == [[]] * 4
        assert len(refused) == 1
    else:
        assert came == (values if rows == "images" else values.T).tolist()
        assert refused == []


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("rows", ["images", "channels"])
@pytest.mark.parametrize("said", [True, False])
def test_a_matrix_that_is_not_square_goes_by_its_shape(
    tmp_path: Path, version: str, rows: MatrixRows, said: bool
) -> None:
    values = np.arange(12.0).reshape(4, 3)
    path = mat(tmp_path, version, IDS, values if rows == "images" else values.T)
    np.testing.assert_array_equal(of(path, rows if said else None).values, values)
    other: MatrixRows = "channels" if rows == "images" else "images"
    with pytest.raises(UnreadableError, match=rf"tEvokedResp is \d × \d for 4 images, with {other} in its rows"):
        of(path, other)


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("rows", ["images", "channels", None])
@pytest.mark.parametrize("shape", [(4, 1), (1, 4)])
def test_a_vector_of_scores_lies_or_stands(
    tmp_path: Path, version: str, rows: MatrixRows | None, shape: tuple[int, int]
) -> None:
    path = mat(tmp_path, version, IDS, np.array([1.0, 2, np.nan, 4]).reshape(shape))
    np.testing.assert_array_equal(of(path, rows).values, [[1], [2], [np.nan], [4]])


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("shape", [(3, 1), (1, 3)])
def test_one_image_has_its_channels_lying_or_standing(tmp_path: Path, version: str, shape: tuple[int, int]) -> None:
    path = mat(tmp_path, version, ["a"], np.array([1.0, 2, 3]).reshape(shape))
    assert of(path).values.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("shape", [(3, 5), (2, 2), (1, 3), (2, 4, 3)])
def test_a_matrix_that_fits_no_way_is_refused(tmp_path: Path, version: str, shape: tuple[int, ...]) -> None:
    path = mat(tmp_path, version, IDS, np.ones(shape))
    with pytest.raises(UnreadableError, match=f"tEvokedResp is {' × '.join(map(str, shape))}"):
        of(path)


@pytest.mark.parametrize("kind", [np.float32, np.int16, np.uint8, np.bool_])
@pytest.mark.parametrize("version", ["5", "7.3"])
def test_numbers_of_every_class_are_numbers(tmp_path: Path, version: str, kind: Any) -> None:
    path = mat(tmp_path, version, IDS, np.array([[1], [0], [1], [0]], kind))
    assert of(path).values.tolist() == [[1], [0], [1], [0]]


def test_a_sparse_matrix_is_a_matrix(tmp_path: Path) -> None:
    from scipy import sparse

    path = mat(tmp_path, "5", IDS, sparse.csc_matrix(np.array([[0.0, 2], [3, 0], [0, 0], [0, 4]])))
    assert of(path).values.tolist() == [[0, 2], [3, 0], [0, 0], [0, 4]]


# Names


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("shape", [(4, 1), (1, 4)])
def test_names_are_characters_in_cells(tmp_path: Path, version: str, shape: tuple[int, int]) -> None:
    names = ["stimuli\\block000_000_x.png", "ä b ", "刺激", "d" * 80]
    path = mat(tmp_path, version, names, np.arange(4.0)[:, None])
    if version == "5":
        scipy_io.savemat(path, {"stimulusID": cells(names, shape), "tEvokedResp": np.arange(4.0)[:, None]})
    assert of(path).ids == tuple(names)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("marked", [True, False])
def test_names_are_rows_of_characters(tmp_path: Path, count: int, marked: bool) -> None:
    path = tmp_path / "block000.mat"
    names = ["block000_000_x.png", "b", "grün"][:count]
    with h5py.File(path, "w") as file:
        codes = np.array([[ord(letter) for letter in name.ljust(18)] for name in names], np.uint16)
        file["stimulusID"] = codes.T
        if marked:
            file["stimulusID"].attrs["MATLAB_class"] = np.bytes_(b"char")
        file["tEvokedResp"] = np.arange(float(count))[None]
    assert of(path).ids == tuple(names)
    scipy_io.savemat(path, {"stimulusID": np.array(names), "tEvokedResp": np.arange(float(count))[:, None]})
    assert of(path).ids == tuple(names)


def _wrong73(path: Path, kind: bytes, value: Any) -> None:
    path.write_bytes(mat73(IDS, np.ones((1, 4))))
    with h5py.File(path, "a") as file:
        del file["stimulusID"]
        file["stimulusID"] = value
        file["stimulusID"].attrs["MATLAB_class"] = np.bytes_(kind)


@pytest.mark.parametrize(("kind", "value"), [(b"string", np.zeros((1, 6), np.uint32)), (b"double", np.ones((1, 4)))])
def test_names_that_are_none_are_refused_saying_what_to_do(tmp_path: Path, kind: bytes, value: Any) -> None:
    path = tmp_path / "block000.mat"
    _wrong73(path, kind, value)
    with pytest.raises(UnreadableError, match=rf"stimulusID is {kind.decode()}: .* stimulusID = cellstr\(stimulusID\)"):
        of(path)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.arange(4.0), r"stimulusID is numbers: expected a cell array of characters"),
        (cells(["a", 2.0, "c", "d"]), r"stimulusID\{2\} is numbers: expected"),
        (cells(["a", "", "c", "d"]), r"stimulusID\{2\} is empty: it names no image"),
        (cells(["a", cells(["b"]), "c", "d"]), r"stimulusID\{2\} is a cell array"),
    ],
)
def test_a_cell_that_names_no_image_is_refused(tmp_path: Path, ids: Any, message: str) -> None:
    path = tmp_path / "block000.mat"
    scipy_io.savemat(path, {"stimulusID": ids, "tEvokedResp": np.ones((4, 1))})
    with pytest.raises(UnreadableError, match=message):
        of(path)


def test_an_empty_name_of_version_7_3_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "block000.mat"
    path.write_bytes(mat73(IDS, np.ones((1, 4))))
    with h5py.File(path, "a") as file:
        # MATLAB keeps the shape of '' where its content would be.
        empty = file.create_dataset("#refs#/empty", data=np.array([0, 0], np.uint64))
        empty.attrs["MATLAB_class"], empty.attrs["MATLAB_empty"] = np.bytes_(b"char"), np.uint8(1)
        file["stimulusID"][0, 2] = empty.ref
    with pytest.raises(UnreadableError, match=r"stimulusID\{3\} is empty"):
        of(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((4, 1)) * 1j, "tEvokedResp is complex: expected a full matrix of real numbers"),
        (cells([1.0, 2.0, 3.0, 4.0]), "tEvokedResp is a cell array"),
        ({"x": 1.0}, "tEvokedResp is a struct"),
        ("text", "tEvokedResp is characters"),
    ],
)
def test_what_holds_no_numbers_is_refused(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        of(mat(tmp_path, "5", IDS, value))


def test_what_holds_no_numbers_in_version_7_3_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "block000.mat"
    for value, message in [
        (np.array([[(1.0, 2.0)] * 4], [("real", "f8"), ("imag", "f8")]), "tEvokedResp is .*: expected a full matrix"),
        (None, "tEvokedResp is a group"),
    ]:
        path.write_bytes(mat73(IDS, np.ones((1, 4))))
        with h5py.File(path, "a") as file:
            del file["tEvokedResp"]
            if value is None:
                file.create_group("tEvokedResp")
            else:
                file["tEvokedResp"] = value
        with pytest.raises(UnreadableError, match=message):
            of(path)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_a_variable_that_is_missing_is_named_beside_those_that_came(tmp_path: Path, version: str) -> None:
    path = tmp_path / "block000.mat"
    if version == "5":
        scipy_io.savemat(path, {"stimulusID": cells(IDS)})
    else:
        path.write_bytes(mat73(IDS, np.ones((1, 4))))
        with h5py.File(path, "a") as file:
            del file["tEvokedResp"]
    with pytest.raises(UnreadableError, match="has no tEvokedResp; it holds stimulusID"):
        of(path)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_onsets_come_along(tmp_path: Path, version: str) -> None:
    path = mat(tmp_path, version, IDS, np.ones((4, 2)), t_onset=np.array([[0.5], [1], [np.nan], [2]]))
    onsets = of(path).onsets
    assert onsets is not None
    np.testing.assert_array_equal(onsets, [0.5, 1, np.nan, 2])
    with pytest.raises(UnreadableError, match="t_onset is 2 × 2 for 4 images: expected one number for each"):
        of(mat(tmp_path, version, IDS, np.ones((4, 2)), t_onset=np.ones((2, 2))))


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_no_part_of_a_file_is_taken_for_it(tmp_path: Path, version: str) -> None:
    path = mat(tmp_path, version, IDS, np.arange(1.0, 13).reshape(4, 3))
    whole = path.read_bytes()
    # The end of a file of version 7.3 holds nothing that is read.
    for size in range(0, len(whole) * 3 // 4, max(1, len(whole) // 60)):
        path.write_bytes(whole[:size])
        with pytest.raises(UnreadableError):
            of(path)


# HDF5


def h5(folder: Path, **content: Any) -> Path:
    path = folder / "block000.h5"
    with h5py.File(path, "w") as file:
        for name, value in content.items():
            file[name] = value
    return path


@pytest.mark.parametrize("turned", [True, False])
def test_an_h5_goes_by_its_shape(tmp_path: Path, turned: bool) -> None:
    values = np.arange(12.0).reshape(4, 3)
    found = of(h5(tmp_path, scores=values.T if turned else values, t_onset=np.arange(4.0)))
    assert found.places == (0, 1, 2, 3)
    np.testing.assert_array_equal(found.values, values)
    assert found.onsets is not None
    assert found.onsets.tolist() == [0, 1, 2, 3]
    # Two of four images: their places say which.
    found = of(h5(tmp_path, scores=values.T[:, 1:3] if turned else values[1:3], indices=[[3.0, 0.0]]))
    assert found.places == (3, 0)
    np.testing.assert_array_equal(found.values, values[1:3])


def test_a_square_h5_is_refused_with_both_readings(tmp_path: Path) -> None:
    path = h5(tmp_path, scores=np.arange(16.0).reshape(4, 4))
    with pytest.raises(
        UnreadableError, match=r"\(index 0 then has 0, 1, 2, 3\) or .* \(index 0 then has 0, 4, 8, 12\)"
    ):
        of(path)
    assert of(path, "images").values[1].tolist() == [4, 5, 6, 7]
    assert of(path, "channels").values[1].tolist() == [1, 5, 9, 13]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"scores": [1.0, 2, 3]}, "scores is 3 × 1 for 4 images"),
        ({"scores": [1.0, 2, 3], "indices": [0, 1]}, "scores is 3 × 1 for 2 images"),
        ({"scores": [1.0, 2], "indices": [0, 1.5]}, "1.5 is no place in a block"),
        ({"scores": ["a", "b"]}, "scores is object: expected a full matrix of real numbers"),
        ({"score": [1.0] * 4}, "has no scores; it holds score"),
    ],
)
def test_an_h5_that_does_not_fit_is_refused(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        of(h5(tmp_path, **content))
