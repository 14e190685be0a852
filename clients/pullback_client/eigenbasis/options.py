"""Options of an eigenbasis: from Python's words to the contract's specification."""

from __future__ import annotations

from typing import Literal

from pullback_api.v1 import specs_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.text.vocabulary import refuse_unknown_options
from pullback_client.wire.names import generator_name
from pullback_client.wire.option_types import EigenbasisFields
from pullback_client.wire.option_values import set_options


class EigenbasisOptions(EigenbasisFields, total=False):
    """What an eigenbasis shall be. What is left out, or None, is the server's default."""

    samples: int | Literal["auto"] | None
    """Probes (sketch) or positions (the others); default 2000 or 100. `auto` = until the basis has settled."""
    max_samples: int | None
    """With `auto`: where it ends in any case; default 50000 probes or 1000 positions."""


def eigenbasis_spec(generator: str, options: EigenbasisOptions) -> specs_pb2.EigenbasisSpec:
    """The specification of an eigenbasis.

    Raises:
        InvalidArgumentError: An unknown method, a number that the contract cannot carry, or options that exclude each
            other.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, EigenbasisOptions)
    samples = options.get("samples")
    automatic = isinstance(samples, str)
    if isinstance(samples, str):
        if samples != "auto":
            raise InvalidArgumentError(f"samples must be a whole number or 'auto', got {samples!r}")
        samples = options.get("max_samples")
    elif options.get("max_samples") is not None:
        raise InvalidArgumentError("max_samples bounds samples='auto'; leave it out where samples is a number")
    spec = specs_pb2.EigenbasisSpec(generator=generator_name(generator), automatic=automatic)
    set_options(spec, {**options, "method": options.get("method") or "sketch", "samples": samples})
    return spec
