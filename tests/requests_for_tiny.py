"""Requests that many end-to-end tests make of a live server."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from pathlib import Path
from typing import Any

from live_server import CALL_SECONDS, LiveServer
from pullback_api.v1 import generators_pb2, inversion_pb2, jobs_pb2, search_pb2, specs_pb2, values_pb2

# Steps that take `tiny` longer than any test looks on.
LONG = 100_000


def tiny_target(server: LiveServer, seed: int = 7) -> values_pb2.Image:
    """An image that `tiny` can draw."""
    sampled = server.generators.SampleLatents(
        generators_pb2.SampleLatentsRequest(generator="generators/tiny", seed=seed), timeout=60
    )
    request = generators_pb2.RenderRequest(generator="generators/tiny", latents=sampled.latents)
    return next(iter(server.generators.Render(request, timeout=60))).image


def tiny_settings(**settings: Any) -> specs_pb2.InversionSettings:
    """Adam on `tiny` under MSE, two restarts, unless said otherwise."""
    chosen = {
        "generator": "generators/tiny",
        "distance": "mse",
        "method": specs_pb2.INVERSION_METHOD_ADAM,
        "restarts": 2,
        **settings,
    }
    return specs_pb2.InversionSettings(**chosen)


def invert_tiny(server: LiveServer, *, request_id: str = "", images: int = 1, **settings: Any) -> jobs_pb2.Job:
    """Asks for an inversion of images that `tiny` can draw."""
    targets = [inversion_pb2.Target(image=tiny_target(server, seed=7 + number)) for number in range(images)]
    request = inversion_pb2.InvertRequest(request_id=request_id, settings=tiny_settings(**settings), targets=targets)
    return server.inversion.Invert(request, timeout=60)


def have_calls_answered(server: LiveServer) -> None:
    """Has a job go on until the process that answers calls beside jobs is ready."""
    job = invert_tiny(server, steps=LONG)
    assert server.calls_worker.is_running()
    while not server.is_serving("worker-0-calls"):
        time.sleep(0.05)
    server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job.name), timeout=CALL_SECONDS)
    server.wait(job.name)


def inversion_of(server: LiveServer, job: jobs_pb2.Job) -> inversion_pb2.InversionResult:
    """The results of a job that has succeeded."""
    return server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=job.result), timeout=60)


def arrays_of(result: inversion_pb2.InversionResult) -> list[bytes]:
    """Everything of a result that was computed, as bytes."""
    return [
        part.data
        for target in result.results
        for part in (target.latent, target.distance_trace, target.loss_trace, target.restart_latents, target.image)
    ]


def checkpoint_of(server: LiveServer, job: jobs_pb2.Job) -> Path:
    """Where the checkpoint of a job is, or will be."""
    return server.data / "checkpoints" / f"{job.name.removeprefix('jobs/')}.safetensors"


def left_of(server: LiveServer, job: jobs_pb2.Job) -> list[Path]:
    """Files of a job's checkpoints, whole or not."""
    return list((server.data / "checkpoints").glob(f"*{job.name.removeprefix('jobs/')}*"))


def wait_for_checkpoint(server: LiveServer, *jobs: jobs_pb2.Job, after: int = 0) -> int:
    """Waits until each of the jobs has a checkpoint, written later than `after`; returns when the last one was."""
    deadline = time.monotonic() + CALL_SECONDS
    while True:
        files = [checkpoint_of(server, job) for job in jobs]
        written = [file.stat().st_mtime_ns if file.exists() else 0 for file in files]
        if min(written) > after:
            return max(written)
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.01)


def search_spec(*threads: dict[str, Any], **fields: Any) -> search_pb2.SessionSpec:
    """Evolutions of `tiny` by CMA, populations of six, one thread unless said otherwise."""
    options = {"method": search_pb2.SEARCH_METHOD_CMA, "population": 6}
    made = [
        search_pb2.ThreadSpec(
            **{
                "generator": "generators/tiny",
                **{name: value for name, value in thread.items() if name != "optimizer"},
                "optimizer": search_pb2.SearchOptions(**thread.get("optimizer", options)),
            }
        )
        for thread in (threads or ({},))
    ]
    return search_pb2.SessionSpec(threads=made, **fields)


def begin_search(
    server: LiveServer, *threads: dict[str, Any], request_id: str = "", **fields: Any
) -> search_pb2.Session:
    """Begins a session of evolutions of `tiny`."""
    request = search_pb2.CreateSessionRequest(request_id=request_id, spec=search_spec(*threads, **fields))
    return server.search.CreateSession(request, timeout=60)


def ask(server: LiveServer, session: search_pb2.Session, **fields: Any) -> list[search_pb2.Trial]:
    """The next trials, as soon as there are any; none once the session is finished."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        request = search_pb2.AskRequest(session=session.name, wait={"seconds": 3}, **fields)
        answer = server.search.Ask(request, timeout=60)
        if answer.trials or answer.finished:
            return list(answer.trials)
    raise AssertionError("there was nothing to show for a minute")


def made_up_score(image_id: str) -> float:
    """A score that depends on nothing but the image's id."""
    return zlib.crc32(image_id.encode()) / 2**32


def tell_scores(
    server: LiveServer, session: search_pb2.Session, trials: list[search_pb2.Trial]
) -> search_pb2.TellResponse:
    """Tells every trial its made-up score."""
    reports = [search_pb2.TrialReport(trial_id=trial.trial_id, score=made_up_score(trial.image_id)) for trial in trials]
    return server.search.Tell(search_pb2.TellRequest(session=session.name, trials=reports), timeout=60)


def exported(server: LiveServer, session: search_pb2.Session, **fields: Any) -> list[search_pb2.SessionPiece]:
    """Everything the session knows."""
    return list(server.search.ExportSession(search_pb2.ExportSessionRequest(name=session.name, **fields), timeout=120))


def generations_of(pieces: list[search_pb2.SessionPiece]) -> list[search_pb2.GenerationRecord]:
    """The generations of an export."""
    return [piece.generation for piece in pieces if piece.HasField("generation")]


def trials_of(pieces: list[search_pb2.SessionPiece]) -> list[search_pb2.TrialRecord]:
    """The trials of an export."""
    return [piece.trial for piece in pieces if piece.HasField("trial")]


def damage_states(server: LiveServer, thread: int, *, seed_too: bool) -> None:
    """Damages every state of a thread's optimizer on the disk of a server that does not run, in all sessions.

    Args:
        server: The server.
        thread: The thread.
        seed_too: Whether the seeds of its sessions are changed, too: the log does not make the same states again.
    """
    database = sqlite3.connect(server.data / "pullback.sqlite")
    with database:
        opened = database.execute("SELECT payload FROM session_events WHERE kind = 'GenerationOpened'").fetchall()
        events = [json.loads(payload) for (payload,) in opened]
        for digest in {event["optimizer"] for event in events if event["thread"] == thread}:
            # Those that are needed no more are gone.
            for path in (server.data / "blobs").rglob(digest):
                data = path.read_bytes()
                path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        for name, data in database.execute("SELECT session, spec FROM session_specs").fetchall() if seed_too else ():
            spec = search_pb2.SessionSpec.FromString(data)
            spec.seed += 1
            database.execute("UPDATE session_specs SET spec = ? WHERE session = ?", (spec.SerializeToString(), name))
    database.close()
