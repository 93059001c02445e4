"""An ICC profile of Adobe RGB (1998), for photos whose EXIF alone says that they are in it."""

from __future__ import annotations

import struct

NAME = b"Adobe RGB (EXIF)"
WHITE = 0.9642, 1.0, 0.8249
"""ICC's own, D50: a profile's colours are adapted to it."""
COLORANTS = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}
"""XYZ of the primaries, adapted from D65 to D50: Adobe RGB (1998) Color Image Encoding, version 2005-05."""
EXPONENT = 0x0233
"""Of the curve to linear light, 2 51/256 in 256ths, by the same."""


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _profile() -> bytes:
    """Return the profile: header, table of tags, tags, as ICC.1:2001-04 lays out one for a display."""
    named = b"desc" + bytes(4) + struct.pack(">I", len(NAME) + 1) + NAME + bytes(1 + 8 + 3 + 67)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, EXPONENT)
    tags = {b"desc": named, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz(WHITE)}
    tags |= {tag: _xyz(values) for tag, values in COLORANTS.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    date = struct.pack(">6H", 2005, 5, 1, 0, 0, 0)
    kind = b"mntrRGB XYZ " + date + b"acsp" + bytes(28)  # no platform, no maker, perceptual
    body = bytes(4) + struct.pack(">I", 0x02400000) + kind + _xyz(WHITE)[8:] + bytes(48) + table + data
    return struct.pack(">I", 4 + len(body)) + body


ADOBE_RGB = _profile()
