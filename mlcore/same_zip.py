"""Zip files that are the same bytes for the same content, whoever writes them and when."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

# Zip files carry local times; a fixed one (the earliest they know) makes equal content equal bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


def write_zip(file: Path | IO[bytes], contents: Iterable[tuple[str, bytes]], *, compress: bool = True) -> None:
    """Write ``contents``, names and bytes, in the order given. Raises OSError when the disk is full."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in contents:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = method
            entry.create_system = 3
            entry.external_attr = _READABLE
            archive.writestr(entry, data)
