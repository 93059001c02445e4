"""JPEG files by their segments (ITU-T T.81, Annex B): tag them, double their steps, make one of three gray ones."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""A marker with a length behind it, or EOI: no stuffed byte, no fill, none of those that stand alone."""
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
SOF0, SOF1, DHT, SOS, DQT, DRI = 0xC0, 0xC1, 0xC4, 0xDA, 0xDB, 0xDD
XMP_NAME, ICC_NAME = b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
RGB = b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)
"""Adobe's marker with transform 0: the three components are red, green and blue, not YCbCr."""
LONGEST = 65_533
"""Bytes that fit into one segment."""

# Luminance table of ITU-T T.81, Annex K.1, in reading order: the base of every JPEG quality.
ANNEX_K = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def luminance_steps(quality: int) -> np.ndarray:
    """Return the steps [8, 8] of the luminance table at an IJG quality of 50 to 100."""
    return np.clip((ANNEX_K * (200 - 2 * quality) + 50) // 100, 1, 255)


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment of a header: `data[at : at + 2]` is its marker, `body` what follows its length."""

    marker: int
    at: int
    body: bytes

    @property
    def end(self) -> int:
        """Where the next segment, or behind SOS the entropy-coded data, begins."""
        return self.at + 4 + len(self.body)


def header(data: bytes) -> Iterator[Segment]:
    """Yield the segments from behind SOI up to the first SOS, that included; raise ValueError where there are none."""
    at = 2
    if data[:2] != SOI:
        raise ValueError("no JPEG: it does not begin with SOI")
    while True:
        if at + 4 > len(data) or data[at] != 0xFF:
            raise ValueError(f"no JPEG marker at byte {at}")
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        found = Segment(data[at + 1], at, data[at + 4 : at + 2 + length])
        yield found
        if found.marker == SOS:
            return
        at = found.end


def has_more_scans(data: bytes, most: int) -> bool:
    """Return whether a file has more than `most` scans; what is damaged ends the count."""
    if data.count(bytes([0xFF, SOS])) <= most:  # not all of them need be markers
        return False
    count, at = 0, len(SOI)
    while count <= most and (found := MARKER.search(data, at)) and found[0] != EOI:
        at = found.end()
        count += data[at - 1] == SOS
        at += int.from_bytes(data[at : at + 2], "big")
    return count > most


def segment(marker: int, body: bytes) -> bytes:
    """Return the bytes of one segment; raise ValueError where it is too long for one."""
    if len(body) > LONGEST:
        raise ValueError(f"{len(body)} bytes do not fit into one JPEG segment")
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def tagged(data: bytes, icc: bytes | None, xmp: bytes | None) -> bytes:
    """Return the file with an ICC profile and XMP in it, before its own segments but behind its JFIF segment."""
    extra = b""
    if xmp:
        extra += segment(APP1, XMP_NAME + xmp)
    if icc:
        extra += segment(APP2, ICC_NAME + bytes([1, 1]) + icc)
    first = next(header(data))
    at = first.end if first.marker == APP0 else first.at
    return data[:at] + extra + data[at:]


def doubled(data: bytes) -> bytes:
    """Return the file with every quantisation step doubled: its samples decode at twice their distance from mid-gray.

    The tables must be of 8 bits and their steps at most 127.
    """
    out = bytearray(data)
    for found in header(data):
        if found.marker == DQT:  # one byte of precision and number, then 64 steps, for each table
            for table in range(found.at + 4, found.end, 65):
                out[table + 1 : table + 65] = bytes(2 * step for step in out[table + 1 : table + 65])
    return bytes(out)


def joined(planes: Sequence[bytes]) -> bytes:
    """Return one RGB file that holds three gray files as its scans, without decoding them.

    The gray files must be sequential, of one size and of the same quantisation steps; raises ValueError otherwise. A
    scan of one component is coded as the only scan of a gray file is, so the entropy-coded data is taken as it stands.
    """
    tables = frame = b""
    scans = []
    for number, data in enumerate(planes):
        own_tables = own_frame = scan = b""
        restart = struct.pack(">H", 0)
        for found in header(data):
            if found.marker == DQT:
                own_tables += segment(DQT, found.body)
            elif found.marker in (SOF0, SOF1):
                own_frame = found.body
            elif found.marker == DHT:
                scan += segment(DHT, found.body)
            elif found.marker == DRI:
                restart = found.body
            elif found.marker == SOS:
                # One component, its tables, and the range of coefficients; only the component's name is ours.
                begin = segment(SOS, bytes([1, b"RGB"[number]]) + found.body[2:])
                scan += segment(DRI, restart) + begin + data[found.end : data.rindex(EOI)]
        if not own_frame or own_frame[5] != 1:
            raise ValueError("not a sequential JPEG of one component")
        if number and (own_tables, own_frame) != (tables, frame):
            raise ValueError("the planes differ in size or in quantisation steps")
        tables, frame = own_tables, own_frame
        scans.append(scan)
    components = b"".join(bytes([name, 0x11, frame[8]]) for name in b"RGB")
    return (
        SOI + segment(APP14, RGB) + tables + segment(SOF0, frame[:5] + bytes([3]) + components) + b"".join(scans) + EOI
    )
