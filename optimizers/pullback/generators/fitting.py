"""Fitting of a file's tensors to a network, and of a catalogue entry to both; says what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from torch import Tensor, nn

from pullback.errors import InvalidInputError, WeightsError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.registry import recognised
from pullback.weights.contents import some

Shape: TypeAlias = tuple[int, int, int] | tuple[int, int]


class MisstatedError(InvalidInputError):
    """A catalogue entry that states other shapes than the weights give.

    Attributes:
        image_shape: What they give.
        spaces: Number of coordinates of each latent space that they give; None where only the shape was looked at.
    """

    def __init__(self, message: str, image_shape: Shape, spaces: Mapping[str, int] | None = None) -> None:
        super().__init__(message)
        self.image_shape = image_shape
        self.spaces = spaces


def fit(
    network: nn.Module,
    state: Mapping[str, Tensor],
    entry: CatalogueEntry,
    came: Iterable[str] | None = None,
    published: Callable[[str], str] = str,
) -> None:
    """Gives a network all tensors of a file, by name.

    Args:
        network: The network; changed here.
        state: Exactly its tensors.
        entry: Whose they are.
        came: Names of the file's tensors; None = those of `state`.
        published: How a file calls a tensor of the network, for errors.

    Raises:
        WeightsError: Names or shapes are others than the network's.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in state]
    unknown = [name for name in state if name not in wanted]
    other = [
        f"{published(name)} of shape {tuple(state[name].shape)} in place of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    found = (("lacks", map(published, missing)), ("has", other), ("has, besides,", map(published, unknown)))
    if problems := [f"{said} {names}" for said, names in ((said, some(each)) for said, each in found) if names]:
        raise misfit(entry, state if came is None else came, "the file " + "; it ".join(problems))
    network.load_state_dict(dict(state), strict=True)


def misfit(entry: CatalogueEntry, came: Iterable[str], problem: str) -> WeightsError:
    """The error of tensors that are not those of an entry's family: names those that came, and what they may be."""
    names = list(came)
    guesses = [
        f"family = {family.name!r}" + (f" with prefix = {prefix!r}" if prefix else "")
        for family, prefix in recognised(names)
        if prefix or family.name != entry.family
    ]
    advice = (
        f"they look like {' or '.join(guesses)}" if guesses else "check 'family', and 'key' and 'prefix' of the source"
    )
    return WeightsError(
        f"the weights of {entry.name!r} are not a {entry.family}: {problem}. Its tensors are {some(names)}; {advice}"
    )


def check_stated(entry: CatalogueEntry, spaces: Mapping[str, int], input_space: str, image_shape: Shape) -> None:
    """Checks that an entry states what the weights give.

    Args:
        entry: The entry.
        spaces: Number of coordinates of each latent space.
        input_space: The space that covers the whole input.
        image_shape: (C, H, W) of the images.

    Raises:
        MisstatedError: It states something else.
    """
    stated = {space.name: space.dim for space in entry.spaces}
    if stated != spaces or entry.input_space != input_space:
        raise MisstatedError(
            f"catalogue entry {entry.name!r}: spaces {stated} with input space {entry.input_space!r} are stated, but "
            f"the weights give {dict(spaces)} with input space {input_space!r}",
            image_shape,
            spaces,
        )
    check_image_shape(entry, image_shape)


def check_image_shape(entry: CatalogueEntry, image_shape: Shape) -> None:
    """Checks that an entry states the shape of the images, or sounds, that the weights give.

    Raises:
        MisstatedError: It states another one.
    """
    if entry.image_shape != image_shape:
        raise MisstatedError(
            f"catalogue entry {entry.name!r}: image_shape is stated to be {entry.image_shape}, but the weights give "
            f"{image_shape}",
            image_shape,
        )
