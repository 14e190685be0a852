"""StyleGAN2 with the names of rosinality's code."""

from pullback.generators.family import Family
from pullback.weights.source import Layout

FAMILY = Family(
    name="stylegan2",
    title="StyleGAN2, as rosinality/stylegan2-pytorch names its tensors",
    loader="pullback.generators.families.stylegan2:StyleGan2",
    tensors=(r"style\.1\.weight", r"input\.input", r"convs\.0\.conv\.weight", r"to_rgb1\.conv\.weight"),
    layout=Layout(keys=("g_ema",), beside=("latent_avg",), settings=("args",)),
)
