"""The audit trail: who did what and when, and nothing of what was in it."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pullback_client
from in_process import InProcessServer
from pullback_client import Client
from pullback_server.keeping.audit import Trail, trail


def entries(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted((data / "audit").glob("*")) for line in path.read_text().splitlines()]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_changes_or_hands_out_is_noted_without_content(tmp_path: Path) -> None:
    photo = tmp_path / "a face.png"
    Image.new("RGB", (20, 20), "red").save(photo)
    with InProcessServer(tmp_path / "data") as server, Client(server.target, timeout=60) as client:
        client.invert(photo, "faces", steps=3)
        session = client.evolve("faces", optimizer="cma", population=4, title="a secret title")
        batch = session.ask()
        session.tell(batch, [1.0] * len(batch))
        with pytest.raises(pullback_client.FailedPreconditionError):
            client.delete_session(session.name)
        with pytest.raises(pullback_client.NotFoundError):
            client.delete_inversion("inversions/none")
        with pytest.raises(pullback_client.InvalidArgumentError):
            client.delete_inversion("what somebody wrote")
        client.list_jobs()
    done = entries(tmp_path / "data")
    said = [(entry["what"], entry.get("of"), entry.get("made"), entry["ended"]) for entry in done]
    assert ("Inversion/Invert", None, "jobs/2", "OK") in said
    assert ("Inversion/GetInversion", "inversions/2", None, "OK") in said
    assert ("Search/CreateSession", None, session.name, "OK") in said
    assert ("Search/DeleteSession", session.name, None, "FAILED_PRECONDITION") in said
    assert ("Inversion/DeleteInversion", "inversions/none", None, "NOT_FOUND") in said
    assert ("Inversion/DeleteInversion", None, None, "INVALID_ARGUMENT") in said
    assert {what for what, *_ in said} & {"Jobs/ListJobs", "Jobs/WatchJob", "Jobs/GetJob"} == set()
    assert all(entry["who"] and entry["time"].endswith("+00:00") for entry in done)
    text = json.dumps(done)
    for content in ("face.png", "secret title", "wrote"):
        assert content not in text
    for path in (tmp_path / "data" / "audit").glob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077


def test_lines_wait_for_a_full_disk_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(trail, "_MAX_WAITING", 3)
    (tmp_path / "audit").touch()
    written = Trail(tmp_path)
    for number in range(5):
        written.note({"what": str(number)})
    (tmp_path / "audit").unlink()
    until(
        lambda: (tmp_path / "audit").is_dir() and entries(tmp_path)[-1:] != [] and entries(tmp_path)[-1]["what"] == "4"
    )
    written.note({"what": "last"})
    written.close()
    found = entries(tmp_path)
    kept = [entry["what"] for entry in found if "lines" not in entry]
    assert kept == [*sorted(kept[:-1]), "last"]
    # How many there was no room for depends on when the thread took the first.
    assert len(kept) + sum(entry.get("lines", 0) for entry in found) == 6
    before = len(found)
    again = Trail(tmp_path)
    again.note({"what": "of the next server"})
    again.close()
    assert len(entries(tmp_path)) == before + 1
