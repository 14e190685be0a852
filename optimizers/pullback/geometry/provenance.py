"""Provenance of an eigenbasis: what it was computed from, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pullback.errors import IncompatibleEigenbasisError, InvalidInputError


@dataclass(frozen=True)
class Provenance:
    """What an eigenbasis was computed from, and how.

    Attributes:
        generator: Name of the generator.
        weights_hash: SHA-256 of the generator's weight file.
        space: Name of the latent space.
        distance: Name of the image distance.
        distance_hash: SHA-256 of the distance's weight file; empty for a distance without weights.
        method: Name of the estimator (`sketch`, `gram`).
        samples: Probes or positions that the average holds.
        seed: Seed of the estimator.
        version: Version of this library.
        agreement: What agreement with the mean over the whole space the halves of the average tell, at most 1; None
            where that is not known.
    """

    generator: str
    weights_hash: str
    space: str
    distance: str
    distance_hash: str
    method: str
    samples: int
    seed: int
    version: str
    agreement: float | None = None

    def to_dict(self) -> dict[str, str]:
        """The fields as text, as a file's metadata holds them; an agreement that is not known is left out."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, texts: Mapping[str, str]) -> Provenance:
        """The provenance that `to_dict` wrote; keys it does not know are left aside.

        Raises:
            InvalidInputError: A field is missing, or a number is none.
        """
        missing = [field.name for field in fields(cls) if field.name not in texts and field.name != "agreement"]
        if missing:
            raise InvalidInputError(f"the provenance of an eigenbasis lacks {', '.join(missing)}")
        values: dict[str, Any] = {field.name: str(texts[field.name]) for field in fields(cls) if field.name in texts}
        for name in ("samples", "seed"):
            try:
                values[name] = int(values[name])
            except ValueError:
                raise InvalidInputError(
                    f"{name} in the provenance of an eigenbasis is a whole number, but {values[name]!r} came"
                ) from None
        if "agreement" in values:
            try:
                values["agreement"] = float(values["agreement"])
            except ValueError:
                raise InvalidInputError(
                    f"agreement in the provenance of an eigenbasis is a number, but {values['agreement']!r} came"
                ) from None
        return cls(**values)

    def check_serves(self, *, generator: str, weights_hash: str, space: str) -> None:
        """Checks that what was computed from this serves a generator and a space.

        It may be of any distance: which one it was is no condition for moving along axes.

        Args:
            generator: Name of the generator.
            weights_hash: SHA-256 of the generator's weight file.
            space: Name of the latent space.

        Raises:
            IncompatibleEigenbasisError: Something differs; the message lists each difference.
        """
        wanted = {"generator": generator, "weights_hash": weights_hash, "space": space}
        differences = [
            f"{name.replace('_', ' ')} is {has!r} there and {wants!r} here"
            for name, wants in wanted.items()
            if (has := getattr(self, name)) != wants
        ]
        if differences:
            raise IncompatibleEigenbasisError(
                "the eigenbasis was computed for something else: "
                + "; ".join(differences)
                + "; compute one for this generator and space"
            )
