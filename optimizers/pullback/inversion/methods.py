"""How each method is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.adam import Adam
from pullback.inversion.basin_cma import BasinCMA
from pullback.inversion.basin_cma_hessian_adam import BasinCMAHessianAdam
from pullback.inversion.defaults import BASES, method_of
from pullback.inversion.descent import MAX_STEPS
from pullback.inversion.hessian_adam import HessianAdam
from pullback.inversion.hessian_basin_cma import HessianBasinCMA
from pullback.inversion.lbfgs import LBFGS
from pullback.inversion.levenberg_marquardt import LevenbergMarquardt
from pullback.inversion.local_hessian_adam import LocalHessianAdam
from pullback.inversion.solver import Solver

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


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


@dataclass(frozen=True)
class SolverSettings:
    """How a method works, with every default filled in; None for what it does not take. See `SolverOptions`."""

    method: str
    basis: str
    steps: int
    evaluations: int | None = None
    local_every: int | None = None
    thin: bool | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    betas: tuple[float, float] | None = None
    exponent: float | None = None


def _adam(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> Adam:
    del eigenbasis, seed
    return Adam(**_given(settings))


def _hessian_adam(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> Adam:
    del seed
    given = _given(settings)
    if settings.basis == "local":
        return LocalHessianAdam(every=given.pop("local_every"), **given)
    return Adam(**given) if eigenbasis is None else HessianAdam(eigenbasis=eigenbasis, **given)


def _lbfgs(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> LBFGS:
    del seed
    return LBFGS(eigenbasis=eigenbasis, **_given(settings))


def _levenberg_marquardt(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> LevenbergMarquardt:
    del eigenbasis, seed
    return LevenbergMarquardt(**_given(settings))


def _basin_cma(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> BasinCMA:
    del eigenbasis
    return BasinCMA(seed=seed, **_given(settings))


def _basin_cma_hessian_adam(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> BasinCMAHessianAdam:
    return BasinCMAHessianAdam(eigenbasis=eigenbasis, seed=seed, **_given(settings))


def _hessian_basin_cma(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> HessianBasinCMA:
    return HessianBasinCMA(eigenbasis=eigenbasis, seed=seed, **_given(settings))


_MAKERS: dict[str, Callable[[SolverSettings, Eigenbasis | None, int], Solver[Any]]] = {
    "hessian_adam": _hessian_adam,
    "adam": _adam,
    "lbfgs": _lbfgs,
    "levenberg_marquardt": _levenberg_marquardt,
    "basin_cma": _basin_cma,
    "basin_cma_hessian_adam": _basin_cma_hessian_adam,
    "hessian_basin_cma": _hessian_basin_cma,
}


def taken_options(name: str, basis: str) -> frozenset[str]:
    """Names of the options, besides the basis and the budget, that a method takes in coordinates of a basis.

    Raises:
        UnknownNameError: No such method or basis.
        InvalidInputError: The method does not take that basis.
    """
    method = method_of(name)
    if basis not in BASES:
        raise UnknownNameError("basis of inversions", basis, BASES)
    if basis not in method.bases:
        raise InvalidInputError(f"method {name!r} takes basis {' or '.join(method.bases)}, but {basis!r} came")
    without = {"exponent", "local_every"} if basis == "none" else set() if basis == "local" else {"local_every"}
    return method.takes - without


def complete(name: str, **options: Unpack[SolverOptions]) -> SolverSettings:
    """The settings of a method, with its defaults for what is left out.

    Raises:
        UnknownNameError: No such method or basis.
        InvalidInputError: The method does not take that basis, or an option that came; the message names it.
    """
    method = method_of(name)
    given: dict[str, Any] = {option: value for option, value in options.items() if value is not None}
    basis = given.pop("basis", method.bases[0])
    takes = taken_options(name, basis)
    evaluations = given.pop("evaluations", None)
    # With a bound on evaluations, as many steps as that allows.
    most = method.steps if evaluations is None else min(max(evaluations, 1), MAX_STEPS)
    steps = given.pop("steps", most)
    for option, value in given.items():
        if option not in takes:
            where = f" with basis {basis!r}" if option in method.takes else ""
            raise InvalidInputError(f"method {name!r}{where} takes no {option}, but {value!r} came; leave it out")
    chosen = {option: getattr(method, option) for option in takes} | given
    return SolverSettings(name, basis, steps, evaluations, **chosen)


def make_solver(
    method: str, *, eigenbasis: Eigenbasis | None = None, seed: int = 0, **options: Unpack[SolverOptions]
) -> Solver[Any]:
    """A solver by name, to be driven step by step.

    Args:
        method: Its name.
        eigenbasis: For the bases `global` and `separate`: that of the problem's generator, distance and moving space.
        seed: Of a method that draws random numbers, any integer ≥ 0.
        **options: See `SolverOptions`.

    Raises:
        UnknownNameError: No such method, basis or schedule.
        InvalidInputError: An option is out of range or none of the method's, or the eigenbasis is missing or not a
            separate one.
    """
    settings = complete(method, **options)
    if settings.basis not in {"global", "separate"}:
        return _MAKERS[method](settings, None, seed)
    if eigenbasis is None:
        raise InvalidInputError(
            f"method {method!r} needs an eigenbasis; compute one with pullback.geometry.global_metric"
        )
    if settings.basis == "separate" and not eigenbasis.provenance.method.startswith("separate("):
        raise InvalidInputError(
            f"basis 'separate' needs a block-diagonal eigenbasis, but one by {eigenbasis.provenance.method!r} "
            "came; make one with pullback.geometry.separate"
        )
    return _MAKERS[method](settings, eigenbasis, seed)


def _given(settings: SolverSettings) -> dict[str, Any]:
    """What a solver is made of: the options that its method takes."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)[2:]}
    return {name: value for name, value in values.items() if value is not None}
