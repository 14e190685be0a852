"""Cut of a generator in two parts: G₁ up to a layer, and G₂ from there on."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.generator import Generator

_IMAGE = "image"
# The paper cuts behind the third intermediate layer.
_THIRD = 2


class Cut:
    """G = G₂ ∘ G₁ (DP-LaSE, section 3.2).

    Args:
        generator: G.
        layer: Name of the layer whose output G₁ gives, as `generator.activations` names it; empty = the third, or the
            last before the images where there are fewer.

    Attributes:
        generator: G.
        layer: The layer's name.

    Raises:
        UnknownNameError: The generator has no such layer.
    """

    def __init__(self, generator: Generator, layer: str = "") -> None:
        self.generator = generator
        with torch.no_grad():
            names = list(generator.activations(generator.default_context[None]))
        inner = [name for name in names if name != _IMAGE]
        if layer and layer not in names:
            raise UnknownNameError(f"layer of generator {generator.name!r}", layer, names)
        # Toys and generators that name no layer have their images alone.
        self.layer = layer or ([_IMAGE] if not inner else inner[: _THIRD + 1])[-1]

    def features(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels *size"]:
        """G₁ of complete inputs."""
        return self.generator.activations(inputs, until=self.layer)[self.layer]

    def images(
        self, inputs: Float[Tensor, "batch input_dim"], features: Float[Tensor, "batch channels *size"]
    ) -> Float[Tensor, "batch channels_out *size_out"]:
        """G₂ of features, which need not be those of the inputs.

        The generator runs on the inputs, and these features take the place of what the layer gives. In a network of one
        strand nothing else is left of the inputs; in a style-based one the later layers keep their styles.

        Raises:
            InvalidInputError: The layer is no module's output, so nothing can take its place.
        """
        handle = self._place(inputs).register_forward_hook(lambda *_: features)
        try:
            return self.generator.synthesize(inputs)
        finally:
            handle.remove()

    def _place(self, inputs: Tensor) -> nn.Module:
        """The module whose output is the layer's: the outermost where one hands on what another gave."""
        outputs: list[tuple[nn.Module, object]] = []
        handles: list[RemovableHandle] = [
            module.register_forward_hook(lambda module, _, output: outputs.append((module, output)))
            for module in self.generator.modules()
        ]
        try:
            with torch.no_grad():
                wanted = self.features(inputs[:1])
        finally:
            for handle in handles:
                handle.remove()
        found = [module for module, output in outputs if output is wanted]
        if not found:
            raise InvalidInputError(
                f"generator {self.generator.name!r} computes its layer {self.layer!r} in no module of its own, so that "
                "no other features can take its place; cut it at an earlier layer"
            )
        return found[-1]
