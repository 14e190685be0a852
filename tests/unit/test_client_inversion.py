"""What an inversion asks of the server, and what becomes of one photograph and of many."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import pullback_client.inversion.requests
from in_process import DIM, Failure, InProcessServer
from pullback_api.v1 import specs_pb2
from pullback_client import (
    Alignment,
    Box,
    Client,
    InvalidArgumentError,
    Inversion,
    InversionFailure,
    JobCancelledError,
    JobEvent,
    JobFailedError,
    JobState,
    Portion,
    ResourceExhaustedError,
)
from pullback_client.jobs.progress import Bars
from stub_results import ALIGNMENT

BROKEN = b"this is no photograph"
NO_IMAGE = "the file is a text file: it holds no picture: leave it out"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Five photographs, of which the second and the fourth are broken."""
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("RGB", (20, 20), (number, 0, 0)).save(path)
    for number in (1, 3):
        paths[number].write_bytes(BROKEN)
    return paths


def needed(client: Client) -> specs_pb2.EigenbasisSpec:
    """The eigenbasis that the server computed because an inversion needed it, and which that works in."""
    inversion, eigenbasis = client.list_jobs()
    assert inversion._message.invert.eigenbasis == eigenbasis.result_name
    return eigenbasis._message.compute_eigenbasis


def settings_of(server: InProcessServer) -> specs_pb2.InversionSettings:
    (request,) = server.called("Invert")
    return request.settings  # type: ignore[no-any-return]


# What is asked for


def test_options_reach_the_server(client: Client, server: InProcessServer, photo: Path) -> None:
    client.invert(
        photo,
        "faces",
        method="adam",
        weights={"l1": 0.5, "prior": 0.01},
        steps=9,
        restarts=2,
        seed=5,
        start="mean",
        thin=True,
        evaluations=120,
        seconds=2.5,
        patience=7,
        learning_rate=0.1,
        schedule="cosine",
        truncation=1.5,
        top_k=2,
        preview_every=3,
        center_crop=True,
        masks=photo,
    )
    (request,) = server.called("Invert")
    settings = request.settings
    assert (settings.steps, settings.restarts, settings.seed, settings.preview_every) == (9, 2, 5, 3)
    assert (settings.evaluations, settings.seconds, settings.patience, settings.top_k) == (120, 2.5, 7, 2)
    assert (settings.start, settings.thin, settings.truncation) == (specs_pb2.START_MEAN, True, 1.5)
    assert (settings.learning_rate, settings.weights.l1, settings.weights.prior) == (0.1, 0.5, 0.01)
    assert settings.schedule == specs_pb2.SCHEDULE_COSINE
    assert not settings.weights.HasField("l2")
    assert request.targets[0].fit == 1
    assert request.targets[0].mask.data == photo.read_bytes()


def test_what_is_left_out_is_left_to_the_server(client: Client, server: InProcessServer, photo: Path) -> None:
    client.invert(photo, "faces", method="adam", alignment=False, thin=None)
    expected = specs_pb2.InversionSettings(generator="generators/faces", method=specs_pb2.INVERSION_METHOD_ADAM)
    assert settings_of(server) == expected


def test_to_thin_is_not_the_same_as_to_say_nothing(client: Client, server: InProcessServer, photo: Path) -> None:
    client.invert(photo, "faces", method="adam", thin=False)
    assert settings_of(server).HasField("thin")


def test_every_method_basis_start_and_class_mode_of_the_contract_has_its_word() -> None:
    from typing import get_args

    from pullback_client.wire import option_types as words

    for literal, enum, prefix in (
        (words.InversionMethod, specs_pb2.InversionMethod, "INVERSION_METHOD"),
        (words.InversionBasis, specs_pb2.InversionBasis, "INVERSION_BASIS"),
        (words.Schedule, specs_pb2.Schedule, "SCHEDULE"),
        (words.Start, specs_pb2.Start, "START"),
        (words.ClassMode, specs_pb2.ClassMode, "CLASS_MODE"),
    ):
        known = {f"{prefix}_{word.upper()}" for word in get_args(literal)}
        assert known == set(enum.keys()) - {f"{prefix}_UNSPECIFIED"}


@pytest.mark.parametrize(
    ("alignment", "scale", "shift"), [(True, 0.0, 0.0), ({"scale": 0.2}, 0.2, 0.0), ({"shift": 0.3}, 0.0, 0.3)]
)
def test_the_alignment_is_searched_where_it_is_asked_for(
    client: Client, server: InProcessServer, photo: Path, alignment: Any, scale: float, shift: float
) -> None:
    client.invert(photo, "faces", method="adam", alignment=alignment)
    settings = settings_of(server)
    assert settings.HasField("alignment")
    assert (settings.alignment.scale, settings.alignment.shift) == (scale, shift)


def test_regions_masks_and_classes_are_for_all_images_or_for_each(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    client.invert(
        [photo, photo],
        "eyes",
        method="adam",
        masks=photo,
        ignore=[Box(0, 1, 2, 3), (4, 5, 6, 7)],
        class_labels="brown",
    )
    client.invert(
        [photo, photo],
        "eyes",
        method="adam",
        masks=[None, photo],
        ignore=[[], [(np.int64(1), 2, 3, 4)]],  # type: ignore[list-item]
        class_labels=["blue", "brown"],
    )
    for_all, for_each = server.called("Invert")
    for target in for_all.targets:
        assert target.mask.data == photo.read_bytes()
        assert [(box.left, box.top, box.width, box.height) for box in target.ignore] == [(0, 1, 2, 3), (4, 5, 6, 7)]
        assert target.class_label == "brown"
    assert [target.HasField("mask") for target in for_each.targets] == [False, True]
    assert [len(target.ignore) for target in for_each.targets] == [0, 1]
    assert [target.class_label for target in for_each.targets] == ["blue", "brown"]
    assert for_all.settings.class_mode == specs_pb2.CLASS_MODE_GIVEN


def test_no_regions_at_all_are_none(client: Client, server: InProcessServer, photo: Path) -> None:
    client.invert([photo, photo], "faces", method="adam", ignore=[])
    assert all(not target.ignore for target in server.called("Invert")[0].targets)


# The eigenbasis that is made first


@pytest.mark.parametrize(
    ("options", "separate"),
    [
        ({}, False),
        ({"method": "lbfgs"}, False),
        ({"method": "basin_cma_hessian_adam"}, False),
        ({"method": "hessian_basin_cma", "basis": "global"}, False),
        ({"basis": "separate", "generator": "eyes", "class_mode": "free"}, True),
    ],
)
def test_a_method_that_works_in_an_eigenbasis_first_makes_the_default_one(
    client: Client, server: InProcessServer, photo: Path, options: dict[str, Any], separate: bool
) -> None:
    generator = options.get("generator", "faces")
    client.invert([photo, photo], distance="mse", **{"generator": generator, **options})
    spec = needed(client)
    assert (spec.generator, spec.distance, spec.samples) == (f"generators/{generator}", "mse", 2000)
    assert spec.separate is separate
    (basis,) = client.list_eigenbases()
    assert client.list_jobs()[1].result_name == basis.name
    assert settings_of(server).eigenbasis == ""


@pytest.mark.parametrize(
    ("distance", "of"),
    [
        (None, "lpips-alex"),
        ("lpips-vgg", "lpips-alex"),
        ("lpips-vgg@64", "lpips-alex@64"),
        ("mse", "mse"),
    ],
)
def test_the_eigenbasis_is_of_the_distances_preconditioner(
    client: Client, server: InProcessServer, photo: Path, distance: str | None, of: str
) -> None:
    client.invert(photo, "faces", distance=distance)
    assert (needed(client).distance, settings_of(server).distance) == (of, distance or "")


def test_a_distance_that_is_not_known_is_the_servers_to_refuse(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match="no distance is named 'unknown'; known: lpips-alex"):
        client.invert(photo, "faces", distance="unknown")
    assert server.jobs == {}


@pytest.mark.parametrize(
    "options",
    [
        {"method": "adam"},
        {"method": "basin_cma"},
        {"method": "levenberg_marquardt"},
        {"basis": "none"},
        {"basis": "local", "local_every": 5},
    ],
)
def test_what_works_without_a_stored_eigenbasis_makes_none(
    client: Client, server: InProcessServer, photo: Path, options: dict[str, Any]
) -> None:
    client.invert(photo, "faces", **options)
    assert [job.kind for job in client.list_jobs()] == ["inversion"]
    assert settings_of(server).eigenbasis == ""


def test_a_named_eigenbasis_is_taken_without_computing_one(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    basis = client.compute_eigenbasis("faces", samples=50)
    client.invert(photo, "faces", eigenbasis=basis)
    assert [job.kind for job in client.list_jobs()] == ["inversion", "eigenbasis"]
    assert settings_of(server).eigenbasis == basis.name


@pytest.mark.parametrize(
    ("options", "space"),
    [
        ({"class_mode": "free"}, "full"),
        ({"class_labels": "blue"}, "noise"),
        ({"class_mode": "searched"}, "noise"),
        ({}, "noise"),
        ({"space": "class"}, "class"),
    ],
)
def test_the_eigenbasis_is_of_the_space_in_which_latents_move(
    client: Client, server: InProcessServer, photo: Path, options: dict[str, Any], space: str
) -> None:
    client.invert(photo, "eyes", **options)
    assert needed(client).space == space


def test_the_eigenbasis_of_many_requests_is_made_once(client: Client, server: InProcessServer, photo: Path) -> None:
    list(client.iter_invert([photo] * 3, "faces", per_request=1))
    assert sorted(job.kind for job in client.list_jobs()) == ["eigenbasis", *["inversion"] * 3]
    assert len({job._message.invert.eigenbasis for job in client.list_jobs()} - {""}) == 1


# What comes back


def test_an_inversion_has_its_solutions_best_first(client: Client, photo: Path) -> None:
    result = client.invert(photo, "faces", method="adam", restarts=3, top_k=2)
    assert [solution.restart for solution in result.solutions] == [2, 1]
    assert result.solutions[0].distance == result.distance < result.solutions[1].distance
    np.testing.assert_array_equal(result.solutions[1].latent, np.ones(DIM, dtype=np.float32))
    assert result.solutions[1].image.size == (16, 16)
    assert (result.alignment, result.aligned_target, result.class_label) == (None, None, "")
    assert result.evaluations == 3 * 201


def test_a_result_is_not_saved_over_its_photograph_or_mask(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = [tmp_path / "me.png", tmp_path / "hidden.png"]
    Image.new("RGB", (64, 64), "red").save(originals[0])
    Image.new("L", (64, 64), 255).save(originals[1])
    before = [file.read_bytes() for file in originals]
    (tmp_path / "link.png").hardlink_to(originals[0])
    monkeypatch.chdir(tmp_path)
    found = client.invert("me.png", "faces", method="adam", masks="hidden.png")
    monkeypatch.chdir("/")
    for name in ("me.png", "hidden.png", "link.png"):
        with pytest.raises(InvalidArgumentError, match=f"{name}.*one of the files that this reads"):
            found.save(tmp_path / name)
    assert [file.read_bytes() for file in originals] == before
    assert found.save(tmp_path / "found.png") == [tmp_path / "found.png"]


def test_an_inversion_knows_where_it_lies_and_what_class_it_has(client: Client, photo: Path) -> None:
    result = client.invert(photo, "eyes", method="adam", alignment=True, class_labels="brown")
    assert result.alignment == Alignment(ALIGNMENT.scale, ALIGNMENT.shift_x, ALIGNMENT.shift_y)
    assert result.aligned_target is not None
    assert result.aligned_target.getpixel((0, 0)) == (220, 220, 220)
    assert result.class_label == "brown"


def test_traces_of_restarts_that_were_given_up_end_in_nan(client: Client, photo: Path) -> None:
    result = client.invert(photo, "faces", method="adam", restarts=4, steps=9, thin=True)
    assert np.isnan(result.loss_trace[:3, 5:]).all()
    assert np.isfinite(result.trace).all()
    course = result.best_so_far()
    # Four restarts up to and with the fourth update, then one.
    np.testing.assert_allclose(course.evaluations, [4, 8, 12, 16, 20, 21, 22, 23, 24, 25])
    np.testing.assert_array_equal(course.loss, np.minimum.accumulate(result.loss_trace[3]))
    np.testing.assert_array_equal(course.distance, result.distance_trace[3])


def test_the_best_so_far_is_that_of_the_lowest_loss_of_any_restart_and_step(client: Client, photo: Path) -> None:
    result = client.invert(photo, "faces", method="adam", steps=30, restarts=3)
    rng = np.random.default_rng(0)
    losses, distances = rng.random((3, 31)), rng.random((3, 31))
    losses[1, 4] = np.nan
    shuffled = Inversion(**{**vars(result), "loss_trace": losses, "distance_trace": distances})
    course = shuffled.best_so_far()
    for k in range(31):
        best = np.unravel_index(np.nanargmin(losses[:, : k + 1]), (3, k + 1))
        assert course.loss[k] == losses[best]
        assert course.distance[k] == distances[best]


def test_an_inversion_without_a_finite_loss_still_has_a_course(client: Client, photo: Path) -> None:
    result = client.invert(photo, "faces", method="adam", steps=3, restarts=2)
    nothing = Inversion(**{**vars(result), "loss_trace": np.full((2, 4), np.nan)})
    course = nothing.best_so_far()
    assert np.isinf(course.loss).all()
    np.testing.assert_array_equal(course.evaluations, np.zeros(4))


# Photographs that cannot be used


def test_a_broken_photograph_fails_alone(client: Client, photos: list[Path]) -> None:
    outcomes = client.invert(photos, "faces", method="adam")
    assert [isinstance(outcome, Inversion) for outcome in outcomes] == [True, False, True, False, True]
    assert [outcome.label for outcome in outcomes] == [path.name for path in photos]
    failure = outcomes[1]
    assert isinstance(failure, InversionFailure)
    assert isinstance(failure.error, InvalidArgumentError)
    assert failure.error.message == NO_IMAGE
    assert failure.error.field_violations[0].field == "targets[1].image"
    good = [outcome for outcome in outcomes if isinstance(outcome, Inversion)]
    assert [float(outcome.latent[0]) for outcome in good] == [0, 2, 4]


def test_a_photograph_that_cannot_be_read_or_sent_fails_alone(
    client: Client, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").touch()
    images = [tmp_path / "nobody.jpg", photo, tmp_path / "empty.jpg", np.zeros((4, 4, 7), np.uint8), tmp_path]
    outcomes = client.invert(images, "faces", method="adam")
    assert isinstance(outcomes[1], Inversion)
    errors = [outcome.error.message for outcome in outcomes if isinstance(outcome, InversionFailure)]
    assert [outcome.label for outcome in outcomes] == ["nobody.jpg", "me.png", "empty.jpg", "", tmp_path.name]
    expected = ("no such file", "is empty", "image 4: expected one image of shape", "is a folder")
    assert all(words in error for words, error in zip(expected, errors, strict=True))
    assert len(server.called("Invert")[0].targets) == 1


def test_a_list_of_nothing_but_broken_photographs_is_a_list_of_failures(
    client: Client, server: InProcessServer, photos: list[Path], tmp_path: Path
) -> None:
    broken = [photos[1]] * 3
    outcomes = client.invert([tmp_path / "nobody.jpg", *broken], "faces", method="adam")
    errors = [outcome.error.message for outcome in outcomes if isinstance(outcome, InversionFailure)]
    # The server says of as many as fit what is wrong with each.
    assert "no such file" in errors[0]
    assert errors[1:] == [NO_IMAGE] * 3
    client.invert([tmp_path / "nobody.jpg"], "faces")
    assert len(server.called("Invert")) == 1
    assert server.called("ComputeEigenbasis") == []


def test_a_single_photograph_raises_its_error(client: Client, photos: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{NO_IMAGE}$"):
        client.invert(photos[1], "faces", method="adam")
    with pytest.raises(InvalidArgumentError, match="no such file"):
        client.invert(tmp_path / "nobody.jpg", "faces")


def test_what_is_wrong_with_the_request_is_raised_for_lists_too(
    client: Client, server: InProcessServer, photos: list[Path]
) -> None:
    violations = (("targets[1].image", "not an image", ""), ("targets[0].class_label", "no such class", ""))
    server.failures["Invert"] = Failure(grpc.StatusCode.INVALID_ARGUMENT, "cannot be used", violations)
    with pytest.raises(InvalidArgumentError, match="no such class"):
        client.invert(photos, "faces", method="adam")


def test_an_option_is_refused_before_the_first_result_is_asked_for(client: Client, photo: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="steps"):
        client.iter_invert([photo], "faces", steps=0)
    with pytest.raises(InvalidArgumentError, match="per_request must be from 1 to 256, got 0"):
        client.iter_invert([photo], "faces", per_request=0)


def test_a_job_found_by_name_tells_which_photographs_failed(client: Client, photos: list[Path]) -> None:
    job = client.submit_inversion(photos, "faces", method="adam")
    again = client.get_job(job.name).result()
    assert isinstance(again, list)
    assert [isinstance(outcome, InversionFailure) for outcome in again] == [False, True, False, True, False]


# Many photographs


def test_more_photographs_than_a_request_takes_are_several_requests(client: Client, server: InProcessServer) -> None:
    outcomes = client.invert([np.full((8, 8), number % 256, np.uint8) for number in range(300)], "faces", method="adam")
    assert len(outcomes) == 300
    assert [len(request.targets) for request in server.called("Invert")] == [256, 44]
    sent = [target for request in server.called("Invert") for target in request.targets]
    shades = [Image.open(io.BytesIO(target.image.data)).getpixel((0, 0)) for target in sent]
    assert shades == [number % 256 for number in range(300)]


def test_photographs_too_large_for_one_message_are_several_requests(
    client: Client, server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pullback_client.inversion.requests, "MAX_MESSAGE_BYTES", 30_000)
    noise = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)  # 12 kB each
    client.invert(list(noise), "faces", method="adam")
    assert [len(request.targets) for request in server.called("Invert")] == [2, 2, 1]
    assert all(request.ByteSize() < 30_000 for request in server.called("Invert"))


def test_a_photograph_too_large_with_its_mask_fails_alone(
    client: Client, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pullback_client.inversion.requests, "MAX_MESSAGE_BYTES", 20_000)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    outcomes = client.invert([photo, noise], "faces", method="adam", masks=[None, noise])
    assert isinstance(outcomes[0], Inversion)
    assert isinstance(outcomes[1], InversionFailure)
    assert isinstance(outcomes[1].error, ResourceExhaustedError)
    assert "image 2 and its mask take" in outcomes[1].error.message


def test_results_come_in_order_as_each_request_is_finished(
    client: Client, server: InProcessServer, photos: list[Path]
) -> None:
    server.bench.hold = True
    events: list[JobEvent] = []

    def report(event: JobEvent) -> None:
        events.append(event)
        if event.state is JobState.QUEUED:
            server.finish(event.job)

    labels = []
    for outcome in client.iter_invert(photos, "faces", per_request=2, progress=report, method="adam"):
        labels.append(outcome.label)
        # Never more than one request ahead of what has come.
        assert len(server.called("Invert")) <= (len(labels) - 1) // 2 + 2
    assert labels == [path.name for path in photos]
    assert list(dict.fromkeys((event.job, event.portion) for event in events)) == [
        ("jobs/1", Portion(0, 2, 5)),
        ("jobs/2", Portion(2, 2, 5)),
        ("jobs/3", Portion(4, 1, 5)),
    ]


def test_a_request_of_all_photographs_has_no_portion(client: Client, server: InProcessServer, photo: Path) -> None:
    server.bench.pause = 0.05
    events: list[JobEvent] = []
    client.invert([photo, photo], "faces", method="adam", progress=events.append)
    assert {event.portion for event in events} == {None}


def test_leaving_the_results_cancels_what_was_sent_ahead_only(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    server.bench.hold = True

    def report(event: JobEvent) -> None:
        if event.state is JobState.QUEUED:
            server.finish(event.job)

    results = client.iter_invert([photo] * 3, "faces", per_request=1, progress=report, method="adam")
    next(results)
    results.close()
    assert [client.get_job(str(number)).state for number in (1, 2)] == [JobState.SUCCEEDED, JobState.CANCELLED]
    assert len(server.jobs) == 2


def test_a_job_that_fails_fails_its_own_photographs_only(
    client: Client, server: InProcessServer, photo: Path, tmp_path: Path
) -> None:
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, "the worker died"), "jobs/2")
    images = [photo, tmp_path / "nobody.jpg", photo, photo, photo]
    outcomes = list(client.iter_invert(images, "faces", per_request=2, method="adam"))
    assert [isinstance(outcome, Inversion) for outcome in outcomes] == [True, False, True, False, False]
    for outcome in outcomes[3:]:
        assert isinstance(outcome, InversionFailure)
        assert isinstance(outcome.error, JobFailedError)
        assert outcome.error.message == "jobs/2 failed: the worker died"
        assert outcome.label == "me.png"


def test_a_job_that_fails_is_raised_for_a_single_photograph(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, "the worker died"))
    with pytest.raises(JobFailedError, match="jobs/1 failed: the worker died"):
        client.invert(photo, "faces", method="adam")


def test_a_cancelled_job_fails_its_own_photographs_only(client: Client, server: InProcessServer, photo: Path) -> None:
    server.bench.hold = True

    def report(event: JobEvent) -> None:
        if event.state is JobState.QUEUED:
            (client.get_job(event.job).cancel if event.job == "jobs/1" else lambda: server.finish(event.job))()

    first, second = client.iter_invert([photo] * 2, "faces", per_request=1, progress=report, method="adam")
    assert isinstance(first, InversionFailure)
    assert isinstance(first.error, JobCancelledError)
    assert isinstance(second, Inversion)


def test_what_was_asked_for_before_a_request_is_refused_is_not_lost(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    results = client.iter_invert([photo] * 4, "faces", per_request=1, method="adam")
    next(results)
    server.failures["Invert"] = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "the disk is full")
    assert isinstance(next(results), Inversion)
    with pytest.raises(ResourceExhaustedError, match="the disk is full"):
        list(results)


def test_an_answer_with_too_few_results_is_a_clear_error(client: Client, server: InProcessServer, photo: Path) -> None:
    server.changes["GetInversion"] = lambda answer: answer.results.pop()
    with pytest.raises(pullback_client.BadResponseError, match="1 results for 2 photographs"):
        client.invert([photo] * 2, "faces", method="adam")


def test_several_requests_share_one_bar_that_counts_photographs(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    server.bench.pause = 0.05
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Bars(console) as bars:
        outcomes = list(client.iter_invert([photo] * 5, "faces", per_request=2, method="adam", progress=bars))
    assert len(outcomes) == 5
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "photographs: optimizing" in shown
    assert "5/5" in shown
    assert "3/3" in shown  # the steps of each job
    assert shown.count("\n") == 1  # one bar, drawn anew in its place
