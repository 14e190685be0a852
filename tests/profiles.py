"""ICC profiles, written by hand from the format's own words, for what no library writes."""

from __future__ import annotations

import struct

SPACES = {"RGB": b"RGB ", "GRAY": b"GRAY", "CMYK": b"CMYK"}
_D50 = (0.9642, 1.0, 0.8249)
# Red, green and blue of the two colour spaces under D50 (their ICC profiles' rXYZ, gXYZ, bXYZ).
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))


def _fixed(values: tuple[float, ...]) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _gamma(exponent: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256)) + bytes(2)


def _profile(space: str, connection: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"wtpt": _xyz(_D50), **tags}
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    size = start + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, kind, SPACES[space], connection)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(_D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def grey(exponent: float) -> bytes:
    """A profile of grey levels v: luminance (v / 255) ** exponent."""
    return _profile("GRAY", b"XYZ ", b"mntr", {b"kTRC": _gamma(exponent)})


def rgb(primaries: tuple[tuple[float, ...], ...], exponent: float) -> bytes:
    """A profile of RGB colours with these primaries, under D50, and one exponent for all."""
    tags: dict[bytes, bytes] = {}
    for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags |= {letter + b"XYZ": _xyz(primary), letter + b"TRC": _gamma(exponent)}
    return _profile("RGB", b"XYZ ", b"mntr", tags)


def black_inks() -> bytes:
    """A profile of a printer whose four inks are all black: paper without ink is white, with any full ink black."""
    identity = bytes(range(256))
    # The grid has two points an axis, no ink and full ink; of each 8-bit L*, a* + 128 and b* + 128.
    grid = bytes([255, 128, 128]) + bytes([0, 128, 128]) * 15
    matrix = _fixed((1, 0, 0, 0, 1, 0, 0, 0, 1))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4 + grid + identity * 3
    return _profile("CMYK", b"Lab ", b"prtr", {b"A2B0": lut})
