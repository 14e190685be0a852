"""BigGAN in the form of BigGAN-PyTorch."""

from pullback.generators.family import Family, Option

# Those of BigBiGAN, which has the same form, too.
EPSILON = Option(
    name="epsilon",
    kind=float,
    help="what the blocks' normalisations add to variances",
    usual="1e-5 of networks that BigGAN-PyTorch trained, 1e-4 of those converted from TensorFlow Hub and of BigBiGAN",
    minimum=0,
    required=True,
)
OUTPUT_EPSILON = Option(
    name="output_epsilon",
    kind=float,
    help="what the last normalisation adds to variances",
    usual="1e-5, whatever 'epsilon' is",
    minimum=0,
    default=1e-5,
)

# Of the other families with classes, too.
CLASS = Option(
    name="class",
    kind=int,
    help="number of the class that is held, where an entry states a space of noise alone",
    usual="0 to 999 of ImageNet, 207 a golden retriever",
    minimum=0,
)

FAMILY = Family(
    name="biggan",
    title="BigGAN or BigGAN-deep, as ajbrock/BigGAN-PyTorch names its tensors",
    loader="pullback.generators.families.biggan:BigGan",
    options=(
        EPSILON,
        OUTPUT_EPSILON,
        CLASS,
        Option(
            name="truncation",
            kind=float,
            help="scale of noise that is drawn within two standard deviations, where its prior is truncated-normal",
            usual="0.4 to 1",
            minimum=0.02,
            maximum=1,
        ),
    ),
    tensors=(r"linear\.weight", r"blocks\.0\.0\.conv1\.weight", r"output_layer\.2\.weight"),
    named_by_side=True,
)
