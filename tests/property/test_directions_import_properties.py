"""What holds for every file that is offered as one of directions."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.directions.direction_set import DirectionSet, Origin
from pullback.directions.formats.reader import IMPORT_FORMATS, import_directions
from pullback.errors import InvalidInputError

DIM = 3
WEIGHTS = "a" * 64
ROWS = np.array([[1, 2, 3], [0, 1, 0]], np.float32)


def saved(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, lat_comp=ROWS[:, None], act_stdev=np.ones(2, np.float32))
    return buffer.getvalue()


def tensors(value: object, *, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


FILES = [
    ("ganspace", zipped()),
    ("sefa", saved(ROWS)),
    ("local_basis", saved(ROWS.T)),
    ("styleclip", saved(np.eye(3, 4, dtype=np.float32))),
    ("deformator", tensors({"linear.weight": torch.from_numpy(ROWS.T)})),
    ("deformator", tensors({"log_mat_half": torch.eye(3)}, zipped=False)),
    ("hessian_penalty", tensors(torch.from_numpy(ROWS))),
    (
        "pullback",
        DirectionSet(ROWS.astype(np.float64), np.ones(2), Origin("tiny", WEIGHTS, "z", "sefa", "0")).to_bytes(),
    ),
]


def read(content: bytes, import_format: str) -> DirectionSet:
    return import_directions(
        content, import_format, generator_name="tiny", weights_hash=WEIGHTS, space="z", dim=DIM, version="0.1.0"
    )


def check(content: bytes, import_format: str) -> None:
    """Directions or a refusal, and nothing else."""
    try:
        found = read(content, import_format)
    except InvalidInputError:
        return
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1)
    assert found.dim == DIM


@given(st.sampled_from(IMPORT_FORMATS), st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused(import_format: str, content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read(content, import_format)


@given(st.sampled_from(FILES), st.data())
def test_a_file_that_was_cut_off_is_refused(file: tuple[str, bytes], data: st.DataObject) -> None:
    import_format, content = file
    assert len(read(content, import_format)) >= 2
    with pytest.raises(InvalidInputError):
        read(content[: data.draw(st.integers(0, len(content) - 1))], import_format)


@settings(max_examples=300)
@given(st.sampled_from(FILES), st.data())
def test_a_file_in_which_bytes_were_changed_is_read_or_refused(file: tuple[str, bytes], data: st.DataObject) -> None:
    import_format, content = file
    changed = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        changed[place] = data.draw(st.integers(0, 255))
    check(bytes(changed), import_format)


@given(st.sampled_from(IMPORT_FORMATS), st.sampled_from(FILES))
def test_a_file_of_another_format_is_read_or_refused(import_format: str, file: tuple[str, bytes]) -> None:
    check(file[1], import_format)
