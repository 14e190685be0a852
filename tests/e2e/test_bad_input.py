"""Bad input through the wire: a clear error with the field at fault, and nothing lost or left behind."""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from PIL import Image

from cases import CASES
from live_server import LiveServer
from pullback import generators
from pullback.weights import ensure
from pullback_api.tensors import pack
from pullback_api.v1 import generators_pb2, geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2, values_pb2
from tiny import DIM, SIZE, write_catalogue

TINY = "generators/tiny"
ADAM, HESSIAN_ADAM = specs_pb2.INVERSION_METHOD_ADAM, specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
DEADLINE = 60.0


def encode(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
GOOD = encode(NOISE)


def target(data: bytes = GOOD, mask: bytes | None = None, **fields: Any) -> inversion_pb2.Target:
    made = inversion_pb2.Target(image=values_pb2.Image(data=data), **fields)
    if mask is not None:
        made.mask.data = mask
    return made


def settings(**fields: Any) -> specs_pb2.InversionSettings:
    """Settings that work: two steps of plain Adam."""
    defaults = {"generator": TINY, "distance": "mse", "method": ADAM, "steps": 2, "restarts": 1}
    return specs_pb2.InversionSettings(**{**defaults, **fields})


def invert(server: LiveServer, *targets: inversion_pb2.Target, request_id: str = "", **fields: Any) -> jobs_pb2.Job:
    request = inversion_pb2.InvertRequest(
        settings=settings(**fields), targets=targets or [target()], request_id=request_id
    )
    return server.inversion.Invert(request, timeout=DEADLINE)


def compute(server: LiveServer, request_id: str = "", **fields: Any) -> jobs_pb2.Job:
    defaults = {"generator": TINY, "distance": "mse", "samples": 16}
    request = geometry_pb2.ComputeEigenbasisRequest(
        spec=specs_pb2.EigenbasisSpec(**{**defaults, **fields}), request_id=request_id
    )
    return server.geometry.ComputeEigenbasis(request, timeout=DEADLINE)


def render(server: LiveServer, latents: values_pb2.Tensor, **fields: Any) -> list[generators_pb2.RenderResponse]:
    request = generators_pb2.RenderRequest(**{"generator": TINY, "latents": latents, **fields})
    return list(server.generators.Render(request, timeout=DEADLINE))


@dataclass
class Refusal:
    """What the caller was told: the message, and the fields that are at fault."""

    message: str = ""
    fields: dict[str, str] = field(default_factory=dict)


@contextmanager
def refused(code: grpc.StatusCode) -> Iterator[Refusal]:
    """Asserts that a call is refused with that code; tells what it said."""
    refusal = Refusal()
    with pytest.raises(grpc.RpcError) as caught:
        yield refusal
    call = caught.value
    assert isinstance(call, grpc.Call)
    assert call.code() == code, call.details()
    refusal.message = call.details() or ""
    status = rpc_status.from_call(call)
    for detail in status.details if status else ():
        bad_request = error_details_pb2.BadRequest()
        assert detail.Unpack(bad_request)
        refusal.fields.update({found.field: found.description for found in bad_request.field_violations})


def jobs(server: LiveServer) -> list[str]:
    return [job.name for job in server.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=1000)).jobs]


# Images -------------------------------------------------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """A PNG file whose header promises that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")


BAD_IMAGES = {
    "no image": (b"\0\1\2\3hello", "not an image"),
    "text": (b"hello, world", "a text file"),
    "HEIC": ((CASES / "fake.heic").read_bytes(), "HEIC photograph"),
    "200 million pixels": (
        (CASES / "huge_200MP.png").read_bytes(),
        "20000 × 10000 pixels; at most 64,000,000 are taken: scale it down",
    ),
    "no bytes": (b"", "0 bytes"),
    "truncated": (GOOD[:200], "truncated or corrupted"),
    "bomb": (png_header(20_000, 20_000), "20000 × 20000 pixels; at most 64,000,000 are taken"),
    "too small": (encode(Image.new("RGB", (7, 7))), "each side needs at least 8"),
    "wrong aspect": (encode(Image.new("RGB", (40, 20))), "ask for a centred crop"),
    "animated": (encode(NOISE, "GIF", save_all=True, append_images=[Image.new("RGB", NOISE.size)]), "send one frame"),
    "floating point": (encode(Image.new("F", NOISE.size, 200.0), "TIFF"), "floats must lie in [0, 1]"),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_a_request_of_nothing_but_a_bad_image_is_refused_and_leaves_no_job(server: LiveServer, case: str) -> None:
    data, words = BAD_IMAGES[case]
    before = jobs(server)
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(server, target(data))
    assert refusal.fields.keys() == {"targets[0].image"}
    assert words in refusal.fields["targets[0].image"]
    assert f"targets[0].image: {refusal.fields['targets[0].image']}" == refusal.message
    assert jobs(server) == before


def test_one_bad_image_in_five_fails_alone(server: LiveServer) -> None:
    good = [target(label=f"good {number}") for number in range(4)]
    bad = target(GOOD[:200], label="torn")
    job = server.wait(invert(server, *good[:2], bad, *good[2:], preview_every=1).name)
    assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED
    found = server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=job.result)).results
    assert [result.label for result in found] == ["good 0", "good 1", "torn", "good 2", "good 3"]
    failed = found.pop(2)
    assert failed.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert failed.error.message.startswith("targets[2].image: the PNG file is truncated or corrupted")
    assert {field.name for field, _ in failed.ListFields()} == {"label", "error"}
    assert all(result.image.data and not result.HasField("error") for result in found)
    # Nothing of the others depends on it.
    whole = server.wait(invert(server, *good).name)
    without = server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=whole.result)).results
    assert [result.latent.data for result in found] == [result.latent.data for result in without]


def test_bad_masks_and_regions_are_their_images_own_failure(server: LiveServer) -> None:
    region = inversion_pb2.Box(left=SIZE - 1, width=2, height=1)
    whole = inversion_pb2.Box(width=SIZE, height=SIZE)
    job = server.wait(
        invert(
            server,
            target(mask=encode(Image.new("L", (8, 8), 255))),
            target(ignore=[inversion_pb2.Box(width=1, height=1), region]),
            target(),
            target(ignore=[whole]),
        ).name
    )
    found = server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=job.result)).results
    assert [result.HasField("error") for result in found] == [True, True, False, True]
    assert "targets[0].mask: the mask has 8 × 8 pixels" in found[0].error.message
    assert "targets[1].ignore[1]: the region reaches to" in found[1].error.message
    assert "targets[3].ignore: the regions to ignore hide all" in found[3].error.message


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"label": "a" * 201}, "targets[1].label"),
        ({"fit": 9}, "targets[1].fit"),
        ({"class_label": "blue"}, "targets[1].class_label"),
        ({"ignore": [inversion_pb2.Box(width=1, height=1)] * 65}, "targets[1].ignore"),
        ({"ignore": [inversion_pb2.Box(left=-1, width=1, height=1)]}, "targets[1].ignore[0]"),
    ],
    ids=["label", "fit", "class", "many regions", "negative region"],
)
def test_what_is_no_images_fault_refuses_the_request(server: LiveServer, fields: dict[str, Any], name: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(server, target(), target(**fields), target())
    assert refusal.fields.keys() == {name}


def test_every_bad_target_is_named_at_once(server: LiveServer) -> None:
    small = encode(Image.new("L", (8, 8), 255))
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(
            server,
            target(b"x"),
            target(mask=small),
            target(mask=encode(Image.new("L", NOISE.size, 0))),
            target(label="a" * 201),
            target(fit=9),
        )
    expected = ["targets[0].image", "targets[1].mask", "targets[2].mask", "targets[3].label", "targets[4].fit"]
    assert list(refusal.fields) == expected
    assert "8 × 8" in refusal.fields["targets[1].mask"]
    assert "black everywhere" in refusal.fields["targets[2].mask"]
    assert "at most 200 characters, but 201 came" in refusal.fields["targets[3].label"]
    assert "FIT_CENTER_CROP" in refusal.fields["targets[4].fit"]


def test_an_error_about_very_many_images_still_arrives(server: LiveServer) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(server, *[target(b"x")] * 256)
    assert refusal.message.startswith("256 fields cannot be used: targets[0].image: the file is not an image")
    assert len(refusal.fields) > 5


@pytest.mark.parametrize("count", [0, 257])
def test_another_number_of_targets_is_refused(server: LiveServer, count: int) -> None:
    request = inversion_pb2.InvertRequest(settings=settings(), targets=[target()] * count)
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        server.inversion.Invert(request)
    assert f"1 to 256 images, but {count} came" in refusal.fields["targets"]


@pytest.mark.parametrize(
    "data",
    [
        encode(NOISE.convert("L")),
        encode(NOISE.convert("RGBA")),
        encode(NOISE.convert("CMYK"), "JPEG"),
        encode(NOISE.convert("P"), "GIF"),
        encode(NOISE, "WEBP"),
        encode(NOISE, "TIFF"),
        encode(NOISE, "BMP"),
        encode(Image.fromarray(np.full((SIZE, SIZE), 40_000, np.uint16))),
    ],
    ids=["greyscale", "alpha", "cmyk", "gif", "webp", "tiff", "bmp", "16-bit"],
)
def test_pictures_as_people_have_them_are_inverted(server: LiveServer, data: bytes) -> None:
    assert server.wait(invert(server, target(data)).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_a_centred_crop_and_the_exif_orientation_reach_the_target(server: LiveServer) -> None:
    wide = Image.new("RGB", (3 * SIZE, SIZE))
    wide.paste(NOISE, (SIZE, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    job = server.wait(invert(server, target(encode(wide, exif=exif), fit=inversion_pb2.FIT_CENTER_CROP)).name)
    (found,) = server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=job.result)).results
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(found.target.data))), np.rot90(np.asarray(NOISE), -1)
    )


# Latents ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_latents_that_are_not_finite_are_refused_with_their_row(server: LiveServer, bad: float) -> None:
    latents = np.zeros((3, DIM))
    latents[1, 4] = bad
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        render(server, pack(latents))
    assert "finite in float32, but row 1" in refusal.fields["latents"]


def test_latents_beyond_single_precision_are_refused(server: LiveServer) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        render(server, pack(np.full((1, DIM), 1e300)))
    assert "finite in float32, but row 0" in refusal.fields["latents"]


@pytest.mark.parametrize("shape", [(1, DIM + 1), (DIM,), (), (0, DIM), (1, 1, DIM), (10_001, DIM)])
def test_latents_of_another_shape_are_refused_with_the_right_one(server: LiveServer, shape: tuple[int, ...]) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        render(server, pack(np.zeros(shape)))
    assert f"expected shape (n, {DIM}) for space 'z' of {TINY}" in refusal.fields["latents"]
    assert f"{list(shape)} came" in refusal.fields["latents"]


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (values_pb2.Tensor(), "expected DATA_TYPE_FLOAT32 or DATA_TYPE_FLOAT64"),
        (values_pb2.Tensor(dtype=values_pb2.DATA_TYPE_FLOAT32, shape=[1, DIM], data=bytes(31)), "takes 32"),
        (values_pb2.Tensor(dtype=values_pb2.DATA_TYPE_FLOAT64, shape=[-1, DIM], data=bytes(64)), "negative axis"),
    ],
    ids=["no type", "short", "negative"],
)
def test_a_malformed_tensor_is_refused(server: LiveServer, tensor: values_pb2.Tensor, words: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        render(server, tensor)
    assert words in refusal.fields["latents"]


def test_an_unknown_image_format_is_refused(server: LiveServer) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        render(server, pack(np.zeros((1, DIM))), format=9)
    assert "sent as PNG, JPEG" in refusal.fields["format"]


@pytest.mark.parametrize(("name", "value"), [("count", -1), ("count", 10_001), ("seed", -1)])
def test_samples_out_of_range_are_refused(server: LiveServer, name: str, value: int) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        server.generators.SampleLatents(generators_pb2.SampleLatentsRequest(generator=TINY, **{name: value}))
    assert f"{value} came" in refusal.fields[name]


# Names --------------------------------------------------------------------------------------------------------------


def test_an_unknown_generator_is_not_found_everywhere_and_the_known_ones_are_listed(server: LiveServer) -> None:
    calls: list[Callable[[str], object]] = [
        lambda name: server.generators.GetGenerator(generators_pb2.GetGeneratorRequest(name=name)),
        lambda name: server.generators.SampleLatents(generators_pb2.SampleLatentsRequest(generator=name)),
        lambda name: render(server, pack(np.zeros((1, DIM))), generator=name),
        lambda name: server.geometry.ListEigenbases(geometry_pb2.ListEigenbasesRequest(parent=name)),
        lambda name: compute(server, generator=name),
        lambda name: invert(server, generator=name),
    ]
    for call in calls:
        with refused(grpc.StatusCode.NOT_FOUND) as refusal:
            call("generators/nobody")
        assert "'nobody'" in refusal.message
        assert "known: faces, eyes, faces32, tiny" in refusal.message
        with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
            call("tiny")
        assert "of the form generators/{generator}, but 'tiny' came" in refusal.message


def test_an_unknown_space_is_refused_everywhere_and_the_known_ones_are_listed(server: LiveServer) -> None:
    calls: dict[str, Callable[[], object]] = {
        "space": lambda: render(server, pack(np.zeros((1, DIM))), space="w"),
        "spec.space": lambda: compute(server, space="w"),
        "settings.space": lambda: invert(server, space="w"),
    }
    for name, call in calls.items():
        with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
            call()
        assert "'w'" in refusal.fields[name]
        assert "known: z" in refusal.fields[name]


def test_an_unknown_distance_is_refused_everywhere_and_the_known_ones_are_listed(server: LiveServer) -> None:
    calls: dict[str, Callable[[], object]] = {
        "spec.distance": lambda: compute(server, distance="hausdorff"),
        "settings.distance": lambda: invert(server, distance="hausdorff"),
    }
    for name, call in calls.items():
        with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
            call()
        assert "'hausdorff'" in refusal.fields[name]
        assert "known: lpips-alex" in refusal.fields[name]


def test_an_absurdly_long_name_is_refused_in_an_error_that_arrives(server: LiveServer) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(server, distance="×" * 100_000)
    assert "settings.distance" in refusal.message


def test_unknown_resources_are_not_found_and_the_message_says_where_to_look(server: LiveServer) -> None:
    basis = f"{TINY}/eigenbases/none"
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: server.jobs.GetJob(jobs_pb2.GetJobRequest(name="jobs/none")), "ListJobs"),
        (lambda: server.jobs.WaitJob(jobs_pb2.WaitJobRequest(name="jobs/none")), "ListJobs"),
        (lambda: server.jobs.CancelJob(jobs_pb2.CancelJobRequest(name="jobs/none")), "ListJobs"),
        (lambda: list(server.jobs.WatchJob(jobs_pb2.WatchJobRequest(name="jobs/none"))), "ListJobs"),
        (lambda: server.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=basis)), "ListEigenbases"),
        (lambda: server.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=basis)), "ListEigenbases"),
        (
            lambda: server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name="inversions/none")),
            "ListInversions",
        ),
    ]
    for call, method in calls:
        with refused(grpc.StatusCode.NOT_FOUND) as refusal:
            call()
        assert "/none'" in refusal.message
        assert re.search(rf"\b{method} of the API\)? tells? which there are", refusal.message)


def test_bad_pages_waits_and_watches_are_refused(server: LiveServer) -> None:
    lists: list[Callable[..., object]] = [
        lambda **page: server.generators.ListGenerators(generators_pb2.ListGeneratorsRequest(**page)),
        lambda **page: server.geometry.ListEigenbases(geometry_pb2.ListEigenbasesRequest(parent=TINY, **page)),
        lambda **page: server.inversion.ListInversions(inversion_pb2.ListInversionsRequest(**page)),
        lambda **page: server.jobs.ListJobs(jobs_pb2.ListJobsRequest(**page)),
    ]
    for call in lists:
        for page in ({"page_size": -1}, {"page_size": 1001}, {"page_token": "nobody's"}, {"page_token": "ü"}):
            with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
                call(**page)
            assert refusal.fields.keys() == page.keys()
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        server.jobs.ListJobs(jobs_pb2.ListJobsRequest(states=[77]))  # type: ignore[list-item]
    assert "JOB_STATE_QUEUED" in refusal.fields["states"]
    job = invert(server)
    for seconds in (-1, 3601):
        with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
            server.jobs.WaitJob(jobs_pb2.WaitJobRequest(name=job.name, timeout={"seconds": seconds}))
        assert "0 to 3600 s" in refusal.fields["timeout"]
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        list(server.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job.name, after_sequence=-1)))
    assert "-1 came" in refusal.fields["after_sequence"]


# Numbers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"steps": -1}, "settings.steps"),
        ({"steps": 100_001}, "settings.steps"),
        ({"restarts": 1_025}, "settings.restarts"),
        ({"seed": -1}, "settings.seed"),
        ({"learning_rate": 0.0}, "settings.learning_rate"),
        ({"learning_rate": math.nan}, "settings.learning_rate"),
        ({"weights": {"l2": -1}}, "settings.weights.l2"),
        ({"weights": {"distance": math.inf}}, "settings.weights.distance"),
        ({"weights": {"distance": 0, "l1": 0, "l2": 0}}, "settings.weights"),
        ({"method": HESSIAN_ADAM, "exponent": 1.5}, "settings.exponent"),
        ({"method": 99}, "settings.method"),
        ({"top_k": 2, "restarts": 1}, "settings.top_k"),
        ({"truncation": -1.0}, "settings.truncation"),
        ({"alignment": {"scale": 2.0}}, "settings.alignment.scale"),
        ({"evaluations": -1}, "settings.evaluations"),
        ({"class_mode": 1}, "settings.class_mode"),
        ({"schedule": 9}, "settings.schedule"),
        ({"preview_every": -1}, "settings.preview_every"),
    ],
)
def test_a_number_out_of_range_is_named(server: LiveServer, fields: dict[str, Any], named: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(server, **fields)
    assert refusal.fields.keys() == {named}
    assert (
        "came" in refusal.fields[named]
        or "known" in refusal.fields[named]
        or "at least one" in refusal.fields[named]
        or "has no classes" in refusal.fields[named]
    )


def test_everything_wrong_with_the_settings_is_said_at_once(server: LiveServer) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(server, space="w", distance="hausdorff", steps=-1, seed=-1)
    assert list(refusal.fields) == ["settings.space", "settings.distance", "settings.steps", "settings.seed"]


# Requests -----------------------------------------------------------------------------------------------------------


def test_a_message_over_the_limit_is_refused_and_the_server_goes_on(server: LiveServer) -> None:
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED) as refusal:
        invert(server, target(bytes(65 * 1024 * 1024)))
    assert "larger than max" in refusal.message
    assert invert(server).name


def test_a_request_id_that_is_too_long_is_refused(server: LiveServer) -> None:
    for call in (invert, compute):
        with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
            call(server, request_id="a" * 65)
        assert "at most 64 characters, but 65 came" in refusal.fields["request_id"]


def test_a_request_id_stands_for_one_request(server: LiveServer) -> None:
    first = invert(server, request_id="bad-input-once")
    assert invert(server, request_id="bad-input-once").name == first.name
    others: list[Callable[[], object]] = [
        lambda: invert(server, request_id="bad-input-once", steps=3),
        lambda: invert(server, target(label="another"), request_id="bad-input-once"),
        lambda: compute(server, request_id="bad-input-once"),
    ]
    for other in others:
        with refused(grpc.StatusCode.ALREADY_EXISTS) as refusal:
            other()
        assert f"'bad-input-once' was used for another request, {first.name}" in refusal.message


# Eigenbases ---------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_an_inversion_is_told_before_an_eigenbasis_is_queued_for_it(server: LiveServer) -> None:
    before = jobs(server)
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        invert(server, method=HESSIAN_ADAM, distance="st-lpips-alex", exponent=3.0)
    assert jobs(server) == before


def test_what_is_no_name_of_an_eigenbasis_is_named(server: LiveServer) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as refusal:
        invert(server, method=HESSIAN_ADAM, eigenbasis="mine")
    assert "'mine' came" in refusal.fields["settings.eigenbasis"]


def test_an_eigenbasis_that_does_not_exist_is_not_found(server: LiveServer) -> None:
    with refused(grpc.StatusCode.NOT_FOUND) as refusal:
        invert(server, method=HESSIAN_ADAM, eigenbasis=f"{TINY}/eigenbases/none")
    assert f"no eigenbasis '{TINY}/eigenbases/none'" in refusal.message


def test_an_eigenbasis_of_other_weights_is_refused(start_server: Callable[..., LiveServer], tmp_path: Path) -> None:
    first = start_server()
    basis = first.eigenbasis()
    first.close()
    catalogue = write_catalogue(tmp_path / "other", seed=1)
    second = start_server(PULLBACK_CATALOGUE=str(catalogue))
    with refused(grpc.StatusCode.FAILED_PRECONDITION) as refusal:
        invert(second, method=HESSIAN_ADAM, eigenbasis=basis)
    assert basis in refusal.message
    assert "weights hash is" in refusal.message
    assert "compute one for this generator" in refusal.message
    # The old one is not lost, and does not stand in the way of a new one.
    assert second.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=basis)).name == basis
    assert second.eigenbasis() != basis


# Weights ------------------------------------------------------------------------------------------------------------


def test_a_corrupted_weight_file_is_data_loss_and_named(
    start_server: Callable[..., LiveServer],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PULLBACK_CATALOGUE", environment["PULLBACK_CATALOGUE"])
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    cached = ensure(generators.entry("tiny").source)
    data = bytearray(cached.read_bytes())
    data[-1] ^= 1
    cached.write_bytes(data)
    server = start_server(PULLBACK_CACHE=str(tmp_path / "cache"))
    with refused(grpc.StatusCode.DATA_LOSS) as refusal:
        server.generators.SampleLatents(generators_pb2.SampleLatentsRequest(generator=TINY), timeout=DEADLINE)
    assert f"…/{cached.name}" in refusal.message
    assert str(cached.parent) not in refusal.message
    assert "Delete" in refusal.message
    failed = server.wait(invert(server).name)
    assert failed.state == jobs_pb2.JOB_STATE_FAILED
    assert failed.error.code == grpc.StatusCode.DATA_LOSS.value[0]
    assert f"…/{cached.name}" in failed.error.message
    # Whoever runs the server finds it all the same.
    assert str(cached) in server.log()
    # Once it is repaired, the same worker goes on.
    data[-1] ^= 1
    cached.write_bytes(data)
    assert server.wait(invert(server).name).state == jobs_pb2.JOB_STATE_SUCCEEDED


def test_weights_that_are_not_here_fail_the_job_and_say_how_to_get_them(
    start_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    server = start_server(
        PULLBACK_OFFLINE="1", TORCH_HOME=str(tmp_path / "torch"), PULLBACK_CACHE=str(tmp_path / "new")
    )
    failed = server.wait(invert(server, distance="lpips-vgg").name)
    assert failed.state == jobs_pb2.JOB_STATE_FAILED
    assert failed.error.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
    for words in ("vgg16-397923af.pth", "PULLBACK_OFFLINE", "To place them by hand", "download.pytorch.org"):
        assert words in failed.error.message
    with refused(grpc.StatusCode.FAILED_PRECONDITION) as refusal:
        server.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=failed.result))
    assert "ended as FAILED and made no result" in refusal.message
    # No other distance is put in its place, and other distances still work.
    assert server.wait(invert(server).name).state == jobs_pb2.JOB_STATE_SUCCEEDED
