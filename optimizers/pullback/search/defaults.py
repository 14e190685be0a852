"""The methods by name, what each takes within which bounds, and the settings with which it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from pullback.errors import InvalidInputError, UnknownNameError

METHODS = ("cma", "hessian_cma", "cholesky_cma", "sphere_cma", "genetic", "random")
NEEDS_EIGENBASIS = frozenset({"hessian_cma"})
# Wang & Ponce (2021), section 6: as many of 4,096 axes are enough.
_MOST_AXES = 500
# Of the first step size, the last one.
_LAST_SHARE = 0.2


@dataclass(frozen=True)
class SearchSettings:
    """How a search works; None = the method's default, or what the method does not have.

    Attributes:
        method: `cma`, `hessian_cma`, `cholesky_cma`, `sphere_cma`, `genetic` or `random`.
        population: Images of a generation, 2 to 1000.
        sigma: First step size, above 0, in units of the prior's standard deviation.
        exponent: p of the first covariance U diag(λ^−2p) Uᵀ, 0 to 2.
        axes: Leading eigenvectors that are searched, 1 to the number of coordinates that are.
        adapt_covariance: Whether the covariance is adapted, or stays as it begins.
        radius: Norm of all latents, above 0.
        first_angle: Step of an offspring in degrees, first, above 0 and at most 180.
        last_angle: The same after `decay_generations`.
        decay_generations: Generations over which the angle or the step size falls, at least 1; of `hessian_cma`, also
            0, where the step size is adapted instead.
        learning_rate: How far the mean moves, 0 to 2; 1 = as far as the weighted selected.
        parents: How many of the best are selected, 1 to the population.
        mutation_rate: Share of the coordinates that mutate, 0 to 1.
        mutation_size: Standard deviation of a mutation in units of the prior's, above 0.
        selectivity: How strongly fitter parents are preferred, above 0.
        last_sigma: Step size after `decay_generations`, above 0.
        negative_weights: Whether the mean moves away from the worse half of a generation, not only towards the better;
            not where the step size is adapted.
    """

    method: str
    population: int | None = None
    sigma: float | None = None
    exponent: float | None = None
    axes: int | None = None
    adapt_covariance: bool | None = None
    radius: float | None = None
    first_angle: float | None = None
    last_angle: float | None = None
    decay_generations: int | None = None
    learning_rate: float | None = None
    parents: int | None = None
    mutation_rate: float | None = None
    mutation_size: float | None = None
    selectivity: float | None = None
    last_sigma: float | None = None
    negative_weights: bool | None = None

    def given(self) -> dict[str, int | float | bool]:
        """The options that are not None, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "method"}
        return {name: value for name, value in values.items() if value is not None}


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


def complete(settings: SearchSettings, dim: int) -> SearchSettings:
    """The settings with the method's defaults for what is left out.

    Args:
        settings: The settings.
        dim: Number of coordinates that are searched (`SearchSpace.searched`), at least 1.

    Raises:
        UnknownNameError: No such method.
        InvalidInputError: The method does not have an option that came, or it is out of range; the message names it.
    """
    wrong = faults(settings, dim)
    if wrong:
        raise InvalidInputError("; ".join(wrong.values()))
    return replace(settings, **_defaults(settings, dim) | settings.given())  # type: ignore[arg-type]


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise UnknownNameError("search method", method, METHODS)


def _ranges(settings: SearchSettings, dim: int) -> dict[str, _Range]:
    population = settings.population or _defaults(settings, dim)["population"]
    angle = _Range(0, 180, above=True)
    return {
        "population": _Range(2, 1000),
        "sigma": _Range(0, above=True),
        "exponent": _Range(0, 2),
        "axes": _Range(1, dim),
        "radius": _Range(0, above=True),
        "first_angle": angle,
        "last_angle": angle,
        "decay_generations": _Range(0 if settings.method == "hessian_cma" else 1),
        "learning_rate": _Range(0, 2),
        "parents": _Range(1, population),
        "mutation_rate": _Range(0, 1),
        "mutation_size": _Range(0, above=True),
        "selectivity": _Range(0, above=True),
        "last_sigma": _Range(0, above=True),
    }


def _defaults(settings: SearchSettings, dim: int) -> dict[str, int | float | bool]:
    """Every option of the method with its default."""
    if settings.method == "hessian_cma":
        axes = settings.axes or min(dim, _MOST_AXES)
        values: dict[str, int | float | bool] = {
            "population": _population(axes),
            "sigma": 1.5,
            "exponent": 0.25,
            "axes": axes,
            "adapt_covariance": True,
            "decay_generations": 60,
            "learning_rate": 1.0,
            # The rule by which the step size is adapted was made for positive weights, and would be misled.
            "negative_weights": settings.decay_generations != 0,
        }
        if settings.decay_generations != 0:
            values["last_sigma"] = _LAST_SHARE * (settings.sigma or values["sigma"])
        return values
    if settings.method == "sphere_cma":
        # The mean and 40 offspring, as published; the radius is the norm that a prior of `dim` coordinates gives.
        population = settings.population or 41
        return {
            "population": population,
            "radius": math.sqrt(dim),
            "first_angle": 50.0,
            "last_angle": 7.33,
            "decay_generations": 75,
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
