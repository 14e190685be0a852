"""Banks of starts: how they are made, kept and checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import pullback
from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.generators import Generator
from pullback.inversion import (
    Problem,
    StartBank,
    bank_path,
    cached_bank,
    make_bank,
)
from pullback.inversion.starts.principal_axes import principal_axes_in_pieces
from toys import Bounded, Curved, Euclidean, Poisoned, Smooth
from toys_photographs import Blobs, conditional


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    return tmp_path


class Counting(Smooth):
    """Counts the images that it renders, and how many of them at once."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def synthesize(self, inputs: Tensor) -> Tensor:
        self.calls.append(len(inputs))
        return super().synthesize(inputs)


def assert_same(a: StartBank, b: StartBank) -> None:
    assert a.to_bytes() == b.to_bytes()


def test_a_bank_holds_draws_from_the_prior_and_their_thumbnails() -> None:
    bank = make_bank(Blobs(side=64), Euclidean(), "z", size=30, rank=8)
    assert bank.latents.shape == (30, 12)
    assert bank.latents.std().item() == pytest.approx(1, abs=0.1)
    assert bank.thumbnails.shape == (30, 3, 32, 32)
    pooled = Blobs(side=64).render(bank.latents, "z").reshape(30, 3, 32, 2, 32, 2).mean(dim=(3, 5))
    torch.testing.assert_close(bank.thumbnails / 255, pooled, atol=0.51 / 255, rtol=0)


def test_axes_and_what_they_leave_make_up_the_embeddings() -> None:
    bank = make_bank(Smooth(), Curved(), "z", size=40, rank=5)
    embeddings = Curved().embed(Smooth().render(bank.latents, "z"))
    centered, axes = embeddings - bank.center, bank.axes.float()
    assert axes.shape == (96, 5)
    torch.testing.assert_close(axes.T @ axes, torch.eye(5), atol=2e-3, rtol=0)
    torch.testing.assert_close(bank.projections, centered @ axes, atol=1e-4, rtol=1e-4)
    left = centered - bank.projections @ axes.T
    torch.testing.assert_close(bank.residuals, left.square().sum(dim=1), atol=5e-3, rtol=5e-3)


def test_principal_axes_are_those_of_a_singular_value_decomposition() -> None:
    # More columns than a step goes through.
    vectors = torch.randn(20, 5000, generator=torch.Generator().manual_seed(0)).double() @ torch.diag(
        torch.linspace(3, 0.1, 5000).double()
    )
    steps = principal_axes_in_pieces(torch.split(vectors, 6), 7)
    taken = 0
    while True:
        try:
            next(steps)
            taken += 1
        except StopIteration as finished:
            center, axes = finished.value
            break
    assert taken == 4
    torch.testing.assert_close(center, vectors.mean(dim=0))
    expected = torch.linalg.svd(vectors - vectors.mean(dim=0), full_matrices=False).Vh[:7].T
    # Axes have no sign.
    torch.testing.assert_close((axes.T @ expected).abs(), torch.eye(7).double(), atol=1e-9, rtol=0)


def test_a_bank_has_no_more_axes_than_its_images_vary_along() -> None:
    bank = make_bank(Smooth(), Euclidean(), "z", size=10, rank=64)
    # Ten samples about their mean.
    assert bank.axes.shape == (48, 9)
    assert bank.residuals.max() < 1e-4


def test_the_same_arguments_give_the_same_bank_and_another_seed_another() -> None:
    first = make_bank(Smooth(), Curved(), "z", size=9, rank=4, seed=3)
    assert_same(first, make_bank(Smooth(), Curved(), "z", size=9, rank=4, seed=3))
    assert not torch.equal(first.latents, make_bank(Smooth(), Curved(), "z", size=9, rank=4, seed=4).latents)


def test_a_bank_is_made_in_small_steps_that_tell_how_far_it_is() -> None:
    generator = Counting()
    seen: list[tuple[int, int]] = []
    steps = make_bank.in_pieces(
        generator, Curved(), "z", size=10, rank=2, progress=lambda made, size: seen.append((made, size))
    )
    while True:
        before = len(generator.calls)
        try:
            next(steps)
        except StopIteration:
            break
        assert len(generator.calls) - before <= 1
    # Four at once, as there is room for as many; nothing is drawn that is not wanted.
    assert generator.calls == [1, 4, 4, 2]
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_a_bank_of_a_block_is_surrounded_by_the_default_context() -> None:
    generator = conditional()
    bank = make_bank(generator, Euclidean(), "noise", size=6, rank=4)
    images = generator.render(bank.latents, "noise")
    torch.testing.assert_close(bank.thumbnails / 255, images, atol=0.51 / 255, rtol=0)


@pytest.mark.parametrize("rank", [3, 64])
def test_a_bank_goes_through_its_file_unchanged(tmp_path: Path, rank: int) -> None:
    bank = make_bank(Smooth(), Curved(), "z", size=7, rank=rank)
    bank.save(tmp_path / "bank.safetensors")
    read = StartBank.load(tmp_path / "bank.safetensors")
    assert_same(read, bank)
    assert read.provenance == bank.provenance
    assert read.provenance.version == pullback.__version__
    assert [path.name for path in tmp_path.iterdir()] == ["bank.safetensors"]


def test_files_that_are_no_bank_are_refused_and_named(tmp_path: Path, tiny_generator: Generator) -> None:
    bank = make_bank(tiny_generator, Euclidean(), "z", size=5, rank=2)
    path = tmp_path / "bank.safetensors"
    for data, message in [
        (b"nothing", "not a readable safetensors file"),
        (bank.to_bytes()[:-10], "not a readable safetensors file"),
        (bank.to_bytes().replace(b"pullback-bank-1", b"pullback-bank-7"), "of format 'pullback-bank-7'"),
        (bank.to_bytes().replace(b'\\"rank\\"', b'\\"tank\\"'), "the provenance of a bank of starts lacks rank"),
        (bank.to_bytes().replace(b'"axes"', b'"taxi"'), "a bank of starts lacks axes"),
        (bank.to_bytes().replace(b'"pullback"', b'"backpull"'), "without the metadata of a bank of starts"),
    ]:
        path.write_bytes(data)
        with pytest.raises(InvalidInputError, match=message) as caught:
            StartBank.load(path)
        assert str(path) in str(caught.value)


def test_tensors_that_do_not_fit_together_or_are_not_finite_are_refused() -> None:
    bank = make_bank(Smooth(), Curved(), "z", size=6, rank=2)
    with pytest.raises(InvalidInputError, match=r"a bank of 6 samples .* but 5 latents"):
        replace(bank, latents=bank.latents[:5])
    with pytest.raises(InvalidInputError, match=r"shapes \(96, rank\), \(6, rank\) and \(6,\)"):
        replace(bank, axes=bank.axes[:, :1])
    with pytest.raises(InvalidInputError, match="the residuals of a bank of starts are finite"):
        replace(bank, residuals=bank.residuals * torch.nan)
    with pytest.raises(InvalidInputError, match=r"axes of a bank of starts: torch\.float16, but torch\.float32 came"):
        replace(bank, axes=bank.axes.float())


def test_a_bank_of_something_else_is_refused_with_what_differs() -> None:
    bank = make_bank(conditional(), Euclidean(), "full", size=5, rank=2)
    problem = Problem(Smooth(), Curved(), "z", torch.zeros(1, 3, 4, 4))
    with pytest.raises(InvalidInputError) as caught:
        bank.check_serves(problem)
    message = str(caught.value)
    for difference in (
        "generator is 'tiny-classes' there and 'toy' here",
        "space is 'full' there and 'z' here",
        "distance is 'euclidean' there and 'curved' here",
        "make one for this generator, space and distance",
    ):
        assert difference in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "the size of a bank lies between 1 and 100000, but 0 came"),
        ({"rank": 513}, "the rank of a bank lies between 1 and 512, but 513 came"),
        ({"seed": -1}, "from 0 on, but -1 came"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        make_bank(Smooth(), Curved(), "z", **options)


def test_what_no_bank_can_be_made_of_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="known: z"):
        make_bank(Smooth(), Curved(), "w", size=4)
    with pytest.raises(InvalidInputError, match="has no embedding"):
        make_bank(Smooth(), Bounded(), "z", size=4)
    with pytest.raises(InvalidInputError, match="one device and in one precision"):
        make_bank(Smooth().double(), Curved(), "z", size=4)
    with pytest.raises(PullbackError, match="no finite embedding"):
        make_bank(Smooth(), Poisoned(0.0), "z", size=4)


def test_a_cached_bank_is_made_once(cache: Path) -> None:
    generator = Counting()
    first = cached_bank(generator, Curved(), "z", size=5, rank=2)
    rendered = len(generator.calls)
    again = cached_bank(generator, Curved(), "z", size=5, rank=2)
    assert len(generator.calls) == rendered > 0
    assert_same(first, again)
    assert [path.parent.parent for path in cache.rglob("*.safetensors")] == [cache]


def test_every_difference_in_what_a_bank_was_made_from_makes_another_file(cache: Path) -> None:
    made = make_bank(Smooth(), Curved(), "z", size=5, rank=2).provenance
    changes = {
        "generator": "other",
        "weights_hash": "1" * 64,
        "space": "w",
        "distance": "other",
        "distance_hash": "2" * 64,
        "size": 6,
        "rank": 3,
        "seed": 1,
        "version": "0",
    }
    paths = {bank_path(made), *(bank_path(replace(made, **{name: value})) for name, value in changes.items())}
    assert len(paths) == 10
    assert all(path.is_relative_to(cache) for path in paths)


def test_a_damaged_or_foreign_file_in_the_cache_is_refused_with_the_remedy(cache: Path) -> None:
    del cache
    bank = cached_bank(Smooth(), Curved(), "z", size=5, rank=2)
    path = bank_path(bank.provenance)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InvalidInputError, match="Delete this file"):
        cached_bank(Smooth(), Curved(), "z", size=5, rank=2)
    path.write_bytes(make_bank(Smooth(), Curved(), "z", size=5, rank=1).to_bytes())
    with pytest.raises(InvalidInputError, match=r"is the bank of something else .* Delete this file"):
        cached_bank(Smooth(), Curved(), "z", size=5, rank=2)
    path.unlink()
    assert_same(cached_bank(Smooth(), Curved(), "z", size=5, rank=2), bank)


def test_a_cache_that_cannot_be_written_is_an_error_that_says_so(cache: Path) -> None:
    (cache / "banks").write_text("a file where the folder should be")
    with pytest.raises(PullbackError, match=r"cannot use the cache .* for a bank of starts: .* set PULLBACK_CACHE"):
        cached_bank(Smooth(), Curved(), "z", size=5, rank=2)
