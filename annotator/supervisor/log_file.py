"""One log file a process, cut at a size, with the two before it kept."""

from __future__ import annotations

import contextlib
from pathlib import Path

LARGEST = 5_000_000
KEPT = 2


class LogFile:
    """Takes lines. A disk that is full costs log lines, never the process that wrote them."""

    def __init__(self, path: Path, *, largest: int = LARGEST) -> None:
        self.path = path
        self.largest = largest

    def write(self, lines: bytes) -> None:
        """Append whole lines; past the size, the file becomes `<name>.1`, and that `<name>.2`."""
        with contextlib.suppress(OSError):
            if self.path.exists() and self.path.stat().st_size + len(lines) > self.largest:
                self._turn()
            with self.path.open("ab") as file:
                file.write(lines)

    def _turn(self) -> None:
        for number in range(KEPT, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number}"))
