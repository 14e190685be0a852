"""SNGAN in the forms of four public implementations."""

from pullback.generators.family import Family
from pullback.generators.registry.biggan import CLASS
from pullback.weights.source import Layout

FAMILY = Family(
    name="sngan",
    title="SNGAN or cGAN with projection, as kwotsin/mimicry, GANLatentDiscovery, christiancosgrove or pfnet name it",
    loader="pullback.generators.families.sngan:Sngan",
    options=(CLASS,),
    layout=Layout(keys=("model_state_dict",)),
    # The first layer; then a block's convolution, or where there are no blocks, the first normalisation.
    tensors=(
        r"l1\.weight|l1/W|dense\.weight|model\.0\.weight",
        r"block2\.c1\.weight|block2/c1/W|model\.\d+\.model\.3\.weight|model\.1\.running_mean",
    ),
    named_by_side=True,
)
