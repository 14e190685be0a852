"""Directions, walks and edits through the client, against the server in this process, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from in_process import DIM, InProcessServer
from pullback.directions import DirectionSet
from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_client import (
    Client,
    Directions,
    Edit,
    Frame,
    InvalidArgumentError,
    InversionFailure,
    NotFoundError,
)
from pullback_client.directions import contact_sheet
from pullback_client.inversion.options import InversionOptions
from sample_images import SIZE
from stub_results import ALIGNMENT, RATES


@pytest.fixture
def directions(client: Client) -> Directions:
    return client.discover_directions("faces")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


def walked(server: InProcessServer) -> directions_pb2.TraverseRequest:
    return server.called("Traverse")[-1]  # type: ignore[no-any-return]


# Finding


def test_options_reach_the_server(client: Client, server: InProcessServer) -> None:
    basis = client.compute_eigenbasis("faces")
    # No method takes all of them, which is the server's to say.
    with pytest.raises(InvalidArgumentError, match="fields cannot be used"):
        client.discover_directions(
            "faces",
            method="ganspace_ica",
            space="z",
            k=3,
            eigenbasis=basis,
            seed=4,
            latent=np.ones((1, DIM), np.float32),
            distance="mse",
            samples=500,
            layer="main.3",
            layers=range(3),
            ica_vectors="unmixing",
            iterations=7,
            learn_density=True,
        )
    (request,) = server.called("DiscoverDirections")
    spec = request.spec
    assert list(spec.latent.shape) == [DIM]
    spec.ClearField("latent")
    assert spec == specs_pb2.DirectionsSpec(
        generator="generators/faces",
        space="z",
        method=specs_pb2.DIRECTION_METHOD_GANSPACE_ICA,
        k=3,
        eigenbasis=basis.name,
        seed=4,
        distance="mse",
        samples=500,
        layer="main.3",
        layers=[0, 1, 2],
        ica_vectors=specs_pb2.ICA_VECTORS_UNMIXING,
        iterations=7,
        learn_density=True,
    )


def test_every_word_of_the_contract_is_known() -> None:
    from pullback_client.directions import options
    from pullback_client.wire import option_types

    for literal, enum, prefix, never in (
        (option_types.DirectionMethod, specs_pb2.DirectionMethod, "DIRECTION_METHOD", {"IMPORTED"}),
        (option_types.IcaVectors, specs_pb2.IcaVectors, "ICA_VECTORS", set()),
        (options.ImportFormat, directions_pb2.ImportFormat, "IMPORT_FORMAT", set()),
        (option_types.TraversalKind, directions_pb2.TraversalKind, "TRAVERSAL_KIND", set()),
        (option_types.StepUnit, directions_pb2.StepUnit, "STEP_UNIT", set()),
    ):
        known = {f"{prefix}_{word.upper()}" for word in get_args(literal)}
        assert known == set(enum.keys()) - {f"{prefix}_{word}" for word in {"UNSPECIFIED", *never}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "unknown method 'magic'; known: hessian, local_hessian"),
        ({"k": 0}, "k must be a whole number from 1"),
        ({"layers": []}, "layers must name at least one layer"),
        ({"layers": [-1]}, "layers must be a whole number from 0"),
        ({"latent": np.ones((2, DIM))}, r"expected one latent of shape \(dim,\), got shape \(2, 5\)"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    client: Client, server: InProcessServer, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.discover_directions("faces", **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unknown options kk; known: space, method, k"):
        client.discover_directions("faces", kk=3)  # type: ignore[call-arg]
    assert server.calls == []


def test_the_eigenbasis_that_measures_is_computed_first_where_it_is_missing(
    client: Client, server: InProcessServer
) -> None:
    events: list[JobEvent] = []
    server.bench.pause = 0.05
    client.discover_directions("faces", progress=events.append)
    (spec,) = server.computed_eigenbases()
    assert (spec.generator, spec.space) == ("generators/faces", "z")
    client.discover_directions("faces")
    assert len(server.jobs) == 2


def test_an_eigenbasis_that_is_named_is_not_computed(client: Client, server: InProcessServer) -> None:
    with pytest.raises(NotFoundError, match="no eigenbasis 'generators/faces/eigenbases/mine'"):
        client.discover_directions("faces", eigenbasis="generators/faces/eigenbases/mine")
    assert server.jobs == {}
    mine = client.compute_eigenbasis("faces", samples=64).name
    assert client.discover_directions("faces", eigenbasis=mine).eigenbasis == mine
    assert len(server.computed_eigenbases()) == 1


@pytest.mark.parametrize(
    ("spec", "space"),
    [
        ({}, "w"),
        ({"space": "z"}, "z"),
        ({"method": "DIRECTION_METHOD_LOCAL_BASIS", "space": "z"}, "w"),
        ({"method": "DIRECTION_METHOD_DP_LASE"}, "z"),
        ({"method": "DIRECTION_METHOD_DP_LASE", "learn_density": True}, "w"),
    ],
)
def test_directions_of_a_mapped_generator_are_measured_where_they_lie(spec: dict[str, object], space: str) -> None:
    from pullback_api.v1 import generators_pb2
    from pullback_client import Generator
    from pullback_client.directions.options import measuring_space

    spaces = [generators_pb2.LatentSpace(name="z", dim=4, prior="standard-normal")]
    spaces += [generators_pb2.LatentSpace(name=name, dim=4, prior="mapped") for name in ("w", "w+")]
    generator = Generator.from_wire(generators_pb2.Generator(name="generators/styles", spaces=spaces))
    assert measuring_space(generator, specs_pb2.DirectionsSpec(**spec)) == space  # type: ignore[arg-type]


def test_a_set_is_a_sequence_of_directions_with_what_is_known_of_each(directions: Directions) -> None:
    assert len(directions) == DIM
    assert [direction.index for direction in directions] == [0, 1, 2, 3, 4]
    third = directions[-3]
    np.testing.assert_array_equal(third.vector, directions.vectors[2])
    assert (third.value, third.rate, third.step) == pytest.approx((2 * RATES[2], RATES[2], RATES[2] ** -0.5))
    assert third.axes == ((2, pytest.approx(1)),)
    assert (third.label, third.space, third.generator) == ("hessian:2", "z", "faces")
    assert [direction.index for direction in directions[1:3]] == [1, 2]
    np.testing.assert_allclose(directions.steps, [direction.step for direction in directions])
    with pytest.raises(IndexError):
        directions[5]


def test_a_job_of_directions_is_one_of_the_jobs(client: Client, directions: Directions) -> None:
    job = client.get_job(directions.job)
    assert (job.kind, job.generator) == ("directions", "generators/faces")
    found = job.result()
    assert isinstance(found, Directions)
    assert found.name == directions.name


def rated(*rates: float) -> Callable[[directions_pb2.DirectionSet], None]:
    """Puts other rates into an answer."""

    def change(answer: directions_pb2.DirectionSet) -> None:
        answer.rates.data = np.array(rates, float).tobytes()

    return change


def test_a_direction_that_changes_nothing_has_no_step(client: Client, server: InProcessServer) -> None:
    name = client.discover_directions("faces").name
    server.changes["GetDirections"] = rated(1, 0, 4, 0, 0)
    assert client.get_directions(name).steps.tolist() == [1, np.inf, 0.5, np.inf, np.inf]
    assert client.get_directions(name)[1].step == np.inf


def test_arrays_that_do_not_fit_are_a_clear_error(client: Client, server: InProcessServer) -> None:
    from pullback_client import BadResponseError

    name = client.discover_directions("faces").name

    def miscount(answer: directions_pb2.DirectionSet) -> None:
        answer.count = 4

    server.changes["GetDirections"] = miscount
    with pytest.raises(BadResponseError, match=r"vectors has shape \(5, 5\), expected \(4, 5\)"):
        client.get_directions(name)


# Names, files


def test_titles_and_notes_are_kept_and_found_by(client: Client, directions: Directions) -> None:
    titled = directions.annotate(3, "smile", notes="with teeth")
    assert (titled["smile"].index, titled["smile"].notes, titled[3].label) == (3, "with teeth", "smile")
    again = titled.annotate("smile", notes="without")
    assert (again[3].title, again[3].notes) == ("smile", "without")
    assert client.get_directions(directions.name)["smile"].notes == "without"
    (listed,) = client.list_directions("faces")
    assert [(each.index, each.title) for each in listed.annotations] == [(3, "smile")]
    with pytest.raises(NotFoundError, match="no direction called 'frown'; known: smile"):
        titled["frown"]
    with pytest.raises(InvalidArgumentError, match="has directions 0 to 4, got 5"):
        titled.annotate(5, "age")
    assert titled.annotate("smile", "", notes="")[3].title == ""


def test_a_purified_set_says_so_and_so_does_a_walk_along_it(client: Client, server: InProcessServer) -> None:
    directions = client.discover_directions("faces", method="sefa")
    purified = directions.purified(2)
    assert (purified.purify, purified[1].purify) == (2, 2)
    np.testing.assert_allclose(np.linalg.norm(purified.vectors, axis=1), 1)
    client.traverse(np.zeros(DIM), purified[1])
    assert walked(server).direction == directions_pb2.DirectionRef(directions=directions.name, index=1, purify=2)


def test_sets_are_listed_from_every_page_and_deleted(client: Client, directions: Directions) -> None:
    other = client.discover_directions("faces", method="sefa")
    assert [info.method for info in client.list_directions("faces")] == ["sefa", "hessian"]
    client.delete_directions(other)
    client.delete_directions(directions.name)
    assert client.list_directions() == []


def test_a_published_file_is_imported(client: Client, server: InProcessServer, tmp_path: Path) -> None:
    basis = client.compute_eigenbasis("faces32", space="w")
    rows = np.eye(64, dtype=np.float32)[:4]
    np.save(tmp_path / "d.npy", rows)
    found = client.import_directions(
        tmp_path / "d.npy", "faces32", format="sefa", space="w", eigenbasis=basis, layers=[1, 0]
    )
    assert (found.method, found.import_format, found.layers, len(found)) == ("imported", "sefa", (0, 1), 4)
    np.testing.assert_array_equal(found.vectors, rows)
    (request,) = server.called("ImportDirections")
    assert (request.content, request.eigenbasis) == ((tmp_path / "d.npy").read_bytes(), basis.name)
    with pytest.raises(InvalidArgumentError, match=r"cannot read .*nothing"):
        client.import_directions(tmp_path / "nothing.npy", "faces", format="sefa")
    with pytest.raises(InvalidArgumentError, match="unknown format 'pickle'; known: ganspace, sefa"):
        client.import_directions(tmp_path / "d.npy", "faces", format="pickle")  # type: ignore[arg-type]


def test_what_is_saved_is_read_by_the_library(directions: Directions, tmp_path: Path) -> None:
    directions.save(tmp_path / "d.safetensors")
    read = DirectionSet.load(tmp_path / "d.safetensors")
    np.testing.assert_array_equal(read.rates, directions.rates)
    np.testing.assert_allclose(read.vectors, directions.vectors, atol=1e-15)
    assert (read.origin.method, read.origin.space, read.aligned_axes) == ("hessian", "z", directions.aligned_axes)
    assert read.aligned_axes == 4
    assert read.origin.settings["eigenbasis"] == directions.eigenbasis
    assert "base" not in safetensors.numpy.load_file(tmp_path / "d.safetensors")


def test_arrays_and_provenance_are_saved_together(directions: Directions, tmp_path: Path) -> None:
    titled = directions.annotate(0, "age")
    with np.load(titled.save(tmp_path / "d.npz")) as saved:
        np.testing.assert_array_equal(saved["alignment"], titled.alignment)
        provenance = json.loads(str(saved["provenance"]))
    assert provenance["annotations"] == [{"index": 0, "title": "age", "notes": ""}]
    assert json.loads(titled.save(tmp_path / "d.json").read_text("utf-8")) == provenance
    with pytest.raises(InvalidArgumentError, match=r"cannot save directions as '\.png'"):
        titled.save(tmp_path / "d.png")


# Words


def test_a_direction_is_named_by_method_set_or_title(client: Client, directions: Directions) -> None:
    directions.annotate(3, "smile: wide")
    id_ = directions.name.rpartition("/")[2]
    for word in ("hessian:3", f"{id_}:3", f"{directions.name}:3", "smile: wide"):
        assert client.find_direction("faces", word).index == 3
    assert client.find_direction("faces", "sefa:0", k=2).method == "sefa"


def test_a_title_may_end_like_a_place_in_a_set(client: Client, directions: Directions) -> None:
    directions.annotate(2, "take:1")
    assert client.find_direction("faces", "take:1").index == 2


def test_what_others_said_meanwhile_stays_where_it_is_left_as_it_is(client: Client, directions: Directions) -> None:
    client.get_directions(directions.name).annotate(1, "smile")
    directions.annotate(1, notes="with teeth")
    again = client.get_directions(directions.name)[1]
    assert (again.title, again.notes) == ("smile", "with teeth")


def test_a_word_that_names_nothing_is_a_clear_error(client: Client, directions: Directions) -> None:
    directions.annotate(0, "age")
    client.discover_directions("faces", method="sefa").annotate(1, "age")
    for word, message in (
        ("hessian:5", "has directions 0 to 4, got 5"),
        ("", "METHOD:INDEX, SET:INDEX or a title"),
        ("hessian:40", r"has directions 0 to 4, got 40$"),
        ("nobody:1", "no direction of faces is called 'nobody:1'.*METHOD:INDEX, with .*hessian.*SET:INDEX"),
        ("Hessian:1", "no direction of faces is called 'Hessian:1'"),
        ("joy", r"no direction of faces is called 'joy' \(titles: age\); or name one as METHOD:INDEX, with .*hessian"),
        ("age", "directions of .*, .* are called 'age': name one as SET:INDEX"),
    ):
        with pytest.raises((InvalidArgumentError, NotFoundError), match=message):
            client.find_direction("faces", word)


# Walks


def test_a_walk_has_its_frames_strip_and_animation(client: Client, directions: Directions) -> None:
    walk = client.traverse(np.ones(DIM), directions[1], frames=5, first=-1, last=3)
    assert [frame.step for frame in walk] == [-1, 0, 1, 2, 3]
    np.testing.assert_allclose(walk.latents[0], 1 - directions[1].step * directions[1].vector, rtol=1e-6)
    assert walk.distances.tolist() == [1, 0, 1, 4, 9]
    assert (walk.space, walk.strip.size, len(walk.images)) == ("z", (5 * SIZE, SIZE), 5)
    assert walk.animation.startswith(b"GIF8")
    assert walk.settings["frames"] == 5
    assert "latent" not in walk.settings


def test_frames_are_given_as_they_come(client: Client, server: InProcessServer, directions: Directions) -> None:
    frames = list(client.iter_traverse(np.ones((1, DIM)), directions[0], frames=3))
    assert all(isinstance(frame, Frame) for frame in frames)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert not walked(server).strip
    assert not walked(server).animation


def test_what_is_said_of_a_walk_reaches_the_server(
    client: Client, server: InProcessServer, directions: Directions
) -> None:
    latent = np.ones(DIM)
    client.traverse(latent, directions[0])
    plain = walked(server)
    plain.ClearField("latent")
    assert plain == directions_pb2.TraverseRequest(
        generator="generators/faces",
        space="z",
        direction=directions_pb2.DirectionRef(directions=directions.name),
        strip=True,
        animation=True,
    )
    layered = client.discover_directions("faces32", space="w", k=3)
    client.traverse(
        np.ones(64), layered[1], kind="subspace", second=layered[2], unit="latent", layers=[2, 1], distance="mse"
    )
    asked = walked(server)
    assert (asked.kind, asked.second.index) == (directions_pb2.TRAVERSAL_KIND_SUBSPACE, 2)
    assert (asked.unit, list(asked.layers), asked.distance) == (directions_pb2.STEP_UNIT_LATENT, [1, 2], "mse")
    client.traverse(np.ones(64), layered[1], kind="curve", pieces=30, jitter=0.25, seed=3)
    assert walked(server).curve == directions_pb2.CurveSettings(pieces=30, guided=True, jitter=0.25, seed=3)
    client.traverse(latent, directions[1], mask={"subset": 2, "layer": "layer 2", "reach": 1.5})
    assert walked(server).mask == directions_pb2.MaskSettings(subset=2, layer="layer 2", reach=1.5)
    client.traverse(latent, directions[1], kind="spherical", mask={})
    assert walked(server).HasField("mask")
    client.traverse(np.ones(64), kind="curve", rank=2, generator="faces32")
    assert walked(server).curve == directions_pb2.CurveSettings(rank=2)
    assert not walked(server).HasField("direction")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "winding"}, "unknown kind 'winding'"),
        ({"frames": 0}, "frames must be a whole number from 2"),
        ({"first": float("nan")}, "first must be a finite number"),
        ({"kind": "subspace"}, "give `second`, and only there"),
        ({"purify": 0}, "purify must be a whole number from 1"),
        ({"jitter": 0.1}, "jitter: of kind='curve' alone"),
        ({"kind": "curve", "rank": 1}, "follows a direction, or the local axis of a rank"),
        ({"mask": {"subset": -1}}, "mask.subset must be a whole number from 0"),
        ({"mask": {"subsets": 0}}, "mask.subsets must be a whole number from 2"),
        ({"mask": {"reach": 0}}, "mask.reach must be a number above 0"),
        ({"mask": {}, "kind": "metric_uniform"}, "mask: of the kinds linear, spherical, density_preserving alone"),
        ({"generator": "eyes"}, "the direction is of faces, but generator is 'eyes'"),
        ({"inversion": {"steps": 3}}, "the walk starts from none"),
    ],
)
def test_walks_that_cannot_be_are_refused_before_they_begin(
    client: Client, server: InProcessServer, directions: Directions, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.traverse(np.zeros(DIM), directions[0], **options)  # type: ignore[arg-type]
    assert server.called("Traverse") == []


def test_a_walk_needs_to_know_its_generator_and_its_direction(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="name the generator"):
        client.traverse(np.zeros(DIM), "hessian:0")
    with pytest.raises(InvalidArgumentError, match="a walk needs a direction"):
        client.traverse(np.zeros(DIM), generator="faces")


def test_a_photograph_is_inverted_first_and_an_inversion_is_not(
    client: Client, server: InProcessServer, directions: Directions, photo: Path
) -> None:
    inversion = client.invert(photo, "faces", method="adam")
    client.traverse(inversion, "hessian:1")
    assert len(server.called("Invert")) == 1
    client.traverse(photo, directions[1], inversion={"method": "adam", "steps": 3})
    settings = server.called("Invert")[-1].settings
    assert (settings.space, settings.steps) == ("z", 3)
    assert list(walked(server).latent.shape) == [DIM]
    client.traverse(np.zeros((8, 8, 3), np.uint8), directions[1], inversion={"method": "adam"})
    assert len(server.called("Invert")) == 3


def test_a_word_of_a_local_method_means_what_it_finds_at_the_start(
    client: Client, server: InProcessServer, directions: Directions
) -> None:
    start = np.full(DIM, 0.5)
    walk = client.traverse(start, "local_hessian:1", generator="faces", frames=3)
    spec = server.called("DiscoverDirections")[-1].spec
    assert np.frombuffer(spec.latent.data).tolist() == start.tolist()
    found = client.get_directions(walk.settings["direction"]["directions"])
    assert found.base is not None
    np.testing.assert_array_equal(found.base, start)


def test_both_directions_of_a_local_subspace_are_of_the_start_and_projected_where_that_is_asked(
    client: Client, server: InProcessServer
) -> None:
    start = np.full(DIM, 0.5)
    walk = client.traverse(
        start, "local_hessian:0", generator="faces", kind="subspace", second="local_hessian:1", purify=2
    )
    assert walk.settings["direction"]["directions"] == walk.settings["second"]["directions"]
    asked = walked(server)
    assert (asked.second.index, asked.direction.purify, asked.second.purify) == (1, 2, 2)
    for request in server.called("DiscoverDirections"):
        assert np.frombuffer(request.spec.latent.data).tolist() == start.tolist()


def test_a_class_settles_in_which_space_a_photograph_is_inverted(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    directions = client.discover_directions("eyes", space="noise")
    of_a_class: InversionOptions = {"method": "adam", "class_labels": "blue"}
    client.traverse(photo, directions[1], inversion=of_a_class)
    client.edit(photo, "eyes", directions[1], 1, **of_a_class)
    assert [request.settings.space for request in server.called("Invert")] == ["", ""]


def test_a_walk_that_breaks_off_is_an_error(
    client: Client, directions: Directions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pullback_client import BadResponseError
    from pullback_client.directions.traversal import Traversal

    request = directions_pb2.TraverseRequest(generator="generators/faces")
    pieces = [directions_pb2.TraverseResponse(end=directions_pb2.TraversalEnd(frames=2))]
    with pytest.raises(BadResponseError, match="a walk of 0 frames came with an end after 2 frames"):
        Traversal.read(pieces, request)
    with pytest.raises(BadResponseError, match="with no end"):
        Traversal.read([], request)


def test_a_walk_is_saved_by_suffix_or_as_a_folder(client: Client, directions: Directions, tmp_path: Path) -> None:
    walk = client.traverse(np.ones(DIM), directions[1], frames=3)
    written = walk.save(tmp_path / "walk")
    assert [path.name for path in written] == [
        *(f"frame-00{index}.png" for index in range(3)),
        "strip.png",
        "animation.gif",
        "traversal.npz",
        "traversal.json",
    ]
    with Image.open(tmp_path / "walk" / "frame-002.png") as frame:
        assert frame.getpixel((0, 0)) == (20, 20, 20)
    with np.load(tmp_path / "walk" / "traversal.npz") as saved:
        np.testing.assert_array_equal(saved["latents"], walk.latents)
        assert json.loads(str(saved["provenance"]))["frames"][0] == {"step": -2, "second_step": 0, "distance": 4}
    client.traverse(np.ones(DIM), directions[1], frames=2).save(tmp_path / "walk")
    assert not (tmp_path / "walk" / "frame-002.png").exists()
    with pytest.raises(InvalidArgumentError, match=r"cannot save a walk as '\.avi': expected \.png, \.gif, \.mp4"):
        walk.save(tmp_path / "walk.avi")


# Edits


def test_an_edit_inverts_walks_and_ends_at_its_strength(
    client: Client, server: InProcessServer, directions: Directions, photo: Path
) -> None:
    edit = client.edit(photo, "faces", "hessian:3", 2, method="adam", walk={"frames": 3})
    assert (edit.label, edit.frame.step, edit.strength) == ("me.png", 2, 2)
    assert [frame.step for frame in edit.traversal] == [0, 1, 2]
    np.testing.assert_allclose(edit.frame.latent, edit.inversion.latent + 2 * directions[3].step * directions[3].vector)
    assert server.called("Invert")[0].settings.space == "z"
    back = client.edit(photo, "faces", directions[3], -1.5, method="adam")
    assert (back.frame.step, back.traversal[-1].step) == (-1.5, 0)


def test_of_several_photographs_one_that_fails_fails_alone(client: Client, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no photograph")
    outcomes = list(client.iter_edit([tmp_path / "bad.png", photo], "faces", "hessian:0", 1, method="adam"))
    assert isinstance(outcomes[0], InversionFailure)
    assert isinstance(outcomes[1], Edit)
    with pytest.raises(InvalidArgumentError, match="it holds no picture"):
        client.edit(tmp_path / "bad.png", "faces", "hessian:0", 1, method="adam")


@pytest.mark.parametrize(
    ("strength", "walk", "message"),
    [
        (0, {}, "strength must be a finite number other than 0"),
        (float("inf"), {}, "strength must be a finite number"),
        (1, {"first": 0}, "leave out first and last"),
        (1, {"kind": "subspace"}, "an edit has one strength"),
        (1, {"kind": "winding"}, "unknown kind 'winding'"),
        (1, {"pieces": 3}, "of kind='curve' alone"),
    ],
)
def test_edits_that_cannot_be_are_refused_before_anything_is_sent(
    client: Client, server: InProcessServer, photo: Path, strength: float, walk: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.edit(photo, "faces", "hessian:0", strength, walk=walk)  # type: ignore[arg-type]
    assert server.calls == []


def test_the_edited_image_is_laid_back_where_the_alignment_puts_it(client: Client, tmp_path: Path) -> None:
    white = Image.new("RGB", (40, 40), "white")
    edit = client.edit(white, "faces", "hessian:0", 1, method="adam", alignment=True, walk={"frames": 2})
    pasted = np.asarray(edit.paste_back(white))[..., 0]
    changed = np.argwhere(pasted == 10)  # the second frame's grey
    # Half of the photograph's side, its centre a quarter of a half side to the right and above.
    assert ALIGNMENT.scale == 0.5
    assert changed.min(axis=0).tolist() == [5, 15]
    assert changed.max(axis=0).tolist() == [24, 34]
    written = edit.save(tmp_path / "edit", white)
    assert sorted(path.name for path in written) == [
        "animation.gif",
        "edit.json",
        "edited.png",
        "inversion.safetensors",
        "inverted.png",
        "pasted.png",
        "strip.png",
        "walk.npz",
    ]
    told = json.loads((tmp_path / "edit" / "edit.json").read_text("utf-8"))
    assert (told["strength"], told["distance"]) == (1, 1)
    edit.save(tmp_path / "edit")
    assert not (tmp_path / "edit" / "pasted.png").exists()
    with Image.open(edit.save(tmp_path / "e.png")[0]) as saved:
        assert saved.size == (SIZE, SIZE)


# The sheet


def test_the_sheet_has_a_row_for_each_direction_and_a_block_for_each_start(
    client: Client, server: InProcessServer, directions: Directions
) -> None:
    sheet = contact_sheet(client, directions.annotate(1, "Lächeln " * 9), starts=2, frames=3, reach=1.5)
    assert len(server.called("Traverse")) == 2 * DIM
    assert {(walk.first_step, walk.last_step) for walk in server.called("Traverse")} == {(-1.5, 1.5)}
    pixels = np.asarray(sheet)
    # Frames of 16 pixels are drawn six times as large; the last column is the third frame's grey.
    assert (pixels[-20, -20] == 20).all()
    # Two blocks of three frames of 96 pixels, and five rows of them.
    greys = (pixels == 10).all(axis=2)
    assert greys.sum() >= 2 * DIM * 96 * 96


def test_directions_that_change_nothing_are_left_out_of_the_sheet(
    client: Client, server: InProcessServer, directions: Directions
) -> None:
    server.changes["GetDirections"] = rated(1, 0, 0, 0, 0)
    contact_sheet(client, client.get_directions(directions.name), starts=1, frames=2)
    assert len(server.called("Traverse")) == 1
    server.changes["GetDirections"] = rated(0, 0, 0, 0, 0)
    with pytest.raises(InvalidArgumentError, match="none of its directions changes the image"):
        contact_sheet(client, client.get_directions(directions.name))
