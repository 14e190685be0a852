"""DCGAN with the layers of the PyTorch tutorial."""

from pullback.generators.family import Family

FAMILY = Family(
    name="dcgan",
    title="DCGAN, as PyTorch's tutorial names its layers",
    loader="pullback.generators.families.dcgan:Dcgan",
    tensors=(r"main\.0\.weight", r"main\.1\.running_mean", r"main\.3\.weight"),
)
