"""Generators: the catalogue, latents drawn from priors, and the images of latents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy.typing as npt
from PIL import Image

from pullback_api.sounds import Sound
from pullback_api.v1 import generators_pb2, values_pb2
from pullback_client.catalogue import CatalogueFault, Generator
from pullback_client.inversion.tuning import Tuning, drawing_name
from pullback_client.resources.connection import Connection
from pullback_client.wire.codec import Array, array_from_tensor, image_from_wire, tensor_from_array
from pullback_client.wire.fields import whole_number
from pullback_client.wire.names import generator_name
from pullback_client.wire.sounds import sound_from_wire

RENDER_TIMEOUT = 600.0
"""Seconds that sampling and rendering may take: the first time, a worker starts and fetches the weights."""


class GeneratorCalls(Connection):
    """The calls of generators."""

    def list_generators(self) -> list[Generator]:
        """The generators of the server's catalogue, by name."""
        method = self._transport.generators.ListGenerators
        pages = self._pages(method, generators_pb2.ListGeneratorsRequest())
        return [Generator.from_wire(message) for page in pages for message in page.generators]

    def list_catalogue_faults(self) -> list[CatalogueFault]:
        """What of the server's catalogue files cannot be used; such generators are not among `list_generators`."""
        request = generators_pb2.ListGeneratorsRequest(page_size=1)
        answer = self._transport.call(self._transport.generators.ListGenerators, request)
        return [CatalogueFault.from_wire(message) for message in answer.faults]

    def get_generator(self, name: str) -> Generator:
        """One generator.

        Raises:
            NotFoundError: The catalogue has none of that name; the message lists the known ones.
            FailedPreconditionError: Its entry cannot be used; the message says why.
        """
        request = generators_pb2.GetGeneratorRequest(name=generator_name(name))
        return Generator.from_wire(self._transport.call(self._transport.generators.GetGenerator, request))

    def sample(
        self,
        generator: str,
        count: int = 1,
        *,
        space: str | None = None,
        seed: int = 0,
        timeout: float = RENDER_TIMEOUT,
    ) -> Array:
        """Draws latents from the prior of a space; the same seed gives the same latents.

        Args:
            generator: Name of the generator.
            count: How many, 1 to 10000.
            space: Latent space; None = the generator's first.
            seed: ≥ 0.
            timeout: Seconds.

        Returns:
            float32, shape (count, dim).
        """
        request = generators_pb2.SampleLatentsRequest(
            generator=generator_name(generator),
            space=space or "",
            count=whole_number("count", count, minimum=1),
            seed=whole_number("seed", seed, minimum=0),
        )
        answer = self._transport.call(self._transport.generators.SampleLatents, request, timeout=timeout)
        return array_from_tensor(answer.latents, "latents")

    def render(
        self,
        generator: str,
        latents: npt.ArrayLike,
        *,
        space: str | None = None,
        tuning: Tuning | str | None = None,
        noise_maps: Sequence[npt.ArrayLike] = (),
        timeout: float = RENDER_TIMEOUT,
    ) -> list[Image.Image]:
        """The images of latents, in their order. Arguments as for `iter_render`."""
        frames = self.iter_render(
            generator, latents, space=space, tuning=tuning, noise_maps=noise_maps, timeout=timeout
        )
        return list(frames)

    def iter_render(
        self,
        generator: str,
        latents: npt.ArrayLike,
        *,
        space: str | None = None,
        tuning: Tuning | str | None = None,
        noise_maps: Sequence[npt.ArrayLike] = (),
        timeout: float = RENDER_TIMEOUT,
    ) -> Iterator[Image.Image]:
        """The images of latents, as they are finished, in their order; of sounds, their spectrograms.

        Args:
            generator: Name of the generator.
            latents: All finite, shape (n, dim) or (dim,), n from 1 to 10000.
            space: Latent space; None = the generator's first.
            tuning: A tuning of the generator, or its name, with whose weights they are drawn; None = with its own.
            noise_maps: Noise maps of a style-based generator in the place of its own, for all latents, from the first
                layer on, such as `Inversion.noise_maps`; none = its own.
            timeout: Seconds in all.
        """
        request = _render_request(drawing_name(generator, tuning), latents, space)
        request.noise_maps.extend(tensor_from_array(each) for each in noise_maps)
        stream = self._transport.stream(self._transport.generators.Render, request, timeout=timeout)
        return (image_from_wire(answer.image, f"image {answer.index}") for answer in stream)

    def render_sounds(
        self, generator: str, latents: npt.ArrayLike, *, space: str | None = None, timeout: float = RENDER_TIMEOUT
    ) -> list[Sound]:
        """The sounds of latents, in their order.

        Args:
            generator: Name of a generator of sounds.
            latents: All finite, shape (n, dim) or (dim,), n from 1 to 10000.
            space: Latent space; None = the generator's first.
            timeout: Seconds in all.

        Raises:
            InvalidArgumentError: The generator draws images, or a latent does not fit.
            FailedPreconditionError: Nothing says the rate of its sounds.
        """
        request = _render_request(generator_name(generator), latents, space)
        request.format = values_pb2.IMAGE_FORMAT_WAV
        stream = self._transport.stream(self._transport.generators.Render, request, timeout=timeout)
        sounds = [sound_from_wire(answer.image, f"sound {answer.index}") for answer in stream]
        return [sound for sound in sounds if sound is not None]


def _render_request(name: str, latents: npt.ArrayLike, space: str | None) -> generators_pb2.RenderRequest:
    tensor = tensor_from_array(latents)
    if len(tensor.shape) == 1:
        tensor.shape.insert(0, 1)
    return generators_pb2.RenderRequest(generator=name, space=space or "", latents=tensor)
