"""GANSpace with independent components: Palaev, Lukmanov and Khan, ICLR 2023 (Tiny Papers)."""

from __future__ import annotations

import warnings
from collections.abc import Generator

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.directions.defaults import ICA_VECTORS
from pullback.directions.direction_set import DirectionSet
from pullback.directions.methods.ganspace.components import principal_components_in_pieces
from pullback.directions.methods.ganspace.samples import GanspaceSamples
from pullback.directions.origins import check_count, origin_of
from pullback.errors import PullbackError, UnknownNameError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.seeding import derive_seed
from pullback.geometry.signs import signs_of
from pullback.pieces import in_pieces

_MOST_ITERATIONS = 1000
_ROWS = 256


@in_pieces
def ganspace_ica(
    generator: ImageGenerator,
    k: int,
    *,
    space: str,
    layer: str = "",
    samples: int,
    seed: int = 0,
    ica_vectors: str = "mixing",
) -> Generator[None, None, DirectionSet]:
    """The k independent components of the k leading principal ones, of latents or of a layer's activations.

    FastICA in place of GANSpace's principal components (Palaev et al., 2023). With sources s of variance 1, x = x̄ + A s
    and s = U (x − x̄): a column of the mixing matrix A is what a source adds to x while the others stand; a row of the
    unmixing matrix U reads the source off. The authors' notebooks walk the rows. Of activations, either is carried back
    to the latent by least squares on the latents of the same samples. The k scores of all samples are held.

    Args:
        generator: The generator.
        k: How many, from 1 to n.
        space: As for `ganspace_pca`.
        layer: As for `ganspace_pca`.
        samples: As for `ganspace_pca`; they are gone through twice.
        seed: Of the draws and of what the iteration begins with.
        ica_vectors: `mixing` or `unmixing`.

    Yields:
        Nothing, after every few samples: other work may be done then. FastICA itself is one piece, of seconds for
        100,000 samples.

    Returns:
        Directions whose values are the variance that each component gives to what is decomposed, descending, the same
        for both kinds of vectors; not yet measured.

    Raises:
        UnknownNameError: No such space, layer or kind of vectors.
        InvalidInputError: A number is out of range, or the samples do not vary in k directions.
        PullbackError: The iteration does not converge.
    """
    if ica_vectors not in ICA_VECTORS:
        raise UnknownNameError("kind of vectors of an independent component analysis", ica_vectors, ICA_VECTORS)
    check_count(k, generator.space(space).dim, space)
    drawn = GanspaceSamples(generator, space, layer, samples, seed)
    found = yield from principal_components_in_pieces(drawn, k)
    scores: list[NDArray[np.float64]] = []
    while (seen := sum(map(len, scores))) < samples:
        _, values = yield from drawn.batch_in_pieces(seen, _ROWS)
        scores.append(found.scores(values))
    mixing, unmixing = _independent(np.concatenate(scores), seed)
    # Σ_j ‖a_j‖² is the whole variance: the sources are uncorrelated.
    variances = (mixing**2).sum(axis=0)
    order = np.argsort(-variances)
    chosen = mixing.T if ica_vectors == "mixing" else unmixing
    rows = chosen[order] @ found.carried
    origin = origin_of(
        generator, space, "ganspace_ica", k=k, layer=layer, samples=samples, seed=seed, ica_vectors=ica_vectors
    )
    return DirectionSet(rows * signs_of(rows), variances[order], origin)


def _independent(
    scores: Float64[np.ndarray, "samples k"], seed: int
) -> tuple[Float64[np.ndarray, "k k"], Float64[np.ndarray, "k k"]]:
    """The mixing matrix and the unmixing one, for sources of variance 1."""
    # Slow to import, and no other method needs it.
    from sklearn.decomposition import FastICA  # noqa: PLC0415
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415

    analysis = FastICA(
        whiten="unit-variance", random_state=derive_seed(seed) % 2**32, max_iter=_MOST_ITERATIONS, tol=1e-4
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            analysis.fit(scores)
        except ConvergenceWarning as error:
            raise PullbackError(
                f"{scores.shape[1]} independent components of {len(scores):,} samples do not settle within "
                f"{_MOST_ITERATIONS:,} iterations; ask for fewer, take more samples, or another seed"
            ) from error
    return analysis.mixing_, analysis.components_
