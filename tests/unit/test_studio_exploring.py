"""Exploring without a page: addresses, places, strips, and that the newest request alone is served."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.datastructures import QueryParams

from pullback_client import Generator, InvalidArgumentError, LatentSpace
from pullback_client.studio.exploring.axes import Axis, AxisSet
from pullback_client.studio.exploring.own_latents import read_file, read_text
from pullback_client.studio.exploring.pins import Pin, latents_file
from pullback_client.studio.exploring.places import Move, Place, fits, in_one_space, layer_count, moved
from pullback_client.studio.exploring.strips import FRAMES, place_file, steps_to, strip, walk_file
from pullback_client.studio.exploring.view import MOST_AXES, REACHES, View, decoded, encoded

IDS = st.from_regex(r"(eigenbases|directions)/[a-z0-9-]{1,30}", fullmatch=True)
STEPS = st.integers(-80_000, 80_000).filter(bool).map(lambda step: step / 10_000)


def generator(*, bounds: tuple[float, float] | None = None, layers: int = 0) -> Generator:
    spaces = {"z": LatentSpace("z", 3, "standard-normal" if bounds is None else "bounded", bounds=bounds)}
    if layers:
        spaces |= {"w": LatentSpace("w", 3, "mapped"), "w+": LatentSpace("w+", 3 * layers, "mapped")}
    return Generator("toy", "A toy", "toy", spaces, 3, 4, 4, "", "", "")


def axis(*vector: float, rate: float = 1.0) -> Axis:
    return Axis(0, "", np.array(vector), rate)


def place(*latent: float, space: str = "z", **options: Any) -> Place:
    return Place(np.array(latent, np.float32), space, **options)


class Drawing:
    """Stands for a client: images whose brightness is the latent's first coordinate."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def render(self, generator: str, latents: np.ndarray[Any, Any], **options: Any) -> list[Image.Image]:
        self.asked = {"generator": generator, **options}
        return [Image.new("RGB", (4, 4), (int(128 + 40 * latent[0]),) * 3) for latent in latents]


@given(
    view=st.builds(
        View,
        space=st.sampled_from(["", "z", "w", "w+"]),
        seed=st.integers(0, 2**53),
        along=st.one_of(st.just(""), IDS),
        first=st.integers(0, 10_000),
        count=st.integers(1, MOST_AXES),
        reach=st.sampled_from(REACHES),
        layers=st.sets(st.integers(0, 17)).map(lambda layers: tuple(sorted(layers))),
        steps=st.dictionaries(IDS, st.dictionaries(st.integers(0, 500), STEPS, min_size=1), max_size=3),
    )
)
def test_a_view_is_what_its_address_says(view: View) -> None:
    assert View.read(QueryParams(view.query()).multi_items()) == view


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60))
def test_an_own_latent_goes_with_the_address_bit_for_bit(latent: list[float]) -> None:
    view = View(space="z", latent=encoded(np.array(latent, np.float32)))

    found = View.read(QueryParams(view.query()).multi_items())

    assert found == view
    np.testing.assert_array_equal(decoded(found.latent), np.array(latent, np.float32))


def test_a_long_latent_stays_out_of_addresses_which_tell_it_by_a_digest() -> None:
    view = View(space="z", latent=encoded(np.arange(4_097, dtype=np.float32)))
    longest = View(space="z", latent=encoded(np.arange(4_096, dtype=np.float32)))

    assert view.query() == f"space=z&latent=kept.{view.digest}"
    assert View.read(QueryParams(view.query(whole=True)).multi_items()) == view
    assert View.read(QueryParams(longest.query()).multi_items()) == longest


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("seed=-1", "seed in the address is a whole number"),
        ("seed=1e3", "seed in the address"),
        ("count=0", "from 1 to 64"),
        ("count=65", "from 1 to 64"),
        ("reach=3", "one of 1, 2, 4, 8"),
        ("layers=1,x", "layers in the address"),
        ("steps=eigenbases/a:0~nan", "such as 0~1.5"),
        ("steps=eigenbases/a:0", "such as 0~1.5"),
        ("steps=eigenbases/a:x~1", "an axis in the address"),
        ("latent=AAAA", "damaged"),
        ("latent=", "empty"),
        (f"latent={encoded(np.array([np.inf]))}", "not finite"),
    ],
)
def test_an_address_that_cannot_be_says_what_was_expected(query: str, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        View.read(QueryParams(query).multi_items())


def test_a_step_of_zero_leaves_the_address() -> None:
    view = View().at("eigenbases/a", 3, 1.25).at("eigenbases/a", 0, -1.0)

    assert view.moved == 2
    assert view.at("eigenbases/a", 3, 0.0).steps == {"eigenbases/a": {0: -1.0}}
    assert view.at("eigenbases/a", 3, 0.0).at("eigenbases/a", 0, 0.0) == View()


def test_a_step_changes_images_by_the_same_rate_along_every_axis() -> None:
    # From alpha = v'Hv: a step of length alpha^-1/2 has the squared image distance 1 for small steps.
    metric = np.diag([4.0, 0.25, 1.0])
    for vector in np.eye(3):
        rate = float(vector @ metric @ vector)
        way = moved(place(0, 0, 0), [Move(axis(*vector, rate=rate), "z", 1.0)], generator()).latent
        assert way @ metric @ way == pytest.approx(1.0)


def test_an_axis_that_changes_nothing_moves_nothing() -> None:
    found = moved(place(1, 2, 3), [Move(axis(1, 0, 0, rate=0.0), "z", 5.0)], generator())

    np.testing.assert_array_equal(found.latent, [1, 2, 3])


def test_steps_add_up_and_keep_what_draws_the_image() -> None:
    maps = (np.ones((2, 2), np.float32),)
    start = place(1, 1, 1, tuning="tunings/a", noise_maps=maps)

    found = moved(start, [Move(axis(1, 0, 0, rate=4.0), "z", 2), Move(axis(0, 0, 1), "z", -3)], generator())

    np.testing.assert_allclose(found.latent, [2, 1, -2])
    assert (found.tuning, found.noise_maps) == ("tunings/a", maps)


def test_a_bounded_latent_stays_within_its_bounds() -> None:
    found = moved(place(0.5, 0, 0), [Move(axis(1, 0, 0), "z", 9)], generator(bounds=(-1.0, 1.0)))

    np.testing.assert_array_equal(found.latent, [1, 0, 0])


def test_layers_that_follow_have_the_step_and_the_others_the_start() -> None:
    styled = generator(layers=4)

    found = moved(place(1, 2, 3, space="w"), [Move(axis(1, 0, 0), "w", 2, layers=(1, 3))], styled)

    assert found.space == "w+"
    np.testing.assert_array_equal(found.latent.reshape(4, 3), [[1, 2, 3], [3, 2, 3], [1, 2, 3], [3, 2, 3]])
    # In w+ all layers follow where none are named.
    whole = moved(found, [Move(axis(0, 1, 0), "w", 1)], styled)
    np.testing.assert_array_equal(whole.latent.reshape(4, 3)[:, 1], [3, 3, 3, 3])


def test_a_strip_through_zero_stays_in_one_space() -> None:
    styled = generator(layers=2)

    spaces = {
        moved(place(0, 0, 0, space="w"), [Move(axis(1, 0, 0), "w", step, layers=(0,))], styled).space
        for step in (-1, 0, 1)
    }

    assert spaces == {"w+"}


def test_axes_lead_from_latents_of_their_own_space() -> None:
    styled = generator(layers=2)

    assert layer_count(styled) == 2
    assert layer_count(generator()) == 0
    assert [fits(styled, start, "w") for start in ("z", "w", "w+")] == [False, True, True]
    with pytest.raises(InvalidArgumentError, match="choose that space first"):
        moved(place(0, 0, 0), [Move(axis(1, 0, 0), "w", 1)], styled)


def test_shares_are_of_all_axes_that_there_are() -> None:
    axes = AxisSet("eigenbases/a", "z", np.eye(2, 3), np.array([3.0, 1.0, 0.0]), {1: "smile"}, (), is_eigenbasis=True)

    assert len(axes) == 2
    assert axes.share(0) == 0.75
    assert axes[1].title == "smile"


def test_a_strip_is_a_walk_with_its_start_in_the_middle() -> None:
    drawing: Any = Drawing()
    steps = steps_to(2.0)
    places = [moved(place(0, 0, 0), [Move(axis(1, 0, 0), "z", step)], generator()) for step in steps]

    walk = strip(drawing, "toy", places, steps, "eigenbases/a:0")

    assert len(walk) == FRAMES
    assert (walk.steps[0], walk.steps[FRAMES // 2], walk.steps[-1]) == (-2, 0, 2)
    assert [np.asarray(image)[0, 0, 0] for image in walk.images] == [int(128 + 40 * np.float32(step)) for step in steps]
    assert walk.strip.size == (4 * FRAMES, 4)


def test_the_files_of_a_walk_are_what_they_are_called() -> None:
    drawing: Any = Drawing()
    steps = steps_to(1.0)
    places = [place(step, 0, 0) for step in steps]
    walk = strip(drawing, "toy", places, steps, "eigenbases/a:0")

    with Image.open(io.BytesIO(walk_file(walk, ".png"))) as image:
        assert image.format == "PNG"
        assert image.width >= 192 * FRAMES
    with Image.open(io.BytesIO(walk_file(walk, ".gif"))) as animation:
        assert animation.format == "GIF"
        assert getattr(animation, "n_frames", 1) == 2 * FRAMES - 2
    assert walk_file(walk, ".mp4")[4:8] == b"ftyp"
    with np.load(io.BytesIO(walk_file(walk, ".npz"))) as content:
        np.testing.assert_array_equal(content["latents"], np.stack([each.latent for each in places]))
        assert json.loads(str(content["provenance"]))["settings"]["axis"] == "eigenbases/a:0"


def test_latents_are_saved_with_what_draws_them() -> None:
    drawing: Any = Drawing()
    start = place(1, 2, 3, noise_maps=(np.full((2, 2), 7, np.float32),))

    np.testing.assert_array_equal(np.load(io.BytesIO(place_file(drawing, "toy", start, ".npy"))), [1, 2, 3])
    with np.load(io.BytesIO(place_file(drawing, "toy", start, ".npz"))) as content:
        np.testing.assert_array_equal(content["latent"], [1, 2, 3])
        np.testing.assert_array_equal(content["noise_map_0"], np.full((2, 2), 7))
        assert str(content["space"]) == "z"


def test_what_is_overtaken_is_never_begun_and_the_last_one_is_done() -> None:
    pytest.importorskip("nicegui")
    from nicegui import core

    from pullback_client.studio.exploring.newest import Newest

    async def whole() -> tuple[list[int], int]:
        core.loop = asyncio.get_running_loop()
        begun: list[int] = []
        at_once, most = 0, 0

        async def work(number: int) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            begun.append(number)
            await asyncio.sleep(0.05)
            at_once -= 1

        newest = Newest(work, None)
        for number in range(50):
            newest.ask(number)
            if number == 0:
                await asyncio.sleep(0.01)
        while not begun or begun[-1] != 49 or at_once:
            await asyncio.sleep(0.01)
        return begun, most

    begun, most = asyncio.run(whole())

    assert begun == [0, 49]
    assert most == 1


@pytest.mark.parametrize("text", ["1, -2.5, 3e-1", "[1 -2.5\n0.3]", "(1;-2.5;0.3)"])
def test_pasted_numbers_are_a_latent(text: str) -> None:
    np.testing.assert_array_equal(read_text(text), np.array([1, -2.5, 0.3], np.float32))


@pytest.mark.parametrize(("text", "said"), [("", "paste"), ("1, x", "x"), ("1, inf", "not finite")])
def test_pasted_words_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        read_text(text)


def test_files_of_a_latent_are_read_and_others_refused() -> None:
    latent = np.array([1, 2, 3], np.float32)
    for suffix in (".npy", ".npz"):
        drawing: Any = Drawing()
        np.testing.assert_array_equal(read_file("x", place_file(drawing, "toy", place(1, 2, 3), suffix)), latent)
    buffer = io.BytesIO()
    np.savez(buffer, other=latent)
    for content, said in (
        (b"", "no .npy"),
        (b"PK\x03\x04damaged", "no .npy"),
        (b"\x80\x04N.", "no .npy"),
        (buffer.getvalue(), "no array called latent"),
    ):
        with pytest.raises(InvalidArgumentError, match=said):
            read_file("x.npy", content)


def test_pins_of_one_space_are_saved_together() -> None:
    pins = [Pin(number, View(seed=number), place(number, 0, 0), "") for number in (1, 2)]

    with np.load(io.BytesIO(latents_file(pins, generator()))) as content:
        np.testing.assert_array_equal(content["latents"], [[1, 0, 0], [2, 0, 0]])
        assert json.loads(str(content["provenance"]))["pins"][1] == {"number": 2, "space": "z", "address": "seed=2"}


def test_a_way_between_w_and_its_layers_lies_in_the_layers() -> None:
    first, second = in_one_space(place(1, 2, 3, space="w"), place(*range(6), space="w+"), generator(layers=2))

    np.testing.assert_array_equal(first.latent, [1, 2, 3, 1, 2, 3])
    assert (first.space, second.space) == ("w+", "w+")
    with pytest.raises(InvalidArgumentError, match="no way"):
        in_one_space(place(1, 2, 3), place(1, 2, 3, space="w"), generator(layers=2))
