"""Kinds of ways through a latent space, as the page calls them: between two latents, and along an axis."""

from __future__ import annotations

from pullback_client.directions.morph import MorphKind

STRAIGHT: MorphKind = "linear"

BETWEEN: dict[MorphKind, str] = {
    "geodesic": "geodesic",
    "spherical": "spherical",
    "density_preserving": "density-preserving",
    STRAIGHT: "straight",
    "metric_uniform": "straight, even in image distance",
}
"""The ways from one latent to another."""

_ALONG: tuple[MorphKind, ...] = (STRAIGHT, "spherical", "density_preserving", "metric_uniform")

ALONG: dict[str, str] = {kind: BETWEEN[kind] for kind in _ALONG}
"""The ways along an axis: the shortest one leads between two latents alone."""
