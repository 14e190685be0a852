"""Published files of directions: what is read of each format, what is refused and how."""

from __future__ import annotations

import hashlib
import io
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pullback.directions.direction_set import DirectionSet, Origin
from pullback.directions.formats.arrays import MAX_BYTES
from pullback.directions.formats.reader import IMPORT_FORMATS, import_directions
from pullback.errors import InvalidInputError, UnknownNameError

DIM = 6
WEIGHTS = "a" * 64
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(4, DIM)).astype(np.float32)
# As they stand in a file of Pullback.
SETTINGS = rb"{\"seed\": \"3\"}"
WIDE = ROWS.astype(np.float64)


def unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def pt(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def ganspace(**changes: Any) -> bytes:
    """What GANSpace saves of components of W, found at its first layer."""
    arrays = {
        "act_comp": ROWS.reshape(4, 1, DIM),
        "act_mean": np.zeros((1, DIM), np.float32),
        "act_stdev": np.array([4, 3, 2, 1], np.float32),
        "lat_comp": ROWS.reshape(4, 1, DIM),
        "lat_mean": np.zeros((1, DIM), np.float32),
        "lat_stdev": np.array([0.4, 0.3, 0.2, 0.1], np.float32),
        "var_ratio": np.array([0.4, 0.3, 0.2, 0.1], np.float32),
        "random_stdevs": np.ones(4, np.float32),
    }
    return npz(**{name: array for name, array in (arrays | changes).items() if array is not None})


def own(**changes: Any) -> bytes:
    origin = {
        "generator": "tiny",
        "weights_hash": WEIGHTS,
        "space": "w",
        "method": "local_basis",
        "version": "0.0.9",
        "settings": {"seed": "3"},
    }
    return DirectionSet(
        WIDE,
        np.arange(4.0),
        Origin(**(origin | changes)),
        layers=(1, 3),
        input_vectors=WIDE[:, :3],
        base=np.ones(3),
        rates=np.ones(4),
        alignment=np.ones(4),
        aligned_axes=2,
    ).to_bytes()


def read(content: bytes, import_format: str, **options: Any) -> DirectionSet:
    facts = {
        "generator_name": "tiny",
        "weights_hash": WEIGHTS,
        "space": "w",
        "dim": DIM,
        "total_layers": 6,
        "version": "0.1.0",
    }
    return import_directions(content, import_format, **(facts | options))


def test_an_import_says_what_it_is() -> None:
    content = npy(ROWS)
    found = read(content, "sefa", layers=[4, 2])
    assert found.layers == (2, 4)
    assert found.rates is None
    assert found.alignment is None
    settings = {"format": "sefa", "sha256": hashlib.sha256(content).hexdigest()}
    assert found.origin == Origin("tiny", WEIGHTS, "w", "imported", "0.1.0", settings)


def test_components_of_ganspace_are_ranked_by_the_variance_of_activations() -> None:
    found = read(ganspace(), "ganspace")
    np.testing.assert_allclose(found.vectors, unit(ROWS))
    np.testing.assert_allclose(found.values, [16, 9, 4, 1])
    bare = read(npz(lat_comp=ROWS), "ganspace")
    np.testing.assert_allclose(bare.vectors, unit(ROWS))
    assert np.isnan(bare.values).all()


def test_components_before_the_mapping_network_are_no_directions_of_w() -> None:
    before = ganspace(lat_stdev=np.ones(4, np.float32))
    np.testing.assert_allclose(read(before, "ganspace", space="z").vectors, unit(ROWS))
    with pytest.raises(InvalidInputError, match="found before a mapping network, so they are no directions of 'w'"):
        read(before, "ganspace")
    with pytest.raises(InvalidInputError, match="found behind a mapping network, so they are no directions of 'z'"):
        read(ganspace(), "ganspace", space="z")


def test_a_file_of_sefa_has_rows_and_one_of_local_basis_columns() -> None:
    np.testing.assert_allclose(read(npy(ROWS), "sefa").vectors, unit(ROWS))
    np.testing.assert_allclose(read(npy(ROWS.T), "local_basis").vectors, unit(ROWS))
    # As a transposed array is saved: in Fortran's order.
    np.testing.assert_allclose(read(npy(np.asfortranarray(ROWS)), "sefa").vectors, unit(ROWS))


def test_the_matrix_of_styleclip_gives_the_axes_of_all_its_texts() -> None:
    # CLIP's embedding of 5 coordinates, in which only three directions occur.
    matrix = (RNG.normal(size=(DIM, 3)) @ RNG.normal(size=(3, 5))).astype(np.float32)
    found = read(npy(matrix), "styleclip")
    assert len(found) == 3
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(found.values**2, np.linalg.eigvalsh(matrix.T @ matrix)[::-1][:3], rtol=1e-4)
    # What a text asks for lies in their span.
    edit = matrix @ RNG.normal(size=5)
    np.testing.assert_allclose(edit @ found.vectors.T @ found.vectors, edit, atol=1e-4)


def test_a_linear_deformator_gives_its_columns() -> None:
    linear = torch.nn.Linear(4, DIM)
    found = read(pt({f"linear.{name}": tensor for name, tensor in linear.state_dict().items()}), "deformator")
    shifts = linear(torch.eye(4)) - linear(torch.zeros(1, 4))
    np.testing.assert_allclose(found.vectors, unit(shifts.detach().numpy()), atol=1e-6)
    assert np.isnan(found.values).all()


def test_an_orthogonal_deformator_gives_an_orthonormal_basis() -> None:
    half = torch.randn(DIM, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = read(pt({"log_mat_half": half}), "deformator")
    # The exponential of a skew matrix by its eigenvalues, which are imaginary.
    values, vectors = np.linalg.eig((half - half.T).numpy())
    rotation = (vectors * np.exp(values)) @ np.linalg.inv(vectors)
    np.testing.assert_allclose(found.vectors, rotation.real.T, atol=1e-10)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(DIM), atol=1e-12)


def test_directions_of_the_hessian_penalty_are_made_orthogonal_in_their_order() -> None:
    found = read(pt(torch.from_numpy(ROWS)), "hessian_penalty").vectors
    rows: list[np.ndarray] = []
    for row in ROWS.astype(np.float64):
        left = row - sum((row @ earlier) * earlier for earlier in rows)
        rows.append(left / np.linalg.norm(left))
    np.testing.assert_allclose(found, np.stack(rows), atol=1e-12)
    # PyTorch's older format, without a zip archive.
    buffer = io.BytesIO()
    torch.save(torch.from_numpy(ROWS), buffer, _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(read(buffer.getvalue(), "hessian_penalty").vectors, found)


def test_pullbacks_own_file_keeps_what_was_not_measured() -> None:
    found = read(own(), "pullback")
    np.testing.assert_allclose(found.vectors, unit(ROWS))
    np.testing.assert_array_equal(found.values, np.arange(4))
    assert found.layers == (1, 3)
    assert found.input_vectors is not None
    np.testing.assert_allclose(found.input_vectors, unit(ROWS[:, :3]))
    np.testing.assert_array_equal(found.base, np.ones(3))
    assert (found.rates, found.alignment, found.aligned_axes) == (None, None, 0)
    assert (found.origin.method, found.origin.version) == ("imported", "0.1.0")
    said = found.origin.settings
    assert (said["seed"], said["found_by"], said["found_with"]) == ("3", "local_basis", "0.0.9")
    assert read(own(), "pullback", layers=[0]).layers == (0,)


@pytest.mark.parametrize(
    ("import_format", "content", "message"),
    [
        ("ganspace", npz(other=ROWS), "has the array lat_comp, but this one has none"),
        ("ganspace", ganspace(lat_comp=ROWS[:, None, :4]), r"shape \(k, 1, n\), n = 6 .* but shape \(4, 4\) came"),
        ("ganspace", ganspace(lat_comp=ROWS[None]), r"but shape \(1, 4, 6\) came"),
        ("ganspace", ganspace(act_stdev=np.ones(3)), r"act_stdev beside 4 components has shape \(4,\), but \(3,\)"),
        ("ganspace", ganspace(lat_comp=np.ones((4, 6), int)), "lat_comp is of floating-point numbers, but int64"),
        ("ganspace", npy(ROWS), "not a readable npz file"),
        ("sefa", npy(ROWS.T), r"n = 6 in space 'w', but shape \(6, 4\) came, which is the other way round"),
        ("sefa", npy(ROWS[0]), r"shape \(k, n\), n = 6 in space 'w', but shape \(6,\) came"),
        ("sefa", npy(ROWS[:0]), r"but shape \(0, 6\) came"),
        ("sefa", npy(np.zeros((2, 6))), "direction 0 is zero"),
        ("sefa", npy(np.full((2, 6), np.nan)), "vectors are finite, but NaN or infinity came"),
        ("sefa", npy(np.full((2, 6), np.inf)), "the file has numbers of at most 3e.38, but larger ones came"),
        ("sefa", npz(rows=ROWS), "the file is not in NumPy's npy format"),
        (
            "sefa",
            npy(np.array([None])),
            "not a readable npy file: it is a NumPy array .* .Object arrays cannot be loaded",
        ),
        ("sefa", pickle.dumps(ROWS), "the file is not in NumPy's npy format"),
        ("local_basis", npy(ROWS), r"here turned to rows, .* but shape \(6, 4\) came, which is the other way round"),
        ("local_basis", npy(ROWS[0]), r"one direction a column, shape \(n, k\), but shape \(6,\) came"),
        ("styleclip", npy(np.ones((6048, 512), np.float32)), "fs3 has 6048 rows, .* are channels of style space"),
        ("styleclip", npy(ROWS[0]), r"one row for each coordinate, shape \(n, c\), but shape \(6,\) came"),
        ("styleclip", npy(np.full((6, 2), np.nan)), "as from coordinates that change no image"),
        ("styleclip", npy(np.zeros((6, 2))), "fs3 is zero"),
        ("deformator", pt({"linear.weight": torch.ones(4, 4)}), r"n = 6 in space 'w', but shape \(4, 4\) came"),
        ("deformator", pt({"log_mat_half": torch.ones(4, 4)}), r"n = 6 in space 'w', but shape \(4, 4\) came"),
        ("deformator", pt({"log_mat_half": torch.full((6, 6), torch.nan)}), "log_mat_half is finite"),
        ("deformator", pt({"fc1.weight": torch.ones(4, 4)}), "has fc1.weight: a fully connected one bends its shifts"),
        ("deformator", pt({}), "but this one has nothing"),
        ("deformator", pt(torch.ones(6, 6)), "a deformator is a dictionary of tensors, but Tensor came"),
        ("deformator", pt({"linear.weight": 3.0}), "linear.weight is a tensor, but float came"),
        ("deformator", pt({"linear.weight": torch.ones(6, 4).to_sparse()}), "tensors alone|is a dense tensor"),
        ("deformator", npy(ROWS), "not a PyTorch file of tensors alone"),
        ("hessian_penalty", pt(torch.ones(6, 4)), r"have the shape \(k, n\), n = 6 .* the other way round"),
        ("hessian_penalty", pt(torch.ones(2, 6)), "direction 1 is zero, or made of the earlier ones"),
        ("hessian_penalty", pt(torch.randn(7, 6)), "at most 6 directions of 6 coordinates are orthogonal, but 7 came"),
        ("hessian_penalty", pt(torch.full((2, 6), torch.nan)), "are finite, but NaN"),
        ("hessian_penalty", pt(torch.ones(2, 6).int()), "of floating-point numbers, but torch.strided of torch.int32"),
        ("hessian_penalty", pt(torch.ones(1, 1).expand(10**6, 10**6)), r"at most 67108864 bytes, but shape \(10+, 10+"),
        ("pullback", own(weights_hash="b" * 64), "found in weights bbbbbbbbbbbb… .* for weights aaaaaaaaaaaa…"),
        ("pullback", own(space="z"), "directions of space 'z', but are to be imported for 'w'"),
        (
            "pullback",
            own().replace(SETTINGS, b"[5]".ljust(len(SETTINGS))),
            "settings are texts|provenance .* cannot be read",
        ),
        ("pullback", npy(ROWS), "not a readable safetensors file"),
    ],
)
def test_what_is_not_of_a_format_is_refused(import_format: str, content: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read(content, import_format)


class Marked:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("import_format", IMPORT_FORMATS)
def test_nothing_that_a_file_holds_is_run(import_format: str, tmp_path: Path) -> None:
    marked = Marked(tmp_path / "run")
    objects = np.array([marked], dtype=object)
    for content in (
        pickle.dumps(marked),
        pt(marked),
        pt({"linear.weight": marked}),
        npy(objects),
        npz(lat_comp=objects),
    ):
        with pytest.raises(InvalidInputError):
            read(content, import_format)
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_not_be_larger_than_is_read() -> None:
    with pytest.raises(InvalidInputError, match=f"at most {MAX_BYTES} bytes, but {MAX_BYTES + 1} came"):
        read(bytes(MAX_BYTES + 1), "sefa")
    # Small as they come, and large once they are unpacked.
    zeros = np.zeros((4, MAX_BYTES // 16), np.float32)
    packed = npz(lat_comp=zeros)
    assert len(packed) < MAX_BYTES // 100
    with pytest.raises(InvalidInputError, match=f"lat_comp has at most {MAX_BYTES} bytes, but more came"):
        read(packed, "ganspace")
    with pytest.raises(InvalidInputError, match="bytes unpacked, at most"):
        read(packed, "hessian_penalty")


def test_layers_are_those_of_the_generator() -> None:
    with pytest.raises(InvalidInputError, match=r"has the layers 0 to 5, each once, but layers \[6\] came"):
        read(npy(ROWS), "sefa", layers=[6])
    with pytest.raises(InvalidInputError, match=r"each once, but layers \[1, 1\] came"):
        read(npy(ROWS), "sefa", layers=[1, 1])
    with pytest.raises(InvalidInputError, match="has no layers that take a w each"):
        read(own(), "pullback", total_layers=None)
    with pytest.raises(InvalidInputError, match="along a direction of 'w', but these are of 'z'; leave the layers out"):
        read(npy(ROWS), "sefa", space="z", layers=[1])


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="known: ganspace, sefa, local_basis, styleclip, deformator, hessian"):
        read(npy(ROWS), "csv")


def test_arrays_are_imported_without_torch() -> None:
    code = """
import io, sys
import numpy as np
from pullback.directions.formats.reader import import_directions
buffer = io.BytesIO()
np.save(buffer, np.eye(3))
facts = {"generator_name": "g", "weights_hash": "a", "space": "z", "dim": 3, "version": "0"}
import_directions(buffer.getvalue(), "sefa", **facts)
print("torch" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "False"


def test_no_warning_escapes_an_import() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for import_format in IMPORT_FORMATS:
            with pytest.raises(InvalidInputError):
                read(b"nothing of the kind", import_format)
