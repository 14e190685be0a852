# Made by `python clients/generate_options.py` from the contract. Do not edit.
"""Types of options: the words and the settings of the contract, as type checkers see them."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

MetricMethod: TypeAlias = Literal[
    "sketch", "gram", "full_backprop", "backward_iteration", "forward_iteration", "gram_iteration", "gauss_newton"
]
DirectionMethod: TypeAlias = Literal[
    "hessian", "local_hessian", "local_basis", "jacobian", "ganspace_pca", "ganspace_ica", "sefa", "dp_lase"
]
IcaVectors: TypeAlias = Literal["mixing", "unmixing"]
TraversalKind: TypeAlias = Literal[
    "linear", "spherical", "density_preserving", "curve", "subspace", "metric_uniform", "geodesic"
]
StepUnit: TypeAlias = Literal["rate", "latent"]
InversionMethod: TypeAlias = Literal[
    "adam", "hessian_adam", "lbfgs", "basin_cma", "basin_cma_hessian_adam", "hessian_basin_cma", "levenberg_marquardt"
]
Schedule: TypeAlias = Literal["constant", "cosine"]
InversionBasis: TypeAlias = Literal["none", "global", "separate", "local"]
Start: TypeAlias = Literal["prior", "mean", "bank"]
ClassMode: TypeAlias = Literal["given", "free", "searched"]
InversionPreset: TypeAlias = Literal["projector"]
SearchMethod: TypeAlias = Literal["cma", "hessian_cma", "cholesky_cma", "sphere_cma", "genetic", "random", "hessian_gp"]
Aggregation: TypeAlias = Literal["mean", "median"]
MissingPolicy: TypeAlias = Literal["show_again", "carry_over", "drop"]
ImageFormat: TypeAlias = Literal["png", "jpeg", "wav"]
Balance: TypeAlias = Literal["none", "block"]


class EigenbasisFields(TypedDict, total=False):
    """Options of an eigenbasis that the contract carries as they are."""

    space: str | None
    """Name of a latent space; default the generator's first."""
    distance: str | None
    """Name of a distance, with a side where it takes one (`lpips-vgg@256`); default the default distance (of sounds,
    `stft`)."""
    method: MetricMethod | None
    """Estimator: `sketch` (the default), or the mean over positions of `gram`, `gauss_newton`, `full_backprop`,
    `backward_iteration`, `forward_iteration` or `gram_iteration`."""
    seed: int | None
    """Seed of positions and probes, ≥ 0; default 0."""
    tolerance: float | None
    """With an automatic number of samples: by how much the basis' agreement with that of the whole space may fall short
    of 1, above 0 and below 1; default 0.005."""
    k: int | None
    """How many eigenpairs, 1 to the space's dimension. Iterations: at every position; default 50, or as many as there
    are. In a space of more than 1024 dimensions: how many the eigenbasis has (by an iteration, at least 500); default
    500. Other estimators of smaller spaces take none: their eigenbases are complete."""
    separate: bool | None
    """A block-diagonal basis: each axis moves one of the spaces that tile this one, such as noise or class, alone. Only
    for a space that others tile."""
    max_memory_mib: int | None
    """MiB that the computation may add to the worker's memory, ≥ 1; default no bound. It changes what is computed by
    rounding alone, so an eigenbasis that exists, or is being computed, under another bound is the answer. Where it does
    not suffice the job fails with INVALID_ARGUMENT and says what does."""


class AnalysisFields(TypedDict, total=False):
    """Options of an analysis that the contract carries as they are."""

    space: str | None
    """Name of a latent space; default the generator's first."""
    distance: str | None
    """Name of the distance whose metric is analysed; default the default distance."""
    positions: int | None
    """Positions at which the metric is computed exactly, 2 to 2000; default 50."""
    control_positions: int | None
    """Positions for the weight-shuffled control and for walks, 2 to `positions`; default 10, or `positions` where that
    is less."""
    seed: int | None
    """Seed of the positions and of the control, ≥ 0."""
    max_memory_mib: int | None
    """MiB that the metric at a position may add to the worker's memory, ≥ 1; default no bound. As for an eigenbasis.
    The other steps carry up to 32 directions or images through the generator."""
    compared_positions: int | None
    """Positions for the other distances, 2 to `positions`; default 10, or `positions` where that is less."""


class DirectionsFields(TypedDict, total=False):
    """Options of directions that the contract carries as they are."""

    space: str | None
    """Name of the latent space; default w where the generator has one and the method takes it, else the generator's
    first. `local_basis` takes z and finds directions of w."""
    method: DirectionMethod | None
    """`hessian` (the default): axes of the global eigenbasis. `local_hessian`, `local_basis`, `jacobian`: at `latent`.
    `ganspace_pca`, `ganspace_ica`: of w or of a layer's activations. `sefa`: of the weights. `dp_lase`: trained."""
    k: int | None
    """How many directions, 1 to the space's dimension; default 20, or as many as there are."""
    seed: int | None
    """Seed of what a method draws, ≥ 0; default 0."""
    distance: str | None
    """`local_hessian`: the image distance whose metric it takes; default the server's choice. No other method takes
    one."""
    samples: int | None
    """Latents that GANSpace looks at, 100 to 1000000; default 100000 in w, 20000 for a layer's activations. Steps of
    the training of `dp_lase`, 100 to 100000; default 2000."""
    layer: str | None
    """Layer whose activations GANSpace decomposes; default w where there is one, else the first layer."""
    ica_vectors: IcaVectors | None
    """Which vectors of `ganspace_ica`: columns of the `mixing` matrix (the default) or rows of the `unmixing` one."""
    iterations: int | None
    """Iterations of the subspace of `jacobian`, 1 to 1000; default 30."""
    learn_density: bool | None
    """`dp_lase`: learn the prior's density instead of taking it as known."""


class WalkFields(TypedDict, total=False):
    """Options of a walk that the contract carries as they are."""

    kind: TraversalKind | None
    """`linear` (the default); `spherical`: along a great circle; `density_preserving`: scaled to the latent's norm;
    `curve`: Iterative Curve-Traversal from a latent of z; `subspace`: a grid with `second`; `metric_uniform`: straight,
    with the same image distance between frames; `geodesic`: to `end`."""
    frames: int | None
    """Frames, 2 to 500; `subspace`: for each direction, 2 to 32; default 9. With a strip or an animation all of them
    together have at most 67,108,864 pixels, as 1,024 of 256 × 256 have."""
    first: float | None
    """Where the walk begins, signed, in units; default −2."""
    last: float | None
    """Where it ends, above where it begins; default 2."""
    unit: StepUnit | None
    """`rate` (the default): steps of α_H^−½ change images at the same rate along every direction; `latent`: units of
    the latent, as a `curve` always counts."""
    distance: str | None
    """Name of the image distance in which frames are measured; default the server's."""
    pieces: int | None
    """Pieces of a curve between the start and each end, 1 to 1000; default 10 for every frame on a side."""
    rank: int | None
    """Of a curve that is not guided: rank of the local axis along which it departs, from 0; default 0."""
    jitter: float | None
    """Of a curve: each piece's length is drawn uniformly from ±this share of itself, 0 to below 1; default 0, fixed."""
    seed: int | None
    """Seed of the jitter, ≥ 0; default 0."""


class MaskFields(TypedDict, total=False):
    """Options of a walk's mask that the contract carries as they are."""

    subset: int | None
    """Which subset follows the walk, from 0, the largest; all other channels stay as they are at the start; default
    0."""
    subsets: int | None
    """How many subsets there are, 2 to 64, at most as many as channels work with others; default 4."""
    layer: str | None
    """Name of the layer whose channels they are, such as `layer 2` or `16 px`; default the third, or the last before
    the images where there are fewer."""
    samples: int | None
    """Draws of the start's prior from which walks lead to where channels are compared, 2 to 1000; default 64."""
    reach: float | None
    """How far these walks lead: by γ ~ U[−reach, reach], in the unit of the walk, above 0; default 2."""
    seed: int | None
    """Seed of the draws and of the clustering, ≥ 0; default 0."""


class InversionFields(TypedDict, total=False):
    """Options of an inversion that the contract carries as they are."""

    space: str | None
    """Name of a latent space; default the generator's first."""
    distance: str | None
    """Name of a distance, with a side where it takes one (`lpips-vgg@256`): images are resized to 256 × 256 px then
    before they are compared, and one of 1024 px costs what one of 256 px does; default the default of inversions."""
    method: InversionMethod | None
    """Optimizer: `hessian_adam` (the default), `adam`, `lbfgs`, `levenberg_marquardt`; BasinCMA as pix2latent does it
    (`basin_cma`), as Wang & Ponce do (`basin_cma_hessian_adam`), and in the eigenbasis throughout
    (`hessian_basin_cma`)."""
    steps: int | None
    """Updates of a restart that is kept to the end, 1 to 100000; default the method's own, or as many as `evaluations`
    allow."""
    restarts: int | None
    """Starts per image, 1 to 1024; default the method's own, or `top_k` if that is more, and 8 at least where an
    alignment is searched. BasinCMA takes none: it has a population of its own, 18 for every start. Images × restarts ≤
    4096."""
    seed: int | None
    """Seed of what is drawn, ≥ 0, default 0: starts at the prior or near its mean, the candidates of BasinCMA, the
    frames of an alignment. The same seed gives every method, and every image of a request, the same starts. A start
    from the bank is not drawn: there a seed changes nothing but frames."""
    learning_rate: float | None
    """Learning rate, > 0; default the method's own. `lbfgs` and `levenberg_marquardt` take none."""
    schedule: Schedule | None
    """How the learning rate goes over the steps, `constant` or `cosine`; default the method's own."""
    exponent: float | None
    """Coordinates of the eigenbasis are scaled by λ^−exponent, 0 to 1; 0 = rotation only, as published; default the
    method's own."""
    preview_every: int | None
    """Send a preview of every image's best reconstruction with every so many steps; 0 = none."""
    basis: InversionBasis | None
    """In which coordinates a method with an eigenbasis works: `global` (the default), `separate` (no axis mixes noise
    and class), `none` (the latent's own), or `local` (`hessian_adam`: the metric at the current latent)."""
    local_every: int | None
    """`local`: updates between two computations of the metric, 1 to 100000; default 25."""
    start: Start | None
    """Where latents start: at draws from the `prior`, at its `mean`, or at the nearest of a `bank` of draws; default
    the method's own. Of BasinCMA, where the mean of its first population lies."""
    thin: bool | None
    """Thin the restarts by successive halving: when a share of the evaluations is used, the worse half of an image's
    restarts is given up. Default the method's own; of every method that can, where classes are searched."""
    evaluations: int | None
    """At most so many evaluations of the generator per image, ≥ 1; a Jacobian counts as many as it has columns. Default
    no bound but `steps`."""
    seconds: float | None
    """At most so many seconds of optimization, > 0; the best so far is the result then. What is computed for several
    jobs together counts for each by its share of the rows. Default no bound."""
    patience: int | None
    """Stop the search for an image when its best loss has not fallen by a thousandth of itself for so many updates, ≥
    1; default never. The others go on."""
    truncation: float | None
    """Clamp the coordinates with a normal prior to ±truncation, > 0, those behind a mapping network to so many standard
    deviations around their mean, and a free class to [0, 1]; default no clamp."""
    class_mode: ClassMode | None
    """What becomes of the class of a class-conditional generator: `given` for each image, `free` between the classes,
    or `searched` among them. Default: the space decides."""
    top_k: int | None
    """How many solutions to return per image, the best of so many restarts, 1 to 64; default 1."""
    betas: tuple[float, float] | None
    """Adam's decay of the running means of the gradient and of its square, each from 0 to below 1; default the method's
    own. Only `adam` and `hessian_adam`; (0.9, 0.999) as published."""
    preset: InversionPreset | None
    """Settings that go together, as defaults of what is not set: `projector`, NVIDIA's projector of StyleGAN2, for
    `adam` and `hessian_adam`; default none."""
    noise_maps: bool | None
    """Whether the noise maps of a style-based generator are searched as well, from N(0, 1), each map normalised after
    every update. Only `adam` and `hessian_adam`, whose axes are of the latent alone. Default false."""
    ramp_up: float | None
    """Share of the updates, 0 to 1, over which the learning rate rises from 0, besides what `schedule` says; default 0.
    Only `adam` and `hessian_adam`."""
    ramp_down: float | None
    """Share of the updates, 0 to 1, at whose end the learning rate falls to 0 along half a cosine, likewise; default
    0."""
    latent_noise: float | None
    """Normal noise that is added to latents where they are evaluated, at first, ≥ 0, in units of √E‖w − w̄‖²: how far
    latents lie from their mean, of each layer in w+. Default 0. Only `adam` and `hessian_adam`."""
    noise_ramp: float | None
    """Share of the updates, above 0, at most 1, over which that noise falls to 0, as the square of what is left;
    default 0.75."""
    start_space: str | None
    """Space of the latents that targets bring as their starts: the inversion's own (empty), or one that is mapped into
    it, as `z` is into `w`, and `w` into `w+`, where it stands in every layer."""


class TuningFields(TypedDict, total=False):
    """Options of a tuning that the contract carries as they are."""

    space: str | None
    """Name of the pivots' space; default the generator's first."""
    distance: str | None
    """Name of the distance that guides the tuning, with an embedding; default LPIPS over AlexNet, as published."""
    steps: int | None
    """At most so many updates for each photograph, 1 to 10000; 350 as published. At most 30000 in all."""
    learning_rate: float | None
    """Learning rate of Adam, > 0; 0.0003 as published."""
    l2: float | None
    """Weight of the mean squared difference of images on [−1, 1] beside the distance, ≥ 0; 1 as published."""
    threshold: float | None
    """Stop where the distance of every photograph is this or less, ≥ 0, 0 = never; 0.06 as published."""
    locality: float | None
    """Weight of the locality term, which keeps images of other latents as they were, ≥ 0; 0 = none, the default; 0.1 as
    published where there is one."""
    locality_reach: float | None
    """How far from the pivot on the way to draws from the prior these images lie, in units of the latent, > 0; 30 as
    published. A nearer draw is taken itself."""
    seed: int | None
    """Seed of these draws, ≥ 0; default 0."""
    preview_every: int | None
    """Send a preview of every photograph with every so many steps; 0 = none."""


class ThreadFields(TypedDict, total=False):
    """Options of one evolution that the contract carries as they are."""

    optimizer: SearchMethod | None
    """The method: `hessian_gp` (the default), `hessian_cma`, `cma`, `cholesky_cma`, `sphere_cma`, `genetic` or
    `random`. Settings are of some of them each; one that the method does not have is an error."""
    population: int | None
    """Images of a generation, 2 to 1000."""
    sigma: float | None
    """First step size, > 0, in units of the prior's standard deviation. `hessian_gp`, `hessian_cma`, `cma`,
    `cholesky_cma`."""
    exponent: float | None
    """p of the first covariance U diag(λ^-2p) Uᵀ, 0 to 2; λ is the spectrum divided by its largest. `hessian_gp`,
    `hessian_cma`."""
    axes: int | None
    """Leading eigenvectors that are searched, 1 to the space's dimension. `hessian_gp`, `hessian_cma`."""
    adapt_covariance: bool | None
    """Whether the covariance is adapted, or stays as it begins. `hessian_cma`."""
    radius: float | None
    """Norm of all latents, > 0. `sphere_cma`."""
    first_angle: float | None
    """Step of an offspring in degrees, first, above 0 and at most 180. `sphere_cma`."""
    last_angle: float | None
    """Step of an offspring in degrees after `decay_generations`, above 0 and at most 180. `sphere_cma`."""
    decay_generations: int | None
    """Generations over which the angle or the step size falls, ≥ 1; of `hessian_cma` also 0: the step size is adapted
    instead. Default: twelve in thirteen of the planned generations, 60 where nothing is planned; of `sphere_cma` all
    but the first, 36 where nothing is planned. `sphere_cma`, `hessian_gp`, `hessian_cma`."""
    learning_rate: float | None
    """How far the mean moves, 0 to 2; 1 = as far as the weighted selected. `sphere_cma`, `hessian_cma`."""
    parents: int | None
    """How many of the best are selected, 1 to the population. `sphere_cma`."""
    mutation_rate: float | None
    """Share of the coordinates that mutate, 0 to 1. `genetic`."""
    mutation_size: float | None
    """Standard deviation of a mutation in units of the prior's, > 0. `genetic`."""
    selectivity: float | None
    """How strongly fitter parents are preferred, > 0. `genetic`."""
    last_sigma: float | None
    """Step size after `decay_generations`, > 0. `hessian_gp`, `hessian_cma`."""
    negative_weights: bool | None
    """Whether the mean moves away from the worse half of a generation as well, not only towards the better; false where
    the step size is adapted. `hessian_cma`."""
    space: str | None
    """Name of a latent space; default the generator's first. Those whose prior stands in the weights are searched
    around its mean, in units of its deviation: `w` and `w+`, and class embeddings that are free. Of `w+` the eigenbasis
    is that of `w`, whose axes stand in every layer, unless one of `w+` is named."""
    minimize: bool | None
    """Whether low scores are good ones."""
    class_label: str | None
    """The class of all images, one of the labels of the generator's class space. In `w` and `w+`, whose latents hang on
    no class, that among whose latents the search starts. Otherwise only in a space that has classes beside others;
    default free."""
    max_generations: int | None
    """The thread ends after so many generations, 1 to 100000; default never."""
    planned_generations: int | None
    """How many generations are planned, 1 to 100000; default `max_generations` where that is at most 200, and otherwise
    what the method is made for: 65, of `sphere_cma` 37. Over them falls the angle or the step size of `sphere_cma`,
    `hessian_gp` and `hessian_cma`, unless `decay_generations` says over how many. The thread does not end there: it
    goes on with the last step size."""
    min_norm: float | None
    """Least Euclidean norm, ≥ 0."""
    max_norm: float | None
    """Greatest Euclidean norm, > 0; equal to `min_norm` = a sphere."""
    truncation: float | None
    """Greatest absolute value of a coordinate, > 0."""


class SessionFields(TypedDict, total=False):
    """Options of a session that the contract carries as they are."""

    repetitions: int | None
    """Valid scores that an image needs, 1 to 100; default 1."""
    aggregation: Aggregation | None
    """How several scores of an image become one: `mean` (the default) or `median`."""
    missing: MissingPolicy | None
    """What becomes of images without a usable score: `show_again` (the default), `carry_over` or `drop`."""
    max_shows: int | None
    """How often an image is shown at most without a usable score, 1 to 100; default 3. `show_again`."""
    min_scored: float | None
    """Share of a generation's images that must have a score before the optimizer is told, above 0 to 1; default 0.5.
    While there are fewer, the others are shown again whatever the policy; when that has happened 25 times in a row
    without a new score, the session is paused: nobody looks, or nothing is measured."""
    greyscale: bool | None
    """Grey by ITU-R 601 luma."""
    luminance: float | None
    """Mean of the luma of every image, 0 to 1: pixel values are shifted; default as it comes."""
    contrast: float | None
    """Standard deviation of the luma of every image, 0 to 0.5: pixel values are scaled; default as it comes."""
    image_format: ImageFormat | None
    """File format, `png` (the default) or `jpeg`; of sounds `wav`, and nothing else of this message."""
    references_per_generation: int | None
    """How many references are mixed into each generation of each thread, in turn; default all of them."""
    seed: int | None
    """Seed of everything random, ≥ 0; default 0."""
    balance: Balance | None
    """How threads share the blocks: `none` (the default), each at its own pace, or `block`: every block holds as many
    trials of each thread as of any other, give or take one, and generations are closed together. A thread that is done
    waits for the others: images of it that have their scores are shown again meanwhile, which makes those better."""
