"""Methods of search by name: what each takes, within which bounds, and the settings with which it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.search.constraints import Constraint

METHODS = ("cma", "hessian_cma", "cholesky_cma", "sphere_cma", "genetic", "random", "hessian_gp")
NEEDS_EIGENBASIS = frozenset({"hessian_gp", "hessian_cma"})
# Wang & Ponce (2021), section 6: as many of 4,096 axes are enough.
_MOST_AXES = 500
MOST_OF_CMA = 1024
"""Coordinates that `cma` searches at most: its state takes 16 n² bytes, 16.8 MB of so many."""
# As many times as far from the mean as draws of the prior lie: farther off, images look like nothing that the generator
# was trained on, and scores of real cells are seldom worth that.
_NEAR = 2.0
# Generations of a search where nothing is planned: so many are made of 1,500 images.
_UNPLANNED = {"hessian_gp": 65, "hessian_cma": 65, "sphere_cma": 37}
# Of the planned generations of our own methods, those over which steps fall; the rest are shown with the last step.
_FALLING = 12 / 13
# Of the first step size, the last one.
_LAST_SHARES = {"hessian_gp": 0.1, "hessian_cma": 0.2}


@dataclass(frozen=True)
class _Range:
    """Numbers from `least` (or above it, where that is no value) to `most`."""

    least: int | float
    most: int | float = math.inf
    above: bool = False

    def holds(self, value: int | float) -> bool:
        """Whether a number is finite and within."""
        enough = value > self.least if self.above else value >= self.least
        return math.isfinite(value) and enough and value <= self.most

    def __str__(self) -> str:
        if self.most == math.inf:
            return f"above {self.least:g}" if self.above else f"at least {self.least:g}"
        return f"above {self.least:g} and at most {self.most:g}" if self.above else f"{self.least:g} to {self.most:g}"


def _within(least: int | float, most: int | float = math.inf) -> Any:
    """An option from `least` to `most`."""
    return field(default=None, metadata={"range": _Range(least, most)})


def _above(least: int | float, most: int | float = math.inf) -> Any:
    """An option above `least`, at most `most`."""
    return field(default=None, metadata={"range": _Range(least, most, above=True)})


@dataclass(frozen=True)
class SearchSettings:
    """How a search works; None = the method's default, or what the method does not have."""

    method: str
    """`cma`, `hessian_cma`, `cholesky_cma`, `sphere_cma`, `genetic`, `random` or `hessian_gp`."""
    population: int | None = _within(2, 1000)
    """Images of a generation."""
    sigma: float | None = _above(0)
    """First step size, in units of the prior's standard deviation."""
    exponent: float | None = _within(0, 2)
    """p of the first covariance U diag(λ^−2p) Uᵀ."""
    axes: int | None = _within(1)
    """Leading eigenvectors that are searched, at most as many as coordinates that are."""
    adapt_covariance: bool | None = None
    """Whether the covariance is adapted, or stays as it begins."""
    radius: float | None = _above(0)
    """Norm of all latents."""
    first_angle: float | None = _above(0, 180)
    """Step of an offspring in degrees, first."""
    last_angle: float | None = _above(0, 180)
    """The same after `decay_generations`."""
    decay_generations: int | None = _within(0)
    """Generations over which the angle or the step size falls, at least 1, by default those that are planned; of
    `hessian_cma`, also 0, where the step size is adapted instead."""
    learning_rate: float | None = _within(0, 2)
    """How far the mean moves; 1 = as far as the weighted selected."""
    parents: int | None = _within(1)
    """How many of the best are selected, at most the population."""
    mutation_rate: float | None = _within(0, 1)
    """Share of the coordinates that mutate."""
    mutation_size: float | None = _above(0)
    """Standard deviation of a mutation in units of the prior's."""
    selectivity: float | None = _above(0)
    """How strongly fitter parents are preferred."""
    last_sigma: float | None = _above(0)
    """Step size after `decay_generations`."""
    negative_weights: bool | None = None
    """Whether the mean moves away from the worse half of a generation, not only towards the better; not where the step
    size is adapted."""

    def given(self) -> dict[str, int | float | bool]:
        """The options that are not None, by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "method"}
        return {name: value for name, value in values.items() if value is not None}


def options_of(method: str) -> tuple[str, ...]:
    """Names of the options that a method has.

    Raises:
        UnknownNameError: No such method.
    """
    _check_method(method)
    return tuple(_defaults(SearchSettings(method), 1))


def faults(settings: SearchSettings, dim: int) -> dict[str, str]:
    """What is wrong with settings, by the name of the option: options that the method lacks, and those out of range.

    Args:
        settings: The settings.
        dim: Number of coordinates that are searched (`SearchSpace.searched`), at least 1.

    Raises:
        UnknownNameError: No such method.
    """
    _check_method(settings.method)
    has = options_of(settings.method)
    found = {}
    for name, value in settings.given().items():
        if name not in has:
            found[name] = f"method {settings.method!r} takes no {name}, but {value!r} came; leave it out"
        elif (bounds := _ranges(settings, dim).get(name)) is not None and not bounds.holds(value):
            found[name] = f"{name} is {bounds}, but {value!r} came"
    if settings.last_sigma is not None and settings.decay_generations == 0:
        found.setdefault("last_sigma", "last_sigma has no meaning where decay_generations is 0; leave one of them out")
    if settings.negative_weights and settings.decay_generations == 0:
        found.setdefault(
            "negative_weights",
            "negative_weights needs a step size that falls, but decay_generations is 0; leave one out",
        )
    return found


def unsuitable(settings: SearchSettings, dim: int) -> str:
    """Why a method is no good for so many coordinates, and which is; empty where it is good.

    It concerns searches that begin: one that was begun goes on.

    Args:
        settings: The settings.
        dim: Number of coordinates that are searched (`SearchSpace.searched`), at least 1.
    """
    if settings.method != "cma" or dim <= MOST_OF_CMA:
        return ""
    return (
        f"method 'cma' keeps two matrices of n² numbers, {16e-6 * dim**2:,.0f} MB a generation here: it searches "
        f"{MOST_OF_CMA:,} coordinates at most, but the space has {dim:,}; take 'hessian_gp' or 'hessian_cma', which "
        "search leading axes of the metric, or 'cholesky_cma', 'sphere_cma' or 'genetic'"
    )


def complete(settings: SearchSettings, dim: int, planned_generations: int | None = None) -> SearchSettings:
    """The settings with the method's defaults for what is left out.

    Args:
        settings: The settings.
        dim: Number of coordinates that are searched (`SearchSpace.searched`), at least 1.
        planned_generations: How many generations the search is meant to have, at least 1, from which the default of
            `decay_generations` follows. When omitted, as many as the method is made for: 65, of `sphere_cma` 37.

    Raises:
        UnknownNameError: No such method.
        InvalidInputError: The method does not have an option that came, or it is out of range; the message names it.
    """
    wrong = faults(settings, dim)
    if planned_generations is not None and planned_generations < 1:
        wrong["planned_generations"] = f"planned_generations is at least 1, but {planned_generations} came"
    if wrong:
        raise InvalidInputError("; ".join(wrong.values()))
    defaults = _defaults(settings, dim, planned_generations)
    return replace(settings, **defaults | settings.given())  # type: ignore[arg-type]


def own_constraint(settings: SearchSettings, constraint: Constraint, dim: int) -> Constraint:
    """The bounds within which a method searches, where a request does not say how far it may go.

    `hessian_gp` stays within twice the distance at which draws of the prior typically lie, √dim from its mean. Others,
    whose steps are adapted, have no bound of their own. Bounds on the norm say how far it may go.

    Args:
        settings: The settings.
        constraint: What was asked for.
        dim: Number of coordinates that are searched.
    """
    if settings.method != "hessian_gp" or (constraint.stay, constraint.min_norm, constraint.max_norm) != (None,) * 3:
        return constraint
    return replace(constraint, stay=_NEAR * math.sqrt(dim))


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise UnknownNameError("search method", method, METHODS)


def _ranges(settings: SearchSettings, dim: int) -> dict[str, _Range]:
    """The ranges of options that are numbers, where they depend on other settings too."""
    own = {each.name: each.metadata["range"] for each in fields(SearchSettings) if "range" in each.metadata}
    population = settings.population or _defaults(settings, dim)["population"]
    least = 0 if settings.method == "hessian_cma" else 1
    return own | {"axes": _Range(1, dim), "parents": _Range(1, population), "decay_generations": _Range(least)}


def _defaults(
    settings: SearchSettings, dim: int, planned_generations: int | None = None
) -> dict[str, int | float | bool]:
    """Every option of the method with its default."""
    planned = planned_generations or _UNPLANNED.get(settings.method, 0)
    if settings.method in NEEDS_EIGENBASIS:
        axes = settings.axes or min(dim, _MOST_AXES)
        values: dict[str, int | float | bool] = {
            "population": _population(axes),
            "sigma": 2.0 if settings.method == "hessian_gp" else 1.5,
            # Within the bounds of `own_constraint`, along axes that hardly change images, steps would waste distance.
            "exponent": 0.0 if settings.method == "hessian_gp" else 0.25,
            "axes": axes,
            "decay_generations": max(round(_FALLING * planned), 1),
        }
        if settings.method == "hessian_cma":
            # The rule by which the step size is adapted was made for positive weights, and would be misled.
            falls = settings.decay_generations != 0
            values |= {"adapt_covariance": True, "learning_rate": 1.0, "negative_weights": falls}
        if settings.decay_generations != 0:
            values["last_sigma"] = _LAST_SHARES[settings.method] * (settings.sigma or values["sigma"])
        return values
    if settings.method == "sphere_cma":
        # The mean and 40 offspring, as published; the radius is the norm that a prior of `dim` coordinates gives.
        population = settings.population or 41
        return {
            "population": population,
            "radius": math.sqrt(dim),
            "first_angle": 50.0,
            "last_angle": 7.33,
            # All moves, of which there is none before the first generation, as published.
            "decay_generations": max(planned - 1, 1),
            "learning_rate": 1.5,
            "parents": population // 2,
        }
    if settings.method == "genetic":
        return {"population": 20, "mutation_rate": 0.5, "mutation_size": 0.5, "selectivity": 2.0}
    if settings.method == "random":
        return {"population": 20}
    return {"population": _population(dim), "sigma": 1.0}


def _population(dim: int) -> int:
    """4 + ⌊3 log₂ n⌋ (CholeskyCMAES): 20 to 40 images, as laboratories show them."""
    return 4 + math.floor(3 * math.log2(max(dim, 1)))
