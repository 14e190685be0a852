"""The client against the server in this process, over a real socket."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

import pullback_client
from in_process import DIM, InProcessServer, catalogue
from pullback_api.v1 import generators_pb2, specs_pb2, values_pb2
from pullback_client import CatalogueFault, Client, Generator, Inversion, JobEvent, JobState, WeightsState


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


def test_the_exported_names_are_pinned() -> None:
    names = """
        CALL_TIMEOUT DEFAULT_TARGET JOB_TIMEOUT OUTAGE_TIMEOUT RENDER_TIMEOUT
        Client CheckedInversion LocalServer Generator LatentSpace Distance WeightsState CatalogueFault
        Eigenbasis EigenbasisInfo
        Analysis AnalysisInfo Spectrum DimsFor ApparentSpeed Homogeneity DistanceComparison ComparisonFigures
        LayerAmplification AxisStrip
        WalkStatistics DistanceCurves DensityDrift Warpage SubspaceDistances Robustness PerturbationCurve
        Variations VariationDistances WalkDistances WalkQuality TraversalDistances
        Inversion InversionFailure InversionOutcome InversionOptions Solution Sound Alignment BestSoFar Box Crop Framing
        EvolutionSession EvolveOptions EvolveThread Batch Trial TrialResult TellOutcome BestImage
        Directions DirectionsInfo DirectionsOptions Direction EigenShare Annotation
        Traversal Frame WalkOptions MaskOptions WalkStart Edit EditOutcome
        SessionState SessionStatus SessionEvent ThreadState ThreadStatus GenerationSummary
        SessionHistory GenerationRecord TrialRecord Origin
        ImageInput Job JobEvent JobState Portion Progress
        ClientError FieldViolation InvalidArgumentError NotFoundError AlreadyExistsError FailedPreconditionError
        Key NewKey Role ServerStatus WorkerStatus WorkerJob Device Tuning TuningOptions TunedPhotograph
        ResourceExhaustedError UnauthenticatedError PermissionDeniedError UnavailableError
        DeadlineExceededError CallCancelledError
        InternalError BadResponseError JobError JobFailedError JobCancelledError ServerStartError
        """
    assert sorted(pullback_client.__all__) == sorted(names.split())
    assert all(hasattr(pullback_client, name) for name in pullback_client.__all__)


def test_the_client_imports_without_any_package_of_the_service_extra() -> None:
    program = """
import sys
blocked = set('''torch torchvision lpips timm cma scipy jaxtyping lazy_loader filelock platformdirs
sqlalchemy grpc_health grpc_reflection h5py pynwb hdmf pullback pullback_server'''.split())

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in blocked:
            raise ImportError(f'blocked: {name}')

sys.meta_path.insert(0, Blocker())
from pullback_api.v1 import specs_pb2
from pullback_client import Client
import pullback_client.cli
assert not blocked & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_generators_come_from_every_page(
    client: Client, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pullback_server.servicers.paging.DEFAULT_PAGE_SIZE", 1)
    generators = client.list_generators()
    assert [generator.name for generator in generators] == ["eyes", "faces", "faces32"]
    assert generators[1].spaces["z"].dim == DIM
    assert len(server.called("ListGenerators")) == 3


def test_a_generator_is_known_by_its_id_and_by_its_resource_name(client: Client) -> None:
    assert client.get_generator("faces") == client.get_generator("generators/faces")


def test_spaces_say_which_coordinates_they_are_of_what(client: Client) -> None:
    eyes, styled = client.get_generator("eyes").spaces, client.get_generator("faces32").spaces
    placed = {name: (space.system, space.start, space.mapped) for name, space in (eyes | styled).items()}
    assert placed == {
        "noise": ("full", 0, False),
        "class": ("full", 3, False),
        "full": ("full", 0, False),
        "z": ("z", 0, False),
        "w": ("w", 0, True),
        "w+": ("w+", 0, True),
    }
    assert [str(eyes["class"]), str(styled["z"]), str(styled["w"])] == [
        "class (2, of full)",
        "z (64)",
        "w (64, mapped)",
    ]


def test_samples_are_arrays_and_repeat_with_the_seed(client: Client) -> None:
    latents = client.sample("faces", 3, seed=7)
    assert latents.shape == (3, DIM)
    assert latents.dtype == np.float32
    np.testing.assert_array_equal(latents, client.sample("faces", 3, seed=7))


def test_latents_are_rendered_in_their_order(client: Client, server: InProcessServer) -> None:
    images = client.render("faces", [[-9.0] * DIM, [0.0] * DIM, [9.0] * DIM])
    assert [image.getpixel((0, 0)) for image in images] == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]
    (request,) = server.called("Render")
    assert list(request.latents.shape) == [3, DIM]


def test_a_single_latent_is_rendered_as_a_batch_of_one(client: Client) -> None:
    assert len(client.render("faces", np.zeros(DIM))) == 1


def test_distances_come_with_the_default_marked(client: Client) -> None:
    distances = [(distance.name, distance.is_default) for distance in client.list_distances()]
    assert distances[0] == ("lpips-alex", True)
    assert ("mse", False) in distances
    assert sum(default for _, default in distances) == 1


def test_generators_and_distances_say_where_their_weights_are(
    client: Client, server: InProcessServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    eyes, faces32 = client.get_generator("eyes"), client.get_generator("faces32")
    assert (eyes.weights_source, eyes.weights_state) == (f"{catalogue().parent}/eyes.pth", WeightsState.HERE)
    assert faces32.weights_state is WeightsState.HERE
    distances = {distance.name: distance for distance in client.list_distances()}
    default, inversion, mse = distances["lpips-alex"], distances["lpips-vgg"], distances["mse"]
    assert (default.takes, mse.takes) == (("images",), ("images", "sounds"))
    assert default.licence.startswith("BSD")
    assert "Zhang" in default.citation
    assert default.weights_state is WeightsState.TO_DOWNLOAD
    assert "lpips" in default.weights_source
    assert (mse.weights_source, mse.weights_state) == ("", WeightsState.NOT_NEEDED)
    assert (default.sides, mse.sides) == ((32, 1024), None)
    assert (default.is_inversion_default, inversion.is_inversion_default) == (False, True)
    assert (mse.preconditioner, inversion.preconditioner) == ("mse", "lpips-alex")
    # A server of an older version does not say.
    assert Generator.from_wire(generators_pb2.Generator(name="generators/old")).weights_state is WeightsState.UNKNOWN


def test_what_a_catalogue_has_that_cannot_be_used_is_handed_out(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.list_catalogue_faults() == []
    others = [tmp_path / "mine.toml", tmp_path / "gone.toml"]
    others[0].write_text('[mine]\ntitle = "of no family"\n', encoding="utf-8")
    monkeypatch.setenv("PULLBACK_CATALOGUE", os.pathsep.join([os.environ["PULLBACK_CATALOGUE"], *map(str, others)]))
    mine, gone = client.list_catalogue_faults()
    assert isinstance(mine, CatalogueFault)
    assert (mine.generator, gone.generator) == ("mine", "")
    assert "entry 'mine'" in mine.reason
    assert "gone.toml" in gone.reason
    assert [generator.name for generator in client.list_generators()] == ["eyes", "faces", "faces32"]


def test_an_eigenbasis_has_its_arrays_and_where_they_came_from(client: Client) -> None:
    basis = client.compute_eigenbasis("faces", samples=100, with_metric=True)
    assert (basis.generator, basis.space, basis.distance) == ("faces", "z", "lpips-alex")
    assert (basis.method, basis.samples, basis.dim) == ("sketch", 100, DIM)
    np.testing.assert_allclose(basis.metric @ basis.eigenvectors, basis.eigenvectors * basis.eigenvalues, atol=1e-12)
    assert client.get_eigenbasis(basis.name).metric is None
    two = client.get_eigenbasis(basis.name, 2)
    np.testing.assert_array_equal(two.eigenvectors, basis.top(2))
    np.testing.assert_array_equal(two.eigenvalues, basis.eigenvalues)
    assert two.dims_for(1) == basis.dims_for(1)


def test_the_options_of_an_eigenbasis_reach_the_server(client: Client, server: InProcessServer) -> None:
    client.submit_eigenbasis(
        "faces", space="z", distance="mse", method="gram_iteration", samples=7, k=3, seed=5, max_memory_mib=64
    )
    client.submit_eigenbasis("eyes", space="full", samples="auto", max_samples=500, tolerance=0.01, separate=True)
    fixed, automatic = (request.spec for request in server.called("ComputeEigenbasis"))
    assert fixed == specs_pb2.EigenbasisSpec(
        generator="generators/faces",
        space="z",
        distance="mse",
        method=specs_pb2.METRIC_METHOD_GRAM_ITERATION,
        samples=7,
        k=3,
        seed=5,
        max_memory_mib=64,
    )
    assert automatic == specs_pb2.EigenbasisSpec(
        generator="generators/eyes",
        space="full",
        method=specs_pb2.METRIC_METHOD_SKETCH,
        samples=500,
        automatic=True,
        tolerance=0.01,
        separate=True,
    )


def test_an_eigenbasis_that_exists_is_not_computed_again(client: Client, server: InProcessServer) -> None:
    first, second = client.compute_eigenbasis("faces"), client.compute_eigenbasis("faces")
    assert first.name == second.name
    assert len(server.jobs) == 1
    ids = [request.request_id for request in server.called("ComputeEigenbasis")]
    assert len(set(ids)) == 2
    assert all(0 < len(each) <= 64 for each in ids)


def test_eigenbases_are_listed_without_arrays_and_deleted(client: Client) -> None:
    basis = client.compute_eigenbasis("faces")
    (listed,) = client.list_eigenbases("faces")
    assert listed.provenance == basis.provenance
    client.delete_eigenbasis(listed)
    assert client.list_eigenbases() == []
    with pytest.raises(pullback_client.NotFoundError, match=r"no eigenbasis .*Client\.list_eigenbases"):
        client.get_eigenbasis(basis.name)


def test_one_image_gives_one_inversion(client: Client, photo: Path) -> None:
    result = client.invert(photo, generator="faces", steps=6, restarts=2)
    assert result.label == "me.png"
    assert result.latent.shape == (DIM,)
    assert result.image.size == result.target.size == (16, 16)
    assert result.distance_trace.shape == result.loss_trace.shape == (2, 7)
    np.testing.assert_array_equal(result.trace, result.distance_trace[1])
    assert result.distance == pytest.approx(float(result.trace[-1]))
    assert result.settings["steps"] == 6
    assert result.settings["method"] == "INVERSION_METHOD_HESSIAN_ADAM"


def test_a_list_gives_a_list_in_the_same_order(client: Client, photo: Path) -> None:
    image = Image.new("L", (8, 8))
    results = client.invert([str(photo), image, np.zeros((8, 8, 3), np.uint8)], "faces")
    assert [result.label for result in results] == ["me.png", "", ""]
    found = [result for result in results if isinstance(result, Inversion)]
    assert [float(result.latent[0]) for result in found] == [0.0, 1.0, 2.0]
    assert len(client.invert([photo], "faces")) == 1


def test_a_file_is_sent_as_it_is(client: Client, server: InProcessServer, photo: Path) -> None:
    client.invert(photo, "faces", method="adam")
    (request,) = server.called("Invert")
    assert request.targets[0].image.data == photo.read_bytes()


def test_a_callback_hears_of_both_jobs(client: Client, server: InProcessServer, photo: Path) -> None:
    server.bench.pause = 0.05
    events: list[JobEvent] = []
    client.invert(photo, "faces", progress=events.append)
    of_jobs = [[event for event in events if event.job == job] for job in ("jobs/1", "jobs/2")]
    assert of_jobs[0] + of_jobs[1] == events
    for job in of_jobs:
        # Queued, begun, three steps, and the end; a step may be told with the one before it.
        assert list(dict.fromkeys(event.progress.step for event in job))[:1] == [0]
        assert {event.progress.step for event in job} >= {0, 3}
        assert job[-1].state is JobState.SUCCEEDED
    losses = [event.progress.loss for event in of_jobs[1] if event.progress.step]
    assert losses == [1 / event.progress.step for event in of_jobs[1] if event.progress.step]


def test_a_callback_sees_previews(client: Client, server: InProcessServer, photo: Path) -> None:
    server.bench.hold = True
    job = client.submit_inversion(photo, "faces", method="adam", preview_every=1)
    server.wait_for_start(job.name)
    events = job.watch(after_sequence=2)
    server.advance(job.name, 1, previews=2)
    first = next(events)
    assert len(first.previews) == 2
    assert first.previews[0].size == (16, 16)
    server.finish(job.name)
    assert [len(event.previews) for event in events] == [0]


def test_a_submitted_job_can_be_looked_at_waited_for_and_asked_for_its_result(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    server.bench.hold, server.bench.room = True, False
    job = client.submit_inversion(photo, "faces", method="adam")
    assert (job.kind, job.state, job.started, job.ended) == ("inversion", JobState.QUEUED, None, None)
    server.make_room()
    server.advance(job.name, 1)
    assert job.refresh().progress.step == 1
    threading.Timer(0.2, server.finish, [job.name]).start()
    assert job.wait(timeout=60).state is JobState.SUCCEEDED
    (result,) = job.result()
    assert isinstance(result, Inversion)
    assert result.job == job.name


def test_jobs_are_listed_newest_first_and_by_state(client: Client, server: InProcessServer, photo: Path) -> None:
    client.compute_eigenbasis("faces")
    server.bench.hold = True
    client.submit_inversion(photo, "faces", method="adam")
    assert [job.name for job in client.list_jobs()] == ["jobs/2", "jobs/1"]
    assert [job.name for job in client.list_jobs(["succeeded"])] == ["jobs/1"]
    assert [job.name for job in client.list_jobs([JobState.QUEUED, JobState.RUNNING])] == ["jobs/2"]


def test_a_resource_that_the_server_cannot_read_is_told_beside_those_that_it_can(
    client: Client, server: InProcessServer, caplog: pytest.LogCaptureFixture
) -> None:
    client.compute_eigenbasis("faces")
    damaged = values_pb2.UnreadableResource(name="jobs/9", reason="jobs/9 cannot be read: damaged")
    server.changes["ListJobs"] = lambda answer: answer.unreadable.append(damaged)
    assert [job.name for job in client.list_jobs()] == ["jobs/1"]
    assert caplog.messages == ["jobs/9 cannot be read: damaged"]


def test_a_job_found_by_name_gives_its_result(client: Client) -> None:
    basis = client.compute_eigenbasis("faces")
    found = client.get_job("1").result()
    assert isinstance(found, pullback_client.Eigenbasis)
    assert found.name == basis.name


def test_a_cancelled_job_has_no_result(client: Client, server: InProcessServer) -> None:
    server.bench.hold = True
    job = client.submit_eigenbasis("faces")
    assert job.cancel().state is JobState.CANCELLED
    with pytest.raises(pullback_client.JobCancelledError, match="jobs/1 was cancelled") as caught:
        job.result()
    assert (caught.value.job, caught.value.code) == ("jobs/1", grpc.StatusCode.CANCELLED)


def test_the_target_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, server: InProcessServer) -> None:
    monkeypatch.setenv("PULLBACK_TARGET", server.target)
    with Client() as client:
        assert client.target == server.target
        assert len(client.list_generators()) == 3
    monkeypatch.delenv("PULLBACK_TARGET")
    with Client() as client:
        assert client.target == "127.0.0.1:50051"
