"""A bank of draws from the prior with their embeddings, among which starts are found; one safetensors file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields

import safetensors.torch
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.files import read_as, read_provenance, write_whole
from pullback.geometry.random_signs import folded
from pullback.inversion.problems.problem import Problem
from pullback.weights.inspection import inspect_bytes

_FORMAT = "pullback-bank-1"
# Of the sides of thumbnails, in pixels.
_LONGEST = 32
_TENSORS = {
    "latents": torch.float32,
    "thumbnails": torch.uint8,
    "center": torch.float32,
    "axes": torch.float16,
    "projections": torch.float32,
    "residuals": torch.float32,
}


@dataclass(frozen=True)
class BankProvenance:
    """What a bank was made from, and how.

    Attributes:
        generator: Name of the generator.
        weights_hash: SHA-256 of the generator's weight file.
        space: Name of the latent space.
        distance: Name of the image distance.
        distance_hash: SHA-256 of the distance's weight file; empty for a distance without weights.
        size: Number of samples.
        rank: Principal axes of the embeddings, at most.
        seed: Seed of the samples.
        version: Version of this library.
    """

    generator: str
    weights_hash: str
    space: str
    distance: str
    distance_hash: str
    size: int
    rank: int
    seed: int
    version: str


@dataclass(frozen=True, eq=False)
class StartBank:
    """Draws from the prior of a space, with enough of their embeddings and images to tell which resemble a target.

    Embeddings are long (31,872 values for `lpips-alex` at 64 px), and vary along few directions. Kept are their
    coordinates on the principal axes, and how long they are apart from these: D(s, t) ≈ ‖p_s − p_t‖² + r_s + r_t, as if
    what the axes leave of a sample and of a target were orthogonal.

    Attributes:
        latents: Shape (size, dim), float32.
        thumbnails: Images averaged over squares, shape (size, C, h, w) of at most 32 px, uint8; of sounds (size, C, 0).
        center: Mean embedding, shape (F,), float32; F is less than the embedding's length where that is folded.
        axes: Principal axes of the embeddings, as columns, shape (F, rank), float16.
        projections: p, coordinates of embeddings on the axes, shape (size, rank), float32.
        residuals: r, squared norm of what the axes leave of an embedding, shape (size,), float32.
        provenance: What it was made from.

    Raises:
        InvalidInputError: The shapes do not fit together, a tensor is of another type, or a value is not finite.
    """

    latents: Tensor
    thumbnails: Tensor
    center: Tensor
    axes: Tensor
    projections: Tensor
    residuals: Tensor
    provenance: BankProvenance

    def __post_init__(self) -> None:
        size, features, rank = self.provenance.size, len(self.center), self.axes.shape[-1]
        shapes = [tuple(tensor.shape) for tensor in (self.axes, self.projections, self.residuals)]
        if {len(self.latents), len(self.thumbnails)} != {size} or shapes != [(features, rank), (size, rank), (size,)]:
            raise InvalidInputError(
                f"a bank of {size} samples and embeddings of {features} values has axes, projections and residuals of "
                f"shapes ({features}, rank), ({size}, rank) and ({size},), but {len(self.latents)} latents, "
                f"{len(self.thumbnails)} thumbnails and shapes {', '.join(map(str, shapes))} came"
            )
        for name, dtype in _TENSORS.items():
            tensor = getattr(self, name)
            if tensor.dtype != dtype:
                raise InvalidInputError(f"{name} of a bank of starts: {dtype}, but {tensor.dtype} came")
            if not tensor.isfinite().all():
                raise InvalidInputError(f"the {name} of a bank of starts are finite, but NaN or infinity came")

    def check_serves(self, problem: Problem) -> None:
        """Checks that this bank was made for a problem's generator, space and distance.

        Raises:
            InvalidInputError: Something differs; the message lists each difference.
        """
        generator, distance = problem.generator, problem.distance
        wanted = {
            "generator": generator.name,
            "weights_hash": generator.weights_hash,
            "space": problem.space,
            "distance": distance.name,
            "distance_hash": distance.weights_hash,
        }
        has = asdict(self.provenance)
        differences = [
            f"{name.replace('_', ' ')} is {has[name]!r} there and {wants!r} here"
            for name, wants in wanted.items()
            if has[name] != wants
        ]
        if differences:
            raise InvalidInputError(
                f"the bank was made for something else: {'; '.join(differences)}; "
                "make one for this generator, space and distance with pullback.inversion.make_bank"
            )

    def folded(self, embeddings: Float[Tensor, "targets features"]) -> Float[Tensor, "targets kept"]:
        """Embeddings of targets as this bank has those of its samples, float32."""
        return folded(embeddings.float(), len(self.center))

    def to_bytes(self) -> bytes:
        """The bank as the bytes of one safetensors file; the same bank gives the same bytes."""
        # One key: safetensors writes several in an order that changes from call to call.
        header = {"format": _FORMAT, "provenance": asdict(self.provenance)}
        tensors = {name: getattr(self, name).contiguous() for name in _TENSORS}
        return safetensors.torch.save(tensors, {"pullback": json.dumps(header, sort_keys=True)})

    @classmethod
    def from_bytes(cls, data: bytes) -> StartBank:
        """The bank that `to_bytes` wrote.

        Raises:
            InvalidInputError: The bytes are no bank; the message says what is wrong with them.
        """
        try:
            tensors = safetensors.torch.load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(f"not a readable safetensors file: {inspect_bytes(data)} ({error})") from error
        provenance = _read_provenance(data)
        if missing := [name for name in _TENSORS if name not in tensors]:
            raise InvalidInputError(f"a bank of starts lacks {', '.join(missing)}")
        return cls(**{name: tensors[name] for name in _TENSORS}, provenance=provenance)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the bank to one safetensors file, whole or not at all.

        Args:
            path: File to write; one that is there is replaced.

        Raises:
            OSError: The file cannot be written. Nothing is left behind then.
        """
        write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> StartBank:
        """Reads a bank that `save` wrote.

        Raises:
            OSError: The file cannot be read.
            InvalidInputError: The file is no bank; the message names it and says what is wrong.
        """
        return read_as(path, cls.from_bytes)


def thumbnails_of(images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch channels *small"]:
    """Images averaged over squares, at most 32 px high and wide; of sounds, whose averages tell nothing, no samples."""
    if images.ndim == 3:
        return images[..., :0]
    height, width = images.shape[2:]
    return functional.adaptive_avg_pool2d(images, (min(height, _LONGEST), min(width, _LONGEST)))


def _read_provenance(data: bytes) -> BankProvenance:
    values = read_provenance(data, _FORMAT, "a bank of starts")
    if missing := [field.name for field in fields(BankProvenance) if field.name not in values]:
        raise InvalidInputError(f"the provenance of a bank of starts lacks {', '.join(missing)}")
    return BankProvenance(**values)
