"""The client's side of directions against a live server: finding, titles, files, walks and edits."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_client import Client, Directions, Eigenbasis, InvalidArgumentError
from pullback_client.directions import contact_sheet
from tiny import write_catalogue

STYLE = "tiny-style"


@pytest.fixture
def client(styled_server: LiveServer) -> Iterator[Client]:
    with Client(styled_server.target) as client:
        yield client


@pytest.fixture
def basis(client: Client) -> Eigenbasis:
    return client.compute_eigenbasis("tiny", distance="mse", samples=64)


@pytest.fixture
def directions(client: Client, basis: Eigenbasis) -> Directions:
    return client.discover_directions("tiny", eigenbasis=basis, k=4)


@pytest.fixture
def styles(client: Client) -> Directions:
    """Directions of w."""
    basis = client.compute_eigenbasis(STYLE, space="w", distance="mse", samples=64)
    return client.discover_directions(STYLE, method="sefa", eigenbasis=basis, k=3)


def pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(image)


def test_directions_are_those_of_the_eigenbasis_and_found_once(
    client: Client, basis: Eigenbasis, directions: Directions
) -> None:
    np.testing.assert_allclose(np.abs(directions.vectors @ basis.eigenvectors[:, :4]), np.eye(4), atol=1e-9)
    # α_H(v) = vᵀHv
    metric = client.get_eigenbasis(basis.name, with_metric=True).metric
    assert metric is not None
    rates = np.einsum("ki,ij,kj->k", directions.vectors, metric, directions.vectors)
    np.testing.assert_allclose(directions.rates, rates, rtol=1e-6)
    assert [direction.axes[0].rank for direction in directions] == [0, 1, 2, 3]
    again = client.discover_directions("tiny", eigenbasis=basis, k=4)
    assert (again.name, again.job) == (directions.name, directions.job)


def test_titles_outlive_the_client_and_name_directions(
    client: Client, styled_server: LiveServer, directions: Directions
) -> None:
    directions.annotate(1, "bright", notes="overall")
    with Client(styled_server.target) as other:
        found = other.find_direction("tiny", "bright")
        assert (found.index, found.notes, found.directions) == (1, "overall", directions.name)
        assert directions.name in [info.name for info in other.list_directions("tiny")]
    with pytest.raises(InvalidArgumentError, match="bright"):
        directions.annotate(2, "bright")


def test_purified_directions_lie_in_the_top_eigenspace(client: Client, basis: Eigenbasis) -> None:
    found = client.discover_directions("tiny", method="sefa", eigenbasis=basis, k=3).purified(4)
    np.testing.assert_allclose(found.vectors @ basis.eigenvectors[:, 4:], 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1)


def test_what_was_saved_is_imported_again(
    client: Client, basis: Eigenbasis, directions: Directions, tmp_path: Path
) -> None:
    file = directions.save(tmp_path / "d.safetensors")
    imported = client.import_directions(file, "tiny", format="pullback", eigenbasis=basis)
    assert (imported.method, imported.import_format) == ("imported", "pullback")
    np.testing.assert_allclose(imported.vectors, directions.vectors, atol=1e-12)
    client.delete_directions(imported)
    assert imported.name not in [info.name for info in client.list_directions("tiny")]


def test_a_walk_passes_through_what_its_latents_render_to(client: Client, directions: Directions) -> None:
    start = client.sample("tiny", seed=3)[0]
    walk = client.traverse(start, directions[0], frames=5, first=-1, last=1, distance="mse")
    np.testing.assert_allclose(walk.latents[2], start, atol=1e-6)
    np.testing.assert_allclose(walk.latents[4] - start, directions[0].step * directions[0].vector, atol=1e-5)
    assert walk.distances[2] == pytest.approx(0, abs=1e-6)
    for frame, image in zip(walk, client.render("tiny", walk.latents), strict=True):
        np.testing.assert_array_equal(pixels(frame.image), pixels(image))
    np.testing.assert_array_equal(pixels(walk.strip)[:16, :16], pixels(walk[0].image))
    with Image.open(io.BytesIO(walk.animation)) as animation:
        assert getattr(animation, "n_frames", 1) >= 5


def test_latents_of_z_are_mapped_for_directions_of_w_and_layers_are_kept_to(client: Client, styles: Directions) -> None:
    assert styles.space == "w"
    start = client.sample(STYLE, seed=5)[0]
    walk = client.traverse(start, styles[0], frames=3, distance="mse")
    assert walk.space == "w"
    kept = client.traverse(start, styles[0], frames=3, layers=[0, 1], distance="mse")
    assert kept.space == "w+"
    layers = kept.latents.reshape(3, -1, styles.dim)
    np.testing.assert_allclose(layers[0, 2:], layers[2, 2:], atol=1e-6)
    assert np.abs(layers[0, :2] - layers[2, :2]).max() > 1e-3


def test_a_curve_follows_a_direction_or_a_local_axis(client: Client, styles: Directions) -> None:
    start = client.sample(STYLE, seed=5)[0]
    for direction in (styles[0], None):
        walk = client.traverse(
            start, direction, generator=STYLE, kind="curve", frames=3, first=-0.5, last=0.5, distance="mse"
        )
        assert (len(walk), walk.space) == (3, "w")
        assert walk.distances[1] == pytest.approx(0, abs=1e-6)


def test_a_photograph_is_edited_in_one_call(client: Client, directions: Directions, tmp_path: Path) -> None:
    photo = tmp_path / "me.png"
    client.render("tiny", client.sample("tiny", seed=9))[0].save(photo)
    edit = client.edit(
        photo,
        "tiny",
        directions[0],
        2,
        method="adam",
        distance="mse",
        steps=60,
        restarts=2,
        walk={"frames": 3},
    )
    np.testing.assert_allclose(edit.traversal.latents[0], edit.inversion.latent, atol=1e-6)
    np.testing.assert_array_equal(pixels(edit.image), pixels(client.render("tiny", edit.frame.latent)[0]))
    assert edit.frame.distance > edit.traversal[0].distance
    assert (tmp_path / "edit" / "edited.png") in edit.save(tmp_path / "edit", photo)


def test_a_photograph_with_a_class_is_edited_and_keeps_it(
    start_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    catalogue = write_catalogue(tmp_path, conditional=True)
    server = start_server(PULLBACK_CATALOGUE=str(catalogue), PULLBACK_CACHE=str(tmp_path / "cache"))
    with Client(server.target) as client:
        photo = client.render("tiny", client.sample("tiny", seed=9))[0]
        for space in ("noise", "full"):
            basis = client.compute_eigenbasis("tiny", space=space, distance="mse", samples=64)
            direction = client.discover_directions("tiny", eigenbasis=basis, space=space, k=2)[0]
            edit = client.edit(photo, "tiny", direction, 1, method="adam", distance="mse", steps=5, class_labels="blue")
            classes = edit.traversal.latents[:, -3:]
            assert (edit.inversion.class_label, edit.traversal.space) == ("blue", "full")
            np.testing.assert_array_equal(classes[0], [0, 0, 1])
            assert np.array_equal(classes[-1], classes[0]) == (space == "noise")


def test_the_sheet_shows_every_direction(client: Client, directions: Directions) -> None:
    sheet = contact_sheet(client, directions, starts=2, frames=3, distance="mse")
    # Frames of 16 pixels are drawn six times as large.
    assert sheet.width > 6 * 96
    assert sheet.height > 4 * 96
