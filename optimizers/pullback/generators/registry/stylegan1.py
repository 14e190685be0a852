"""StyleGAN with the names of rosinality's code."""

from pullback.generators.family import Family, Option
from pullback.generators.registry.stylegan2 import SHARED
from pullback.weights.source import Layout

RESOLUTION = Option(
    name="resolution",
    kind=int,
    help="side of the images, px: the files have all scales up to 1024, and do not say which were trained",
    usual="1024, 512 or 256, as the published file's name says",
    choices=(8, 16, 32, 64, 128, 256, 512, 1024),
    required=True,
)

FAMILY = Family(
    name="stylegan1",
    title="StyleGAN, as rosinality/style-based-gan-pytorch names its tensors",
    loader="pullback.generators.families.stylegan1:StyleGan1",
    tensors=(
        r"style\.1\.linear\.weight_orig",
        r"generator\.progression\.0\.conv1\.input",
        r"generator\.progression\.0\.adain1\.style\.linear\.weight_orig",
    ),
    options=(RESOLUTION, *SHARED),
    layout=Layout(keys=("g_running",)),
    noise_maps=1,
)
