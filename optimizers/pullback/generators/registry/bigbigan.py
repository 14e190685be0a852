"""BigBiGAN's generator in the form of BigGAN-PyTorch."""

from pullback.generators.family import Family, Option
from pullback.generators.registry.biggan import EPSILON, OUTPUT_EPSILON

FAMILY = Family(
    name="bigbigan",
    title="BigBiGAN, as it was converted to the names of ajbrock/BigGAN-PyTorch",
    loader="pullback.generators.families.biggan:BigBiGan",
    options=(
        EPSILON,
        OUTPUT_EPSILON,
        Option(
            name="class",
            kind=int,
            help="row of the embedding that is the only class",
            usual="0",
            minimum=0,
            required=True,
        ),
    ),
    # Those of a BigGAN that shares its embedding: nothing in a file tells them apart.
    tensors=(r"linear\.weight", r"shared\.weight", r"blocks\.0\.0\.conv1\.weight", r"output_layer\.2\.weight"),
    none_of=(r"blocks\.0\.0\.conv3\.weight",),
    named_by_side=True,
)
