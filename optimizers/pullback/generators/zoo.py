"""Files of the GAN zoo (facebookresearch/pytorch_GAN_zoo): where they keep what, and their loss."""

from pullback.generators.family import Option
from pullback.weights.source import Layout

ZOO_LAYOUT = Layout(keys=("avgG",), settings=("config",))
LOSS_CRITERION = Option(
    name="loss_criterion",
    kind=str,
    help="the zoo's lossCriterion: after MSE and DCGAN the network ends in tanh, after WGANGP and Logistic it does not",
    usual="'WGANGP' for pggan, 'DCGAN' for dcgan-zoo",
    choices=("WGANGP", "Logistic", "MSE", "DCGAN"),
)
