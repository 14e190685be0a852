"""Settings of searches: what each method has, its defaults, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace

import pytest

import pullback.search
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.search import METHODS, NEEDS_EIGENBASIS, SearchSettings, complete, faults, options_of
from pullback.search.construction import KINDS


def test_every_method_has_a_class_whose_fields_are_its_options() -> None:
    assert tuple(KINDS) == METHODS
    for name, kind in KINDS.items():
        # `population` concerns the search as a whole, and `space` is no option.
        own = {field.name for field in fields(kind)} - {"population", "space"}
        assert own == set(options_of(name)) - {"population"}


def test_every_method_has_the_options_of_the_contract() -> None:
    assert {method: set(options_of(method)) for method in METHODS} == {
        "cma": {"population", "sigma"},
        "hessian_cma": {
            "population",
            "sigma",
            "exponent",
            "axes",
            "adapt_covariance",
            "decay_generations",
            "learning_rate",
            "last_sigma",
            "negative_weights",
        },
        "hessian_gp": {"population", "sigma", "exponent", "axes", "decay_generations", "last_sigma"},
        "cholesky_cma": {"population", "sigma"},
        "sphere_cma": {
            "population",
            "radius",
            "first_angle",
            "last_angle",
            "decay_generations",
            "learning_rate",
            "parents",
        },
        "genetic": {"population", "mutation_rate", "mutation_size", "selectivity"},
        "random": {"population"},
    }
    assert sorted(NEEDS_EIGENBASIS) == ["hessian_cma", "hessian_gp"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dim", [1, 2, 100, 4096])
def test_defaults_fill_in_every_option_and_are_in_range(method: str, dim: int) -> None:
    settings = complete(SearchSettings(method), dim)
    assert set(settings.given()) == set(options_of(method))
    assert faults(settings, dim) == {}
    assert complete(settings, dim) == settings


@pytest.mark.parametrize(("dim", "population"), [(128, 25), (256, 28), (500, 30), (4096, 40)])
def test_the_population_grows_with_the_dimensions_as_published(dim: int, population: int) -> None:
    assert complete(SearchSettings("cholesky_cma"), dim).population == population


def test_hessian_cma_searches_at_most_500_axes_and_has_a_population_for_them() -> None:
    settings = complete(SearchSettings("hessian_cma"), 4096)
    assert (settings.axes, settings.population) == (500, 30)
    assert complete(SearchSettings("hessian_cma", axes=128), 4096).population == 25


def test_what_is_given_is_kept() -> None:
    given = SearchSettings("sphere_cma", population=11, radius=2.5)
    settings = complete(given, 9)
    assert (settings.population, settings.radius, settings.parents) == (11, 2.5, 5)
    assert complete(SearchSettings("hessian_cma", adapt_covariance=False), 9).adapt_covariance is False
    assert complete(SearchSettings("hessian_cma", exponent=0.0), 9).exponent == 0.0


@pytest.mark.parametrize(
    ("method", "unplanned", "of_26"), [("hessian_gp", 60, 24), ("hessian_cma", 60, 24), ("sphere_cma", 36, 25)]
)
def test_steps_fall_over_the_generations_that_are_planned_unless_something_else_is_said(
    method: str, unplanned: int, of_26: int
) -> None:
    settings = SearchSettings(method)
    assert complete(settings, 9).decay_generations == unplanned
    planned = complete(settings, 9, planned_generations=26)
    assert planned == replace(complete(settings, 9), decay_generations=of_26)
    assert complete(settings, 9, planned_generations=1).decay_generations == 1
    # What is complete stays, whatever is planned: a search that was begun goes on with what it had.
    assert complete(planned, 9, planned_generations=7) == planned
    assert complete(replace(settings, decay_generations=4), 9, planned_generations=13).decay_generations == 4


@pytest.mark.parametrize("method", ["cma", "cholesky_cma", "genetic", "random"])
def test_what_is_planned_changes_nothing_where_no_steps_fall(method: str) -> None:
    settings = SearchSettings(method)
    assert complete(settings, 9, planned_generations=13) == complete(settings, 9)


def test_a_step_size_that_is_adapted_stays_so_whatever_is_planned() -> None:
    adapted = SearchSettings("hessian_cma", decay_generations=0)
    assert complete(adapted, 9, planned_generations=13) == complete(adapted, 9)


def test_a_plan_of_no_generations_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="planned_generations is at least 1, but 0 came"):
        complete(SearchSettings("hessian_gp"), 9, planned_generations=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SearchSettings("random", sigma=0.5), "method 'random' takes no sigma, but 0.5 came; leave it out"),
        (SearchSettings("cma", adapt_covariance=False), "method 'cma' takes no adapt_covariance, but False came"),
        (SearchSettings("cma", population=1), "population is 2 to 1000, but 1 came"),
        (SearchSettings("cma", population=1001), "population is 2 to 1000, but 1001 came"),
        (SearchSettings("cma", sigma=0.0), "sigma is above 0, but 0.0 came"),
        (SearchSettings("cma", sigma=float("nan")), "sigma is above 0, but nan came"),
        (SearchSettings("cma", sigma=float("inf")), "sigma is above 0, but inf came"),
        (SearchSettings("hessian_cma", exponent=2.1), "exponent is 0 to 2, but 2.1 came"),
        (SearchSettings("hessian_cma", axes=11), "axes is 1 to 10, but 11 came"),
        (SearchSettings("hessian_cma", axes=0), "axes is 1 to 10, but 0 came"),
        (SearchSettings("sphere_cma", first_angle=0.0), "first_angle is above 0 and at most 180, but 0.0 came"),
        (SearchSettings("sphere_cma", last_angle=181.0), "last_angle is above 0 and at most 180, but 181.0 came"),
        (SearchSettings("sphere_cma", decay_generations=0), "decay_generations is at least 1, but 0 came"),
        (SearchSettings("sphere_cma", learning_rate=-0.1), "learning_rate is 0 to 2, but -0.1 came"),
        (SearchSettings("sphere_cma", parents=42), "parents is 1 to 41, but 42 came"),
        (SearchSettings("sphere_cma", population=10, parents=11), "parents is 1 to 10, but 11 came"),
        (SearchSettings("sphere_cma", radius=-1.0), "radius is above 0, but -1.0 came"),
        (SearchSettings("genetic", mutation_rate=1.5), "mutation_rate is 0 to 1, but 1.5 came"),
        (SearchSettings("genetic", mutation_size=0.0), "mutation_size is above 0, but 0.0 came"),
        (SearchSettings("genetic", selectivity=0.0), "selectivity is above 0, but 0.0 came"),
    ],
)
def test_what_a_method_does_not_have_or_is_out_of_range_is_refused_by_name(
    settings: SearchSettings, message: str
) -> None:
    assert [text.startswith(message) for text in faults(settings, 10).values()] == [True]
    with pytest.raises(InvalidInputError) as raised:
        complete(settings, 10)
    assert message in str(raised.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    settings = SearchSettings("cma", population=0, sigma=-1.0, radius=2.0)
    assert set(faults(settings, 10)) == {"population", "sigma", "radius"}
    with pytest.raises(InvalidInputError, match=r"population is .*; sigma is .*; method 'cma' takes no radius"):
        complete(settings, 10)


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    for call in (lambda: complete(SearchSettings("annealing"), 3), lambda: options_of("annealing")):
        with pytest.raises(UnknownNameError, match="no search method is named 'annealing'; known: cma, hessian_cma"):
            call()


def test_nothing_of_the_package_loads_torch_and_cma_is_loaded_when_it_is_used() -> None:
    code = f"""
import sys
import pullback.search as search
for name in {pullback.search.__all__!r}:
    getattr(search, name)
space = search.SearchSpace((search.Block("standard-normal", 3),))
search.restore(search.make_optimizer(search.SearchSettings("genetic"), space=space).to_bytes())
print(sorted({{"torch", "cma", "scipy"}} & set(sys.modules)))
search.make_optimizer(search.SearchSettings("cma"), space=space)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "False"]


def test_the_package_exports_what_it_promises() -> None:
    assert set(pullback.search.__all__) == {
        "METHODS",
        "NEEDS_EIGENBASIS",
        "Best",
        "Block",
        "Candidates",
        "Constants",
        "Constraint",
        "Moments",
        "Optimizer",
        "Origin",
        "SearchSettings",
        "SearchSpace",
        "catalogue_space",
        "complete",
        "faults",
        "make_optimizer",
        "measured_blocks",
        "options_of",
        "own_constraint",
        "restore",
        "unsuitable",
    }


def test_a_step_size_that_is_adapted_has_no_last_one() -> None:
    assert complete(SearchSettings("hessian_cma", decay_generations=0), 10).last_sigma is None
    assert complete(SearchSettings("hessian_cma", sigma=2.0), 10).last_sigma == pytest.approx(0.4)
    both = SearchSettings("hessian_cma", decay_generations=0, last_sigma=0.5)
    assert faults(both, 10) == {
        "last_sigma": "last_sigma has no meaning where decay_generations is 0; leave one of them out"
    }


def test_a_step_size_that_is_adapted_goes_with_positive_weights() -> None:
    assert complete(SearchSettings("hessian_cma", decay_generations=0), 10).negative_weights is False
    assert complete(SearchSettings("hessian_cma", negative_weights=False), 10).negative_weights is False
    both = SearchSettings("hessian_cma", decay_generations=0, negative_weights=True)
    assert faults(both, 10) == {
        "negative_weights": "negative_weights needs a step size that falls, but decay_generations is 0; leave one out"
    }
