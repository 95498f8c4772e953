"""Is a file nothing but a picture? Then its own bytes may be shown: no camera, place or author in it, nothing appended."""

from __future__ import annotations

import re

# JPEG: what may stand before the first scan. JFIF (E0) is kept; EXIF and profiles (E1-EF) and comments (FE) are not.
_JPEG_TABLES = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD})
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_PNG_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs"})


def is_clean(data: bytes, format: str) -> bool:
    """Whether `data` of that format holds pixels and what decoding them needs, and nothing else."""
    reader = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}.get(format)
    return reader is not None and reader(data)


def _jpeg(data: bytes) -> bool:
    at = 2
    while True:
        if data[at : at + 1] != b"\xff" or at + 4 > len(data):
            return False
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            break
        jfif = marker == 0xE0 and data[at + 4 : at + 9] == b"JFIF\x00" and length == 16
        if marker not in _JPEG_TABLES and not jfif:
            return False
        at += 2 + length
    return _scans_end_the_file(data, at)


def _scans_end_the_file(data: bytes, at: int) -> bool:
    """From the first scan on: scans and tables only, and the end of the picture is the end of the file."""
    while True:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found = _JPEG_MARKER.search(data, at)
        if found is None:
            return False
        at, marker = found.start(), found[1][0]
        if marker == 0xD9:
            return at + 2 == len(data)
        if marker != 0xDA and marker not in _JPEG_TABLES:
            return False


def _png(data: bytes) -> bool:
    at = 8
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind not in _PNG_CHUNKS:
            return False
        at += 12 + length
        if kind == b"IEND":
            return at == len(data)
    return False


def _webp(data: bytes) -> bool:
    """The plain form: one lossy chunk, whose length is that of the file. (The lossless one may be see-through.)"""
    length = int.from_bytes(data[16:20], "little")
    return data[12:16] == b"VP8 " and len(data) == 20 + length + length % 2
