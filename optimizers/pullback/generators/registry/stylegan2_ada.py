"""StyleGAN2 with the names of NVIDIA's PyTorch code."""

from pullback.generators.family import Family
from pullback.weights.source import Layout

FAMILY = Family(
    name="stylegan2-ada",
    title="StyleGAN2, as NVlabs/stylegan2-ada-pytorch and stylegan3 name its tensors",
    loader="pullback.generators.families.stylegan2_ada:StyleGan2Ada",
    tensors=(r"mapping\.fc0\.weight", r"synthesis\.b4\.const", r"synthesis\.b8\.conv0\.weight"),
    layout=Layout(keys=("G_ema",)),
)
