"""Directions as the client holds them: a sequence of unit vectors, with what is known of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from pullback_api.v1 import directions_pb2
from pullback_client.directions import files
from pullback_client.directions.link import DirectionsLink
from pullback_client.directions.records import Annotation, Direction, DirectionsInfo, EigenShare, info_from_wire
from pullback_client.errors import BadResponseError, InvalidArgumentError, NotFoundError
from pullback_client.text import markup
from pullback_client.wire.codec import Array, array_from_tensor
from pullback_client.wire.fields import whole_number


@dataclass(frozen=True, eq=False)
class Directions(DirectionsInfo, Sequence[Direction]):
    """Directions of one generator and space, found together.

    A sequence: `directions[3]` is the fourth one, `directions["smile"]` the one of that title.

    Attributes:
        vectors: Unit vectors, one a row, in the method's own order; float64, shape (k, dim).
        values: What the method ranks them by; float64, shape (k,), NaN where it has none.
        rates: α_H(v) = vᵀHv of the global metric H; float64, shape (k,).
        alignment: Share of each one's squared length in the top eigenspace; float64, shape (k,).
        axes: Of each one the axes of the eigenbasis to which it is aligned more than chance allows.
        input_vectors: The vectors before the mapping network that belong to them, one a row; None where there are none.
        base: The latent at which a local method looked, where it was given; else None.
        purify: The number of top eigenvectors they are projected on; 0 = as they were found.
    """

    vectors: Array
    values: Array
    rates: Array
    alignment: Array
    axes: tuple[tuple[EigenShare, ...], ...]
    input_vectors: Array | None
    base: Array | None
    purify: int
    _link: DirectionsLink = field(repr=False)

    @classmethod
    def fetch(cls, link: DirectionsLink, name: str, purify: int = 0) -> Directions:
        """The directions of a resource name, projected on the top `purify` eigenvectors where that is not 0."""
        return cls.read(link.get(name, purify), link, purify)

    @classmethod
    def read(cls, message: directions_pb2.DirectionSet, link: DirectionsLink, purify: int = 0) -> Directions:
        """The record of a message with its arrays.

        Args:
            message: From the wire.
            link: The line to the server that it came by.
            purify: What was asked for.

        Raises:
            BadResponseError: An array is missing or has another shape than the others.
        """
        k, arrays = message.count, _arrays(message)
        shapes = {"vectors": (k, message.dim), "values": (k,), "rates": (k,), "alignment": (k,)}
        for name, expected in shapes.items():
            if arrays[name].shape != expected:
                raise BadResponseError(f"{message.name}: {name} has shape {arrays[name].shape}, expected {expected}")
        inputs = arrays.get("input_vectors")
        if len(message.axes) != k or (inputs is not None and (inputs.ndim != 2 or len(inputs) != k)):
            raise BadResponseError(f"{message.name}: axes or input_vectors are not of {k} directions")
        latent = message.spec.latent
        return cls(
            **info_from_wire(message),
            **{name: arrays[name] for name in shapes},
            axes=tuple(
                tuple(EigenShare(rank, share) for rank, share in zip(each.ranks, each.shares, strict=True))
                for each in message.axes
            ),
            input_vectors=inputs,
            base=array_from_tensor(latent, "latent") if message.spec.HasField("latent") else None,
            purify=purify,
            _link=link,
        )

    def __len__(self) -> int:
        return self.k

    @overload
    def __getitem__(self, index: int | str) -> Direction: ...

    @overload
    def __getitem__(self, index: slice) -> list[Direction]: ...

    def __getitem__(self, index: int | str | slice) -> Direction | list[Direction]:
        """One by its place or its title, or a list of several."""
        if isinstance(index, slice):
            return [self[each] for each in range(self.k)[index]]
        number = self._index_of(index) if isinstance(index, str) else range(self.k)[index]
        said = self._annotation(number)
        return Direction(
            directions=self.name,
            index=number,
            generator=self.generator,
            space=self.space,
            method=self.method,
            vector=self.vectors[number],
            value=float(self.values[number]),
            rate=float(self.rates[number]),
            alignment=float(self.alignment[number]),
            axes=self.axes[number],
            layers=self.layers,
            input_vector=None if self.input_vectors is None else self.input_vectors[number],
            purify=self.purify,
            title=said.title,
            notes=said.notes,
        )

    def _repr_html_(self) -> str:
        rows = [(each.index, each.title, each.rate, each.step, f"{100 * each.alignment:.0f} %") for each in self]
        head = ("index", "title", "rate α", "step α^-½", "in the top eigenspace")
        shares = list(enumerate(self.rates))
        return markup.card(
            f"{self.k} directions of {self.generator} in {self.space} by {self.method}",
            markup.table(head, rows),
            markup.curves("rate α of each", "index", {"rate": shares}, logarithmic=True),
        )

    @property
    def steps(self) -> Array:
        """α_H^−½ of each, shape (k,); ∞ where a direction changes nothing."""
        positive = self.rates > 0
        # Where it is 0 a quotient would warn.
        steps: Array = np.where(positive, np.where(positive, self.rates, 1.0) ** -0.5, np.inf)
        return steps

    def purified(self, k: int) -> Directions:
        """The same directions, each projected on the top `k` eigenvectors and made a unit vector again.

        Args:
            k: 1 to the dimension.

        Raises:
            InvalidArgumentError: `k` is out of range, or nothing would be left of a direction.
        """
        return Directions.fetch(self._link, self.name, purify=whole_number("k", k, minimum=1))

    def annotate(self, index: int | str, title: str | None = None, *, notes: str | None = None) -> Directions:
        """Gives a direction a title and notes, which the server keeps.

        Args:
            index: Which one, by its place or its title.
            title: At most 100 characters, unique in the set; "" takes it away, None leaves it as it is.
            notes: At most 10,000 characters; "" takes them away, None leaves them as they are.

        Returns:
            The directions with all their annotations.

        Raises:
            InvalidArgumentError: There is no such direction, another one has the title, or a text is too long.
        """
        number = self._index_of(index) if isinstance(index, str) else index
        if not -self.k <= number < self.k:
            raise InvalidArgumentError(f"{self.name} has directions 0 to {self.k - 1}, got {index}")
        # What is left as it is may have been said by others since these directions were read.
        before = Directions.fetch(self._link, self.name)[number]
        said = Annotation(
            before.index, before.title if title is None else title, before.notes if notes is None else notes
        )
        return replace(self, annotations=self._link.annotate(self.name, said))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the directions to one file, atomically; a file that exists is replaced.

        Args:
            path: `.safetensors`: a file that the library and `Client.import_directions` (format `pullback`) read.
                `.npz`: `vectors`, `values`, `rates`, `alignment`, where there are any `input_vectors` and `base`, and
                `provenance` (a JSON text). `.json`: the provenance.

        Returns:
            The path.

        Raises:
            InvalidArgumentError: Another suffix.
        """
        arrays = {name: getattr(self, name) for name in files.ARRAYS}
        return files.save(self, arrays, self.purify, Path(path))

    def _annotation(self, number: int) -> Annotation:
        return next((each for each in self.annotations if each.index == number), Annotation(number, "", ""))

    def _index_of(self, title: str) -> int:
        titles = {each.title: each.index for each in self.annotations if each.title}
        if title not in titles:
            raise NotFoundError(f"{self.name} has no direction called {title!r}; known: {', '.join(titles) or 'none'}")
        return titles[title]


def _arrays(message: directions_pb2.DirectionSet) -> dict[str, Any]:
    names = ["vectors", "values", "rates", "alignment"]
    if message.HasField("input_vectors"):
        names.append("input_vectors")
    return {name: array_from_tensor(getattr(message, name), f"{message.name}: {name}") for name in names}
