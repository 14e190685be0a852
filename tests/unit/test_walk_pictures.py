"""The pictures of walks: how large they are, what is written beside them, and that no pixel is blurred."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pullback_client import Frame, InvalidArgumentError, Traversal
from pullback_client.directions.pictures import check_upscale, fitting, label_font, spaced, step_labels

SIDE = 8


def walk_of(columns: int, rows: int = 1, side: int = SIDE, unit: str = "STEP_UNIT_RATE") -> Traversal:
    """A walk whose frames are noise of a few colours, with its strip and its GIF as the server makes them."""
    rng = np.random.default_rng(3)
    levels = np.linspace(-2, 2, columns)
    frames = []
    for index in range(columns * rows):
        pixels = rng.choice(np.array([0, 90, 180, 250], np.uint8), (side, side, 3))
        row, column = divmod(index, columns)
        second = float(np.linspace(-1, 1, rows)[row]) if rows > 1 else 0.0
        frames.append(Frame(index, float(levels[column]), second, np.zeros(3), 1.0, Image.fromarray(pixels)))
    strip = Image.new("RGB", (columns * side, rows * side))
    for frame in frames:
        strip.paste(frame.image, (frame.index % columns * side, frame.index // columns * side))
    first, *others = [frame.image.quantize(256) for frame in [*frames, *frames[-2:0:-1]]]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=100, loop=0)
    return Traversal(tuple(frames), "z", strip, buffer.getvalue(), {"unit": unit, "kind": "TRAVERSAL_KIND_LINEAR"})


def repeated(image: Image.Image, times: int) -> np.ndarray:
    """An enlarged image by NumPy."""
    return np.asarray(image.convert("RGB")).repeat(times, axis=0).repeat(times, axis=1)


@pytest.mark.parametrize("times", [1, 3, 8])
def test_every_pixel_of_a_strip_becomes_a_square_and_the_steps_stand_below(times: int) -> None:
    walk = walk_of(5, side=32)
    picture = np.asarray(walk.labelled_strip(times))
    height = 32 * times
    assert (picture[:height, : 5 * 32 * times] == repeated(walk.strip, times)).all()
    below = picture[height:]
    assert 12 < len(below) < 100
    assert (below[[0, -1]] == 255).all()  # nothing touches the edges
    for column in range(5):
        part = below[: len(below) // 2, column * 32 * times : (column + 1) * 32 * times]
        inked = np.nonzero((part < 128).all(axis=2).any(axis=0))[0]
        # Every label stands in the middle of its frame.
        assert (inked[0] + inked[-1]) / 2 == pytest.approx(16 * times, abs=2)


def test_labels_of_small_frames_are_thinned_and_keep_the_start() -> None:
    picture = walk_of(9).labelled_strip()
    assert picture.width >= 9 * SIDE
    assert list(spaced([-2, -1, 0, 1, 2], 2)) == [0, 2, 4]
    assert list(spaced([-1, 0, 1, 2, 3], 2)) == [1, 3]
    assert list(spaced([0, 1, 2], 0.4)) == [0, 1, 2]


def test_letters_grow_with_the_frames_within_what_can_be_read() -> None:
    assert [label_font(width).size for width in (8, 64, 120, 1024)] == [12, 12, 20, 28]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        ([-2, -0.5, 1e-17, 0.5, 2], ["-2", "-0.5", "0", "+0.5", "+2"]),
        ([-0.004, 0, 0.0033333], ["-0.004", "0", "+0.00333"]),
        ([0, 100, 250], ["0", "+100", "+250"]),
        ([0, 0], ["0", "0"]),
        ([-4 / 3, 2 / 3], ["-1.33", "+0.67"]),
    ],
)
def test_steps_are_written_with_the_digits_that_tell_them_apart(steps: list[float], labels: list[str]) -> None:
    assert step_labels(steps) == labels


def test_a_grid_is_labelled_on_two_sides() -> None:
    walk = walk_of(4, rows=3, side=32)
    picture = np.asarray(walk.labelled_strip(2))
    left = int(np.nonzero((picture[0] != 255).any(axis=1))[0][0])
    assert 0 < left < 60
    assert (picture[: 3 * 64, left : left + 4 * 64] == repeated(walk.strip, 2)).all()
    rows = (picture[: 3 * 64, :left] < 128).all(axis=2).any(axis=1).reshape(3, 64).any(axis=1)
    assert rows.tolist() == [True] * 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"unit": "STEP_UNIT_UNSPECIFIED"}, "units of rate^(-1/2)"),
        ({"unit": "STEP_UNIT_LATENT"}, "units of the latent"),
        ({"unit": "STEP_UNIT_UNSPECIFIED", "kind": "TRAVERSAL_KIND_CURVE"}, "units of the latent"),
    ],
)
def test_the_unit_is_that_of_the_walk(settings: dict[str, str], words: str) -> None:
    walk = walk_of(2)
    assert Traversal(walk.frames, "z", walk.strip, walk.animation, settings).step_unit == words


@pytest.mark.parametrize("times", [1, 4])
def test_an_animation_keeps_its_colours_and_times(times: int) -> None:
    walk = walk_of(5)
    with (
        Image.open(io.BytesIO(walk.animation)) as before,
        Image.open(io.BytesIO(walk.enlarged_animation(times))) as gif,
    ):
        assert (gif.n_frames, gif.info["loop"]) == (before.n_frames, 0) == (8, 0)  # type: ignore[attr-defined]
        assert gif.size == (SIDE * times, SIDE * times)
        for one, other in zip(ImageSequence.Iterator(before), ImageSequence.Iterator(gif), strict=True):
            assert other.info["duration"] == one.info["duration"] == 100
            assert (np.asarray(other.convert("RGB")) == repeated(one, times)).all()


def test_a_still_gif_can_be_enlarged() -> None:
    still = walk_of(1)
    with Image.open(io.BytesIO(still.enlarged_animation(3))) as gif:
        assert gif.size == (24, 24)


def test_saved_pictures_are_enlarged_and_frames_are_not(tmp_path: Path) -> None:
    walk = walk_of(3, side=32)
    walk.save(tmp_path / "walk", upscale=4)
    sizes = {}
    for name in ("frame-000.png", "strip.png", "animation.gif"):
        with Image.open(tmp_path / "walk" / name) as picture:
            sizes[name] = picture.size
    assert sizes["frame-000.png"] == (32, 32)
    assert sizes["animation.gif"] == (128, 128)
    assert sizes["strip.png"][0] == 3 * 128
    walk.save(tmp_path / "one.gif", upscale=2)
    with Image.open(tmp_path / "one.gif") as picture:
        assert picture.size == (64, 64)


@pytest.mark.parametrize("upscale", [0, -1, 1.5, True, "2"])
def test_a_factor_is_a_whole_number(upscale: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="upscale must be a whole number from 1"):
        walk_of(3).save(tmp_path / "walk", upscale=upscale)  # type: ignore[arg-type]
    assert not (tmp_path / "walk").exists()


def test_too_large_a_picture_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"at most 80 million: ask for fewer frames, or for at most 27$"):
        check_upscale(100, (64, 64), 25)
    assert check_upscale(27, (64, 64), 25) == 27
    assert check_upscale(1, (1024, 1024), 500) == 1  # as it came
    with pytest.raises(InvalidArgumentError, match="upscale=1000 makes"):
        walk_of(3).save(tmp_path / "walk", upscale=1000)
    assert not (tmp_path / "walk").exists()


def test_long_names_keep_both_ends() -> None:
    font = label_font(64)
    short = fitting("a very long title of a direction, lighting", 120, font)
    assert font.getlength(short) <= 120
    assert short.startswith("a very")
    assert short.endswith("ing")
    assert "..." in short
    assert fitting("Lächeln", 120, font) == "Lacheln"
