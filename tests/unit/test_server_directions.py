"""Specifications of directions and walks, and directions as messages: no server, no torch."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from pullback import generators
from pullback.directions import IMPORT_FORMATS, DirectionSet, Origin, defaults
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback_api.options import names_of
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_server import specs
from pullback_server.direction_sets import direction_set_message, library_set, purified, single, without_arrays
from pullback_server.errors import ApiError
from pullback_server.protocol.walks import CurvePlan, MaskPlan, WalkPlan
from pullback_server.specs import ChosenDirection
from pullback_server.specs.traversal import TRAVERSAL_KINDS
from tiny import write_catalogue
from tiny_style import write_style_catalogue

TINY, STYLE = "generators/tiny", "generators/tiny-style"
CURVE = directions_pb2.TRAVERSAL_KIND_CURVE


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The generators `tiny` and `tiny-style`."""
    files = (write_catalogue(tmp_path), write_style_catalogue(tmp_path))
    monkeypatch.setenv("PULLBACK_CATALOGUE", os.pathsep.join(map(str, files)))


def completed(**fields: Any) -> specs_pb2.DirectionsSpec:
    return specs.complete_directions_spec(specs_pb2.DirectionsSpec(**{"generator": TINY, **fields}), "spec")


def name(**fields: Any) -> str:
    return specs.directions_name_of(completed(**fields))


# Specifications -------------------------------------------------------------------------------------------------------


def test_every_name_of_the_contract_is_one_of_the_library() -> None:
    assert set(specs.DIRECTION_METHODS) == set(specs_pb2.DirectionMethod.values()) - {0}
    assert set(specs.DIRECTION_METHODS.values()) == {*defaults.METHODS, "imported"}
    assert set(specs.IMPORT_FORMATS) == set(directions_pb2.ImportFormat.values()) - {0}
    assert set(specs.IMPORT_FORMATS.values()) == set(IMPORT_FORMATS)
    assert set(names_of(specs_pb2.IcaVectors).values()) == set(defaults.ICA_VECTORS)
    assert set(TRAVERSAL_KINDS) == set(directions_pb2.TraversalKind.values()) - {0}


def test_directions_need_no_more_than_a_generator() -> None:
    spec = completed()
    assert (spec.method, spec.space, spec.k) == (specs_pb2.DIRECTION_METHOD_HESSIAN, "z", 8)
    basis = specs.complete_eigenbasis_spec(specs_pb2.EigenbasisSpec(generator=TINY), "spec")
    assert spec.eigenbasis == specs.eigenbasis_name_of(basis)
    assert specs.complete_directions_spec(spec, "spec") == spec


def test_directions_behind_a_mapping_network_are_measured_in_w() -> None:
    spec = completed(generator=STYLE, method=specs_pb2.DIRECTION_METHOD_LOCAL_BASIS)
    assert spec.space == "z"
    assert specs.space_directions_lie_in(spec) == "w"
    assert spec.eigenbasis.startswith(f"{STYLE}/eigenbases/w-")
    assert completed(generator=STYLE).space == "w"


@pytest.mark.parametrize(
    "method",
    [number for number in specs_pb2.DirectionMethod.values() if number not in {0, specs_pb2.DIRECTION_METHOD_IMPORTED}],
)
def test_every_default_that_is_filled_in_can_be_asked_for(method: specs_pb2.DirectionMethod) -> None:
    spec = completed(generator=STYLE, method=method)
    assert specs.complete_directions_spec(spec, "spec") == spec
    assert specs.directions_settings(spec) == defaults.complete(specs.directions_settings(spec), style())


def style() -> generators.CatalogueEntry:
    return generators.entry("tiny-style")


def test_equal_specifications_and_no_others_have_one_name() -> None:
    jacobian = specs_pb2.DIRECTION_METHOD_JACOBIAN
    names = [
        name(),
        name(k=3),
        name(eigenbasis=f"{TINY}/eigenbases/other"),
        name(method=jacobian),
        name(method=jacobian, seed=1),
        name(method=jacobian, iterations=9),
        name(method=jacobian, latent=pack(np.zeros(8))),
        name(method=jacobian, latent=pack(np.ones(8))),
    ]
    assert len(set(names)) == len(names)
    assert name(k=8, space="z", method=specs_pb2.DIRECTION_METHOD_HESSIAN) == names[0]
    # The same latent in another precision.
    assert name(method=jacobian, latent=pack(np.ones(8, dtype=np.float32))) == names[-1]


def test_other_weights_have_other_directions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    basis = f"{TINY}/eigenbases/same"
    before = name(eigenbasis=basis)
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path / "other", seed=1)))
    assert name(eigenbasis=basis) != before


# Messages -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def basis() -> Eigenbasis:
    root = np.random.default_rng(0).normal(size=(5, 5))
    return Eigenbasis.from_metric(root @ root.T, Provenance("tiny", "0" * 64, "z", "mse", "", "gram", 9, 0, "1"))


@pytest.fixture
def found() -> DirectionSet:
    rng = np.random.default_rng(1)
    origin = Origin("tiny", "0" * 64, "z", "hessian", "1.2.3")
    return DirectionSet(
        rng.normal(size=(3, 5)),
        np.array([3.0, 2.0, np.nan]),
        origin,
        layers=(0, 2),
        input_vectors=rng.normal(size=(3, 4)),
    )


@pytest.fixture
def message(found: DirectionSet, basis: Eigenbasis) -> directions_pb2.DirectionSet:
    spec = specs_pb2.DirectionsSpec(generator=TINY, method=specs_pb2.DIRECTION_METHOD_HESSIAN)
    return direction_set_message(found, spec, basis)


def test_a_message_holds_directions_and_what_was_measured(
    message: directions_pb2.DirectionSet, found: DirectionSet, basis: Eigenbasis
) -> None:
    assert (message.count, message.dim, message.space, message.version) == (3, 5, "z", "1.2.3")
    np.testing.assert_allclose(
        unpack(message.rates), np.einsum("ki,ij,kj->k", found.vectors, basis.metric, found.vectors)
    )
    back = library_set(message)
    np.testing.assert_allclose(back.vectors, found.vectors, rtol=1e-14)
    np.testing.assert_array_equal(back.values, found.values)
    assert back.input_vectors is not None
    assert (back.layers, back.origin) == (found.layers, found.origin)


def test_a_list_shows_everything_but_the_arrays(message: directions_pb2.DirectionSet) -> None:
    header = without_arrays(message)
    left = {field.name for field, _ in message.ListFields()} - {field.name for field, _ in header.ListFields()}
    assert left == {"vectors", "values", "rates", "alignment", "axes", "input_vectors"}
    assert header.aligned_axes == message.aligned_axes


def test_one_direction_by_itself_is_what_it_is_in_its_set(message: directions_pb2.DirectionSet) -> None:
    one = single(message, 1)
    assert (one.count, one.axes[0]) == (1, message.axes[1])
    np.testing.assert_array_equal(unpack(one.vectors)[0], unpack(message.vectors)[1])
    np.testing.assert_array_equal(unpack(one.rates)[0], unpack(message.rates)[1])


def test_purified_directions_are_measured_again(message: directions_pb2.DirectionSet, basis: Eigenbasis) -> None:
    pure = purified(message, basis, 1)
    for vector in unpack(pure.vectors):
        assert abs(vector @ basis.eigenvectors[:, 0]) == pytest.approx(1)
    np.testing.assert_allclose(unpack(pure.rates), basis.eigenvalues[0])
    assert [list(axes.ranks) for axes in pure.axes] == [[0]] * 3
    assert without_arrays(pure) == without_arrays(message)


# Walks ----------------------------------------------------------------------------------------------------------------


def chosen(**fields: Any) -> ChosenDirection:
    return ChosenDirection(**{"vector": np.eye(6)[0], "rate": 4.0, "space": "w", "layers": (), **fields})


def plan(*directions: ChosenDirection, latent: int = 6, **fields: Any) -> WalkPlan:
    request = directions_pb2.TraverseRequest(
        **{"generator": STYLE, "latent": pack(np.ones(latent)), "distance": "mse", **fields}
    )
    return specs.complete_traversal(request, style(), directions)


def test_a_walk_needs_no_more_than_a_latent_and_a_direction() -> None:
    walk = plan(chosen())
    assert (walk.kind, walk.space, walk.first, walk.last, walk.frames) == ("linear", "w", -2, 2, 9)
    # α_H^−½
    assert walk.axes[0].unit == 0.5
    assert walk.latent.dtype == np.float32
    assert (walk.image_format, walk.strip, walk.animation, walk.curve) == ("PNG", False, False, None)


def test_steps_may_be_units_of_the_latent() -> None:
    assert plan(chosen(rate=0.0), unit=directions_pb2.STEP_UNIT_LATENT).axes[0].unit == 1


@pytest.mark.parametrize("rate", [0.0, 1e-20])
def test_a_direction_that_changes_nothing_has_no_rate(rate: float) -> None:
    with pytest.raises(ApiError) as caught:
        plan(chosen(rate=rate))
    assert [violation.field for violation in caught.value.violations] == ["unit"]
    assert "changes nothing" in caught.value.message


def test_layers_of_the_request_hold_instead_of_the_direction_s() -> None:
    assert plan(chosen(layers=(3,))).axes[0].layers == (3,)
    assert plan(chosen(layers=(3,)), layers=[5, 0]).axes[0].layers == (0, 5)
    first, second = plan(chosen(layers=(3,)), chosen(), kind=directions_pb2.TRAVERSAL_KIND_SUBSPACE).axes
    assert (first.layers, second.layers) == ((3,), ())


def test_the_directions_of_a_subspace_lie_in_one_space() -> None:
    with pytest.raises(ApiError) as caught:
        plan(chosen(), chosen(space="z"), kind=directions_pb2.TRAVERSAL_KIND_SUBSPACE)
    assert [violation.field for violation in caught.value.violations] == ["second"]


def test_a_latent_with_a_class_walks_along_directions_without_one_and_keeps_it() -> None:
    eyes = generators.entry("eyes")
    request = directions_pb2.TraverseRequest(
        generator="generators/eyes", space="full", latent=pack(np.ones(108)), distance="mse"
    )
    walk = specs.complete_traversal(request, eyes, [chosen(vector=np.full(100, 0.1), space="noise")])
    assert (walk.space, walk.axes[0].space, walk.axes[0].unit) == ("full", "full", 0.5)
    np.testing.assert_array_equal(walk.axes[0].vector, [0.1] * 100 + [0.0] * 8)
    of_class = specs.complete_traversal(request, eyes, [chosen(vector=np.eye(8)[1], space="class")])
    np.testing.assert_array_equal(of_class.axes[0].vector, np.eye(108)[101])


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [({"last_step": 1e30}, "last_step"), ({"first_step": -1e30}, "first_step"), ({"last_step": 2.0**24}, "last_step")],
)
def test_a_walk_ends_where_float32_does_not_forget_its_start(fields: dict[str, Any], at_fault: str) -> None:
    with pytest.raises(ApiError) as caught:
        plan(chosen(), **fields)
    assert [violation.field for violation in caught.value.violations] == [at_fault]
    assert "walk less far" in caught.value.message


def test_strip_and_animation_are_made_of_so_many_pixels() -> None:
    large = replace(style(), image_shape=(3, 1024, 1024))
    asked = {"generator": STYLE, "latent": pack(np.ones(6)), "distance": "mse", "frames": 65}
    for field in ("strip", "animation"):
        with pytest.raises(ApiError) as caught:
            specs.complete_traversal(directions_pb2.TraverseRequest(**asked, **{field: True}), large, [chosen()])
        assert [violation.field for violation in caught.value.violations] == [field]
        assert "at most 64 frames, not of 65" in caught.value.message
    assert specs.complete_traversal(directions_pb2.TraverseRequest(**asked), large, [chosen()]).frames == 65


def test_directions_of_former_weights_are_not_walked(message: directions_pb2.DirectionSet) -> None:
    tiny = generators.entry("tiny")
    message.spec.generator, message.generator_weights_hash = TINY, tiny.weights_hash
    ref = directions_pb2.DirectionRef(index=1)
    assert specs.chosen_index(ref, message, tiny, "direction") == 1
    message.generator_weights_hash = "0" * 64
    with pytest.raises(ApiError) as caught:
        specs.chosen_index(ref, message, tiny, "direction")
    assert [violation.field for violation in caught.value.violations] == ["direction.directions"]
    assert "of weights that generators/tiny had before" in caught.value.message


@pytest.mark.parametrize(
    ("fields", "pieces"),
    [({}, 40), ({"first_step": 0.0}, 80), ({"frames": 500}, 1000), ({"frames": 3, "first_step": 1.0}, 30)],
)
def test_a_curve_has_ten_pieces_for_every_frame_on_a_side(fields: dict[str, Any], pieces: int) -> None:
    walk = plan(kind=CURVE, **fields)
    assert (walk.space, walk.axes) == ("z", ())
    assert walk.curve == CurvePlan(pieces, rank=0, jitter=0, seed=0, layers=())


def test_a_guided_curve_acts_on_the_layers_of_its_guide() -> None:
    walk = plan(chosen(layers=(1, 2)), kind=CURVE, curve=directions_pb2.CurveSettings(guided=True))
    assert walk.curve is not None
    assert walk.curve.layers == (1, 2)
    assert walk.axes[0].unit == 1


MASK = directions_pb2.MaskSettings


def test_a_mask_has_four_subsets_of_the_third_layer_unless_others_are_asked_for() -> None:
    walk = plan(chosen(), mask=MASK())
    assert walk.mask == MaskPlan(subset=0, subsets=4, layer="16 px", samples=64, reach=2.0, seed=0)
    asked = MASK(subset=1, subsets=2, layer="8 px", samples=9, reach=0.5, seed=3)
    walk = plan(chosen(), kind=directions_pb2.TRAVERSAL_KIND_SPHERICAL, mask=asked)
    assert walk.mask == MaskPlan(1, 2, "8 px", 9, 0.5, 3)
    assert plan(chosen()).mask is None


@pytest.mark.parametrize(
    ("fields", "at_fault", "message"),
    [
        ({"mask": MASK(subset=4)}, "mask.subset", "expected 0 to 3, but 4 came"),
        ({"mask": MASK(subset=-1)}, "mask.subset", "expected 0 or more, but -1 came"),
        ({"mask": MASK(subset=2, subsets=2)}, "mask.subset", "expected 0 to 1, but 2 came"),
        ({"mask": MASK(subsets=65)}, "mask.subsets", "expected 2 to 64, but 65 came"),
        ({"mask": MASK(subsets=1)}, "mask.subsets", "1 came"),
        ({"mask": MASK(layer="image")}, "mask.layer", "has the layers 4 px, 8 px, 16 px, but 'image' came"),
        ({"mask": MASK(samples=1)}, "mask.samples", "expected 2 to 1,000, but 1 came"),
        ({"mask": MASK(reach=-1)}, "mask.reach", "expected a finite number > 0, but -1.0 came"),
        ({"mask": MASK(reach=float("nan"))}, "mask.reach", "nan came"),
        ({"mask": MASK(reach=1e30)}, "mask.reach", "take less than 1e+30"),
        ({"mask": MASK(seed=-1)}, "mask.seed", "expected 0 or more, but -1 came"),
        ({"mask": MASK(), "kind": directions_pb2.TRAVERSAL_KIND_METRIC_UNIFORM}, "mask", "but 'metric_uniform' came"),
    ],
)
def test_a_mask_that_cannot_be_says_which_can(fields: dict[str, Any], at_fault: str, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        plan(chosen(), **fields)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in caught.value.violations] == [at_fault]
    assert message in caught.value.message


def test_a_curve_and_a_subspace_have_no_mask() -> None:
    for kind, directions in ((CURVE, ()), (directions_pb2.TRAVERSAL_KIND_SUBSPACE, (chosen(), chosen()))):
        with pytest.raises(ApiError) as caught:
            plan(*directions, kind=kind, mask=MASK())
        assert [violation.field for violation in caught.value.violations] == ["mask"]


def test_what_a_request_names_must_go_with_its_kind() -> None:
    request = directions_pb2.TraverseRequest(kind=CURVE, unit=directions_pb2.STEP_UNIT_RATE)
    request.direction.SetInParent()
    request.second.SetInParent()
    with pytest.raises(ApiError) as caught:
        specs.check_axes(request)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in caught.value.violations] == ["direction", "second", "unit"]
