"""Who asks for trials: names that no two living processes have, and what a crash leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from in_process import POPULATION, Failure, InProcessServer
from pullback_client import Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.search import asker
from pullback_client.search.asker import MAX_NAME, Asker

OTHER = """
import sys
from pathlib import Path
from pullback_client.search.asker import Asker
sys.argv = ["/rig/run.py"]
print(Asker(Path({folder!r})).name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if nothing had asked yet."""
    monkeypatch.setattr(asker, "_this", None)
    monkeypatch.setattr(asker, "_folder", lambda: tmp_path)


def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process that asked so far had died, and this were the next of the same script."""
    name = asker.this_process().name
    monkeypatch.setattr(asker, "_this", None)
    monkeypatch.setattr(asker, "_hold", lambda folder, wanted: wanted == name)


def test_a_name_says_who_where_and_what(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    monkeypatch.setattr("socket.gethostname", lambda: "rig2")
    for path, script in (
        ("/home/ada/run.py", "run.py"),
        ("", "python"),
        ("-c", "python"),
        ("/lib/pullback_client/__main__.py", "pullback_client"),
    ):
        monkeypatch.setattr("sys.argv", [path])
        assert Asker(tmp_path).name == f"ada@rig2/{script}" or script == "python"
    monkeypatch.setattr("sys.argv", [f"/{'x' * 300}"])
    assert len(Asker(tmp_path).name) <= MAX_NAME


def test_no_two_living_processes_have_a_name_and_a_dead_ones_is_taken_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["/rig/run.py"])
    command = [sys.executable, "-c", OTHER.format(folder=str(tmp_path))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert name.endswith("/run.py")
        beside = Asker(tmp_path)
        assert (beside.name, beside.alone) == (f"{name}-2", True)
        other.kill()
    after = Asker(tmp_path)
    assert (after.name, after.alone) == (name, True)


def test_where_no_file_can_be_locked_nothing_is_taken_for_a_dead_ones(tmp_path: Path) -> None:
    assert not Asker(tmp_path / "missing").alone


def test_a_crash_is_made_good_by_attaching_again(
    client: Client, server: InProcessServer, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del fresh
    session = client.evolve("faces", optimizer="cma", population=POPULATION)
    name, lost = session.name, session.ask()
    assert len(lost) == 4
    assert server.called("ReclaimTrials") == []
    another_process(monkeypatch)
    again = client.get_session(name)
    # Looking at it takes nothing.
    assert again.status().pending[0].trials == 4
    assert sorted(trial.image_id for trial in again.ask()) == sorted(trial.image_id for trial in lost)
    assert [request.client for request in server.called("ReclaimTrials")] == [again.client_name]
    # And once only.
    assert not again.ask()
    assert not client.get_session(name).ask()
    assert len(server.called("ReclaimTrials")) == 1


def test_what_the_process_itself_has_out_is_taken_back_where_it_says_so(client: Client, fresh: None) -> None:
    del fresh
    session = client.evolve("faces", optimizer="cma", population=POPULATION)
    lost = session.ask()
    assert not client.get_session(session.name).ask()
    assert set(session.reclaim()) == {trial.id for trial in lost}
    assert session.reclaim() == ()
    assert len(session.ask()) == 4


def test_a_name_that_is_given_is_taken_up_by_whoever_attaches_with_it(client: Client, server: InProcessServer) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, client_name="rig 2")
    assert session.client_name == "rig 2"
    session.ask(2)
    other = client.get_session(session.name, client_name="rig 3")
    assert len(other.ask()) == 2
    again = client.get_session(session.name, client_name="rig 2")
    assert len(again.ask()) == 2
    assert {(each.client, each.trials) for each in session.status().pending} == {("rig 2", 2), ("rig 3", 2)}
    assert [request.client for request in server.called("ReclaimTrials")] == ["rig 3", "rig 2"]


def test_others_trials_are_taken_back_only_where_they_are_named(client: Client) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, client_name="rig 2")
    session.ask(2)
    other = client.get_session(session.name, client_name="rig 3")
    assert other.reclaim() == ()
    assert len(other.reclaim("rig 2")) == 2
    session.ask(1)
    assert len(other.reclaim(all_clients=True)) == 1
    with pytest.raises(InvalidArgumentError, match="not both"):
        other.reclaim("rig 2", all_clients=True)


@pytest.mark.parametrize("name", ["", "x" * 201, 3])
def test_a_name_that_cannot_be_sent_is_refused(client: Client, server: InProcessServer, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="client_name must be a text of 1 to 200 characters"):
        client.evolve("faces", optimizer="cma", population=POPULATION, client_name=name)
    assert server.sessions == {}
    session = client.evolve("faces", optimizer="cma", population=POPULATION)
    for refused in (lambda: client.get_session(session.name, client_name=name), lambda: session.reclaim(name)):
        with pytest.raises(InvalidArgumentError, match="client_name"):
            refused()


def test_a_server_of_the_version_before_takes_nothing_back_and_is_asked_all_the_same(
    client: Client, server: InProcessServer
) -> None:
    name = client.evolve("faces", optimizer="cma", population=POPULATION).name
    server.failures["ReclaimTrials"] = Failure(grpc.StatusCode.UNIMPLEMENTED, "no such method")
    assert len(client.get_session(name, client_name="rig").ask()) == 4
