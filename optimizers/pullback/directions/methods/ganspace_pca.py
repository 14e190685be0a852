"""GANSpace: principal components; Härkönen et al., NeurIPS 2020."""

from __future__ import annotations

from collections.abc import Generator

from pullback.directions.direction_set import DirectionSet
from pullback.directions.methods.ganspace.components import principal_components_in_pieces
from pullback.directions.methods.ganspace.samples import GanspaceSamples
from pullback.directions.origins import check_count, origin_of
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.signs import signs_of
from pullback.pieces import in_pieces


@in_pieces
def ganspace_pca(
    generator: ImageGenerator, k: int, *, space: str, layer: str = "", samples: int, seed: int = 0
) -> Generator[None, None, DirectionSet]:
    """The k leading principal components of latents, or of a layer's activations.

    Components of activations are carried back to the latent by least squares on the latents of the same samples
    (Härkönen et al., NeurIPS 2020, section 2.1). Memory does not grow with the number of samples.

    Args:
        generator: The generator.
        k: How many, from 1 to n.
        space: Name of the space from whose prior latents are drawn, and in which the directions lie.
        layer: Name of the layer whose activations are decomposed; empty = the latents themselves, which says something
            in a space behind a mapping network alone.
        samples: Latents that are drawn, at least 2; more than k.
        seed: Of the draws.

    Yields:
        Nothing, after every few samples, and every few features of a batch of them: other work may be done then.

    Returns:
        Directions whose values are the components' variances, in units of what is decomposed; not yet measured.

    Raises:
        UnknownNameError: No such space or layer.
        InvalidInputError: A number is out of range, or the samples do not vary in k directions.
    """
    check_count(k, generator.space(space).dim, space)
    drawn = GanspaceSamples(generator, space, layer, samples, seed)
    found = yield from principal_components_in_pieces(drawn, k)
    origin = origin_of(generator, space, "ganspace_pca", k=k, layer=layer, samples=samples, seed=seed)
    return DirectionSet(found.carried * signs_of(found.carried), found.variances, origin)
