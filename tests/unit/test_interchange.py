"""npz files with published keys: what they look like, what is accepted, what is refused and how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metrics import PROVENANCE, basis_with, metric_with, rotation
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.geometry import export_npz, import_npz, import_npz_latent

BIGGAN_KEYS = {f"{array}_{part}" for array in ("H", "eigvals", "eigvects") for part in ("avg", "clas_avg", "nois_avg")}


def arrays_of(eigenvalues: list[float], dtype: str = "float64") -> dict[str, np.ndarray]:
    """A file of the generic layout as others write it: LAPACK's ascending order."""
    metric = metric_with(eigenvalues).astype(dtype)
    values, vectors = np.linalg.eigh(metric)
    return {"H_avg": metric, "eva_avg": values.astype(dtype), "evc_avg": vectors.astype(dtype)}


def write(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("layout", "keys"), [("generic", ["H_avg", "eva_avg", "evc_avg"]), ("fc6", ["H_avg", "eigv_avg", "eigvect_avg"])]
)
def test_a_file_holds_the_published_keys_ascending(layout: str, keys: list[str], tmp_path: Path) -> None:
    basis = basis_with([5.0, 3.0, 1.0])
    path = tmp_path / "basis.npz"
    export_npz(basis, path, layout=layout)
    with np.load(path, allow_pickle=False) as file:
        assert file.files == keys
        metric, values, vectors = (file[key] for key in keys)
    np.testing.assert_allclose(values, [1, 3, 5])
    np.testing.assert_allclose(metric @ vectors, vectors * values, atol=1e-14)
    assert [found.name for found in tmp_path.iterdir()] == ["basis.npz"]


def test_the_file_gets_exactly_the_name_that_was_given(tmp_path: Path) -> None:
    export_npz(basis_with([2.0, 1.0]), tmp_path / "basis.anything")
    assert import_npz(tmp_path / "basis.anything", PROVENANCE).dim == 2


def test_a_biggan_file_holds_three_bases(tmp_path: Path) -> None:
    path = tmp_path / "biggan.npz"
    bases = {"full": basis_with([5.0, 3.0, 1.0]), "class": basis_with([4.0]), "noise": basis_with([7.0, 2.0])}
    export_npz(bases, path, layout="biggan")
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == BIGGAN_KEYS
    for part, basis in bases.items():
        imported = import_npz(path, PROVENANCE, part=part)
        np.testing.assert_array_equal(imported.eigenvectors, basis.eigenvectors)
        # Where no part is named, the space says which.
        assert import_npz(path, replace(PROVENANCE, space=part)).dim == basis.dim
    with pytest.raises(UnknownNameError, match="no part of layout 'biggan' is named 'z'; known: full, class, noise"):
        import_npz(path, PROVENANCE)


def test_a_file_of_one_position_holds_its_latent(tmp_path: Path) -> None:
    path = tmp_path / "position.npz"
    basis = basis_with([5.0, 3.0, 1.0])
    export_npz(basis, path, layout="position", latent=np.array([0.5, -1.0, 2.0]))
    np.testing.assert_array_equal(import_npz_latent(path), [0.5, -1, 2])
    np.testing.assert_array_equal(import_npz(path, PROVENANCE).metric, basis.metric)
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {"H_BP", "eva_BP", "evc_BP", "feat"}


def test_a_latent_may_come_as_a_batch_of_one(tmp_path: Path) -> None:
    path = write(tmp_path / "position.npz", feat=np.ones((1, 4), np.float32))
    np.testing.assert_array_equal(import_npz_latent(path), np.ones(4))


def test_the_provenance_is_the_callers_and_says_imported(tmp_path: Path) -> None:
    export_npz(basis_with([2.0, 1.0]), tmp_path / "basis.npz")
    assert import_npz(tmp_path / "basis.npz", PROVENANCE).provenance == replace(PROVENANCE, method="imported")


def test_a_file_in_float32_with_slightly_negative_eigenvalues_is_accepted(tmp_path: Path) -> None:
    arrays = arrays_of([*np.geomspace(100, 1e-4, 20), -1e-5], "float32")
    basis = import_npz(write(tmp_path / "basis.npz", **arrays), PROVENANCE)
    assert -1e-4 < basis.eigenvalues[-1] < 0
    np.testing.assert_array_equal(basis.eigenvalues, arrays["eva_avg"].astype(np.float64)[::-1])
    np.testing.assert_array_equal(basis.eigenvectors, arrays["evc_avg"].astype(np.float64)[:, ::-1])


def test_pairs_in_another_order_are_sorted(tmp_path: Path) -> None:
    arrays = arrays_of([5.0, 3.0, 1.0])
    order = [1, 2, 0]
    arrays |= {"eva_avg": arrays["eva_avg"][order], "evc_avg": arrays["evc_avg"][:, order]}
    basis = import_npz(write(tmp_path / "basis.npz", **arrays), PROVENANCE)
    np.testing.assert_allclose(basis.eigenvalues, [5, 3, 1])
    np.testing.assert_allclose(basis.metric @ basis.eigenvectors, basis.eigenvectors * basis.eigenvalues, atol=1e-12)


def test_other_keys_are_left_alone_even_pickled_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "basis.npz", **arrays_of([2.0, 1.0]), labels=np.array([{"a": 1}], dtype=object))
    assert import_npz(path, PROVENANCE).dim == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"H_avg": np.eye(3)[:2]}, r"H_avg: a metric is a square matrix, but shape \(2, 3\) came"),
        ({"H_avg": np.triu(np.ones((3, 3)))}, "H_avg: a metric is symmetric to 1e-05 .* off by 1"),
        ({"H_avg": np.full((3, 3), np.nan)}, "H_avg is finite, but NaN or infinity came"),
        ({"H_avg": np.eye(3, dtype=int)}, "H_avg is of floating-point numbers, but int64 came"),
        (
            {"H_avg": np.array([None])},
            r"not a readable npz file: it is a file of NumPy arrays .* \(Object arrays cannot be loaded",
        ),
        ({"eva_avg": np.ones(2)}, r"eva_avg has shape \(3,\) beside H_avg of shape \(3, 3\), but \(2,\) came"),
        ({"evc_avg": np.eye(2)}, r"evc_avg has shape \(3, 3\) beside H_avg of shape \(3, 3\), but \(2, 2\) came"),
        ({"evc_avg": 1.1 * rotation(3)}, "the columns of evc_avg are orthonormal to 1e-05, but these are off by 0.21"),
        ({"evc_avg": rotation(3, 9)}, "H_avg is U diag.* of eva_avg and evc_avg to 1e-05 .* of different metrics"),
        ({"evc_avg": np.linalg.eigh(metric_with([5.0, 3.0, 1.0]))[1].T}, "or the eigenvectors are rows"),
        ({"eva_avg": np.array([1.0, 3.0, 5.1])}, r"largest eigenvalue, 5\.1, but it is off by"),
        (arrays_of([5.0, 3.0, -0.1]), r"eva_avg: .* below zero, but for rounding of 0\.0001 .* 5; -0\.1 came"),
        (arrays_of([-5.0, -3.0, -1.0]), "eva_avg: .* not below zero"),
        (
            {"H_avg": np.zeros((3, 3)), "eva_avg": np.zeros(3), "evc_avg": np.eye(3)},
            "largest eigenvalue is .*do not change with these latents",
        ),
    ],
)
def test_an_import_says_which_key_is_wrong_and_by_how_much(
    changes: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "odd.npz", **arrays_of([5.0, 3.0, 1.0]) | changes)
    with pytest.raises(InvalidInputError, match=rf"odd\.npz: .*{message}"):
        import_npz(path, PROVENANCE)


def test_a_file_that_fits_no_layout_or_several_says_what_it_holds(tmp_path: Path) -> None:
    arrays = arrays_of([2.0, 1.0])
    path = write(tmp_path / "a.npz", H_avg=arrays["H_avg"], other=np.ones(1))
    with pytest.raises(InvalidInputError, match=r"holds H_avg, which fits no known layout: generic \(H_avg, eva_avg"):
        import_npz(path, PROVENANCE)
    with pytest.raises(InvalidInputError, match="no eva_avg; of the known keys the file holds H_avg"):
        import_npz(path, PROVENANCE, layout="generic")
    both = write(tmp_path / "b.npz", **arrays, eigv_avg=arrays["eva_avg"], eigvect_avg=arrays["evc_avg"])
    with pytest.raises(InvalidInputError, match="fits the layouts generic and fc6; say which one is meant"):
        import_npz(both, PROVENANCE)
    assert import_npz(both, PROVENANCE, layout="fc6").dim == 2


def test_a_biggan_file_may_lack_a_part_that_is_not_asked_for(tmp_path: Path) -> None:
    arrays = dict(
        zip(("H_nois_avg", "eigvals_nois_avg", "eigvects_nois_avg"), arrays_of([2.0, 1.0]).values(), strict=True)
    )
    path = write(tmp_path / "noise.npz", **arrays)
    assert import_npz(path, PROVENANCE, part="noise").dim == 2
    with pytest.raises(InvalidInputError, match="no H_clas_avg; of the known keys the file holds H_nois_avg"):
        import_npz(path, PROVENANCE, part="class")


@pytest.mark.parametrize("data", [b"", b"PK", b"\x93NUMPY\x01\x00", b"\x80\x04N."])
def test_bytes_that_are_no_npz_file_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.npz"
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match=r"odd\.npz: not an npz file"):
        import_npz(path, PROVENANCE)


def test_a_damaged_file_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    path = tmp_path / "odd.npz"
    export_npz(basis_with([2.0, 1.0]), path)
    whole = path.read_bytes()
    refused = []
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            import_npz(path, PROVENANCE)
        except InvalidInputError as error:
            refused.append(str(error))
    # A flipped byte in a date or in a name that nothing reads does no harm.
    assert len(refused) > len(whole) / 7 / 2
    assert all("odd.npz: " in message for message in refused)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        import_npz(tmp_path / "none.npz", PROVENANCE)
    with pytest.raises(FileNotFoundError):
        export_npz(basis_with([1.0]), tmp_path / "none" / "basis.npz")


def test_an_export_that_does_not_fit_its_layout_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "basis.npz"
    basis = basis_with([2.0, 1.0])
    with pytest.raises(UnknownNameError, match="no layout of an npz file is named 'mat'; known: generic, fc6, biggan"):
        export_npz(basis, path, layout="mat")
    with pytest.raises(InvalidInputError, match="takes eigenbases by name: full, class, noise, but one came"):
        export_npz(basis, path, layout="biggan")
    with pytest.raises(InvalidInputError, match="by name: full, class, noise, but full, noise came"):
        export_npz({"full": basis, "noise": basis}, path, layout="biggan")
    with pytest.raises(InvalidInputError, match="'generic' takes one eigenbasis, but full came"):
        export_npz({"full": basis}, path)
    with pytest.raises(InvalidInputError, match="goes with layout 'position', and with no other"):
        export_npz(basis, path, layout="position")
    with pytest.raises(InvalidInputError, match="goes with layout 'position', and with no other"):
        export_npz(basis, path, latent=np.zeros(2))
    with pytest.raises(InvalidInputError, match=r"feat: a latent has shape \(2,\), but \(3,\) came"):
        export_npz(basis, path, layout="position", latent=np.zeros(3))
    with pytest.raises(InvalidInputError, match="feat: a latent is finite"):
        export_npz(basis, path, layout="position", latent=np.array([0.0, np.inf]))
    assert list(tmp_path.iterdir()) == []


def test_a_latent_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    path = write(tmp_path / "odd.npz", **arrays_of([2.0, 1.0]))
    with pytest.raises(InvalidInputError, match=r"odd\.npz: no feat; of the known keys the file holds H_avg, eva_avg"):
        import_npz_latent(path)
