"""What the client says when something goes wrong, on the way or at the server."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode
from PIL import Image

import pullback_client.jobs.job
from in_process import Failure, InProcessServer
from pullback_api.v1 import geometry_pb2, inversion_pb2, jobs_pb2
from pullback_client import Client, ClientError, JobEvent, JobState
from pullback_client.wire.transport import IDEMPOTENT_METHODS
from pullback_server.contract import DESCRIPTORS


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (StatusCode.INVALID_ARGUMENT, pullback_client.InvalidArgumentError),
        (StatusCode.OUT_OF_RANGE, pullback_client.InvalidArgumentError),
        (StatusCode.NOT_FOUND, pullback_client.NotFoundError),
        (StatusCode.ALREADY_EXISTS, pullback_client.AlreadyExistsError),
        (StatusCode.FAILED_PRECONDITION, pullback_client.FailedPreconditionError),
        (StatusCode.RESOURCE_EXHAUSTED, pullback_client.ResourceExhaustedError),
        (StatusCode.DEADLINE_EXCEEDED, pullback_client.DeadlineExceededError),
        (StatusCode.CANCELLED, pullback_client.CallCancelledError),
        (StatusCode.INTERNAL, pullback_client.InternalError),
        (StatusCode.UNKNOWN, pullback_client.InternalError),
        (StatusCode.DATA_LOSS, pullback_client.InternalError),
    ],
)
def test_every_status_has_its_exception(
    client: Client, server: InProcessServer, code: StatusCode, error: type[ClientError]
) -> None:
    server.failures["ListDistances"] = Failure(code, "the reason")
    with pytest.raises(error) as caught:
        client.list_distances()
    assert type(caught.value) is error
    assert caught.value.code is code
    assert len(server.called("ListDistances")) == 1
    if code is not StatusCode.DEADLINE_EXCEEDED:
        assert caught.value.message == "the reason"


def test_field_violations_of_the_server_are_carried_and_shown(client: Client, server: InProcessServer) -> None:
    server.failures["Invert"] = Failure(
        StatusCode.INVALID_ARGUMENT,
        "the request cannot be used",
        (("settings.steps", "must be from 1 to 100000, got 200000", "OUT_OF_RANGE"), ("targets[0].image", "empty", "")),
    )
    with pytest.raises(ValueError, match="the request cannot be used") as caught:
        client.invert(Image.new("RGB", (9, 9)), "faces", method="adam")
    assert isinstance(caught.value, ClientError)
    steps, image = caught.value.field_violations
    assert steps == ("settings.steps", "must be from 1 to 100000, got 200000", "OUT_OF_RANGE")
    assert image.field == "targets[0].image"
    assert "\n  settings.steps: must be from 1 to 100000, got 200000\n" in str(caught.value)


def test_the_standard_exceptions_catch_theirs() -> None:
    assert issubclass(pullback_client.InvalidArgumentError, ValueError)
    assert issubclass(pullback_client.NotFoundError, LookupError)
    assert issubclass(pullback_client.DeadlineExceededError, TimeoutError)
    assert issubclass(pullback_client.UnavailableError, ConnectionError)
    assert issubclass(pullback_client.UnauthenticatedError, PermissionError)
    exported = (getattr(pullback_client, name) for name in pullback_client.__all__ if name.endswith("Error"))
    assert all(issubclass(error, ClientError) for error in exported)


def test_a_failed_job_carries_the_servers_reason(client: Client, server: InProcessServer) -> None:
    violation = ("spec.samples", "too many", "")
    server.fail_jobs(Failure(StatusCode.RESOURCE_EXHAUSTED, "the disk is full"))
    # The server says no more of a job than that; what a request's error carries, a job's may carry too.
    failure = Failure(StatusCode.RESOURCE_EXHAUSTED, "the disk is full", (violation,))
    server.changes["GetJob"] = lambda job: job.error.CopyFrom(failure.status())
    server.changes["WaitJob"] = server.changes["GetJob"]
    server.changes["WatchJob"] = lambda event: event.job.HasField("error") and server.changes["GetJob"](event.job)
    with pytest.raises(pullback_client.JobFailedError, match="jobs/1 failed: the disk is full") as caught:
        client.compute_eigenbasis("faces")
    assert caught.value.code is StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.field_violations == (violation,)
    assert client.get_job("jobs/1").wait().state is JobState.FAILED


def test_a_call_is_tried_again_while_the_server_is_away(client: Client, server: InProcessServer) -> None:
    server.failures["Invert"] = Failure(StatusCode.UNAVAILABLE, times=2)
    client.invert(Image.effect_noise((800, 800), 80), "faces", method="adam")  # larger than gRPC's own retry buffer
    requests = server.called("Invert")
    assert len(requests) == 3
    assert len({request.request_id for request in requests}) == 1
    assert len(server.jobs) == 1


def test_a_deletion_is_not_tried_again(client: Client, server: InProcessServer) -> None:
    basis = client.compute_eigenbasis("faces")
    server.failures["DeleteEigenbasis"] = Failure(StatusCode.UNAVAILABLE)
    with pytest.raises(pullback_client.UnavailableError):
        client.delete_eigenbasis(basis)
    assert len(server.called("DeleteEigenbasis")) == 1


def test_all_methods_but_deletion_and_new_keys_are_retried() -> None:
    services = {service.name: {method.name for method in service.methods} for service in DESCRIPTORS}
    retried = {service: set(methods) for service, methods in IDEMPOTENT_METHODS.items()}
    kept = {
        service: {method for method in methods if not method.startswith(("Delete", "CreateKey"))}
        for service, methods in services.items()
    }
    assert retried == kept
    assert sum(map(len, services.values())) - sum(map(len, kept.values())) == 8


def test_an_absent_server_is_a_clear_error() -> None:
    with Client("127.0.0.1:1", timeout=5) as client, pytest.raises(pullback_client.UnavailableError) as caught:
        client.list_generators()
    assert "127.0.0.1:1" in caught.value.message
    assert "pullback serve" in caught.value.message


def test_a_server_of_another_kind_is_a_clear_error() -> None:
    from concurrent.futures import ThreadPoolExecutor

    other = grpc.server(ThreadPoolExecutor(1))
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    with Client(f"127.0.0.1:{port}") as client, pytest.raises(pullback_client.InternalError) as caught:
        client.list_generators()
    other.stop(None).wait()
    assert caught.value.code is StatusCode.UNIMPLEMENTED
    assert "no method ListGenerators" in caught.value.message


def test_every_call_has_a_deadline(server: InProcessServer) -> None:
    server.bench.hold = True
    with Client(server.target, timeout=0.3) as client:
        job = client.submit_eigenbasis("faces")
        with pytest.raises(TimeoutError, match=r"has not finished after 0\.5 s; it goes on running"):
            job.wait(timeout=0.5)
        with pytest.raises(TimeoutError, match=r"pullback jobs watch jobs/1"):
            client.compute_eigenbasis("faces", timeout=0.5)
    assert server.jobs["jobs/1"].state <= jobs_pb2.JOB_STATE_RUNNING


def test_following_a_job_survives_a_restart_of_the_server(client: Client, server: InProcessServer) -> None:
    server.bench.hold = True
    job = client.submit_eigenbasis("faces")
    server.advance(job.name, 1)
    events: list[JobEvent] = []
    seen = threading.Event()

    def report(event: JobEvent) -> None:
        events.append(event)
        if event.progress.step == 1:
            seen.set()

    def restart() -> None:
        seen.wait(60)
        server.stop()
        time.sleep(0.3)
        server.start()
        server.advance(job.name, 2)
        server.finish(job.name)

    thread = threading.Thread(target=restart)
    thread.start()
    basis = job.result(timeout=60, progress=report)
    thread.join()
    assert basis.dim == 5
    assert [event.sequence for event in events] == sorted({event.sequence for event in events})
    assert events[-1].state is JobState.SUCCEEDED
    first, *later = sorted({request.after_sequence for request in server.called("WatchJob")})
    assert first == 0
    assert later


def test_waiting_for_a_job_survives_a_restart_of_the_server(client: Client, server: InProcessServer) -> None:
    server.bench.hold = True
    job = client.submit_eigenbasis("faces")

    def restart() -> None:
        time.sleep(0.3)
        server.stop()
        time.sleep(0.3)
        server.start()
        server.finish(job.name)

    thread = threading.Thread(target=restart)
    thread.start()
    assert job.wait(timeout=60).state is JobState.SUCCEEDED
    thread.join()


def test_a_server_that_stays_away_ends_the_following(
    client: Client, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pullback_client.jobs.job, "OUTAGE_TIMEOUT", 0.5)
    server.bench.hold = True
    job = client.submit_eigenbasis("faces")
    server.stop()
    with pytest.raises(pullback_client.UnavailableError, match="pullback serve"):
        job.result(timeout=60)


def test_leaving_a_watch_does_not_end_the_job(client: Client, server: InProcessServer) -> None:
    server.bench.hold = True
    job = client.submit_eigenbasis("faces")
    for _ in job.watch():
        break
    server.wait_for_start(job.name)
    assert job.refresh().state is JobState.RUNNING
    server.finish(job.name)
    assert job.result().name == job.result_name


def test_watching_a_finished_job_past_its_last_event_ends(client: Client) -> None:
    client.compute_eigenbasis("faces")
    job = client.get_job("1")
    assert list(job.watch(after_sequence=job.last_sequence)) == []


def test_a_wrong_array_from_the_server_is_a_clear_error(client: Client, server: InProcessServer) -> None:
    basis = client.compute_eigenbasis("faces")

    def lengthen(answer: geometry_pb2.StreamEigenbasisResponse) -> None:
        answer.eigenbasis.eigenvalues.data += b"\0"

    def flatten(answer: geometry_pb2.StreamEigenbasisResponse) -> None:
        answer.eigenbasis.k = 4

    def shorten(answer: geometry_pb2.StreamEigenbasisResponse) -> None:
        answer.eigenbasis.dim = 6

    def skip(answer: geometry_pb2.StreamEigenbasisResponse) -> None:
        answer.eigenbasis.first_row = 2

    server.changes["StreamEigenbasis"] = lengthen
    with pytest.raises(
        pullback_client.BadResponseError,
        match=r"eigenvalues: 41 bytes of data came, but shape \[5\] of float64 takes 40",
    ):
        client.get_eigenbasis(basis.name)
    for change, message in (
        (flatten, r"eigenvalues have shape \(5,\), expected \(4,\)"),
        (shorten, "5 rows of eigenvectors came, expected 6"),
        (skip, "row 2 came, expected row 0"),
    ):
        server.changes["StreamEigenbasis"] = change
        with pytest.raises(pullback_client.BadResponseError, match=message):
            client.get_eigenbasis(basis.name)


def test_traces_that_do_not_fit_each_other_are_a_clear_error(client: Client, server: InProcessServer) -> None:
    client.invert(Image.new("RGB", (9, 9)), "faces", method="adam")

    def another(answer: inversion_pb2.InversionResult) -> None:
        answer.results[0].best_restart = 4

    server.changes["GetInversion"] = another
    with pytest.raises(pullback_client.BadResponseError, match="inversions/1: arrays that do not fit each other"):
        client.get_inversion("inversions/1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "sgd"}, "unknown method 'sgd'; known: adam, hessian_adam, lbfgs, basin_cma"),
        ({"schedule": "linear"}, "unknown schedule 'linear'; known: constant, cosine"),
        ({"weights": {"l3": 1}}, "unknown weights l3; known: distance, l1, l2, prior"),
        ({"steps": 0}, "steps must be a whole number from 1 to 100000, got 0"),
        ({"restarts": 1.5}, "restarts must be a whole number from 1 to 1024, got 1.5"),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647, got -1"),
        ({"masks": []}, "1 images but 0 masks: give one for all, or one for each"),
        ({"class_labels": ["blue", "brown"]}, "1 images but 2 class_labels"),
        ({"ignore": [[(0, 0, 1, 1)], []]}, "1 images but 2 lists of regions to ignore"),
        ({"ignore": [(0, 0, 1)]}, "a region to ignore is (left, top, width, height), got (0, 0, 1)"),
        ({"ignore": (0, 0, 4, 4)}, "a region to ignore is (left, top, width, height), got 0"),
        ({"ignore": [(0, 0, 0, 4)]}, "width of a region to ignore must be a whole number from 1"),
        ({"ignore": [(0, 0, 4, 4)] * 65}, "65 regions to ignore, at most 64 are taken: give a mask instead"),
        ({"basis": "both"}, "unknown basis 'both'; known: none, global, separate, local"),
        ({"start": "zero"}, "unknown start 'zero'; known: prior, mean, bank"),
        ({"class_mode": "any"}, "unknown class_mode 'any'; known: given, free, searched"),
        ({"alignment": {"turn": 1.0}}, "unknown of alignment: turn; known: scale, shift"),
        (
            {"alignment": {"scale": 0.0}},
            "alignment.scale must be a number above 0 and at most 0.5, got 0.0;",
        ),
        ({"seconds": float("nan")}, "seconds must be a number above 0, got nan; leave it out for the default"),
        ({"evaluations": 0}, "evaluations must be a whole number from 1 to 2147483647, got 0"),
        ({"top_k": 0}, "top_k must be a whole number from 1 to 64, got 0"),
        ({"exponent": 1.5}, "exponent must be a number from 0 to 1, got 1.5; leave it out for the default"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
        ({"betas": 0.9}, "betas must be two numbers, (mean, square), got 0.9"),
        ({"betas": (0.9, 1)}, "betas.square must be a number from 0 to below 1, got 1"),
        ({"thin": 1}, "thin must be True or False, got 1"),
        ({"generator": ""}, "the generator's name is empty"),
    ],
)
def test_what_the_contract_cannot_carry_is_refused_here(
    client: Client, server: InProcessServer, options: dict[str, object], message: str
) -> None:
    arguments = {"generator": "faces", **options}
    with pytest.raises(pullback_client.InvalidArgumentError) as caught:
        client.invert(Image.new("RGB", (9, 9)), **arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert server.calls == []


def test_an_option_that_does_not_exist_is_named(client: Client) -> None:
    with pytest.raises(TypeError, match="unknown options stepz; known: space, distance, method"):
        client.invert(Image.new("RGB", (9, 9)), "faces", stepz=3)  # type: ignore[call-overload]


def test_an_unknown_job_state_is_named(client: Client) -> None:
    with pytest.raises(pullback_client.InvalidArgumentError, match="unknown job state 'done'; known: queued, running"):
        client.list_jobs(["done"])


def test_no_images_is_a_clear_error(client: Client) -> None:
    with pytest.raises(pullback_client.InvalidArgumentError, match="no images"):
        client.invert([], "faces")


@pytest.mark.parametrize("generator", ["nobody"])
def test_an_unknown_generator_is_answered_with_the_known_ones(client: Client, generator: str) -> None:
    with pytest.raises(LookupError, match="known: faces, eyes, faces32"):
        client.get_generator(generator)


def test_a_file_that_is_a_folder_is_refused_before_anything_is_sent(
    client: Client, server: InProcessServer, tmp_path: Path
) -> None:
    with pytest.raises(pullback_client.InvalidArgumentError, match="is a folder"):
        client.invert(tmp_path, "faces")
    assert server.calls == []
