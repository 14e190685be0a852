"""Presets of inversions: settings that go together, by name. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pullback.errors import UnknownNameError
from pullback.inversion.defaults import NOISE_WEIGHT, SolverOptions
from pullback.inversion.problems.loss_weights import LossWeights


@dataclass(frozen=True)
class Preset:
    """Defaults of an inversion in the place of its method's and of the loss's own; whatever is said holds.

    Attributes:
        name: What people call it.
        methods: The methods that it is for, the first of which is its default.
        space: Latent space.
        distance: Image distance.
        greatest_side: Images of a greater side are compared at this one, px.
        weights: Of the loss.
        noise_maps: Whether noise maps are searched.
        start: Where latents start.
        restarts: Starts per image.
        steps: Updates of a restart.
        options: Of the method, those that it takes.
        own: Of some methods, in the place of these.
        own_axes: Whether the eigenbasis in which latents of `w+` move is that of `w+`, where none is named, not that of
            `w` in every layer.
    """

    name: str
    methods: tuple[str, ...]
    space: str
    distance: str
    greatest_side: int
    weights: LossWeights
    noise_maps: bool
    start: str
    restarts: int
    steps: int
    options: SolverOptions
    own: Mapping[str, SolverOptions]
    own_axes: bool

    def options_of(self, method: str) -> SolverOptions:
        """The options of a method, those that it does not take included."""
        return {**self.options, **self.own.get(method, {})}

    def distance_for(self, side: int) -> str:
        """The distance for images of that side, px."""
        return self.distance if side <= self.greatest_side else f"{self.distance}@{self.greatest_side}"


_PROJECTOR = Preset(
    name="projector",
    methods=("adam", "hessian_adam"),
    space="w",
    distance="lpips-vgg",
    greatest_side=256,
    weights=LossWeights(distance=1.0, l1=0.0, l2=0.0, prior=0.0, noise=NOISE_WEIGHT),
    noise_maps=True,
    start="mean",
    restarts=1,
    steps=1000,
    options={
        "thin": False,
        "learning_rate": 0.1,
        "schedule": "constant",
        "betas": (0.9, 0.999),
        "ramp_up": 0.05,
        "ramp_down": 0.25,
        "latent_noise": 0.05,
        "noise_ramp": 0.75,
    },
    # Tried on six photographs that no figure is measured on, with `faces32` in w+: axes of w and of w+, exponents 0 to
    # 3/8 at several rates.
    own={"hessian_adam": {"exponent": 0.25, "learning_rate": 0.03}},
    own_axes=True,
)

PRESETS: dict[str, Preset] = {_PROJECTOR.name: _PROJECTOR}
"""The presets by name.

`projector` is the projection of StyleGAN2 (Karras et al., CVPR 2020, appendix D) with the settings of NVIDIA's code
(stylegan2-ada-pytorch): Adam with decays .9 and .999 over one w and the noise maps, from w̄ and from maps of N(0, 1),
1,000 updates at the learning rate .1, which rises over the first .05 of them and falls over the last .25; noise of
.05 · √E‖w − w̄‖² · (1 − t / .75)² on w; LPIPS over VGG-16 at 256 px at most, and 1e5 times the regulariser of the
noise maps, which are normalised after every update. It is the same here but for this: w̄ is the one that came with
the weights, or the mean of 16,384 draws, where that code draws 10,000; the maps are normalised before the first
update, too; and what is returned is the best that was seen, not the last. In `w+`, which that code does not have,
every layer has noise of its own. With `hessian_adam` latents move along the axes of the metric, of w+ those of w+
itself, which know which layers move an image together, stretched by λ^-1/4, at the rate .03; the maps move as they
are: they are normalised white noise, of which no pixel is another's better, so that there is nothing to turn or to
stretch.
"""


def preset_of(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in PRESETS:
        raise UnknownNameError("inversion preset", name, PRESETS)
    return PRESETS[name]
