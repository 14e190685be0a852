"""The MATLAB client, run by Octave against a live server."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from live_server import LiveServer
from pullback_api.tensors import unpack
from pullback_api.tokens import port_file
from pullback_api.v1 import search_pb2
from pullback_client import Client, InternalError
from requests_for_tiny import ask, begin_search, damage_states, exported, generations_of, tell_scores, trials_of

HERE = Path(__file__).parent
CLIENT = HERE.parents[1] / "clients" / "matlab"

RANDOM = {"method": search_pb2.SEARCH_METHOD_RANDOM, "population": 6}

octave = shutil.which("octave-cli")
needs_octave = pytest.mark.skipif(octave is None, reason="octave-cli is not here; Debian has it in the package octave")


def resume_sessions(server: LiveServer, title: str, over: threading.Event) -> None:
    """Resumes paused sessions of that title, a second after each was seen, until it is over."""
    states = [search_pb2.SESSION_STATE_PAUSED]
    while not over.wait(1.0):
        for session in server.search.ListSessions(search_pb2.ListSessionsRequest(states=states)).sessions:
            if session.spec.title == title:
                over.wait(1.0)
                server.search.ResumeSession(search_pb2.ResumeSessionRequest(name=session.name))


def run_octave(*arguments: str, variables: dict[str, str]) -> str:
    """What Octave prints, which has to end well."""
    assert octave is not None
    command, environment = [octave, "--norc", *arguments], {**os.environ, **variables}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@needs_octave
def test_a_whole_evolution_in_octave(tmp_path: Path, environment: dict[str, str]) -> None:
    server = LiveServer(tmp_path / "data", environment)
    server.start("--http", "127.0.0.1:0")
    variables = {"PULLBACK_HTTP": server.http, "PULLBACK_MATLAB": str(CLIENT), "PULLBACK_FOLDER": str(tmp_path)}
    over = threading.Event()
    other = threading.Thread(target=resume_sessions, args=(server, "resume me", over))
    other.start()
    try:
        names = run_octave(str(HERE / "evolution.m"), variables=variables).split()
        session, both = (server.search.GetSession(search_pb2.GetSessionRequest(name=name)) for name in names)
        pieces, pieces_of_both = exported(server, session), exported(server, both)
    finally:
        over.set()
        other.join()
        server.close()
    assert session.spec.notes == {"subject": "M1"}
    first, second = generations_of(pieces)
    assert (first.summary.scored, second.summary.scored) == (6, 6)
    outcomes = [trial.report.outcome for trial in trials_of(pieces)]
    assert outcomes.count(search_pb2.OUTCOME_FAILED) == 2
    assert outcomes.count(search_pb2.OUTCOME_SCORED) == 12
    assert trials_of(pieces)[0].report.t_onset == 0.5
    # MATLAB's matrices go column by column, the contract's tensors row by row.
    latents = next(each.latents for each in generations_of(pieces_of_both) if each.summary.thread == 0)
    np.testing.assert_array_equal(unpack(latents), np.arange(1, 33, dtype=np.float32).reshape(8, 4).T / 32)
    channels = [list(trial.report.channel_values) for trial in trials_of(pieces_of_both)]
    assert channels.count([]) == 1
    assert [1, 3] in channels


RUN_A_FAILED_SESSION = """
warning('off', 'Octave:shadowed-function');
addpath(getenv('PULLBACK_MATLAB'));
session = pullback.session(getenv('PULLBACK_SESSION'), 'server', getenv('PULLBACK_HTTP'));
for action = {@() pullback.run(session, @(pixels) 1), @() pullback.ask(session, 'threads', 0)}
  try
    action{1}();
  catch failure
    printf('%s: %s\\n', failure.identifier, failure.message);
  end
end
[trials, finished] = pullback.ask(session, 'threads', 1);
printf('%d trials, finished %d\\n', numel(trials), finished);
"""


@needs_octave
def test_a_thread_that_cannot_go_on_is_an_error_once_the_others_have_ended(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    server = LiveServer(tmp_path / "data", environment)
    server.start()
    try:
        session = begin_search(server, {"max_generations": 3}, {"max_generations": 2, "optimizer": RANDOM})
        trials: list[search_pb2.Trial] = []
        while len(trials) < 12:
            trials += ask(server, session)
        server.terminate()
        damage_states(server, 0, seed_too=True)
        server.start("--http", "127.0.0.1:0")
        tell_scores(server, session, trials)
        variables = {"PULLBACK_HTTP": server.http, "PULLBACK_MATLAB": str(CLIENT), "PULLBACK_SESSION": session.name}
        printed = run_octave("--eval", RUN_A_FAILED_SESSION, variables=variables)
        described = server.search.GetSession(search_pb2.GetSessionRequest(name=session.name))
        with (
            Client(server.target) as client,
            pytest.raises(InternalError, match=f"thread 0 of {session.name} cannot go on: .*damaged"),
        ):
            list(client.get_session(session.name))
    finally:
        server.close()
    *raised, other = printed.splitlines()
    assert len(raised) == 2
    for line in raised:
        assert line.startswith(f"pullback:data_loss: thread 0 of {session.name} cannot go on: ")
        assert "damaged" in line
    assert other == "0 trials, finished 1"
    # The one that could go on was run to its end.
    assert described.threads[1].state == search_pb2.THREAD_STATE_FINISHED


WHAT_IS_FOUND = """
warning('off', 'Octave:shadowed-function');
addpath(getenv('PULLBACK_MATLAB'));
for url = {'http://127.0.0.1:7', 'http://localhost:7/', 'http://[::1]:7/x', 'http://10.0.0.5:7', 'http://127.0.0.1'}
  printf('<%s>', pullback.internal.token(url{1}));
end
"""


@needs_octave
def test_the_token_is_found_where_python_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, in_file, in_variable = (letter * 43 for letter in "lfv")
    variables = {"PULLBACK_MATLAB": str(CLIENT), "PULLBACK_TOKEN_FOLDER": ""}
    for home in ({"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": str(tmp_path / "state")}):
        variables |= home
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert run_octave("--eval", WHAT_IS_FOUND, variables=variables) == "<>" * 5
        port_file(7).parent.mkdir(parents=True)
        port_file(7).write_text(f"{left}\n", encoding="ascii")
        assert run_octave("--eval", WHAT_IS_FOUND, variables=variables) == f"<{left}>" * 3 + "<>" * 2
    (tmp_path / "token").write_text(f"{in_file}\r\n", encoding="ascii")
    variables["PULLBACK_TOKEN_FILE"] = str(tmp_path / "token")
    assert run_octave("--eval", WHAT_IS_FOUND, variables=variables) == f"<{in_file}>" * 5
    variables["PULLBACK_TOKEN"] = in_variable
    assert run_octave("--eval", WHAT_IS_FOUND, variables=variables) == f"<{in_variable}>" * 5


SESSIONS_WITH_AND_WITHOUT = """
warning('off', 'Octave:shadowed-function');
addpath(getenv('PULLBACK_MATLAB'));
for token = {'', 'short', repmat('o', 1, 43), getenv('KEPT')}
  setenv('PULLBACK_TOKEN', token{1});
  try
    printf('%d sessions\\n', numel(pullback.sessions('server', getenv('PULLBACK_HTTP'))));
  catch failure
    printf('%s: %s\\n', failure.identifier, failure.message);
  end
end
"""

SPYING_CURL = """#!/bin/sh
for each; do
  echo "$each"
  case "$each" in @*) ls -ld "${each#@}" "$(dirname "${each#@}")" ;; esac
done >>"$SEEN"
exec %s "$@"
"""


@needs_octave
def test_a_server_of_another_user_needs_its_token_which_no_command_line_shows(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    curl = shutil.which("curl")
    assert curl is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "curl").write_text(SPYING_CURL % curl, encoding="ascii")
    (tmp_path / "bin" / "curl").chmod(0o755)
    server = LiveServer(tmp_path / "data", environment)
    server.start("--http", "127.0.0.1:0")
    try:
        variables = {
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "SEEN": str(tmp_path / "seen"),
            "KEPT": server.token,
            "PULLBACK_HTTP": server.http,
            "PULLBACK_MATLAB": str(CLIENT),
            "PULLBACK_TOKEN_FOLDER": str(tmp_path / "elsewhere"),
        }
        without, malformed, wrong, right = run_octave(
            "--eval", SESSIONS_WITH_AND_WITHOUT, variables=variables
        ).splitlines()
    finally:
        server.close()
    assert without.startswith("pullback:unauthenticated: no token came. This server lets in programs of its own user")
    assert malformed.startswith("pullback:invalid_argument: PULLBACK_TOKEN must hold 43 to 512 letters")
    assert wrong.startswith("pullback:unauthenticated: a token came that is not this server's")
    assert right == "0 sessions"
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert server.token not in seen
    # What carries it lies in files that nobody else can read: of three posts, a head and a body.
    assert seen.count("-rw-------") == seen.count("drwx------") == 6


def test_every_function_of_the_client_has_its_help() -> None:
    for file in (CLIENT / "+pullback").rglob("*.m"):
        signature, first = file.read_text(encoding="utf-8").splitlines()[:2]
        public = file.parent.name == "+pullback"
        assert signature.startswith("function"), file
        assert first.startswith(f"%{'PULLBACK.' if public else ''}{file.stem.upper()}  "), file
