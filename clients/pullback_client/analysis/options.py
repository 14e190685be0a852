"""Options of an analysis: from Python's words to the contract's specification."""

from __future__ import annotations

from collections.abc import Sequence

from pullback_api.v1 import specs_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.text.vocabulary import refuse_unknown_options
from pullback_client.wire.names import generator_name
from pullback_client.wire.option_types import AnalysisFields
from pullback_client.wire.option_values import set_options


class AnalysisOptions(AnalysisFields, total=False):
    """What an analysis shall be. What is left out, or None, is the server's default."""

    compared_distances: Sequence[str] | None
    """Other distances to compare with; default lpips-alex, lpips-vgg, mse and ssim, but `distance`."""


def analysis_spec(generator: str, options: AnalysisOptions) -> specs_pb2.AnalysisSpec:
    """The specification of an analysis.

    Raises:
        InvalidArgumentError: No list of names, or a number that the contract cannot carry.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, AnalysisOptions)
    compared = options.get("compared_distances")
    # An empty list asks for the default on the wire, so one that somebody wrote must not get there.
    if isinstance(compared, str) or (compared is not None and not compared):
        raise InvalidArgumentError(
            "compared_distances must be a list of at least one name, or None for the server's default, "
            f"got {compared!r}"
        )
    spec = specs_pb2.AnalysisSpec(generator=generator_name(generator), compared_distances=compared or ())
    set_options(spec, options)
    return spec
