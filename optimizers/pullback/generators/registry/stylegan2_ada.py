"""StyleGAN2 of NVIDIA's PyTorch code."""

from pullback.generators.family import Family, Option
from pullback.generators.registry.stylegan2 import MAPPING_RATE, SHARED
from pullback.weights.source import Layout

CLAMP = Option(
    name="conv_clamp",
    kind=float,
    help="magnitude that the layers' outputs do not exceed; 0 = they are not clamped",
    usual="256 of networks trained in mixed precision, the default; 0 of those in full; a .pkl says it itself",
    minimum=0,
)
CLASS = Option(
    name="class",
    kind=int,
    help="the class of a conditional network that z is mapped for, from 0",
    usual="any class of its data; left out where the entry states the spaces 'full', 'z' and 'class' for all of them",
    minimum=0,
)

FAMILY = Family(
    name="stylegan2-ada",
    title="StyleGAN2 of NVlabs/stylegan2-ada-pytorch and stylegan3, its .pkl or its state dict",
    loader="pullback.generators.families.stylegan2_ada:StyleGan2Ada",
    tensors=(r"mapping\.fc0\.weight", r"synthesis\.b4\.const", r"synthesis\.b4\.conv1\.affine\.weight"),
    options=(CLAMP, CLASS, *SHARED, MAPPING_RATE),
    layout=Layout(keys=("G_ema",)),
    noise_maps=2,
)
