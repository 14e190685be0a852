"""Progressively grown GAN of the GAN zoo."""

from pullback.generators.family import Family, Option
from pullback.generators.zoo import LOSS_CRITERION, ZOO_LAYOUT

FAMILY = Family(
    name="pggan",
    title="Progressively grown GAN, as facebookresearch/pytorch_GAN_zoo names its tensors",
    loader="pullback.generators.families.pggan:PgGan",
    tensors=(r"formatLayer\.(module\.)?weight", r"groupScale0\.0\.(module\.)?weight", r"toRGBLayers\.0\..*weight"),
    options=(
        LOSS_CRITERION,
        Option(
            name="equalized",
            kind=bool,
            help="whether layers are scaled by their fan-in, the zoo's equalizedlR",
            usual="true",
            default=True,
        ),
        Option(name="leak", kind=float, help="slope of the rectifiers below 0", usual="0.2", minimum=0, default=0.2),
        Option(
            name="alpha",
            kind=float,
            help="share of the scale before the last, while that was being faded in",
            usual="0",
            minimum=0,
            maximum=1,
            default=0.0,
        ),
    ),
    layout=ZOO_LAYOUT,
    named_by_side=True,
)
