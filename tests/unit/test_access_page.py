"""The page of what a laboratory types, typed: its certificates, its server with TLS, its three keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from in_process import InProcessServer
from pullback_client.cli.main import app
from pullback_server.__main__ import _parser
from pullback_server.tls.__main__ import main as make_certificates
from pullback_server.tls.files import read_options

PAGE = (Path(__file__).parents[2] / "service/pullback_server/access/README.md").read_text("utf-8")
FIRST, OPERATOR, ADA = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessServer]:
    """What the first lines start, on a port that is free."""
    monkeypatch.chdir(tmp_path)
    certificates, serve = (shlex.split(line) for line in FIRST.splitlines())
    assert certificates[:2] == ["pullback", "certificates"]
    assert make_certificates(certificates[2:]) == 0
    options = _parser().parse_args(serve[2:])
    with InProcessServer(tls=read_options(options)) as server:
        yield server


def typed(lines: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Result]:
    """What commands of a block printed; what goes to a file is there too."""
    found = {}
    for line in lines.splitlines():
        words = shlex.split(line)
        if words[0] == "export":
            for word in words[1:]:
                monkeypatch.setenv(*word.split("=", 1))
            continue
        arguments, _, file = line.removeprefix("pullback ").partition(" > ")
        found[line] = CliRunner().invoke(app, shlex.split(arguments))
        assert found[line].exit_code == 0, (line, found[line].output, found[line].exception)
        if file:
            Path(file).write_text(found[line].stdout)
    return found


def test_what_a_laboratory_types_works(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_TARGET", server.target)
    operator = typed(OPERATOR, monkeypatch)
    listed = operator["pullback keys list"].stdout
    rows = [line.split() for line in listed.splitlines() if re.search(r"\b(viewer|user|operator)\b", line)]
    assert len(rows) == 3
    assert "running_jobs=2, device_seconds=36000" in listed
    for name in ("ada", "visitors", "microscope"):
        assert re.fullmatch(r"[\w-]{43}\n", Path(f"{name}.token").read_text())
    Path("ca.pem").write_bytes(Path("lab/ca.pem").read_bytes())
    # Its name is not known here.
    ada = typed(ADA.replace("rig2.example.org:50051", server.target), monkeypatch)
    assert "faces" in ada["pullback generators"].stdout
