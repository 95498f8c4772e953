"""Where answers go: what a receiver of them is, and the two that need no network."""

import ipaddress
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Protocol

Line = dict[str, Any]

# Of a file that is full so many older ones are kept beside it.
_OLDER = 3


class SinkProblem(Exception):
    """Answers cannot be sent as asked; the message is a sentence that names the option and the mend."""


class Sink(Protocol):
    """A receiver of answers; may be used from several threads.

    ``dropped`` is how many answers it lost, ``trouble`` a sentence on why it cannot deliver now, else empty.
    """

    name: str
    dropped: int
    trouble: str

    def put(self, line: Line) -> None:
        """Deliver an answer, now or later."""

    def close(self) -> None:
        """Deliver what waits, for some seconds at most, and end."""


class StandardOutput:
    """A line of JSON for each answer."""

    name = "standard output"

    def __init__(self) -> None:
        self.dropped = 0
        self.trouble = ""
        self._turn = threading.Lock()

    def put(self, line: Line) -> None:
        """Print it; when nobody reads any more (``... | head``) it is dropped."""
        with self._turn:
            try:
                print(encode(line), flush=True)
            except BrokenPipeError:
                self.dropped += 1
                self.trouble = "Nobody reads standard output any more."
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def close(self) -> None:
        """Nothing waits."""


class File:
    """A line of JSON for each answer, at the end of a file; at ``most`` bytes it is renamed to ``name.1``, that to ``.2``...

    Raises SinkProblem when the file cannot be opened.
    """

    def __init__(self, path: Path, most: int = 64_000_000) -> None:
        self.name = str(path)
        self.dropped = 0
        self.trouble = ""
        self._path = path
        self._most = most
        self._turn = threading.Lock()
        self._cut = False
        try:
            self._open()
        except OSError as problem:
            raise SinkProblem(f"The file {path} cannot be written ({problem.strerror}); choose another.") from problem

    def put(self, line: Line) -> None:
        """Write it; on a full disk it is dropped."""
        data = encode(line).encode() + b"\n"
        with self._turn:
            try:
                if self._size and self._size + len(data) > self._most:
                    self._turn_over()
                # What the disk had no room for the last time ends where it was cut.
                written = self._file.write((b"\n" if self._cut else b"") + data) or 0
                self._size += written
                self._cut = written < len(data)
                if self._cut:
                    raise OSError(0, "the disk is full")
                self.trouble = ""
            except OSError as problem:
                self.dropped += 1
                self.trouble = f"{self._path} cannot be written ({problem.strerror}); make room on the disk."

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._file.close()

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=0)
        self._size = self._file.seek(0, os.SEEK_END)
        self._cut = False

    def _turn_over(self) -> None:
        self._file.close()
        for number in range(_OLDER - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        if self._path.exists():
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._open()


def encode(line: Line) -> str:
    """As JSON on one line."""
    return json.dumps(line, ensure_ascii=False)


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
