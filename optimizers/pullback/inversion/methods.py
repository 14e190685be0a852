"""Makers of the solvers, by the method's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.defaults import SolverOptions, SolverSettings, complete
from pullback.inversion.presets import preset_of
from pullback.inversion.solvers.adam import Adam
from pullback.inversion.solvers.basin_cma import BasinCMA
from pullback.inversion.solvers.basin_cma_hessian_adam import BasinCMAHessianAdam
from pullback.inversion.solvers.hessian_adam import HessianAdam
from pullback.inversion.solvers.hessian_basin_cma import HessianBasinCMA
from pullback.inversion.solvers.lbfgs import LBFGS
from pullback.inversion.solvers.levenberg_marquardt import LevenbergMarquardt
from pullback.inversion.solvers.local_hessian_adam import LocalHessianAdam
from pullback.inversion.solvers.solver import Solver

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


def _adam(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> Adam:
    del eigenbasis
    return Adam(seed=seed, **_given(settings))


def _hessian_adam(settings: SolverSettings, eigenbasis: Eigenbasis | None, seed: int) -> Adam:
    given = _given(settings) | {"seed": seed}
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


def make_solver(
    method: str,
    *,
    eigenbasis: Eigenbasis | None = None,
    seed: int = 0,
    preset: str | None = None,
    search_classes: bool = False,
    **options: Unpack[SolverOptions],
) -> Solver[Any]:
    """A solver by name, to be driven step by step.

    Args:
        method: Its name.
        eigenbasis: For the bases `global` and `separate`: one of the problem's generator and moving space, of
            any distance.
        seed: Of a method that draws random numbers, any integer ≥ 0.
        preset: One of `PRESETS`, whose defaults take the place of the method's own.
        search_classes: Whether every class is tried, so that restarts are thinned unless `thin` says otherwise.
        **options: See `SolverOptions`.

    Raises:
        UnknownNameError: No such method, preset, basis or schedule.
        InvalidInputError: An option is out of range or none of the method's, or the eigenbasis is missing or not a
            separate one.
    """
    chosen = None if preset is None else preset_of(preset)
    settings = complete(method, preset=chosen, search_classes=search_classes, **options)
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
    """What a solver is made of: the budget, and the options that its method takes."""
    bound = {} if settings.evaluations is None else {"evaluations": settings.evaluations}
    return {"steps": settings.steps, **bound, **settings.options}
