"""The client against a server that answers from canned state, over a real socket."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

import pullback_client
from fake_server import DIM, FakeServer
from pullback_api.v1 import generators_pb2, specs_pb2
from pullback_client import CatalogueFault, Client, Generator, Inversion, JobEvent, JobState, WeightsState


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


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
        Analysis AnalysisInfo Spectrum DimsFor ApparentSpeed Homogeneity DistanceComparison LayerAmplification AxisStrip
        WalkStatistics DistanceCurves DensityDrift Warpage SubspaceDistances Robustness PerturbationCurve
        Variations VariationDistances WalkDistances WalkQuality TraversalDistances
        Inversion InversionFailure InversionOutcome InversionOptions Solution Alignment BestSoFar Box Crop Framing
        EvolutionSession EvolveOptions EvolveThread Batch Trial TrialResult TellOutcome BestImage
        Directions DirectionsInfo DirectionsOptions Direction EigenShare Annotation
        Traversal Frame WalkOptions MaskOptions WalkStart Edit EditOutcome
        SessionState SessionStatus SessionEvent ThreadState ThreadStatus GenerationSummary
        SessionHistory GenerationRecord TrialRecord Origin
        ImageInput Job JobEvent JobState Portion Progress
        ClientError FieldViolation InvalidArgumentError NotFoundError AlreadyExistsError FailedPreconditionError
        ResourceExhaustedError UnavailableError DeadlineExceededError CallCancelledError InternalError
        BadResponseError JobError JobFailedError JobCancelledError ServerStartError
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


def test_generators_come_from_every_page(client: Client, server: FakeServer) -> None:
    generators = client.generators()
    assert [generator.name for generator in generators] == ["eyes", "faces"]
    assert generators[1].spaces["z"].dim == DIM
    assert len(server.state.called("ListGenerators")) == 2


def test_a_generator_is_known_by_its_id_and_by_its_resource_name(client: Client) -> None:
    assert client.generator("faces") == client.generator("generators/faces")


def test_samples_are_arrays_and_repeat_with_the_seed(client: Client) -> None:
    latents = client.sample("faces", 3, seed=7)
    assert latents.shape == (3, DIM)
    assert latents.dtype == np.float32
    np.testing.assert_array_equal(latents, client.sample("faces", 3, seed=7))


def test_latents_are_rendered_in_their_order(client: Client, server: FakeServer) -> None:
    images = client.render("faces", np.zeros((3, DIM)))
    assert [image.getpixel((0, 0)) for image in images] == [(0, 0, 0), (10, 10, 10), (20, 20, 20)]
    (request,) = server.state.called("Render")
    assert list(request.latents.shape) == [3, DIM]


def test_a_single_latent_is_rendered_as_a_batch_of_one(client: Client) -> None:
    assert len(client.render("faces", np.zeros(DIM))) == 1


def test_distances_come_with_the_default_marked(client: Client) -> None:
    assert [(distance.name, distance.is_default) for distance in client.distances()] == [
        ("fake-distance", True),
        ("mse", False),
    ]


def test_generators_and_distances_say_where_their_weights_are(client: Client) -> None:
    eyes = client.generator("eyes")
    assert (eyes.weights_source, eyes.weights_state) == ("eyes.pth of eyes==1.0", WeightsState.HERE)
    default, mse = client.distances()
    assert (default.takes, default.licence, default.citation) == (("images",), "MIT", "someone")
    assert (default.weights_source, default.weights_state) == (
        "https://example.org/fake.pth",
        WeightsState.TO_DOWNLOAD,
    )
    assert (mse.weights_source, mse.weights_state) == ("", WeightsState.NOT_NEEDED)
    assert (default.sides, mse.sides) == ((32, 300), None)
    # A server of an older version does not say.
    assert Generator.from_wire(generators_pb2.Generator(name="generators/old")).weights_state is WeightsState.UNKNOWN


def test_what_a_catalogue_has_that_cannot_be_used_is_handed_out(client: Client, server: FakeServer) -> None:
    assert client.catalogue_faults() == []
    server.state.catalogue_faults = [
        generators_pb2.CatalogueFault(generator="generators/mine", reason="no family"),
        generators_pb2.CatalogueFault(reason="no such file"),
    ]
    assert client.catalogue_faults() == [CatalogueFault("mine", "no family"), CatalogueFault("", "no such file")]
    assert [generator.name for generator in client.generators()] == ["eyes", "faces"]


def test_an_eigenbasis_has_its_arrays_and_where_they_came_from(client: Client) -> None:
    basis = client.eigenbasis("faces", samples=100)
    assert (basis.generator, basis.space, basis.distance) == ("faces", "z", "fake-distance")
    assert (basis.method, basis.samples, basis.dim) == ("sketch", 100, DIM)
    np.testing.assert_allclose(basis.metric @ basis.eigenvectors, basis.eigenvectors * basis.eigenvalues, atol=1e-12)


def test_the_options_of_an_eigenbasis_reach_the_server(client: Client, server: FakeServer) -> None:
    client.submit_eigenbasis(
        "faces", space="z", distance="mse", method="gram_iteration", samples=7, k=3, seed=5, max_memory_mib=64
    )
    client.submit_eigenbasis("faces", samples="auto", max_samples=500, tolerance=0.01, separate=True)
    fixed, automatic = (request.spec for request in server.state.called("ComputeEigenbasis"))
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
        generator="generators/faces",
        method=specs_pb2.METRIC_METHOD_SKETCH,
        samples=500,
        automatic=True,
        tolerance=0.01,
        separate=True,
    )


def test_an_eigenbasis_that_exists_is_not_computed_again(client: Client, server: FakeServer) -> None:
    first, second = client.eigenbasis("faces"), client.eigenbasis("faces")
    assert first.name == second.name
    assert len(server.state.jobs) == 1
    ids = [request.request_id for request in server.state.called("ComputeEigenbasis")]
    assert len(set(ids)) == 2
    assert all(0 < len(each) <= 64 for each in ids)


def test_eigenbases_are_listed_without_arrays_and_deleted(client: Client) -> None:
    basis = client.eigenbasis("faces")
    (listed,) = client.eigenbases("faces")
    assert listed.provenance == basis.provenance
    client.delete_eigenbasis(listed)
    assert client.eigenbases() == []
    with pytest.raises(pullback_client.NotFoundError, match="known: none"):
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


def test_a_file_is_sent_as_it_is(client: Client, server: FakeServer, photo: Path) -> None:
    client.invert(photo, "faces", method="adam")
    (request,) = server.state.called("Invert")
    assert request.targets[0].image.data == photo.read_bytes()


def test_a_callback_hears_of_both_jobs(client: Client, server: FakeServer, photo: Path) -> None:
    server.state.finish_later = True
    events: list[JobEvent] = []
    client.invert(photo, "faces", progress=events.append)
    assert [event.job for event in events] == ["jobs/1"] * 5 + ["jobs/2"] * 5
    assert [event.progress.step for event in events] == 2 * [0, 1, 2, 3, 3]
    assert events[-1].state is JobState.SUCCEEDED
    assert [event.progress.loss for event in events[5:8]] == [None, 1.0, 0.5]


def test_a_callback_sees_previews(client: Client, server: FakeServer, photo: Path) -> None:
    server.state.finish_jobs = False
    job = client.submit_inversion(photo, "faces", method="adam", preview_every=1)
    server.state.advance(job.name, 1, previews=2)
    server.state.finish(job.name)
    events = list(job.watch(after_sequence=1))
    assert [len(event.previews) for event in events] == [2, 0]
    assert events[0].previews[0].size == (16, 16)


def test_a_submitted_job_can_be_looked_at_waited_for_and_asked_for_its_result(
    client: Client, server: FakeServer, photo: Path
) -> None:
    server.state.finish_jobs = False
    job = client.submit_inversion(photo, "faces", method="adam")
    assert (job.kind, job.state, job.started, job.ended) == ("inversion", JobState.QUEUED, None, None)
    server.state.advance(job.name, 1)
    assert job.refresh().progress.step == 1
    threading.Timer(0.2, server.state.finish, [job.name]).start()
    assert job.wait(timeout=10).state is JobState.SUCCEEDED
    (result,) = job.result()
    assert isinstance(result, Inversion)
    assert result.job == job.name


def test_jobs_are_listed_newest_first_and_by_state(client: Client, server: FakeServer, photo: Path) -> None:
    client.eigenbasis("faces")
    server.state.finish_jobs = False
    client.submit_inversion(photo, "faces", method="adam")
    assert [job.name for job in client.jobs()] == ["jobs/2", "jobs/1"]
    assert [job.name for job in client.jobs(["succeeded"])] == ["jobs/1"]
    assert [job.name for job in client.jobs([JobState.QUEUED, JobState.RUNNING])] == ["jobs/2"]


def test_a_job_found_by_name_gives_its_result(client: Client) -> None:
    basis = client.eigenbasis("faces")
    found = client.job("1").result()
    assert isinstance(found, pullback_client.Eigenbasis)
    assert found.name == basis.name


def test_a_cancelled_job_has_no_result(client: Client, server: FakeServer) -> None:
    server.state.finish_jobs = False
    job = client.submit_eigenbasis("faces")
    assert job.cancel().state is JobState.CANCELLED
    with pytest.raises(pullback_client.JobCancelledError, match="jobs/1 was cancelled") as caught:
        job.result()
    assert (caught.value.job, caught.value.code) == ("jobs/1", grpc.StatusCode.CANCELLED)


def test_the_target_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> None:
    monkeypatch.setenv("PULLBACK_TARGET", server.target)
    with Client() as client:
        assert client.target == server.target
        assert len(client.generators()) == 2
    monkeypatch.delenv("PULLBACK_TARGET")
    with Client() as client:
        assert client.target == "127.0.0.1:50051"
