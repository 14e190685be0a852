"""Messages of short calls between server and worker: what is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.search import Block
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.walks import WalkPlan
from pullback_server.stored_files import StoredFile

# Images that are rendered together. A batch is always made of the same latents, so that its images are the same bytes.
RENDER_BATCH = 16


@dataclass(frozen=True)
class Presentation:
    """What images look like on the screen; None and False change nothing.

    Attributes:
        size: Width and height in pixels, by bicubic interpolation.
        greyscale: Whether they are grey, by ITU-R 601 luma.
        mean_luminance: Mean of the luma, 0 to 1: pixel values are shifted.
        contrast: Standard deviation of the luma, 0 to 0.5: pixel values are scaled.
    """

    size: tuple[int, int] | None = None
    greyscale: bool = False
    mean_luminance: float | None = None
    contrast: float | None = None


AS_DRAWN = Presentation()


@dataclass(frozen=True)
class SoundShape:
    """What a generator of sounds draws.

    Attributes:
        channels: How many channels.
        length: Samples of each.
        rate: Samples a second.
    """

    channels: int
    length: int
    rate: int


@dataclass(frozen=True)
class Render:
    """Render latents; the worker answers with one `Rendered` per image, then `CallDone`.

    Attributes:
        call: Number of the call.
        generator: Name of the generator.
        space: Name of the latents' space.
        latents: Shape (n, dim).
        image_format: PNG or JPEG; of sounds WAV.
        presentation: What images look like.
        tuning: File of tuned weights that take the place of the generator's own; None for none.
    """

    call: int
    generator: str
    space: str
    latents: NDArray[np.float32]
    image_format: str
    presentation: Presentation = AS_DRAWN
    tuning: StoredFile | None = None
    noise_maps: tuple[NDArray[np.float32], ...] = ()


@dataclass(frozen=True)
class Sample:
    """Draw latents; the worker answers with `CallDone`, whose value is the array."""

    call: int
    generator: str
    space: str
    count: int
    seed: int


@dataclass(frozen=True)
class Measure:
    """Look at the priors of a space that stand in the weights; `CallDone`'s value is its blocks as a search has them.

    Attributes:
        call: Number of the call.
        generator: Name of the generator.
        space: Name of the space.
        class_label: The class that is held; empty = none.
    """

    call: int
    generator: str
    space: str
    class_label: str


@dataclass(frozen=True)
class BeginSearch:
    """Make an optimizer and ask it; the worker answers with `CallDone`, whose value is `Evolved` or `PriorWanted`.

    Attributes:
        call: Number of the call.
        generator: Name of the generator.
        thread: Serialised `ThreadSpec`, defaults filled in.
        eigenbasis: Safetensors file of the eigenbasis; None for none.
        seed: Seed of the optimizer.
        count: How many latents to ask for.
        measured: Blocks of the space whose priors stand in the weights, by the names of their spaces.
        drawn: Draws of such a prior, shape (n, dim), where the first generation consists of them; None for none.
    """

    call: int
    generator: str
    thread: bytes
    eigenbasis: StoredFile | None
    seed: int
    count: int
    measured: Mapping[str, Block] = field(default_factory=dict)
    drawn: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class PriorWanted:
    """What a search needs of a prior that stands in the weights, which its worker does not have: a device has them.

    Attributes:
        space: Name of the space.
        class_label: The class that is held; empty = none.
        draws: How many latents of the prior the first generation takes.
    """

    space: str
    class_label: str
    draws: int


@dataclass(frozen=True)
class Evolve:
    """Tell an optimizer and ask it; the worker answers with `CallDone`, whose value is `Evolved` or `ConstantsWanted`.

    Attributes:
        call: Number of the call.
        state: The optimizer's state.
        latents: What is told, shape (n, dim); n is at least 1.
        scores: Their scores, shape (n,).
        variances: Variances of the scores, shape (n,), NaN where one is not known; None where none is.
        ids: Their images' ids, for the genealogy.
        count: How many latents to ask for.
        constants: The file of what is the same in all the optimizer's states, where the state leaves it out.
    """

    call: int
    state: bytes
    latents: NDArray[np.float32]
    scores: NDArray[np.float64]
    variances: NDArray[np.float64] | None
    ids: tuple[str, ...]
    count: int
    constants: StoredFile | None = None


@dataclass(frozen=True)
class Traverse:
    """Walk; the worker answers with one `Framed` per frame, then `CallDone`, whose value is `Walked`."""

    call: int
    plan: WalkPlan


@dataclass(frozen=True)
class AbandonCall:
    """Nobody waits for that call any more."""

    call: int


@dataclass(frozen=True)
class Taken:
    """Whoever reads a call's answers has taken so many bytes more of its images."""

    call: int
    size: int


@dataclass(frozen=True)
class TracedCall:
    """A call that is traced: what the worker does for it belongs to `trace`, a `traceparent`."""

    trace: str
    message: Call


@dataclass(frozen=True)
class Rendered:
    """One image of a `Render` call."""

    call: int
    index: int
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Framed:
    """One frame of a `Traverse` call.

    Attributes:
        call: Number of the call.
        index: Number of the frame, from 0.
        steps: Where it lies along every axis, in their units.
        latent: Its latent, shape (n,).
        distance: Image distance from the start.
        data: The image file.
        width: Pixels.
        height: Pixels.
    """

    call: int
    index: int
    steps: tuple[float, ...]
    latent: NDArray[np.float32]
    distance: float
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Evolved:
    """What an optimizer proposes.

    Attributes:
        state: Its state, which waits for the scores.
        latents: The latents, shape (n, dim).
        origins: Where each came from: its kind, and the ids of its parents.
        far: Mahalanobis distance of each from the prior's mean, and the share of the prior's draws that lie at least as
            far.
        digest: Of the file of constants with which the state goes; empty where it is whole by itself.
        constants: That file, where whoever asked need not have it yet; else empty.
    """

    state: bytes
    latents: NDArray[np.float32]
    origins: tuple[tuple[str, tuple[str, ...]], ...]
    far: tuple[tuple[float, float], ...]
    digest: str = ""
    constants: bytes = b""


@dataclass(frozen=True)
class ConstantsWanted:
    """The file of constants with which a state goes is missing or damaged: it is to be made again."""

    digest: str


@dataclass(frozen=True)
class CallDone:
    """The call is over; `value` is its answer, if it has one."""

    call: int
    value: Any = None


@dataclass(frozen=True)
class CallFailed:
    """The call cannot be answered."""

    call: int
    failure: Failure


Call = Render | Sample | Measure | BeginSearch | Evolve | Traverse
CallMessage = Rendered | Framed | CallDone | CallFailed
