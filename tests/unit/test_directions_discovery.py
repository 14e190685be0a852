"""Directions by any method, as a server asks for them: each is that of its own function, with its layers, measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from draining import drained
from metrics import PROVENANCE, metric_with
from pullback import directions
from pullback.directions import (
    METHODS,
    DirectionSet,
    DirectionsSettings,
    complete,
    discover,
    ganspace_ica,
    ganspace_pca,
    hessian,
    jacobian,
    local_basis,
    local_hessian,
    sefa,
)
from pullback.directions.discovery import finder
from pullback.errors import IncompatibleEigenbasisError, InvalidInputError, UnknownNameError
from pullback.generators import CatalogueEntry
from pullback.geometry import Eigenbasis
from pullback.weights.source import WeightsSource
from tiny_style import SPACES, tiny_style
from toys import Euclidean

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

GENERATOR = tiny_style()
SOURCE = WeightsSource(kind="path", location="nowhere", sha256="1" * 64)
ENTRY = CatalogueEntry("tiny-style", "Seeded styles", "stylegan2", SPACES, "w+", (3, 16, 16), SOURCE)


def basis_of(space: str, dim: int = 6) -> Eigenbasis:
    source = replace(PROVENANCE, generator=GENERATOR.name, weights_hash=GENERATOR.weights_hash, space=space)
    return Eigenbasis.from_metric(metric_with(np.geomspace(9, 0.1, dim)), source)


def settings_of(method: str, **given: object) -> DirectionsSettings:
    return complete(replace(DirectionsSettings(method, k=3), **given), ENTRY)  # type: ignore[arg-type]


def assert_measured_as(found: DirectionSet, expected: DirectionSet, basis: Eigenbasis) -> None:
    expected = expected.measured(basis)
    assert found.origin == expected.origin
    for name in ("vectors", "values", "rates", "alignment"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12)


def test_every_method_is_either_found_by_name_or_trained() -> None:
    for name, method in METHODS.items():
        if method.trained:
            with pytest.raises(InvalidInputError, match="trained step by step"):
                finder(name)
        else:
            assert finder(name) is getattr(directions, name)


def test_global_methods_give_what_their_functions_do() -> None:
    w, z = basis_of("w"), basis_of("z")
    assert_measured_as(discover(GENERATOR, settings_of("hessian"), eigenbasis=w), hessian(w, 3), w)
    found = discover(GENERATOR, settings_of("sefa", space="z"), eigenbasis=z)
    assert_measured_as(found, sefa(GENERATOR, 3, space="z"), z)
    found = discover(GENERATOR, settings_of("ganspace_pca", samples=200, seed=4), eigenbasis=w)
    assert_measured_as(found, ganspace_pca(GENERATOR, 3, space="w", samples=200, seed=4), w)
    settings = settings_of("ganspace_ica", layer="4 px", samples=400, ica_vectors="unmixing")
    expected = ganspace_ica(GENERATOR, 3, space="w", layer="4 px", samples=400, ica_vectors="unmixing")
    assert_measured_as(discover(GENERATOR, settings, eigenbasis=w), expected, w)


def test_local_methods_look_where_they_are_told_to() -> None:
    latent, w = torch.linspace(-1, 1, 6), basis_of("w")
    found = discover(GENERATOR, settings_of("jacobian"), eigenbasis=w, latent=latent)
    assert_measured_as(found, jacobian(GENERATOR, latent, "w", 3), w)
    found = discover(GENERATOR, settings_of("local_basis"), eigenbasis=w, latent=latent)
    assert_measured_as(found, local_basis(GENERATOR, latent, 3), w)
    distance = Euclidean()
    found = discover(GENERATOR, settings_of("local_hessian"), eigenbasis=w, latent=latent, distance=distance)
    assert_measured_as(found, local_hessian(GENERATOR, distance, latent, "w", 3), w)


def test_local_methods_look_at_a_draw_of_the_seed_where_nothing_is_said() -> None:
    found = discover(GENERATOR, settings_of("local_basis", seed=5), eigenbasis=basis_of("w"))
    np.testing.assert_allclose(found.base, GENERATOR.space("z").sample(1, 5)[0])


@pytest.mark.parametrize(
    ("method", "given"), [("hessian", {}), ("local_basis", {}), ("sefa", {}), ("ganspace_pca", {"samples": 100})]
)
def test_any_set_of_directions_of_w_acts_on_the_layers_that_were_asked_for(method: str, given: dict[str, int]) -> None:
    settings = settings_of(method, layers=(4, 2), **given)
    assert discover(GENERATOR, settings, eigenbasis=basis_of("w")).layers == (2, 4)


@pytest.mark.parametrize(
    ("method", "given", "turns"),
    [
        ("hessian", {}, 0),
        ("sefa", {}, 0),
        ("local_basis", {}, 0),
        ("local_hessian", {}, 2),
        ("jacobian", {"iterations": 3}, 1),
        ("ganspace_pca", {"samples": 200, "layer": "4 px"}, 13),
        ("ganspace_ica", {"samples": 400, "layer": "4 px"}, 50),
    ],
)
def test_methods_that_take_long_let_others_have_their_turn(method: str, given: dict[str, object], turns: int) -> None:
    settings, distance = settings_of(method, **given), Euclidean() if method == "local_hessian" else None
    taken, found = drained(discover.in_pieces(GENERATOR, settings, eigenbasis=basis_of("w"), distance=distance))
    assert taken >= turns
    expected = discover(GENERATOR, settings, eigenbasis=basis_of("w"), distance=distance)
    assert found.to_bytes() == expected.to_bytes()


@pytest.mark.parametrize("other", [basis_of("z"), replace(basis_of("w"), provenance=PROVENANCE)])
def test_an_eigenbasis_of_something_else_is_refused(other: Eigenbasis) -> None:
    for method in ("hessian", "local_basis", "sefa"):
        with pytest.raises(IncompatibleEigenbasisError, match="was computed for something else"):
            discover(GENERATOR, settings_of(method), eigenbasis=other)


def test_what_a_method_lacks_or_does_not_take_is_said() -> None:
    w, latent = basis_of("w"), torch.zeros(6)
    with pytest.raises(InvalidInputError, match="'sefa' looks at no latent, but one came"):
        discover(GENERATOR, settings_of("sefa"), eigenbasis=w, latent=latent)
    with pytest.raises(InvalidInputError, match="'local_hessian' needs a distance, but none came"):
        discover(GENERATOR, settings_of("local_hessian"), eigenbasis=w, latent=latent)
    with pytest.raises(InvalidInputError, match="'jacobian' takes no distance, but one came"):
        discover(GENERATOR, settings_of("jacobian"), eigenbasis=w, latent=latent, distance=Euclidean())
    with pytest.raises(InvalidInputError, match="trained step by step; use `DpLase`"):
        discover(GENERATOR, settings_of("dp_lase"), eigenbasis=w)
    with pytest.raises(UnknownNameError, match="no method of directions is named 'pca'"):
        discover(GENERATOR, DirectionsSettings("pca"), eigenbasis=w)
