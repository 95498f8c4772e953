"""A zip that lies in storage in pieces, read as one file, without putting them together first."""

from __future__ import annotations

import bisect
import errno
import io
from typing import IO, TYPE_CHECKING

from annotator.images import files
from annotator.images.models import ArchiveUpload

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Parts(io.RawIOBase):
    """The pieces of one upload as a file that can be read and sought in. One piece is open at a time."""

    def __init__(self, archive: ArchiveUpload) -> None:
        self._parts = list(archive.parts.order_by("offset"))
        self._starts = [part.offset for part in self._parts]
        self._length = archive.offset
        self._at = 0
        self._open: tuple[int, IO[bytes]] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        if base + offset < 0:
            # As a real file says it; zipfile relies on that.
            raise OSError(errno.EINVAL, "cannot seek before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if self._at >= self._length:
            return 0
        number = bisect.bisect_right(self._starts, self._at) - 1
        part = self._parts[number]
        file = self._file(number)
        file.seek(self._at - part.offset)
        data = file.read(min(len(view), part.offset + part.length - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
        super().close()

    def _file(self, number: int) -> IO[bytes]:
        if self._open is None or self._open[0] != number:
            if self._open is not None:
                self._open[1].close()
            self._open = (number, files.open_part(self._parts[number].path))
        return self._open[1]
