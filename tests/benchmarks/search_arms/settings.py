"""Settings that are tuned, of every arm by the name that it has in the tables."""

from __future__ import annotations

import os

from reporting import QUICK

from pullback.search.constraints import FREE
from search_arms.arm import Setting

# Fewer settings of each, where the study is quick or $SETTINGS says `few`; `one`: the first, by the figures of
# `published_figures`.
_SETTINGS = os.environ.get("SETTINGS", "few" if QUICK else "all")
_FEW = _SETTINGS != "all"
_SIGMAS = (1.0, 2.0) if _FEW else (0.5, 1.0, 1.5, 2.0, 3.0)
_WIDE_SIGMAS = (2.0,) if _FEW else (2.0, 1.5, 3.0, 4.0)
_EXPONENTS = (0.25,) if _FEW else (0.1, 0.25, 0.4)
_FLAT_EXPONENTS = (0.0,) if _FEW else (0.0, 0.1, 0.25)
DEFAULT = "hessian_gp"
"""The method that is the service's default."""


def _sphere(stay: float | None) -> list[Setting]:
    # Free searches of others end at norms of some eighty.
    norms = (stay,) if stay is not None else (20.0, 10.0, 40.0, 80.0)
    rates = (1.5,) if _FEW else (1.0, 1.5)
    return [Setting.of("SphereCMA", norm=norm, learning_rate=rate) for norm in norms for rate in rates]


def _xdream() -> list[Setting]:
    """As XDream comes, and as Wang & Ponce (GECCO 2022) compared it."""
    wang = Setting.of(
        "XDream", population=40, mutation_rate=0.25, mutation_size=0.75, temperature=2, skew=0.75, conserved=10
    )
    return [wang, Setting.of("XDream", temperature=0.5), *([] if _FEW else [Setting.of("XDream")])]


def settings_of(stay: float | None) -> dict[str, list[Setting]]:
    """The settings of every arm, those that $ARMS names or all, where so great a norm is allowed.

    Whatever knows no bound is moved to it (`search_arms.arm.within`); SphereCMA searches on the sphere of that norm.
    `unbounded` is an arm only where there is none.
    """
    found = {
        "SphereCMA": _sphere(stay),
        "CholeskyCMA": [Setting.of("CholeskyCMA", sigma=sigma) for sigma in _SIGMAS],
        "pycma": [Setting.of("pycma", sigma=sigma) for sigma in _SIGMAS],
        "LRA-CMA": [Setting.of("LRA-CMA", sigma=sigma) for sigma in _SIGMAS],
        "XDream": _xdream(),
        "NGOpt": [Setting.of("NGOpt")],
        # As it comes, with nothing tuned.
        "default": [Setting.of(DEFAULT)],
        # The same, told to go anywhere.
        "unbounded": [Setting.of(DEFAULT, stay=FREE)],
        "hessian_gp": [Setting.of("hessian_gp", sigma=s, exponent=p) for s in _WIDE_SIGMAS for p in _FLAT_EXPONENTS],
        "hessian_cma": [Setting.of("hessian_cma", sigma=s, exponent=p) for s in _SIGMAS for p in _EXPONENTS],
        "sphere_cma": [Setting.of("sphere_cma")],
    }
    asked = os.environ.get("ARMS", ",".join(found)).split(",")
    if unknown := set(asked) - found.keys():
        raise SystemExit(f"$ARMS names arms of the study, {', '.join(found)}; {', '.join(unknown)} came")
    if stay is not None:
        asked = [arm for arm in asked if arm != "unbounded"]
    return {arm: found[arm][: 1 if _SETTINGS == "one" else None] for arm in asked}
