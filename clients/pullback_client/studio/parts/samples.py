"""Contact sheets of generators: a few draws from the prior, rendered once in the life of the studio."""

from __future__ import annotations

from nicegui import app
from PIL import Image

from pullback_client.aio import AsyncClient
from pullback_client.catalogue import Generator

COUNT = 6


async def contact_images(client: AsyncClient, generator: Generator) -> list[Image.Image]:
    """Images of the first draws from the prior of the generator's first space. They are the same for everybody."""
    if not hasattr(app.state, "contact_images"):
        app.state.contact_images = {}
    kept: dict[tuple[str, str], list[Image.Image]] = app.state.contact_images
    key = (generator.name, generator.weights_hash)
    if key not in kept:
        latents = await client.sample(generator.name, COUNT, seed=0)
        kept[key] = await client.render(generator.name, latents)
    return kept[key]
