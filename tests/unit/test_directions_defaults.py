"""What each method of directions takes, for which generators, and what holds where nothing is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pullback.directions import METHODS, DirectionsSettings, complete, faults, space_of_directions, spaces_of
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import CatalogueEntry, entry
from pullback.generators.style_based.named_layers import activation_layers, mapped_space, style_layers
from pullback.weights.source import WeightsSource
from tiny_style import SPACES, tiny_style

SOURCE = WeightsSource(kind="path", location="nowhere", sha256="1" * 64)
STYLE = CatalogueEntry("tiny-style", "Seeded styles", "stylegan2", SPACES, "w+", (3, 16, 16), SOURCE)


def completed(method: str, found: CatalogueEntry = STYLE, **given: object) -> DirectionsSettings:
    return complete(replace(DirectionsSettings(method), **given), found)  # type: ignore[arg-type]


def fault_of(method: str, found: CatalogueEntry = STYLE, **given: object) -> tuple[str, str]:
    (fault,) = faults(replace(DirectionsSettings(method), **given), found)  # type: ignore[arg-type]
    return fault


def test_methods_of_a_style_based_generator_look_at_w_unless_they_cannot() -> None:
    assert {method: completed(method).space for method in METHODS} == {
        "hessian": "w",
        "local_hessian": "w",
        "local_basis": "z",
        "jacobian": "w",
        "ganspace_pca": "w",
        "ganspace_ica": "w",
        "sefa": "w",
        "dp_lase": "z",
    }
    assert completed("dp_lase", learn_density=True).space == "w"


def test_other_generators_are_looked_at_in_the_first_space_that_the_method_takes() -> None:
    eyes = entry("eyes")
    assert [completed(method, eyes).space for method in ("hessian", "sefa", "ganspace_pca")] == ["full"] * 3
    assert completed("dp_lase", eyes).space == "noise"
    assert spaces_of(DirectionsSettings("sefa"), eyes) == ("full", "noise", "class")


def test_defaults_are_filled_in_where_the_method_takes_them_and_nowhere_else() -> None:
    faces = entry("faces")
    assert completed("hessian", faces) == DirectionsSettings("hessian", "z", 20)
    assert completed("jacobian", faces, seed=3) == DirectionsSettings("jacobian", "z", 20, 3, iterations=30)
    assert completed("ganspace_pca", faces) == DirectionsSettings(
        "ganspace_pca", "z", 20, samples=20_000, layer="layer 1"
    )
    assert completed("ganspace_ica") == DirectionsSettings(
        "ganspace_ica", "w", 6, samples=100_000, ica_vectors="mixing"
    )
    assert completed("ganspace_pca", layer="8 px").samples == 20_000
    assert completed("dp_lase", faces).samples == 2000


def test_what_is_complete_stays_as_it_is() -> None:
    for method in METHODS:
        settings = completed(method)
        assert complete(settings, STYLE) == settings


def test_layers_are_sorted_and_all_of_them_are_none() -> None:
    assert completed("sefa", layers=(4, 1)).layers == (1, 4)
    assert completed("sefa", layers=(5, 4, 3, 2, 1, 0)).layers == ()


def test_a_local_basis_of_z_has_directions_of_w() -> None:
    assert space_of_directions(completed("local_basis"), STYLE) == "w"
    assert space_of_directions(completed("jacobian", space="w+"), STYLE) == "w+"
    assert completed("local_basis", layers=(2,)).layers == (2,)


@pytest.mark.parametrize("name", ["faces", "eyes"])
def test_layers_are_named_as_the_generator_names_them(name: str) -> None:
    found = entry(name)
    count = {"faces": 4, "eyes": 5}[name]
    assert activation_layers(found) == tuple(f"layer {number}" for number in range(1, count + 1))
    assert (mapped_space(found), style_layers(found)) == (None, 0)


def test_layers_of_a_style_based_generator_are_those_that_it_has() -> None:
    generator = tiny_style()
    context = generator.default_context[None]
    assert [*activation_layers(STYLE), "image"] == list(generator.activations(context))
    assert style_layers(STYLE) == generator.network.shape.layers == 6
    assert mapped_space(STYLE) == SPACES[1]


@pytest.mark.parametrize(
    ("method", "given", "field", "message"),
    [
        ("hessian", {"space": "y"}, "space", r"'hessian' takes the spaces z, w, w\+ of 'tiny-style', but 'y' came"),
        ("sefa", {"space": "w+"}, "space", r"takes the spaces z, w of 'tiny-style', but 'w\+' came"),
        ("local_basis", {"space": "w"}, "space", "takes the spaces z of"),
        ("dp_lase", {"space": "w"}, "space", "takes the spaces z of"),
        ("hessian", {"k": 7}, "k", "between 1 and 6 directions of space 'w' can be had, but 7 came"),
        ("hessian", {"k": -1}, "k", "but -1 came"),
        ("jacobian", {"seed": -1}, "seed", "from 0 on, but -1 came"),
        ("sefa", {"seed": 4}, "seed", "method 'sefa' takes no seed, but 4 came; leave it out"),
        ("hessian", {"samples": 500}, "samples", "takes no samples, but 500 came"),
        ("hessian", {"learn_density": True}, "learn_density", "takes no learn_density"),
        ("ganspace_pca", {"ica_vectors": "mixing"}, "ica_vectors", "takes no ica_vectors"),
        ("ganspace_pca", {"samples": 99}, "samples", "samples are 100 to 1,000,000, but 99 came"),
        ("dp_lase", {"samples": 100_001}, "samples", "samples are 100 to 100,000, but 100001 came"),
        ("ganspace_ica", {"layer": "image"}, "layer", "has the layers 4 px, 8 px, 16 px, but 'image' came"),
        ("ganspace_ica", {"ica_vectors": "rows"}, "ica_vectors", "mixing or unmixing, but 'rows' came"),
        ("jacobian", {"iterations": 1001}, "iterations", "iterations are 1 to 1000, but 1001 came"),
        ("sefa", {"layers": (6,)}, "layers", r"layers of 'tiny-style' are 0 to 5, each once, but \[6\] came"),
        ("sefa", {"layers": (1, 1)}, "layers", r"each once, but \[1, 1\] came"),
        ("sefa", {"space": "z", "layers": (1,)}, "layers", "along a direction of 'w', but this is one of 'z'"),
    ],
)
def test_what_a_method_cannot_take_is_said_of_the_setting(
    method: str, given: dict[str, object], field: str, message: str
) -> None:
    named, description = fault_of(method, **given)
    assert named == field
    with pytest.raises(InvalidInputError, match=message):
        completed(method, **given)
    assert description


def test_generators_without_a_mapping_network_have_neither_a_local_basis_nor_layers() -> None:
    faces = entry("faces")
    assert fault_of("local_basis", faces) == (
        "space",
        "method 'local_basis' looks at a mapping network, but 'faces' has none; take 'jacobian'",
    )
    assert fault_of("sefa", faces, layers=(0,))[0] == "layers"


def test_samples_outnumber_the_coordinates_that_they_determine() -> None:
    assert fault_of("ganspace_pca", entry("faces"), samples=100)[1].startswith("samples are 101 to")


def test_every_fault_is_named_at_once() -> None:
    wrong = faults(DirectionsSettings("hessian", k=99, seed=1, layers=(9,)), STYLE)
    assert [name for name, _ in wrong] == ["seed", "k", "layers"]


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="no method of directions is named 'pca'; known: hessian, local_hessian"):
        complete(DirectionsSettings("pca"), STYLE)
