"""What images look like on the screen, against NumPy's own arithmetic."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pullback_server.protocol.calls import AS_DRAWN, Presentation
from pullback_server.worker.presentation import encode, present

RNG = np.random.default_rng(0)
# Far from black and white, so that nothing is clipped.
COLOUR = (0.4 + 0.2 * RNG.random((12, 16, 3))).astype(np.float32)
GREY = COLOUR[..., :1]


def shown(image: NDArray[np.float32], presentation: Presentation) -> NDArray[np.float64]:
    return np.asarray(present(image, presentation), dtype=np.float64) / 255


def luma(image: NDArray[np.float64]) -> NDArray[np.float64]:
    return image if image.ndim == 2 else image @ [0.299, 0.587, 0.114]


@pytest.mark.parametrize("image", [COLOUR, GREY])
def test_an_image_as_it_is_drawn_is_rounded_to_8_bits_and_no_more(image: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(
        np.asarray(present(image, AS_DRAWN)), np.round(image.squeeze(-1) * 255 if image.shape[-1] == 1 else image * 255)
    )


def test_what_is_out_of_range_is_clipped() -> None:
    image = np.full((8, 8, 3), 1.5, np.float32)
    image[0] = -1
    assert set(np.unique(np.asarray(present(image, AS_DRAWN)))) == {0, 255}


def test_grey_is_the_luma() -> None:
    np.testing.assert_allclose(shown(COLOUR, Presentation(greyscale=True)), luma(COLOUR), atol=0.5 / 255)
    np.testing.assert_array_equal(shown(GREY, Presentation(greyscale=True)), shown(GREY, AS_DRAWN))


@pytest.mark.parametrize("image", [COLOUR, GREY])
@pytest.mark.parametrize(("mean", "contrast"), [(0.3, None), (None, 0.1), (0.6, 0.05), (0.5, 0.0)])
def test_luminance_and_contrast_are_what_was_asked_for(
    image: NDArray[np.float32], mean: float | None, contrast: float | None
) -> None:
    before = luma(image.squeeze().astype(np.float64))
    after = luma(shown(image, Presentation(mean_luminance=mean, contrast=contrast)))
    assert after.mean() == pytest.approx(before.mean() if mean is None else mean, abs=0.002)
    assert after.std() == pytest.approx(before.std() if contrast is None else contrast, abs=0.002)
    # Shifted and scaled as a whole: the order of levels stays.
    if contrast != 0.0:
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99


def test_colours_are_shifted_and_scaled_alike() -> None:
    after = shown(COLOUR, Presentation(mean_luminance=0.5, contrast=0.05))
    before = COLOUR.astype(np.float64)
    scale = 0.05 / luma(before).std()
    np.testing.assert_allclose(after, (before - luma(before).mean()) * scale + 0.5, atol=0.51 / 255)


def test_an_image_of_one_tone_keeps_it() -> None:
    plain = np.full((8, 8, 3), 0.25, np.float32)
    np.testing.assert_allclose(shown(plain, Presentation(contrast=0.2)), 0.25, atol=0.51 / 255)


def test_a_size_is_width_and_height_by_bicubic_interpolation() -> None:
    picture = present(COLOUR, Presentation(size=(20, 30)))
    assert picture.size == (20, 30)
    channel = np.asarray(Image.fromarray(COLOUR[..., 1].copy()).resize((20, 30), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(np.asarray(picture)[..., 1] / 255, channel, atol=0.51 / 255)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_the_same_image_is_the_same_file(image_format: str) -> None:
    files = {encode(present(COLOUR, Presentation(contrast=0.1)), image_format) for _ in range(3)}
    assert len(files) == 1
    assert Image.open(io.BytesIO(files.pop())).format == image_format
