"""WAV files: read as others wrote them, written as others read them, refused where they are none; and conversion."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from pullback_api.sounds import MAX_VALUES, Sound, SoundError, convert, is_wav, read_wav, write_wav


def by_scipy(samples: npt.NDArray[Any], rate: int = 8_000) -> bytes:
    """A WAV file of samples of shape (samples, channels)."""
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def by_wave(content: bytes, width: int, channels: int, rate: int = 8_000) -> bytes:
    """A WAV file of the standard library."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(content)
    return buffer.getvalue()


def raw(form: bytes, content: bytes, before: bytes = b"") -> bytes:
    """A WAV file of the chunks that are given, as they are."""
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + before
    body += b"data" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(encoding: int = 1, channels: int = 1, rate: int = 8_000, bits: int = 16, frame: int | None = None) -> bytes:
    frame = channels * bits // 8 if frame is None else frame
    return struct.pack("<HHIIHH", encoding, channels, rate, rate * frame, frame, bits)


def noise(count: int, channels: int = 2, seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-1, 1, (count, channels))


@pytest.mark.parametrize(
    ("dtype", "zero", "full"),
    [(np.uint8, 128, 128), (np.int16, 0, 2**15), (np.int32, 0, 2**31), (np.float32, 0, 1), (np.float64, 0, 1)],
)
def test_files_that_scipy_writes_are_read(dtype: Any, zero: int, full: int) -> None:
    samples = (noise(50) * (full - 1 if full > 1 else 1) + zero).astype(dtype)
    sound = read_wav(by_scipy(samples))
    assert (sound.channels, sound.length, sound.rate) == (2, 50, 8_000)
    np.testing.assert_allclose(sound.samples.T, (samples.astype(np.float64) - zero) / full, atol=1e-7)


def test_files_of_24_bits_are_read_in_both_forms() -> None:
    levels = np.array([[-(2**23), 2**23 - 1], [0, 1], [-1, 12_345]])
    content = b"".join(int(level).to_bytes(3, "little", signed=True) for level in levels.ravel())
    plain = by_wave(content, 3, 2)
    guid = struct.pack("<H", 1) + b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    extensible = raw(form(0xFFFE, 2, bits=24) + struct.pack("<HHI", 22, 24, 3) + guid, content)
    for file in (plain, extensible):
        np.testing.assert_allclose(read_wav(file).samples.T, levels / 2**23, atol=1e-7)


def test_chunks_beside_samples_are_passed_over() -> None:
    # One of odd size is followed by a byte that belongs to none.
    listed = b"LIST" + struct.pack("<I", 5) + b"INFOx" + b"\0"
    assert read_wav(raw(form(), b"\x00\x40\x00\xc0", listed)).samples.tolist() == [[0.5, -0.5]]


@given(
    st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=60),
    st.integers(1, 3),
    st.integers(1, 768_000),
)
def test_files_of_16_bits_come_back_as_they_were(levels: list[int], channels: int, rate: int) -> None:
    samples = np.array(levels * channels, "<i2").reshape(-1, channels)
    file = by_wave(samples.tobytes(), 2, channels, rate)
    again = write_wav(read_wav(file))
    with wave.open(io.BytesIO(again)) as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (channels, 2, rate)
        assert read.readframes(len(samples)) == samples.tobytes()


def test_what_is_as_loud_as_can_be_is_not_wrapped_around() -> None:
    file = write_wav(Sound(np.array([[1.0, -1.0]], np.float32), 8_000))
    assert np.frombuffer(file[-4:], "<i2").tolist() == [32_767, -32_768]


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_whatever_comes_is_read_or_refused(tail: bytes, place: int, value: int) -> None:
    spoiled = bytearray(write_wav(Sound(np.zeros((1, 8), np.float32), 8_000)))
    spoiled[place % len(spoiled)] = value
    for data in (tail, b"RIFF\0\0\0\0WAVE" + tail, bytes(spoiled), bytes(spoiled)[:place]):
        try:
            sound = read_wav(data)
        except SoundError:
            continue
        assert is_wav(data)
        assert np.abs(sound.samples).max() <= 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is not a WAV file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "it is not a WAV file"),
        (raw(form(), bytes(100))[:-1], "ends after 99 of the 100 bytes of its samples: it was cut off"),
        (raw(form(), b""), "no whole number of samples of 1 channels: it was cut off"),
        (raw(form(channels=2), bytes(6)), "no whole number of samples of 2 channels"),
        (raw(form(encoding=2, bits=4, frame=1), bytes(8)), "encoding 2 of 4 bits, which is not read here"),
        (raw(form(encoding=3, bits=16), bytes(8)), "encoding 3 of 16 bits, which is not read here"),
        (raw(form(channels=0, frame=0), bytes(8)), "says 0 channels"),
        (raw(form(frame=7), bytes(14)), "says 1 channels of 16 bits in 7 bytes"),
        (raw(form(rate=0), bytes(8)), "says 0 samples a second"),
        (raw(form()[:10], bytes(8)), "does not say how its samples are written"),
        (raw(form(), bytes(2 * MAX_VALUES + 2)), r"16,000,001 values .* at most 16,000,000 are taken"),
        (raw(form(3, bits=32), struct.pack("<f", 1.5)), r"lie within \[−1, 1\], but 1.5 came"),
        (raw(form(3, bits=32), struct.pack("<f", float("nan"))), r"lie within \[−1, 1\], but nan came"),
        (b"RIFF\x10\0\0\0WAVEdata\x04\0\0\0abcd", "come before the chunk 'fmt '"),
        (b"RIFF\x04\0\0\0WAVE", "has no samples"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SoundError, match=message):
        read_wav(data)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(5, np.float32), r"shape \(channels, samples\), each at least 1, but shape \(5,\) came"),
        (np.zeros((1, 0), np.float32), r"but shape \(1, 0\) came"),
        (np.zeros((1, 5), np.int16), "but int16 came; of 16 bits, divide them by 32768"),
        (np.full((1, 5), 2.0), "but 2 came; scale the sound down"),
    ],
)
def test_what_is_no_sound_is_refused(samples: npt.NDArray[Any], message: str) -> None:
    with pytest.raises(SoundError, match=message):
        Sound(samples, 8_000)
    with pytest.raises(SoundError, match="at least 1 sample a second, but the rate 0 came"):
        Sound(np.zeros((1, 5), np.float32), 0)


@pytest.mark.parametrize(("before", "after"), [(44_100, 16_000), (48_000, 16_000), (8_000, 16_000), (16_000, 22_050)])
@pytest.mark.parametrize("frequency", [60.0, 440.0, 3_000.0])
def test_a_tone_is_the_same_tone_at_another_rate(before: int, after: int, frequency: float) -> None:
    tone = 0.9 * np.sin(2 * np.pi * frequency * np.arange(before // 4) / before)
    found = convert(Sound(tone[None], before), channels=1, length=after // 4, rate=after).samples[0]
    expected = 0.9 * np.sin(2 * np.pi * frequency * np.arange(after // 4) / after)
    # Not where there was silence before and after it.
    inside = slice(after // 50, -after // 50)
    assert np.abs(found - expected)[inside].max() < 1e-4


def test_what_a_lower_rate_cannot_hold_is_taken_out_and_not_folded_back() -> None:
    tone = 0.9 * np.sin(2 * np.pi * 11_000 * np.arange(11_025) / 44_100)
    found = convert(Sound(tone[None], 44_100), channels=1, length=4_000, rate=16_000).samples[0]
    assert np.abs(found[400:-400]).max() < 1e-4


def test_channels_are_mixed_and_lengths_are_cut_or_filled_up() -> None:
    samples = np.array([[0.5, 0.25, 0.0], [-0.5, 0.75, 1.0]], np.float32)
    one = convert(Sound(samples, 8_000), channels=1, length=5, rate=8_000)
    assert one.samples.tolist() == [[0.0, 0.5, 0.5, 0.0, 0.0]]
    three = convert(one, channels=3, length=2, rate=8_000)
    assert three.samples.tolist() == [[0.0, 0.5]] * 3
    same = convert(Sound(samples, 8_000), channels=2, length=3, rate=8_000)
    assert np.array_equal(same.samples, samples)
