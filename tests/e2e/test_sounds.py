"""Sounds over a real socket: a WaveGAN's are rendered, inverted, evolved, walked and analysed, or refused."""

from __future__ import annotations

import io
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from live_server import LiveServer
from published import sha256_of
from pullback_client import Client, FailedPreconditionError, InvalidArgumentError, Inversion, InversionFailure, Sound
from tiny_published import random_state, wavegan_shapes

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit..* is deprecated:FutureWarning")

DIM, LENGTH, RATE = 6, 16_384, 16_000
# Short, and without a bank of starts.
SHORT = {"steps": 5, "restarts": 1, "start": "prior"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("sounds")
    torch.manual_seed(0)
    shapes = wavegan_shapes(5, nearest=True, normalized=False, dim=DIM, width=3)
    torch.save({"generator": random_state(shapes)}, folder / "drums.pth")

    class Hiss(torch.nn.Module):
        """Sounds of one channel from latents."""

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return torch.tanh(z[:, None, :1] * torch.linspace(-1.0, 1.0, 256))

    torch.jit.save(torch.jit.script(Hiss()), folder / "hiss.pt")  # type: ignore[no-untyped-call]
    entries = [
        _entry("drums", "wavegan", folder / "drums.pth", LENGTH, DIM, ""),
        _entry("hiss", "torchscript", folder / "hiss.pt", 256, 2, '[hiss.options]\nlevels = "-1..1"'),
    ]
    (folder / "sounds.toml").write_text("\n".join(entries), "utf-8")
    environment = {"PULLBACK_CATALOGUE": str(folder / "sounds.toml"), "PULLBACK_CACHE": str(folder / "cache")}
    with LiveServer(folder / "data", environment) as live:
        yield live


@pytest.fixture(scope="module")
def client(live: LiveServer) -> Iterator[Client]:
    with Client(live.target) as client:
        yield client


def _entry(name: str, family: str, file: Path, length: int, dim: int, options: str) -> str:
    return f"""
[{name}]
family = "{family}"
input_space = "z"
image_shape = [1, {length}]
[[{name}.spaces]]
name = "z"
dim = {dim}
prior = "standard-normal"
[{name}.source]
kind = "path"
location = "{file.as_posix()}"
sha256 = "{sha256_of(file)}"
{options}
"""


def tone(seconds: float = LENGTH / RATE, rate: int = RATE, channels: int = 1, level: float = 0.5) -> bytes:
    """A WAV file of a tone, by the standard library."""
    times = np.arange(round(seconds * rate)) / rate
    levels = np.rint(32767 * level * np.sin(2 * np.pi * 440 * times)).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(levels[:, None], channels, axis=1).tobytes())
    return buffer.getvalue()


def loudness(sound: Sound) -> float:
    return float(np.square(sound.samples).mean())


def test_its_rate_is_told(client: Client) -> None:
    found = client.get_generator("drums")
    assert (found.channels, found.height, found.width, found.sample_rate) == (1, 0, LENGTH, RATE)
    assert client.get_generator("faces").sample_rate is None


def test_what_it_draws_is_sent_as_sounds_and_shown_as_spectrograms(client: Client) -> None:
    latents = client.sample("drums", 2, seed=1)
    sounds = client.render_sounds("drums", latents)
    assert [(sound.channels, sound.length, sound.rate) for sound in sounds] == [(1, LENGTH, RATE)] * 2
    assert not np.array_equal(sounds[0].samples, sounds[1].samples)
    pictures = client.render("drums", latents)
    assert len({picture.size for picture in pictures}) == 1
    with pytest.raises(InvalidArgumentError, match="'faces' draws images, which are sent as PNG, JPEG, but WAV came"):
        client.render_sounds("faces", client.sample("faces"))


def test_a_sound_of_its_own_is_found_again(client: Client, tmp_path: Path) -> None:
    basis = client.compute_eigenbasis("drums", samples=32)
    assert (basis.dim, basis.distance) == (DIM, "stft")
    latent = client.sample("drums", seed=3)[0]
    (target,) = client.render_sounds("drums", latent)
    near = latent + 0.1
    found = client.invert(target, "drums", eigenbasis=basis, starts=near, steps=20, restarts=1, learning_rate=0.02)
    assert isinstance(found, Inversion)
    assert found.settings["distance"] == "stft"
    assert found.settings["weights"]["l2"] == 0
    assert found.target_sound is not None
    assert np.array_equal(found.target_sound.samples, target.samples)
    assert found.sound is not None
    assert (found.sound.rate, found.sound.length) == (RATE, LENGTH)
    assert found.distance < 0.5 * float(found.trace[0])
    written = {file.name for file in found.save(tmp_path / "found")}
    assert {"sound.wav", "target.wav", "image.png", "inversion.safetensors"} <= written
    with wave.open(str(tmp_path / "found/sound.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, RATE, LENGTH)
    again = Inversion.load(tmp_path / "found/inversion.safetensors")
    assert again.sound is not None
    assert np.array_equal(again.sound.samples, found.sound.samples)


def test_sounds_evolve_for_a_function_of_them(client: Client, tmp_path: Path) -> None:
    session = client.evolve("drums", optimizer="cma", population=4, references={"tone": tone()})
    heard: list[Sound] = []

    def score(sound: Sound) -> float:
        heard.append(sound)
        return loudness(sound)

    status = session.run(score, generations=2)
    assert [thread.generations for thread in status.threads] == [2]
    assert len(heard) >= 8
    assert {(sound.rate, sound.length) for sound in heard} == {(RATE, LENGTH)}
    session.export(tmp_path / "session", images=True)
    files = sorted((tmp_path / "session/images").iterdir())
    assert files
    assert {file.suffix for file in files} == {".wav"}
    with wave.open(str(files[0])) as file:
        assert file.getnframes() == LENGTH


def test_a_walk_along_a_direction_is_heard(client: Client, tmp_path: Path) -> None:
    directions = client.discover_directions("drums", k=2)
    walk = client.traverse(client.sample("drums", seed=2), directions[0], generator="drums", frames=3)
    sounds = [frame.sound for frame in walk]
    assert all(sound is not None and sound.length == LENGTH for sound in sounds)
    assert walk.distances[0] > 0
    assert walk.strip_sound is not None
    assert walk.strip_sound.length == 3 * LENGTH
    assert walk.animation == b""
    written = {file.name for file in walk.save(tmp_path / "walk")}
    assert {"frame-000.wav", "frame-000.png", "strip.wav", "strip.png"} <= written
    assert "animation.gif" not in written


def test_its_metric_is_analysed(client: Client) -> None:
    found = client.analyze(
        "drums", positions=3, control_positions=2, compared_positions=2, compared_distances=["mse"], timeout=600
    )
    assert found.spectrum.eigenvalues.shape[-1] == DIM
    assert [each.distance for each in found.comparisons] == ["mse"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (tone()[:9_000], {}, r"ends after 8,956 of the 32,768 bytes of its samples: it was cut off"),
        (tone(rate=44_100), {}, r"has 44,100 samples a second, 45,\d+ samples, but the generator draws 16,000, 16,384"),
        (tone(channels=2), {}, r"has 2 channels, but the generator draws 1: make it so, or ask for it to be converted"),
        (tone(0.5), {}, r"has 8,000 samples, but the generator draws 16,384"),
        (tone(level=0.0), {}, r"is silent in all 16,384 samples \(1.02 s\) that are compared"),
        (tone(level=0.0, rate=8_000), {"convert": True}, r"is silent"),
        (tone(), {"center_crop": True}, r"'center_crop' is not of sounds, which 'drums' draws"),
        (tone(), {"ignore": [(0, 0, 1, 1)]}, r"it is of images, but 'drums' draws sounds"),
        (tone(), {"alignment": True}, r"it is of images, but 'drums' draws sounds"),
        (tone(), {"distance": "lpips-alex"}, r"'lpips-alex' compares images, but 'drums' draws sounds; take mse or"),
        (b"RIFF\x04\0\0\0WAVE", {}, r"the WAV file has no samples"),
        (b"fLaC" + bytes(100), {}, r"takes WAV files, but this is a sound file \(FLAC\); convert it"),
    ],
)
def test_what_is_no_sound_of_its_is_refused(
    client: Client, data: bytes, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.invert(data, "drums", **{**SHORT, **options})  # type: ignore[arg-type]


def test_images_and_sounds_are_not_taken_for_each_other(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="takes WAV files, but this is a PNG file; send a sound, or take a"):
        client.invert(Image.new("RGB", (8, 8)), "drums", **SHORT)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"sound file \(WAV\).*take a generator of sounds"):
        client.invert(tone(), "faces", **SHORT)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="'convert' is not of images, which 'faces' draws"):
        client.invert(Image.new("RGB", (64, 64)), "faces", convert=True, **SHORT)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="'drums' draws sounds, which are sent as WAV, but PNG came"):
        client.evolve("drums", optimizer="cma", image_format="png")
    with pytest.raises(InvalidArgumentError, match="'drums' draws sounds, which have none"):
        client.evolve("drums", optimizer="cma", greyscale=True)
    with pytest.raises(InvalidArgumentError, match="has 2 channels, but the generator draws 1"):
        client.evolve("drums", optimizer="cma", references={"wide": tone(channels=2)})
    with pytest.raises(InvalidArgumentError, match="this is of images, but 'drums' draws sounds"):
        client.tune(Image.new("RGB", (8, 8)), "drums", pivots=client.sample("drums"))


def test_a_sound_that_cannot_be_used_fails_alone_and_one_that_is_converted_is_compared(client: Client) -> None:
    spoiled, wide = client.invert(
        [b"RIFF", tone(2.0, rate=44_100, channels=2)],
        "drums",
        convert=True,
        **SHORT,  # type: ignore[arg-type]
    )
    assert isinstance(spoiled, InversionFailure)
    assert isinstance(wide, Inversion)
    assert wide.target_sound is not None
    samples = wide.target_sound.samples[0]
    times = np.arange(LENGTH) / RATE
    expected = 0.5 * np.sin(2 * np.pi * 440 * times)
    # But for where it begins: before it there is silence.
    assert np.abs(samples - expected)[200:-200].max() < 2e-4


def test_where_nothing_says_the_rate_no_sound_is_made(client: Client) -> None:
    assert client.get_generator("hiss").sample_rate is None
    message = r"nothing says how many samples a second .* state sample_rate = … under \[hiss.options\]"
    with pytest.raises(FailedPreconditionError, match=message):
        client.render("hiss", client.sample("hiss"))
    with pytest.raises(FailedPreconditionError, match=message):
        client.invert(tone(), "hiss", **SHORT)  # type: ignore[arg-type]
    with pytest.raises(FailedPreconditionError, match=message):
        client.evolve("hiss", optimizer="cma")
    assert client.compute_eigenbasis("hiss", samples=4).dim == 2


def test_the_command_line_writes_wav_files(live: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "kicks").mkdir()
    (tmp_path / "kicks/kick.wav").write_bytes(tone(0.3, rate=22_050))
    command = ["invert", "kicks", "--generator", "drums", "--convert", "--out", "found", "--target", live.target]
    short = ["--method", "adam", "--start", "prior", "--restarts", "1", "--steps", "2"]
    ended = subprocess.run(
        [sys.executable, "-m", "pullback_client", *command, *short],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert {file.name for file in (tmp_path / "found").iterdir()} == {
        *("kick.wav", "kick.png", "kick.npz", "kick.safetensors", "kick.json")
    }
    with wave.open(str(tmp_path / "found/kick.wav")) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE, LENGTH)
