"""HTTP + JSON of a live server, spoken as a rig would speak it: small bodies, answers in time, images by URL."""

from __future__ import annotations

import io
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from live_server import CALL_SECONDS, LiveServer
from pullback_api.v1 import jobs_pb2, search_pb2
from pullback_server.address import AddressError
from pullback_server.server import MAX_REQUEST_BYTES, Config, Server
from requests_for_tiny import LONG, exported, invert_tiny, trials_of
from tiny import DIM, SIZE

# MATLAB's webread gives up after so many seconds.
WEBREAD_SECONDS = 5.0
CMA = {"generator": "generators/tiny", "optimizer": {"method": "SEARCH_METHOD_CMA", "population": 4}}

Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[LiveServer]:
    """A server that speaks HTTP too."""
    server = LiveServer(tmp_path_factory.mktemp("http") / "data", environment)
    server.start("--http", "127.0.0.1:0")
    yield server
    server.close()


@pytest.fixture
def http(live: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.http, headers=live.headers, timeout=CALL_SECONDS, trust_env=False) as client:
        yield client


@pytest.fixture
def call(http: httpx.Client) -> Call:
    """Calls a method such as `Search/Ask`, again as long as it says so; its answer, or its error."""

    def call(method: str, **fields: Any) -> dict[str, Any]:
        for _ in range(100):
            answer = http.post(f"/pullback_api.v1.{method}", json=fields)
            if answer.status_code != 503:
                break
            assert "not ready, retry in" in answer.json()["message"]
        read: dict[str, Any] = answer.json()
        return read

    return call


def ask(call: Call, session: str, **fields: Any) -> list[dict[str, Any]]:
    """The next trials, as soon as there are any."""
    for _ in range(100):
        answer = call("Search/Ask", session=session, wait=3, **fields)
        if answer["trials"]:
            trials: list[dict[str, Any]] = answer["trials"]
            return trials
    raise AssertionError("there was nothing to show")


def test_methods_answer_in_time_while_the_worker_gets_ready(call: Call) -> None:
    drawn = call("Generators/SampleLatents", generator="generators/tiny", count=2)
    assert drawn["latents"]["shape"] == [2, DIM]
    assert drawn == call("Generators/SampleLatents", generator="generators/tiny", count=2)


def test_every_service_answers(call: Call) -> None:
    assert "generators/tiny" in [each["name"] for each in call("Generators/ListGenerators")["generators"]]
    assert call("Geometry/ListDistances")["distances"][0]["is_default"] is True
    assert call("Inversion/ListInversions")["inversions"] == []
    assert "jobs" in call("Jobs/ListJobs")
    assert "sessions" in call("Search/ListSessions")


def test_a_job_is_made_and_waited_for(live: LiveServer, call: Call) -> None:
    spec = {"generator": "generators/tiny", "distance": "mse", "samples": 16}
    job = call("Geometry/ComputeEigenbasis", request_id="once", spec=spec)
    assert call("Geometry/ComputeEigenbasis", request_id="once", spec=spec)["name"] == job["name"]
    for _ in range(100):
        job = call("Jobs/WaitJob", name=job["name"])
        if job["state"] == "JOB_STATE_SUCCEEDED":
            break
    assert call("Geometry/GetEigenbasis", name=job["result"])["eigenvalues"]["shape"] == [DIM]
    assert live.jobs.GetJob(jobs_pb2.GetJobRequest(name=job["name"])).result == job["result"]


def test_waiting_for_a_long_job_ends_in_time(live: LiveServer, call: Call) -> None:
    job = invert_tiny(live, steps=LONG)
    waited = call("Jobs/WaitJob", name=job.name, timeout=3600)
    assert waited["state"] in ("JOB_STATE_QUEUED", "JOB_STATE_RUNNING")
    call("Jobs/CancelJob", name=job.name)


def test_an_evolution_goes_from_generation_to_generation(live: LiveServer, call: Call) -> None:
    session = call("Search/CreateSession", request_id="evolution", spec={"threads": CMA})["name"]
    for generation in range(2):
        trials = ask(call, session)
        assert [trial["generation"] for trial in trials] == [generation] * 4
        told = call(
            "Search/Tell",
            session=session,
            columns={"trial_ids": [trial["trial_id"] for trial in trials], "scores": [1, 2.5, None, 4]},
        )
        assert told["recorded"] == 4
        # The one without a score is shown again, alone.
        (again,) = ask(call, session)
        assert again["image_id"] == trials[2]["image_id"]
        told = call("Search/Tell", session=session, columns={"trial_ids": again["trial_id"], "scores": 3})
        assert told["recorded"] == 1
    known = live.search.GetSession(search_pb2.GetSessionRequest(name=session))
    assert known.trials == 10
    assert known.threads[0].best_score == 4


def test_an_onset_that_is_null_is_none_however_often_it_is_told(live: LiveServer, call: Call) -> None:
    session = call("Search/CreateSession", spec={"threads": CMA})["name"]
    trials = [trial["trial_id"] for trial in ask(call, session)]
    told = {
        "columns": {"trial_ids": trials[:3], "scores": [1, None, 2], "t_onsets": [0.5, None, 1.5]},
        "trials": {"trial_id": trials[3], "score": 3, "t_onset": None},
    }
    assert call("Search/Tell", session=session, **told)["recorded"] == 4
    again = call("Search/Tell", session=session, **told)
    assert (again["recorded"], again["repeated_reports"]) == (0, 4)
    over_grpc = search_pb2.TrialReport(trial_id=trials[3], score=3, t_onset=float("nan"))
    response = live.search.Tell(search_pb2.TellRequest(session=session, trials=[over_grpc]))
    assert (response.recorded, response.repeated_reports) == (0, 1)
    reports = [trial.report for trial in trials_of(exported(live, search_pb2.Session(name=session)))]
    onsets = {each.trial_id: each.t_onset if each.HasField("t_onset") else None for each in reports}
    assert [onsets[name] for name in trials] == [0.5, None, 1.5, None]


def test_images_come_by_url(live: LiveServer, http: httpx.Client, call: Call) -> None:
    spec = {"threads": CMA, "images": {"width": 2 * SIZE, "height": SIZE, "greyscale": True}}
    session = call("Search/CreateSession", spec=spec)["name"]
    trial = ask(call, session, count=1)[0]
    path = trial["image_path"]
    folder, signature, name = path.rsplit("/", 2)
    assert (folder, len(signature), name) == (f"/v1/{session}/images", 43, trial["image_id"])
    # By the path alone, as a browser or MATLAB's `webread` would.
    url = f"{live.http}{path}.png"
    answer = httpx.get(url, timeout=WEBREAD_SECONDS, trust_env=False)
    for _ in range(100):
        if answer.status_code != 503:
            break
        answer = httpx.get(url, timeout=WEBREAD_SECONDS, trust_env=False)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (2 * SIZE, SIZE)
    request = search_pb2.GetSessionImageRequest(session=session, image_id=trial["image_id"])
    assert live.search.GetSessionImage(request).data == answer.content
    # With a token, the path without a signature does.
    assert http.get(f"{folder}/{name}").content == answer.content


def test_errors_name_the_field(call: Call) -> None:
    error = call("Search/CreateSession", spec={"threads": {**CMA, "space": "w"}, "seed": -1})
    assert error["code"] == "invalid_argument"
    assert {field["field"] for field in error["fields"]} == {"spec.threads[0].space", "spec.seed"}
    error = call("Search/CreateSession", spec={"thread": CMA})
    assert [field["field"] for field in error["fields"]] == ["spec.thread"]


def test_a_conflicting_tell_writes_nothing(live: LiveServer, call: Call) -> None:
    session = call("Search/CreateSession", spec={"threads": CMA})["name"]
    trials = [trial["trial_id"] for trial in ask(call, session)]
    call("Search/Tell", session=session, columns={"trial_ids": trials[0], "scores": 1})
    error = call("Search/Tell", session=session, columns={"trial_ids": trials[:2], "scores": [2, 2]})
    assert error["code"] == "already_exists"
    assert live.search.GetSession(search_pb2.GetSessionRequest(name=session)).trials == 1


def test_a_body_over_the_limit_is_refused_and_the_server_goes_on(live: LiveServer, call: Call) -> None:
    name = "x" * MAX_REQUEST_BYTES
    host, _, port = live.http.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /pullback_api.v1.Jobs/GetJob HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {live.token}\r\n"
        connection.sendall(f"{head}Content-Length: {len(name) + 12}\r\n\r\n".encode())
        connection.sendall(f'{{"name": "{name}"}}'.encode())
        assert b"429" in connection.makefile("rb").readline()
    assert call("Jobs/GetJob", name="jobs/none")["code"] == "not_found"


# The process --------------------------------------------------------------------------------------------------------


def serve(folder: Path, *options: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    """A server that cannot start: its status, and what it said."""
    arguments = ["--listen", "127.0.0.1:0", "--data", str(folder), *options]
    code = f"import sys; {before}; from pullback_server.__main__ import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True, timeout=60
    )


def test_http_is_off_unless_asked_for(server: LiveServer) -> None:
    assert not server.http
    (port,) = {each.laddr.port for each in server.process.net_connections("tcp") if each.status == "LISTEN"}
    assert server.target.endswith(f":{port}")


def test_http_too_listens_on_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match=r"refusing to listen on 0\.0\.0\.0:80"):
        Server(Config(listen="127.0.0.1:0", http="0.0.0.0:80", data=tmp_path))


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = serve(tmp_path, "--http", address)
    assert ended.returncode == 1
    assert f"cannot listen on {address}" in ended.stderr


def test_a_missing_package_says_what_to_install(tmp_path: Path) -> None:
    ended = serve(tmp_path, "--http", "127.0.0.1:0", before="sys.modules['connectrpc'] = None")
    assert ended.returncode == 1
    assert "needs Python 3.11 or newer" in ended.stderr
    assert "pip install 'pullback[service]'" in ended.stderr


def test_the_command_line_hands_the_address_through(tmp_path: Path) -> None:
    addresses = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", str(tmp_path)]
    command = [sys.executable, "-m", "pullback_client", "serve", *addresses]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    match = re.fullmatch(r"pullback-server listening on 127\.0\.0\.1:\d+ \(http: 127\.0\.0\.1:\d+\)\n", line)
    assert match is not None


def test_the_server_stops_while_a_caller_waits(tmp_path: Path, environment: dict[str, str]) -> None:
    server = LiveServer(tmp_path / "data", environment)
    server.start("--http", "127.0.0.1:0")
    job = invert_tiny(server, steps=LONG)
    host, _, port = server.http.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        body = f'{{"name": "{job.name}"}}'
        head = f"POST /pullback_api.v1.Jobs/WaitJob HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {server.token}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        assert server.terminate() == 0
        answer = connection.makefile("rb").read()
    assert not answer or b"503" in answer.splitlines()[0] or b"200" in answer.splitlines()[0]
