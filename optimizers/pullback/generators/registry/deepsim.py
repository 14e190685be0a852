"""Networks that invert layers of CaffeNet."""

from pullback.generators.family import Family, Option

FAMILY = Family(
    name="deepsim",
    title="DeePSiM's inverted layers of CaffeNet, as their PyTorch port (upconvGAN) names them",
    loader="pullback.generators.families.deepsim:DeepSim",
    tensors=(r"(G\.)?(defc7|Rconv6)\.(1\.)?weight", r"(G\.)?deconv4\.(1\.)?weight", r"(G\.)?deconv1\.(1\.)?weight"),
    options=(
        Option(
            name="layer",
            kind=str,
            help="the layer that is inverted; without it, what tensors and input dimensions tell",
            usual="fc6",
            choices=("fc6", "fc7", "fc8", "pool5", "norm1", "norm2", "conv1", "conv3", "conv4"),
        ),
        Option(
            name="levels",
            kind=str,
            help="images of networks that end in tanh: (x + 1) / 2, or CaffeNet's levels, 255 x + mean",
            usual="signed; later versions of the port have caffe",
            choices=("signed", "caffe"),
            default="signed",
        ),
    ),
    named_layers=False,
)
