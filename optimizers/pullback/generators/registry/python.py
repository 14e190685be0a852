"""Generators that code of one's own makes."""

from pullback.generators.family import SAMPLE_RATE, Family, Option

LEVELS = Option(
    name="levels",
    kind=str,
    help="range of the network's values, which are clamped to it",
    usual="'-1..1' behind tanh, '0..1' behind sigmoid",
    choices=("-1..1", "0..1"),
)

FAMILY = Family(
    name="python",
    title="Code of one's own: a factory of a Generator, or of a network that takes latents",
    loader="pullback.generators.own.python_code:from_code",
    tensors=(),
    kinds=("code",),
    options=(LEVELS, SAMPLE_RATE),
)
