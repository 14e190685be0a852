"""DCGAN of noise and a class."""

from pullback.generators.family import Family

FAMILY = Family(
    name="conditional-dcgan",
    title="DCGAN of noise and a one-hot class side by side, with a dropout behind its first layer",
    loader="pullback.generators.families.conditional_dcgan:ConditionalDcgan",
    tensors=(r"main\.0\.weight", r"main\.1\.running_mean", r"main\.4\.weight"),
    none_of=(r"main\.3\.weight",),
)
