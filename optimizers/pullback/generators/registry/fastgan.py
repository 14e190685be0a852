"""FastGAN."""

from pullback.generators.family import Family, Option
from pullback.weights.source import Layout

FAMILY = Family(
    name="fastgan",
    title="FastGAN of 256, 512 or 1,024 px, as odegeasslbc/FastGAN-pytorch names its tensors",
    loader="pullback.generators.families.fastgan:FastGan",
    tensors=tuple(
        rf"(g\.(module\.)?)?{name}\.weight_orig" for name in (r"init\.init\.0", r"feat_8\.1", r"se_64\.main\.1")
    ),
    options=(
        Option(
            name="noise",
            kind=str,
            help="what the layers add: one map each, drawn with a fixed seed, or nothing",
            usual="fixed",
            choices=("fixed", "none"),
            default="fixed",
        ),
    ),
    # `g_ema` is a list of parameters alone. `g` has the rest, also where the list is what an entry names.
    layout=Layout(keys=("g",), beside=("g_ema", "g")),
    named_by_side=True,
)
