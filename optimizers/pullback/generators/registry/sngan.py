"""SNGAN in the forms of four public implementations."""

from pullback.generators.family import Family
from pullback.generators.registry.biggan import CLASS
from pullback.weights.source import Layout

FAMILY = Family(
    name="sngan",
    title="SNGAN or cGAN with projection, as kwotsin/mimicry, GANLatentDiscovery, christiancosgrove or pfnet name it",
    loader="pullback.generators.residual.sngan:Sngan",
    options=(CLASS,),
    layout=Layout(keys=("model_state_dict",)),
    # Linear layer or transposed convolution; then a block's normalisation, or the network's own.
    tensors=(
        r"l1[./](weight|W)|dense\.weight|model\.0\.weight",
        r"block2[./]c1[./](weight|W)|model\.\d\.model\.3\.weight|model\.1\.running_mean",
        r"[bc]\d[./](weight|gamma|W)|final\.weight|model\.\d+\.weight",
    ),
    named_by_side=True,
)
