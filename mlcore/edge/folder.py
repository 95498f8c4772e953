"""A folder that pictures are put into while it is watched: each is answered once, when it is whole."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlcore.edge.sources import SUFFIXES

# What happens to a picture that was answered.
KEEP, MOVE = AFTERWARDS = ("keep", "move")

ANSWERED, UNREADABLE = "answered", "unreadable"
MEMORY = ".answered.jsonl"

# Seconds that a file has to stay as it is before it is taken for whole, and before one that could not be read is given up:
# a slow writer may have paused in the middle.
SETTLED = 0.5
GIVEN_UP = 5.0

# So many files that have gone may be remembered: not fewer, for all of a drive's files are gone while it is unplugged.
_GONE = 10_000

# Size in bytes, and when it was changed in nanoseconds: another file under the same name is another picture.
_Mark = tuple[int, int]


@dataclass
class _Coming:
    """A file that is not finished: how it looks, since when, and whether it was tried in vain."""

    mark: _Mark
    since: float
    tried: bool = False


class WatchedFolder:
    """New pictures in ``folder`` and below it, found by looking again and again, which works on network drives too.

    ``afterwards`` is ``keep`` (the picture stays, and a hidden file in the folder remembers that it was answered, also over
    a restart) or ``move`` (into ``answered/`` or ``unreadable/`` within the folder). Hidden files are left alone, so a
    writer may write to ``.name`` and rename. ``trouble`` is a sentence on what does not work, else empty.
    """

    def __init__(self, folder: Path, *, afterwards: str = KEEP, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._cannot_read = self._cannot_write = ""
        self._moves = afterwards == MOVE
        self._clock = clock
        self._coming: dict[Path, _Coming] = {}
        self._answered: dict[str, _Mark] = {}
        self._remembers = self._moves

    @property
    def trouble(self) -> str:
        """What does not work."""
        return self._cannot_read or self._cannot_write

    def look(self) -> list[Path]:
        """The pictures that are ready to be answered, oldest first; hand each to ``finish``."""
        try:
            found = dict(self._scan(self.folder))
        except OSError as problem:
            self._cannot_read = f"The folder {self.folder} cannot be read ({problem.strerror}); it is looked for again."
            return []
        self._cannot_read = ""
        if not self._remembers:
            # Not before: the drive that the folder is on may come later than we.
            self._remember_all()
            self._remembers = True
        now = self._clock()
        for path, mark in found.items():
            coming = self._coming.get(path)
            if coming is None or coming.mark != mark:
                self._coming[path] = _Coming(mark, now)
        self._coming = {path: coming for path, coming in self._coming.items() if path in found}
        if len(self._answered) > 2 * len(found) + _GONE:
            here = {self._name(path) for path in found}
            self._answered = {name: mark for name, mark in self._answered.items() if name in here}
        ready = [
            path
            for path, coming in self._coming.items()
            if now - coming.since >= (GIVEN_UP if coming.tried else SETTLED)
            and self._answered.get(self._name(path)) != coming.mark
        ]
        return sorted(ready, key=lambda path: (self._coming[path].mark[1], path))

    def finish(self, path: Path, *, answered: bool) -> bool:
        """Note what became of a picture; returns False when it will be tried again, so that nothing is to be told yet."""
        coming = self._coming.get(path)
        if coming is None or not path.exists():
            return answered
        if not answered and not coming.tried:
            coming.tried = True
            return False
        name = self._name(path)
        if self._moves:
            self._move(path, ANSWERED if answered else UNREADABLE)
        else:
            self._remember(name, coming.mark)
        self._answered[name] = coming.mark
        return True

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _scan(self, folder: Path) -> Iterator[tuple[Path, _Mark]]:
        """Every picture with its mark; what goes away meanwhile is left out."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    if not (self._moves and folder == self.folder and entry.name in (ANSWERED, UNREADABLE)):
                        yield from self._scan_below(path)
                elif path.suffix.lower() in SUFFIXES:
                    try:
                        state = entry.stat()
                    except OSError:
                        continue
                    yield path, (state.st_size, state.st_mtime_ns)

    def _scan_below(self, folder: Path) -> Iterator[tuple[Path, _Mark]]:
        try:
            yield from self._scan(folder)
        except OSError:
            # A folder within may come and go, or be somebody else's.
            return

    def _move(self, path: Path, where: str) -> None:
        target = self.folder / where / path.relative_to(self.folder)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            number = 1
            while target.exists():
                number += 1
                target = target.with_name(f"{path.stem}-{number}{path.suffix}")
            path.replace(target)
        except OSError as problem:
            self._cannot_write = (
                f"{path.name} cannot be moved to {where} ({problem.strerror}); give the right to write there."
            )

    def _remember_all(self) -> None:
        """Read what was answered before, and write it anew without what is told twice."""
        memory = self.folder / MEMORY
        try:
            lines = memory.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return
        for line in lines:
            try:
                name, size, changed = json.loads(line)
                self._answered[str(name)] = (int(size), int(changed))
            except (ValueError, TypeError):
                continue  # cut off when the power went
        half = memory.with_suffix(".part")
        try:
            half.write_text("".join(_line(name, mark) for name, mark in self._answered.items()), encoding="utf-8")
            half.replace(memory)
        except OSError:
            return  # what is there is longer than it must be, and as good

    def _remember(self, name: str, mark: _Mark) -> None:
        try:
            with (self.folder / MEMORY).open("a", encoding="utf-8") as file:
                file.write(_line(name, mark))
        except OSError as problem:
            self._cannot_write = (
                f"{self.folder / MEMORY} cannot be written ({problem.strerror}); after a restart the pictures there "
                "will be answered again."
            )


def _line(name: str, mark: _Mark) -> str:
    return json.dumps([name, *mark]) + "\n"
