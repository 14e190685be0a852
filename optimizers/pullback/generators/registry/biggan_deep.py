"""BigGAN-deep in the form of pytorch-pretrained-BigGAN."""

from pullback.generators.family import Family, Option
from pullback.generators.registry.biggan import CLASS

FAMILY = Family(
    name="biggan-deep",
    title="BigGAN-deep, as huggingface/pytorch-pretrained-BigGAN names its tensors",
    loader="pullback.generators.families.biggan_deep:BigGanDeep",
    options=(
        Option(
            name="truncation",
            kind=float,
            help="whose statistics the normalisations take, and the scale of truncated-normal noise",
            usual="0.4, 0.7 or 1",
            minimum=0.02,
            maximum=1,
            required=True,
        ),
        CLASS,
    ),
    tensors=(r"embeddings\.weight", r"generator\.gen_z\.weight_orig", r"generator\.layers\.0\.bn_0\.running_means"),
    named_by_side=True,
)
