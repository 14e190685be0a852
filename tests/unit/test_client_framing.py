"""What is cut out of a photograph and hidden in it, on the way to the server and back into the photograph."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from in_process import InProcessServer
from pullback_client import Alignment, Box, Client, Crop, Framing, InvalidArgumentError, Inversion, InversionFailure
from pullback_client.cli import main
from pullback_client.inversion.pasting import FEATHER, paste

FOUND = 50  # the grey of what the server finds
RNG = np.random.default_rng(3)


def noise(width: int, height: int) -> Image.Image:
    """A photograph of which every pixel is another one, none of them grey."""
    pixels = RNG.integers(100, 256, (height, width, 3), dtype=np.uint8)
    pixels[..., 0] = 255
    return Image.fromarray(pixels)


def pixels(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(image)


def sent(data: bytes) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


# Cutting


def test_what_is_sent_is_the_square_as_the_photograph_lies_when_it_is_looked_at(
    client: Client, server: InProcessServer, tmp_path: Path
) -> None:
    upright = noise(40, 30)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    mask = Image.fromarray(RNG.integers(0, 256, (30, 40), dtype=np.uint8))
    boxes = [(0, 0, 12, 9), (30, 25, 10, 5), (0, 20, 5, 5)]
    client.invert(tmp_path / "turned.png", "faces", method="adam", crop=(10, 5, 24), masks=mask, ignore=boxes)
    ((target,),) = (request.targets for request in server.called("Invert"))
    np.testing.assert_array_equal(sent(target.image.data), pixels(upright)[5:29, 10:34])
    np.testing.assert_array_equal(sent(target.mask.data), pixels(mask)[5:29, 10:34])
    # In the square's own pixels, cut at its edges; the last region lies outside.
    assert [(box.left, box.top, box.width, box.height) for box in target.ignore] == [(0, 0, 2, 4), (20, 20, 4, 4)]
    assert target.label == "turned.png"


@pytest.mark.parametrize("crop", [(0, 0, 21), (11, 0, 20), (0, 1, 20), (40, 0, 1)])
def test_a_square_beyond_the_photograph_is_refused_before_anything_is_sent(
    client: Client, server: InProcessServer, crop: tuple[int, int, int]
) -> None:
    with pytest.raises(InvalidArgumentError, match="has 30 × 20 pixels, but the crop reaches from"):
        client.invert(noise(30, 20), "faces", method="adam", crop=crop)
    assert server.calls == []


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        ((1, 2), r"a crop is \(left, top, size\)"),
        ((-1, 0, 5), "left of a crop must be a whole number"),
        ((0, 0, 0), "size of a crop must be a whole number"),
        ([(0, 0, 5), (0, 0, 5)], "1 images but 2 crops"),
    ],
)
def test_what_is_no_square_is_refused(client: Client, server: InProcessServer, crop: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.invert(noise(30, 20), "faces", method="adam", crop=crop)  # type: ignore[arg-type]
    assert server.calls == []


def test_each_photograph_may_have_its_own_square_and_one_that_does_not_fit_fails_alone(
    client: Client, server: InProcessServer
) -> None:
    images = [noise(20, 20), noise(10, 20), noise(20, 20)]
    first, second, third = client.invert(images, "faces", method="adam", crop=[(5, 5, 12), (0, 0, 12), None])
    assert isinstance(first, Inversion)
    assert isinstance(second, InversionFailure)
    assert isinstance(third, Inversion)
    assert (first.framing.crop, third.framing.crop) == (Crop(5, 5, 12), None)
    assert [sent(target.image.data).shape for target in server.called("Invert")[0].targets] == [
        (12, 12, 3),
        (20, 20, 3),
    ]


def test_a_mask_of_another_size_than_the_photograph_is_refused(client: Client) -> None:
    mask = Image.new("L", (12, 12), 255)
    with pytest.raises(InvalidArgumentError, match="the mask has 12 × 12 pixels and image 1 30 × 20"):
        client.invert(noise(30, 20), "faces", method="adam", crop=(0, 0, 12), masks=mask)


def test_a_region_beyond_the_photograph_is_refused_where_it_is_cropped_too(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match=r"reaches to \(31, 5\), beyond the 30 × 20 pixels of image 1"):
        client.invert(noise(30, 20), "faces", method="adam", crop=(0, 0, 12), ignore=[(26, 0, 5, 5)])


def test_what_can_be_read_once_is_read_once(client: Client, server: InProcessServer, tmp_path: Path) -> None:
    class Pipe:
        def __init__(self, image: Image.Image) -> None:
            image.save(buffer := io.BytesIO(), "PNG")
            self._data = [buffer.getvalue()]

        def read(self, size: int = -1) -> bytes:
            return self._data.pop()

    photograph, mask = noise(30, 30), Image.new("L", (30, 30), 255)
    for options in ({"crop": (2, 3, 16)}, {"ignore": [(2, 3, 4, 5)]}):
        found = client.invert(Pipe(photograph), "faces", method="adam", masks=Pipe(mask), **options)  # type: ignore[arg-type]
        assert found.framing.size == (30, 30)
    first, second = (request.targets[0].image.data for request in server.called("Invert"))
    np.testing.assert_array_equal(sent(first), pixels(photograph)[3:19, 2:18])
    np.testing.assert_array_equal(sent(second), pixels(photograph))


def test_a_square_is_pasted_back_where_it_was_cut_out(client: Client) -> None:
    photograph = noise(60, 50)
    found = client.invert(photograph, "faces", method="adam", crop=(7, 11, 32))
    pasted = pixels(found.paste_back(photograph, feather=0))
    expected = pixels(photograph).copy()
    expected[11:43, 7:39] = FOUND
    np.testing.assert_array_equal(pasted, expected)
    # At another resolution too.
    twice = noise(120, 100)
    expected = pixels(twice).copy()
    expected[22:86, 14:78] = FOUND
    np.testing.assert_array_equal(pixels(found.paste_back(twice, feather=0)), expected)


def test_an_alignment_is_relative_to_the_square() -> None:
    photograph, crop = noise(100, 80), Crop(40, 10, 40)
    pasted = pixels(
        paste(Image.new("RGB", (16, 16)), photograph, Alignment(0.5, 0.25, -0.25), Framing(crop=crop), feather=0)
    )
    expected = pixels(photograph).copy()
    # Half of the square's side, its centre a quarter of a half side to the right and above of (60, 30).
    expected[15:35, 55:75] = 0
    np.testing.assert_array_equal(pasted, expected)


# Hiding


def test_what_was_hidden_stays_the_photographs_own(client: Client, tmp_path: Path) -> None:
    photograph = noise(64, 64)
    mask = np.full((64, 64), 255, np.uint8)
    mask[:, :20] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    found = client.invert(
        photograph, "faces", method="adam", masks=tmp_path / "mask.png", ignore=[(30, 40, 10, 8)], space="z"
    )
    hidden = mask == 0
    hidden[40:48, 30:40] = True
    hard = pixels(found.paste_back(photograph, feather=0))
    np.testing.assert_array_equal(hard[hidden], pixels(photograph)[hidden])
    assert (hard[~hidden] == FOUND).all()
    for feather in (FEATHER, 0.1, 0.3):
        soft = pixels(found.paste_back(photograph, feather=feather))
        np.testing.assert_array_equal(soft[hidden], pixels(photograph)[hidden])
    assert found.framing == Framing(
        ignore=(Box(30, 40, 10, 8),), mask=(tmp_path / "mask.png").read_bytes(), size=(64, 64)
    )


def test_greys_of_a_mask_mix_both() -> None:
    photograph = Image.new("RGB", (16, 16), (200, 200, 200))
    buffer = io.BytesIO()
    Image.new("L", (16, 16), 51).save(buffer, "PNG")  # a fifth
    pasted = paste(Image.new("RGB", (8, 8)), photograph, Alignment(), Framing(mask=buffer.getvalue()), feather=0)
    assert (pixels(pasted) == 160).all()


@pytest.mark.parametrize("radius", [1, 3, 8])
def test_an_edge_rises_linearly_from_the_last_hidden_pixel(radius: int) -> None:
    """The opacity k pixels after the last hidden one is k / (2 r + 1)."""
    size = 100
    framing = Framing(ignore=(Box(0, 0, 30, size),))
    feather = (2 * radius + 1) / size
    pasted = pixels(
        paste(Image.new("RGB", (10, 10)), Image.new("RGB", (size, size), "white"), Alignment(), framing, feather)
    )
    opacity = np.clip((np.arange(size) - 29) / (2 * radius + 1), 0, 1)
    for row in (0, 50, 99):  # not at the photograph's own edges
        np.testing.assert_allclose(pasted[row, :, 0], 255 * (1 - opacity), atol=1.01)
    assert (pasted[:, :30] == 255).all()
    assert (pasted[:, 30 + 2 * radius :] == 0).all()


def test_the_frames_own_edges_fade_but_not_where_it_ends_with_the_photograph() -> None:
    photograph = Image.new("RGB", (100, 100), "white")
    pasted = pixels(paste(Image.new("RGB", (10, 10)), photograph, Alignment(0.5, -0.5, 0.0), feather=0.1))  # 5 pixels
    middle = pasted[50, :, 0]
    assert (middle[:45] == 0).all()  # from the photograph's left edge on
    np.testing.assert_allclose(middle[45:51], 255 * np.array([0, 1, 2, 3, 4, 5]) / 5, atol=1.01)
    down = pasted[:, 10, 0]
    np.testing.assert_allclose(down[24:31], 255 * (1 - np.array([0, 1, 2, 3, 4, 5, 5]) / 5), atol=1.01)
    assert (down[:25] == 255).all()
    assert (down[75:] == 255).all()


@pytest.mark.parametrize("feather", [-0.1, 0.6, float("nan")])
def test_an_edge_out_of_range_is_refused(feather: float) -> None:
    picture = Image.new("RGB", (10, 10))
    with pytest.raises(InvalidArgumentError, match=r"feather must be from 0 \(a hard edge\) to 0\.5"):
        paste(picture, picture, Alignment(), feather=feather)


def test_what_was_cut_out_and_hidden_is_saved_with_the_result(client: Client, tmp_path: Path) -> None:
    photograph, mask = noise(60, 50), Image.new("L", (60, 50), 255)
    mask.paste(0, (10, 12, 20, 30))
    found = client.invert(
        photograph, "faces", method="adam", crop=(7, 11, 32), masks=mask, ignore=[(20, 20, 4, 4)], alignment=True
    )
    found.save(tmp_path / "found.safetensors")
    loaded = Inversion.load(tmp_path / "found.safetensors")
    assert loaded.framing == found.framing
    assert loaded.framing.size == (60, 50)
    np.testing.assert_array_equal(pixels(loaded.paste_back(photograph)), pixels(found.paste_back(photograph)))
    assert loaded.provenance["framing"]["crop"] == {"left": 7, "top": 11, "size": 32}


def test_a_job_of_several_and_a_result_fetched_by_name_can_be_framed(client: Client) -> None:
    photograph = noise(60, 60)
    job = client.submit_inversion([photograph, photograph], "faces", method="adam", crop=[(7, 11, 32), None])
    first, second = job.result()
    assert isinstance(first, Inversion)
    assert isinstance(second, Inversion)
    assert (first.framing.crop, second.framing.crop) == (Crop(7, 11, 32), None)
    fetched = client.get_inversion(first.name)[0]
    assert isinstance(fetched, Inversion)
    expected = pixels(first.paste_back(photograph))
    assert not np.array_equal(pixels(fetched.paste_back(photograph)), expected)
    np.testing.assert_array_equal(pixels(fetched.framed(first.framing).paste_back(photograph)), expected)
    np.testing.assert_array_equal(pixels(fetched.paste_back(photograph, framing=first.framing)), expected)


def test_a_result_of_an_earlier_version_is_loaded_as_the_whole_photograph(client: Client, tmp_path: Path) -> None:
    import json

    from safetensors import safe_open
    from safetensors.numpy import save_file

    client.invert(noise(20, 20), "faces", method="adam").save(tmp_path / "old.safetensors")
    with safe_open(tmp_path / "old.safetensors", framework="numpy") as file:
        header = json.loads(file.metadata()["pullback"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del header["provenance"]["framing"]
    save_file(tensors, tmp_path / "old.safetensors", {"pullback": json.dumps(header)})
    assert Inversion.load(tmp_path / "old.safetensors").framing == Framing()


# On the command line


def test_every_command_that_takes_photographs_crops_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photograph = noise(60, 50)
    photograph.save("me.png")
    walk = ("--direction", "hessian:0", "--crop", "7,11,32")
    commands: list[tuple[str, ...]] = [
        ("invert", "me.png", "--generator", "faces", "--method", "adam", "--crop", "7,11,32", "--paste"),
        ("edit", "me.png", "--generator", "faces", "--method", "adam", *walk, "--strength", "1", "--paste"),
        ("traverse", "faces", *walk, "--photo", "me.png", "--out", "walk"),
    ]
    with InProcessServer() as server:
        monkeypatch.setenv("PULLBACK_TARGET", server.target)
        for command in commands:
            with pytest.raises(SystemExit) as ended:
                main(list(command))
            assert ended.value.code == 0, capsys.readouterr().err
            data = server.called("Invert")[-1].targets[0].image.data
            np.testing.assert_array_equal(sent(data), pixels(photograph)[11:43, 7:39])
        with pytest.raises(SystemExit):
            main(["traverse", "faces", *walk, "--out", "other"])
    assert "--crop: of a photograph; name it with --photo" in capsys.readouterr().err
    for file in ("inverted/me-pasted.png", "me-edited/pasted.png"):
        with Image.open(file) as pasted:
            changed = np.argwhere(pixels(pasted)[..., 0] != 255)
            assert pasted.size == (60, 50)
        assert (changed.min(axis=0).tolist(), changed.max(axis=0).tolist()) == ([11, 7], [42, 38])
