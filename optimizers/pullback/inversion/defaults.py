"""Settings of inversions: the methods by name, what each takes, and what it does best with. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, runtime_checkable

from pullback.errors import InvalidInputError, UnknownNameError

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack

BASES = ("none", "global", "separate", "local")
_EIGENBASES = ("global", "separate", "none")
# Candidates of a BasinCMA for each start, as published.
POPULATION = 18

# Weight of the squared difference beside an image distance of weight 1, about as much as a photograph's `lpips-vgg`
# weighs: with less, colours and what lies where suffer, as pixels and distances that did not guide judge it.
SQUARED_WEIGHT = 3.0
# Weight of the prior's penalty for photographs, which no latent draws exactly: without any, latents end nearly twice as
# far from the mean as the prior's own, for images that are a little nearer and look less real. `LossWeights` has none,
# for images that some latent draws.
PRIOR_WEIGHT = 0.0005

# Weight of the noise maps' regulariser, as published (Karras et al., CVPR 2020, appendix D).
NOISE_WEIGHT = 1e5

# Standard deviations of an alignment, the sensitivity of pix2latent (Huh et al., ECCV 2020).
ALIGNMENT_DEVIATION = 0.1
# Updates of a restart, at most.
MAX_STEPS = 100_000

# Starts per image, at least, where an alignment is searched: each has a frame of its own.
ALIGNED_RESTARTS = 8


class SolverOptions(TypedDict, total=False):
    """How a method works. What is left out, or None, is the method's own default."""

    basis: str | None
    """In which coordinates: `none`, `global`, `separate` (no axis mixes the blocks of the space) or `local` (the metric
    at the current latent)."""
    local_every: int | None
    """With basis `local`: updates between two computations of the metric."""
    steps: int | None
    """Updates of a restart that is kept to the end, 1 to 100,000. By default as many as `evaluations` allow, where
    these are given."""
    evaluations: int | None
    """At most so many evaluations of the generator per image; a Jacobian counts as many as it has columns."""
    thin: bool | None
    """Whether the worse half of the restarts is given up again and again."""
    learning_rate: float | None
    """Above 0."""
    schedule: str | None
    """Of the learning rate: `constant` or `cosine`."""
    betas: tuple[float, float] | None
    """Of Adam: decay of the running means of the gradient and of its square, each in [0, 1)."""
    exponent: float | None
    """p ≥ 0: coordinates of an eigenbasis are scaled by λ^−p. Not with basis `none`."""
    ramp_up: float | None
    """Share of the updates, 0 to 1, over which the learning rate rises from 0, besides what its schedule says."""
    ramp_down: float | None
    """Share of the updates, 0 to 1, at whose end the learning rate falls to 0 along half a cosine, likewise."""
    latent_noise: float | None
    """Normal noise that is added to latents where they are evaluated, at first, ≥ 0, in units of how far latents of
    the space lie from their mean (√E‖w − w̄‖², of each layer)."""
    noise_ramp: float | None
    """Share of the updates, above 0, at most 1, over which that noise falls to 0, as the square of what is left."""


@runtime_checkable
class Defaults(Protocol):
    """Defaults in the place of a method's own, as presets have them."""

    @property
    def name(self) -> str:
        """What people call them."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that they are for."""
        ...

    @property
    def steps(self) -> int:
        """Updates of a restart."""
        ...

    def options_of(self, method: str) -> SolverOptions:
        """The options of a method, those that it does not take included."""
        ...


# Every method takes these.
_OF_ALL = frozenset({"basis", "steps", "evaluations"})
# Only with these bases.
_WITH_BASES = {"local_every": {"local"}, "exponent": {"global", "separate", "local"}}


@dataclass(frozen=True)
class Method:
    """What a method takes, and its defaults.

    Attributes:
        bases: The bases that it takes; the first is its own choice.
        options: The options, besides the basis and the budget, that it takes, with its defaults.
        steps: Updates of a restart that is kept to the end.
        restarts: Starts per image; 0 where the method has a population of its own, around one start.
        start: Where they start, if there is a bank.
        moves_noise: Whether it can move the generator's noise maps, too.
    """

    bases: tuple[str, ...]
    options: SolverOptions
    steps: int = 200
    restarts: int = 4
    start: str = "bank"
    moves_noise: bool = False

    @property
    def takes(self) -> frozenset[str]:
        """Names of the options, besides the basis and the budget, that it takes."""
        return frozenset(self.options)


@dataclass(frozen=True)
class SolverSettings:
    """How a method works, with every default filled in.

    Attributes:
        method: Its name.
        basis: In which coordinates.
        steps: Updates of a restart that is kept to the end.
        evaluations: At most so many evaluations of the generator per image; None for no bound but `steps`.
        options: The options, besides the basis and the budget, that the method takes; see `SolverOptions`.
    """

    method: str
    basis: str
    steps: int
    evaluations: int | None = None
    options: SolverOptions = field(default_factory=SolverOptions)

    def given(self) -> SolverOptions:
        """All of it as options that make the same settings again."""
        bound: SolverOptions = {} if self.evaluations is None else {"evaluations": self.evaluations}
        return {"basis": self.basis, "steps": self.steps, **bound, **self.options}


_RAMPS: SolverOptions = {"ramp_up": 0.0, "ramp_down": 0.0, "latent_noise": 0.0, "noise_ramp": 0.75}
_ADAM: SolverOptions = {**_RAMPS, "thin": False, "learning_rate": 0.1, "schedule": "constant", "betas": (0.9, 0.999)}

METHODS: dict[str, Method] = {
    "hessian_adam": Method(
        bases=("global", "separate", "local", "none"),
        options={
            **_ADAM,
            "thin": True,
            "schedule": "cosine",
            "betas": (0.85, 0.95),
            "exponent": 0.25,
            "local_every": 25,
        },
        # Under `lpips-vgg`, about as much work as 200 under a distance of half the cost.
        steps=120,
        restarts=1,
        moves_noise=True,
    ),
    "adam": Method(bases=("none",), options=_ADAM, start="prior", moves_noise=True),
    "lbfgs": Method(bases=_EIGENBASES, options={"thin": True, "exponent": 0.25}),
    "levenberg_marquardt": Method(bases=("none",), options={"thin": True}, steps=20),
    "basin_cma": Method(bases=("none",), options={"learning_rate": 0.05}, steps=1230, restarts=0, start="mean"),
    "basin_cma_hessian_adam": Method(
        bases=_EIGENBASES, options={"learning_rate": 0.05, "exponent": 0.0}, steps=610, restarts=0, start="prior"
    ),
    "hessian_basin_cma": Method(
        bases=_EIGENBASES, options={"learning_rate": 0.05, "exponent": 0.25}, steps=610, restarts=0
    ),
}


def method_of(name: str) -> Method:
    """The method of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in METHODS:
        raise UnknownNameError("inversion method", name, METHODS)
    return METHODS[name]


def taken_options(name: str, basis: str) -> frozenset[str]:
    """Names of the options, besides the basis and the budget, that a method takes in coordinates of a basis.

    Raises:
        UnknownNameError: No such method or basis.
        InvalidInputError: The method does not take that basis.
    """
    if wrong := faults(name, basis=basis):
        raise InvalidInputError("; ".join(wrong.values()))
    return _taken(method_of(name), basis)


def faults(name: str, *, preset: Defaults | None = None, **options: Unpack[SolverOptions]) -> dict[str, str]:
    """What a method does not take, by the name of the option: a preset, a basis, or options that came.

    Raises:
        UnknownNameError: No such method or basis.
    """
    method, given = method_of(name), _given(options)
    if preset is not None and name not in preset.methods:
        able = " or ".join(map(repr, preset.methods))
        return {"preset": f"preset {preset.name!r} is for method {able}, but {name!r} came; leave one of them out"}
    basis = given.get("basis", method.bases[0])
    if basis not in BASES:
        raise UnknownNameError("basis of inversions", basis, BASES)
    if basis not in method.bases:
        return {"basis": f"method {name!r} takes basis {' or '.join(map(repr, method.bases))}, but {basis!r} came"}
    unknown = given.keys() - _taken(method, basis) - _OF_ALL
    return {option: _untaken(name, basis, option, given[option]) for option in given if option in unknown}


def complete(
    name: str, *, preset: Defaults | None = None, search_classes: bool = False, **options: Unpack[SolverOptions]
) -> SolverSettings:
    """The settings of a method, with the defaults of a preset and its own for what is left out.

    Args:
        name: The method's name.
        preset: The preset.
        search_classes: Whether every class is tried: then a method that can thin its restarts does, unless `thin` says
            otherwise. Of a thousand classes all but a few are wrong, and soon seen to be.
        **options: What is said of the method.

    Raises:
        UnknownNameError: No such method or basis.
        InvalidInputError: The method does not take that preset, basis, or an option that came; the message names it.
    """
    if wrong := faults(name, preset=preset, **options):
        raise InvalidInputError("; ".join(wrong.values()))
    method, given = method_of(name), _given(options)
    basis, evaluations = given.pop("basis", method.bases[0]), given.pop("evaluations", None)
    # With a bound on evaluations, as many steps as that allows.
    own_steps = method.steps if preset is None else preset.steps
    most = own_steps if evaluations is None else min(max(evaluations, 1), MAX_STEPS)
    steps = given.pop("steps", most)
    defaults = {**method.options, **({} if preset is None else preset.options_of(name))}
    if search_classes:
        defaults["thin"] = True
    own = {option: value for option, value in defaults.items() if option in _taken(method, basis)}
    chosen: Any = own | given
    return SolverSettings(name, basis, steps, evaluations, chosen)


def _given(options: Any) -> dict[str, Any]:
    return {option: value for option, value in options.items() if value is not None}


def _taken(method: Method, basis: str) -> frozenset[str]:
    return frozenset(option for option in method.options if basis in _WITH_BASES.get(option, BASES))


def _untaken(name: str, basis: str, option: str, value: object) -> str:
    """What is said of an option that a method does not take, with that basis or with any."""
    method = method_of(name)
    if option in method.takes:
        able = " or ".join(repr(each) for each in method.bases if each in _WITH_BASES[option])
        return (
            f"method {name!r} with basis {basis!r} takes no {option}, but {value!r} came; leave it out, "
            f"or use basis {able}"
        )
    others = " or ".join(repr(other) for other, each in METHODS.items() if option in each.takes)
    advice = f", or use method {others}" if others else ""
    return f"method {name!r} takes no {option}, but {value!r} came; leave it out{advice}"
