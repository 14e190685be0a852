"""DCGAN of the GAN zoo."""

from pullback.generators.family import Family
from pullback.generators.zoo import LOSS_CRITERION, ZOO_LAYOUT

FAMILY = Family(
    name="dcgan-zoo",
    title="DCGAN, as facebookresearch/pytorch_GAN_zoo names its tensors",
    loader="pullback.generators.families.dcgan_zoo:DcganZoo",
    tensors=(r"formatLayer\.weight", r"main\.batchNorm0\.running_mean", r"main\.outlayer\.weight"),
    options=(LOSS_CRITERION,),
    layout=ZOO_LAYOUT,
)
