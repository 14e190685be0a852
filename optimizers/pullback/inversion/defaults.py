"""The methods by name, what each takes, and the settings with which it does best. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from pullback.errors import UnknownNameError

BASES = ("none", "global", "separate", "local")
_EIGENBASES = ("global", "separate", "none")
# Candidates of a BasinCMA for each start, as published.
POPULATION = 18

# Weight of the prior's penalty for photographs, which no latent draws exactly: without any, latents end nearly twice as
# far from the mean as the prior's own, for images that are a little nearer and look less real. `LossWeights` has none,
# for images that some latent draws.
PRIOR_WEIGHT = 0.001

# Starts per image, at least, where an alignment is searched: each has a frame of its own.
ALIGNED_RESTARTS = 8


@dataclass(frozen=True)
class Method:
    """What a method takes, and its defaults.

    Attributes:
        bases: The bases that it takes; the first is its own choice.
        takes: Names of the options, besides the basis and the budget, that it takes.
        steps: Updates of a restart that is kept to the end.
        restarts: Starts per image; 0 where the method has a population of its own, around one start.
        start: Where they start, if there is a bank.
        thin: Whether restarts are thinned.
        learning_rate: Of Adam.
        schedule: Of the learning rate.
        betas: Of Adam.
        exponent: Of the eigenvalues.
        local_every: Updates between two metrics.
    """

    bases: tuple[str, ...]
    takes: frozenset[str]
    steps: int = 200
    restarts: int = 4
    start: str = "bank"
    thin: bool = False
    learning_rate: float = 0.1
    schedule: str = "constant"
    betas: tuple[float, float] = (0.9, 0.999)
    exponent: float = 0.0
    local_every: int = 25


_ADAM = frozenset({"thin", "learning_rate", "schedule", "betas"})

METHODS: dict[str, Method] = {
    "hessian_adam": Method(
        bases=("global", "separate", "local", "none"),
        takes=_ADAM | {"exponent", "local_every"},
        restarts=1,
        thin=True,
        learning_rate=0.1,
        schedule="cosine",
        betas=(0.85, 0.95),
        exponent=0.25,
    ),
    "adam": Method(bases=("none",), takes=_ADAM, start="prior"),
    "lbfgs": Method(bases=_EIGENBASES, takes=frozenset({"thin", "exponent"}), thin=True, exponent=0.25),
    "levenberg_marquardt": Method(bases=("none",), takes=frozenset({"thin"}), steps=20, thin=True),
    "basin_cma": Method(
        bases=("none",),
        takes=frozenset({"learning_rate"}),
        steps=1230,
        restarts=0,
        start="mean",
        learning_rate=0.05,
    ),
    "basin_cma_hessian_adam": Method(
        bases=_EIGENBASES,
        takes=frozenset({"learning_rate", "exponent"}),
        steps=610,
        restarts=0,
        start="prior",
        learning_rate=0.05,
    ),
    "hessian_basin_cma": Method(
        bases=_EIGENBASES,
        takes=frozenset({"learning_rate", "exponent"}),
        steps=610,
        restarts=0,
        learning_rate=0.05,
        exponent=0.25,
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
