"""WaveGAN."""

from dataclasses import replace

from pullback.generators.family import SAMPLE_RATE, Family, Option
from pullback.weights.source import Layout

FAMILY = Family(
    name="wavegan",
    title="WaveGAN of sounds, as mostafaelaraby/wavegan-pytorch names its tensors",
    loader="pullback.generators.families.wavegan:WaveGan",
    tensors=(r"fc1\.weight", r"bn1\.weight", r"deconv_list\.4\.transpose_ops\.[01]\.weight"),
    options=(
        Option(
            name="length",
            kind=int,
            help="of the sounds in samples; five layers give 16384, six 65536 or, with a last stride of 2, 32768",
            usual="65536",
            choices=(16384, 32768, 65536),
        ),
        # That of all sounds that WaveGAN was published for.
        replace(SAMPLE_RATE, default=16_000),
    ),
    layout=Layout(keys=("generator",)),
    named_layers=False,
)
