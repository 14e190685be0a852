"""StyleGAN2 with the names of rosinality's code, and the options that style-based generators share."""

from pullback.generators.family import Family, Option
from pullback.weights.source import Layout

TRUNCATION = Option(
    name="truncation",
    kind=float,
    help="ψ: z is mapped to w̄ + ψ (w − w̄)",
    usual="1, which truncates nothing, for geometry and inversion; 0.7 or 0.5 for pictures to show",
    minimum=0.01,
    maximum=2,
    default=1.0,
)
CUTOFF = Option(
    name="truncation_cutoff",
    kind=int,
    help="how many layers are truncated, from the first on",
    usual="left out, for all",
    minimum=1,
)
NOISE = Option(
    name="noise",
    kind=str,
    help="'fixed': the file's maps, or such as are drawn once and for all; 'none': no noise",
    usual="'fixed'",
    choices=("fixed", "none"),
    default="fixed",
)
MAPPING_RATE = Option(
    name="lr_mlp",
    kind=float,
    help="multiplier of the mapping network's learning rate, which scales its weights",
    usual="0.01, which is taken where the size of the weights speaks for it",
    minimum=1e-6,
)
SHARED = (TRUNCATION, CUTOFF, NOISE)

FAMILY = Family(
    name="stylegan2",
    title="StyleGAN2, as rosinality/stylegan2-pytorch names its tensors",
    loader="pullback.generators.families.stylegan2:StyleGan2",
    tensors=(r"style\.1\.weight", r"input\.input", r"conv1\.conv\.weight", r"to_rgb1\.conv\.weight"),
    options=(*SHARED, MAPPING_RATE),
    layout=Layout(keys=("g_ema",), beside=("latent_avg",), settings=("args",)),
    noise_maps=2,
)
