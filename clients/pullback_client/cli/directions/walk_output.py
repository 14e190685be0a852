"""Output of a walk: a folder, or one file; it is refused first where it would write over others, and saved then."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pullback_api.options import options_of
from pullback_api.v1 import directions_pb2
from pullback_client.cli.outputs import refuse_file_as_folder, refuse_overwriting
from pullback_client.client import Client
from pullback_client.directions import Traversal, WalkOptions
from pullback_client.directions.pictures import check_upscale
from pullback_client.directions.traversal import FOLDER_FILES, FRAME_FILES
from pullback_client.directions.video import FPS, MOST_FPS, check_fps, check_video_size, require_extras
from pullback_client.errors import InvalidArgumentError

_MOVING = (".gif", ".mp4")
# Of a walk that does not say how many.
_FRAMES = int(options_of(directions_pb2.TraverseRequest.DESCRIPTOR)["frames"].default)

Out: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out", help="Folder for frames, strip, animation and latents; or an .mp4 or .gif, for what moves alone."
    ),
]
Fps: TypeAlias = Annotated[
    float | None,
    typer.Option(max=MOST_FPS, help="Of an .mp4: frames a second.", show_default=f"{FPS}", rich_help_panel="Walk"),
]


def refuse_walk_over(out: Path, fps: float | None, force: bool, inputs: Iterable[Path | None]) -> None:
    """Refuses a place where a walk cannot be written: before anything is sent.

    A folder that is a file, or holds another walk and `force` is not said; a file that exists, likewise, or that the
    command reads; a video where nothing can write one.

    Raises:
        InvalidArgumentError: It is such, or `fps` is said of something else than a video.
        FailedPreconditionError: PyAV is not installed.
    """
    if _is_video(out):
        require_extras()
        check_fps(FPS if fps is None else fps)
    elif fps is not None:
        raise InvalidArgumentError("--fps: of a video; name an .mp4 file with --out")
    if _is_file(out):
        refuse_overwriting([out], force, inputs)
        return
    refuse_file_as_folder(out)
    frames = sorted(file for pattern in FRAME_FILES for file in out.glob(pattern))
    replaced = [*frames, *(out / name for name in FOLDER_FILES)]
    refuse_overwriting(replaced, force, inputs)


def check_pictures(client: Client, generator: str, options: WalkOptions, upscale: int, out: Path | None = None) -> None:
    """Refuses pictures of a walk that cannot be, before it is walked.

    Args:
        client: Says what the generator draws.
        generator: Name of the generator.
        options: Those of the walk.
        upscale: How many times as large they are.
        out: Where they are written; None for a folder.

    Raises:
        InvalidArgumentError: They would be too large, or what moves is asked of a generator of sounds.
    """
    alone = out is not None and _is_file(out)
    if upscale == 1 and not alone:
        return
    drawn = client.get_generator(generator)
    size = (drawn.width, drawn.height)
    if alone and not drawn.height:
        raise InvalidArgumentError(f"{generator} makes sounds, of which nothing moves: name a folder with --out")
    if out is not None and _is_video(out):
        check_video_size(upscale, size)
        return
    frames = options.get("frames") or _FRAMES
    # A subspace has so many along each direction; an animation goes forth and back.
    frames = frames**2 if options.get("kind") == "subspace" else frames
    check_upscale(upscale, size, 2 * frames - 2)


def save_walk(walk: Traversal, out: Path, upscale: int, fps: float | None) -> str:
    """Saves a walk into a folder, which is made, or as one file; what was written, for people."""
    if _is_file(out):
        walk.save(out, upscale=upscale, fps=FPS if fps is None else fps)
        return f"wrote {out}"
    # One that is there is taken for a folder, whatever its name ends in.
    out.mkdir(parents=True, exist_ok=True)
    return f"wrote {len(walk.save(out, upscale=upscale))} files into {out}"


def _is_file(out: Path) -> bool:
    return out.suffix.lower() in _MOVING and not out.is_dir()


def _is_video(out: Path) -> bool:
    return _is_file(out) and out.suffix.lower() == ".mp4"
