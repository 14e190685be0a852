"""Problem of an inversion: generator, distance, targets, and the loss that is minimised."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator, LatentSpace, Prior
from pullback.geometry.point import check_same_place
from pullback.inversion.batching.chunks import Company, embed_each
from pullback.inversion.problems.alignment import ALIGNMENT_DIM, AlignmentPrior, cut_frames
from pullback.inversion.problems.loss_weights import LossWeights
from pullback.inversion.problems.losses import FILLING, Rows, fill, losses
from pullback.inversion.problems.noise_maps import NoiseMaps
from pullback.memory import budget_of

# Of the room of a budget, for embeddings that are held.
_SHARE_HELD = 1 / 2


class Problem:
    """Finds latents whose images resemble the targets.

    The loss of a latent z for a target x is w_d D(G(z), x) + w_1 mean|a − b| + w_2 mean(a − b)² + w_p R(z), with a and
    b the two images on [−1, 1], where sounds are anyway, and R the prior's penalty. Under a mask m, both images become
    m·image + (1 − m)/2 before D, and the means are weighted by m, so that pixels where m is 0 have no influence at all.

    What solvers move are *points*: latents, followed, where an alignment is searched, by its three standardised
    coordinates u. Then x is what of the target lies within the frame, m what of the mask does, 0 outside the target,
    and R is ½‖u‖² more. D is divided by how much counts within the frame, as a share of what counts in the target, so
    that a frame gains nothing by leaving the target; where that is less than a quarter, the loss is infinite.

    Where the generator's noise maps are searched they follow, flat; they are normalised after each update, and their
    regulariser (see `NoiseMaps`) is added with its own weight. In `w+` a penalty of what the layers differ in may be
    added: with w_i of layer i, w_m their mean and Δ_i = w_i − w_m, the mean over the layers of ‖Δ_i‖², in units of
    E‖w − w̄‖². That is the delta regulariser of encoder4editing (Tov et al., ACM TOG 2021, section 4.1), which has the
    norms ‖Δ_i‖ from the first layer's w, in a form that has a gradient everywhere and prefers no layer.

    Behind a mapping network, in `w` and `w+`, latents hang on no class, but the prior may be that of each target's
    class: then w̄ and the spread of w, where latents start, and R are of it.

    Attributes:
        generator: The generator G.
        distance: The image distance D.
        space: Name of the latent space of the points.
        spaces: The space of each target's latents: with the prior of its class, where that is given behind a mapping
            network, else as the generator has it.
        moves: Name of the space within it that a solver moves; the rest holds: a class that is given, say.
        targets: Target images, shape (images, C, H, W), in [0, 1]; of a generator of sounds, sounds of shape
            (images, C, T), in [−1, 1].
        masks: Weights of the pixels, shape (images, 1, H, W), in [0, 1]; None where all count.
        weights: Weights of the terms of the loss.
        context: Latents of all the coordinates around those of `space`, shape (images, m), of which the others hold;
            None for the generator's default.
        alignment: Prior of the frames; None where targets are taken as they are.
        noise: The noise maps that are searched; None where the generator's own are meant.
        truncation: Latents are clamped to their prior's support; where that has no end, to so many standard deviations
            on both sides of its mean. None for no clamp, but to the support of a bounded prior.
        embeddings: Embeddings of the masked targets, shape (images, F); None where the budget of memory has no room for
            so many: then each is computed whenever it is needed (see `embedding`).
        company: The targets whose rows may share kernels with those of this problem, and how many at once.

    Raises:
        UnknownNameError: The generator has no such space, or no such class.
        InvalidInputError: Targets, masks or context have a wrong shape, are out of range or not finite; masks or an
            alignment are given, and the generator makes sounds; a mask is 0 everywhere, `moves` lies outside `space`,
            the truncation is not above 0, there are not as many classes as targets, or they are given in a space whose
            prior is not of classes, generator and distance live on different devices or in different precisions,
            noise maps are searched and the generator has none, or the loss weighs `delta` in a space without layers.
    """

    def __init__(
        self,
        generator: Generator,
        distance: Distance,
        space: str,
        targets: Tensor,
        *,
        masks: Tensor | None = None,
        weights: LossWeights | None = None,
        context: Tensor | None = None,
        moves: str | None = None,
        alignment: AlignmentPrior | None = None,
        truncation: float | None = None,
        noise_maps: bool = False,
        class_labels: Sequence[str] | None = None,
    ) -> None:
        check_same_place(generator, distance)
        if not isinstance(distance, EmbeddingDistance):
            raise InvalidInputError(f"an inversion needs a distance with an embedding, and {distance.name!r} has none")
        self.generator = generator
        self.distance = distance
        self.space = generator.space(space).name
        self.moves = self._checked_moves(moves)
        self.weights = LossWeights() if weights is None else weights
        if len(generator.image_shape) != 3 and (masks is not None or alignment is not None):
            raise InvalidInputError(
                f"masks and alignments are of images, but generator {generator.name!r} makes sounds; leave them out"
            )
        self.targets = _checked(generator, "targets", targets, generator.image_shape)
        self._class_labels = class_labels
        self.spaces = self._spaces_of(class_labels)
        self.masks = masks
        if masks is not None:
            self.masks = _checked(generator, "masks", masks, (1, *generator.image_shape[1:]), len(self.targets))
            empty = (self.masks.flatten(1).amax(dim=1) == 0).nonzero().flatten().tolist()
            if empty:
                raise InvalidInputError(f"the mask of target {empty[0]} is 0 everywhere, so that nothing counts")
        self.context = None if context is None else self._checked_context(context)
        self.alignment = alignment
        self.noise = NoiseMaps.of(generator) if noise_maps else None
        self._layers = generator.repeats("w", self.space)
        if self.weights.delta and not self._layers:
            raise InvalidInputError(
                f"the weight delta is for a space with a w for each layer, which space {self.space!r} of generator "
                f"{generator.name!r} is not; set it to 0, or take space 'w+'"
            )
        if truncation is not None and not truncation > 0:
            raise InvalidInputError(f"a truncation lies above 0, but {truncation} came")
        bounded = generator.space(self.space).prior.bounded
        self.truncation = math.inf if truncation is None and bounded else truncation
        filled = self.targets if self.masks is None else fill(self.targets, self.masks)
        # There twice, of all targets and of each (see `each`).
        most = _SHARE_HELD * budget_of(generator.device).room() / 2
        self.embeddings = embed_each(distance, filled, generator, most)
        self.company = Company()

    @property
    def images(self) -> int:
        """The number of targets."""
        return len(self.targets)

    def each(self, rows: int | None = None) -> list[Problem]:
        """The problems of the targets one by one, as the company of one search, of which so many rows go at once."""
        company = Company(rows)
        return [self._only(image, company) for image in range(self.images)]

    def under(self, distance: Distance) -> Problem:
        """The same problem under another distance."""
        if distance is self.distance:
            return self
        return Problem(
            self.generator,
            distance,
            self.space,
            self.targets,
            masks=self.masks,
            weights=self.weights,
            context=self.context,
            moves=self.moves,
            alignment=self.alignment,
            truncation=self.truncation,
            noise_maps=self.noise is not None,
            class_labels=self._class_labels,
        )

    def without_noise(self) -> Problem:
        """The same problem with the generator's own noise maps, of points without maps."""
        if self.noise is None:
            return self
        bare = copy.copy(self)
        bare.noise = None
        return bare

    @property
    def of_classes(self) -> bool:
        """Whether priors are those of the targets' classes, behind a mapping network."""
        return self._class_labels is not None

    @property
    def prior(self) -> Prior:
        """The prior of the latents of every target.

        Raises:
            InvalidInputError: The targets are of several classes, so that each has its own; see `each`.
        """
        if self._is_mixed:
            raise InvalidInputError("targets of several classes have a prior each; take the problems of `each`")
        return self.spaces[0].prior

    @property
    def _is_mixed(self) -> bool:
        """Whether targets have several priors."""
        return any(space is not self.spaces[0] for space in self.spaces)

    @property
    def moving_prior(self) -> Prior:
        """The prior of what a solver moves; raises as `prior`."""
        return self.prior if self.moves == self.space else self.generator.space(self.moves).prior

    @property
    def latent_dim(self) -> int:
        """The number of latent dimensions."""
        return self.generator.space(self.space).dim

    @property
    def extra(self) -> int:
        """How many coordinates of a point follow its latent: of an alignment, then of noise maps."""
        return (0 if self.alignment is None else ALIGNMENT_DIM) + (0 if self.noise is None else self.noise.values)

    @property
    def dim(self) -> int:
        """The number of coordinates of a point."""
        return self.latent_dim + self.extra

    @property
    def moving_block(self) -> slice:
        """The columns of a point that a solver moves, besides the alignment."""
        block, whole = self.generator.space(self.moves), self.generator.space(self.space)
        return slice(block.start - whole.start, block.start - whole.start + block.dim)

    def split(
        self, points: Float[Tensor, "*batch dim"]
    ) -> tuple[Float[Tensor, "*batch n"], Tensor | None, Tensor | None]:
        """Latents, frames (scale, shift x, shift y) or None, and flat noise maps or None, of points."""
        latents, alignments, noise = self._parts(points)
        frames = None if self.alignment is None else self.alignment.frames(alignments)
        return latents, frames, None if self.noise is None else noise

    def clamp(self, points: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Points within the truncation and within the reach of the alignment, noise maps normalised."""
        latents, alignments, noise = self._parts(points)
        if self.truncation is not None:
            latents = self.prior.truncate(latents, self.truncation)
        if self.alignment is not None:
            alignments = self.alignment.clamp(alignments)
        if self.noise is not None:
            noise = self.noise.normalized(noise)
        return torch.cat([latents, alignments, noise], dim=-1)

    def render(self, points: Float[Tensor, "images restarts dim"]) -> Float[Tensor, "images restarts channels *size"]:
        """Images of points in [0, 1], each with its target's context, in one forward pass."""
        restarts = points.shape[1]
        context = None if self.context is None else self.context.repeat_interleave(restarts, dim=0)
        latents, _, noise = self.split(points)
        maps = None if noise is None else noise.flatten(0, 1)
        inputs = self.generator.complete(latents.flatten(0, 1), self.space, context)
        rendered = self.generator.synthesize_noisy(inputs, maps)
        return rendered.reshape(self.images, restarts, *rendered.shape[1:])

    def framed_targets(
        self, points: Float[Tensor, "images restarts dim"]
    ) -> Float[Tensor, "images restarts channels *size"]:
        """What the images of points resemble: the targets, within the points' frames where those are searched."""
        targets = self.targets[:, None].expand(-1, points.shape[1], *self.targets.shape[1:])
        _, frames, _ = self.split(points)
        if frames is None:
            return targets
        # Outside a target there is neither black nor white.
        cut = FILLING + cut_frames(targets.flatten(0, 1) - FILLING, frames.flatten(0, 1))
        return cut.reshape(targets.shape)

    def evaluate(
        self, points: Float[Tensor, "images restarts dim"]
    ) -> tuple[Float[Tensor, "images restarts"], Float[Tensor, "images restarts"]]:
        """The loss and the distance of points, in one forward pass; differentiable.

        Args:
            points: Shape (images, restarts, dim), on the generator's device and in its precision.

        Returns:
            Loss and distance, each of shape (images, restarts).
        """
        image = torch.arange(self.images, device=points.device).repeat_interleave(points.shape[1])
        loss, distance = losses(self.generator, self.distance, self.rows(points.flatten(0, 1), image))
        return loss.reshape(points.shape[:2]), distance.reshape(points.shape[:2])

    @torch.no_grad()
    def embedding(self, image: int) -> Float[Tensor, "1 features"]:
        """The embedding of the masked target of that number: on a CPU the same, bit for bit, whether held or not."""
        which = slice(image, image + 1)
        if self.embeddings is not None:
            return self.embeddings[which]
        target = self.targets[which].clone()
        return self.distance.embed(target if self.masks is None else fill(target, self.masks[which]))

    def rows(self, points: Float[Tensor, "rows dim"], image: Int[Tensor, " rows"]) -> Rows:
        """Points and all that their losses depend on, each point for the target of that number."""
        latents, frames, noise = self.split(points)
        count = len(points)
        # Made on the device: a tensor of numbers would be sent there.
        weights = torch.stack(
            [points.new_full((), weight) for weight in (self.weights.distance, self.weights.l1, self.weights.l2)]
        )
        # One of each pixel, whatever the colour: of sounds, one of each sample.
        everything = torch.ones_like(self.targets[:1, :1])
        masks = everything.expand(count, *everything.shape[1:]) if self.masks is None else self.masks[image]
        context = None if self.context is None else self.context[image]
        return Rows(
            inputs=self.generator.complete(latents, self.space, context),
            noise=noise,
            frames=frames,
            targets=self.targets[image],
            masks=masks,
            embeddings=self._embeddings(image),
            weights=weights.expand(count, -1),
            penalties=self._penalties(points, image),
        )

    def _parts(self, points: Float[Tensor, "*batch dim"]) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, alignments and noise maps of points, as coordinates; empty where there are none."""
        end = self.latent_dim + (0 if self.alignment is None else ALIGNMENT_DIM)
        return points[..., : self.latent_dim], points[..., self.latent_dim : end], points[..., end:]

    def _penalties(self, points: Float[Tensor, "rows dim"], image: Int[Tensor, " rows"]) -> Float[Tensor, " rows"]:
        """What the loss has besides the image."""
        latents, alignments, noise = self._parts(points)
        penalties = points.new_zeros(len(points))
        if self.weights.prior:
            penalties = self.weights.prior * self._prior_penalties(latents, image)
            if self.alignment is not None:
                penalties = penalties + self.weights.prior * self.alignment.penalty(alignments)
        if self.weights.delta:
            layers = torch.unflatten(latents, 1, (self._layers, -1))
            # E‖w − w̄‖² = tr Σ
            unit = self.generator.space(self.space).prior.spread() ** 2 * layers.shape[2]
            deltas = (layers - layers.mean(dim=1, keepdim=True)).square().sum(dim=2).mean(dim=1)
            penalties = penalties + self.weights.delta / unit * deltas
        if self.noise is not None and self.weights.noise:
            penalties = penalties + self.weights.noise * self.noise.penalty(noise)
        return penalties

    def _prior_penalties(self, latents: Float[Tensor, "rows dim"], image: Int[Tensor, " rows"]) -> Tensor:
        if not self._is_mixed:
            return self.prior.penalty(latents)
        rows = zip(latents, image.tolist(), strict=True)
        return torch.stack([self.spaces[number].prior.penalty(latent) for latent, number in rows])

    def _embeddings(self, image: Int[Tensor, " rows"]) -> Float[Tensor, "rows features"]:
        if self.embeddings is not None:
            return self.embeddings[image]
        if self.images == 1:
            return self.embedding(0).expand(len(image), -1)
        numbers = image.cpu().tolist()
        known = {number: self.embedding(number) for number in dict.fromkeys(numbers)}
        return torch.cat([known[number] for number in numbers])

    def _only(self, image: int, company: Company) -> Problem:
        """The problem of one of the targets, in memory of its own."""
        only = copy.copy(self)
        only.company = company
        only.spaces = self.spaces[image : image + 1]
        only._class_labels = None if self._class_labels is None else self._class_labels[image : image + 1]
        for name in ("targets", "masks", "context", "embeddings"):
            of_all = getattr(self, name)
            setattr(only, name, None if of_all is None else of_all[image : image + 1].clone())
        return only

    def _spaces_of(self, class_labels: Sequence[str] | None) -> tuple[LatentSpace, ...]:
        if class_labels is None:
            return (self.generator.space(self.space),) * len(self.targets)
        if len(class_labels) != len(self.targets):
            raise InvalidInputError(f"expected a class of each of {len(self.targets)} targets, but {class_labels} came")
        known = {label: self.generator.space_of_class(self.space, label) for label in dict.fromkeys(class_labels)}
        return tuple(known[label] for label in class_labels)

    def _checked_moves(self, moves: str | None) -> str:
        if moves is None:
            return self.space
        block = self.generator.space(moves)
        if not self.generator.space(self.space).holds(block):
            raise InvalidInputError(f"space {moves!r} is no part of space {self.space!r}, so that it cannot move in it")
        return block.name

    def _checked_context(self, context: Tensor) -> Tensor:
        dim = self.generator.whole_of(self.space).dim
        if context.shape not in {(dim,), (self.images, dim)}:
            raise InvalidInputError(
                f"a context has shape ({dim},) or ({self.images}, {dim}), but shape {tuple(context.shape)} came"
            )
        if not context.isfinite().all():
            raise InvalidInputError("a context is finite, but NaN or infinity came")
        return context.to(self.generator.device, self.generator.dtype).expand(self.images, -1)


def _checked(
    generator: Generator, name: str, images: Tensor, shape: tuple[int, ...], count: int | None = None
) -> Tensor:
    """Images or masks on the generator's device and in its precision, if they can be used."""
    wanted = ("images" if count is None else count, *shape)
    if images.shape[1:] != shape or len(images) != (count or len(images)) or not len(images):
        raise InvalidInputError(
            f"{name} for generator {generator.name!r} have shape ({', '.join(map(str, wanted))}), "
            f"but shape {tuple(images.shape)} came"
        )
    if not images.isfinite().all():
        raise InvalidInputError(f"{name} are finite, but NaN or infinity came")
    low, high = float(images.min()), float(images.max())
    least = 0 if images.ndim == 4 else -1
    if low < least or high > 1:
        raise InvalidInputError(f"{name} lie between {least} and 1, but values from {low:.4g} to {high:.4g} came")
    return images.detach().to(generator.device, generator.dtype)
