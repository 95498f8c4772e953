"""What a model finds hard is kept, within limits of rate, disk and privacy, to be labelled and learnt from."""

import json
import queue
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.edge import privacy
from mlcore.edge.kept import Kept, Shelf
from mlcore.edge.preprocess import Pixels, UnreadableImage, load_rgb
from mlcore.edge.reference import Reference
from mlcore.edge.station import Seen

TORN, UNSEEN = "torn", "unseen"

_HOUR = 3600.0

# Pictures whose features have this cosine or more are the same scene: the next frame of a camera, say. Photos of waste had
# .89 to .99 with themselves under noise, a shift or other light, and .78 at most with another one.
SAME_SCENE = 0.88
_REMEMBERED = 256

# A picture takes the place of one that was kept within the hour only if it is clearly more interesting.
_CLEARLY = 0.1

# Pictures that wait to be written; where more come at once, the surplus is not kept.
_WAITING = 8


@dataclass(frozen=True)
class KeepSettings:
    """How much may be kept, and of what kind.

    ``privacy`` is one of ``privacy.LEVELS``; ``per_hour`` pictures and ``megabytes`` on disk at most; ``torn_below`` the gap
    between the probabilities of the two likeliest classes, None for what a twentieth of the project's own images stay below.
    """

    privacy: str = privacy.NOTHING
    per_hour: int = 20
    megabytes: float = 200
    torn_below: float | None = None

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "KeepSettings":
        """From the keys privacy, keep_per_hour, keep_mb, torn_below; what is absent or wrong keeps its usual value."""
        usual = cls()
        per_hour = _number(settings.get("keep_per_hour"))
        megabytes = _number(settings.get("keep_mb"))
        level = settings.get("privacy")
        return cls(
            privacy=level if isinstance(level, str) else usual.privacy,
            per_hour=usual.per_hour if per_hour is None else int(per_hour),
            megabytes=usual.megabytes if megabytes is None else megabytes,
            torn_below=_number(settings.get("torn_below")),
        )


def _number(value: object) -> float | None:
    """A number from 0, None for what is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


class Keeper:
    """An observer of a Station that keeps what it was torn about or never saw the like of.

    ``reference`` may be changed when another model takes over; without one only margins count. ``trouble`` is a sentence on
    what cannot be done as asked (a full disk, no face detector), else empty. Pictures are encoded and written in a thread
    of their own; ``wait`` returns when that has caught up. Raises OSError when ``folder`` cannot be made.
    """

    def __init__(self, folder: Path, reference: Reference | None = None, settings: KeepSettings | None = None) -> None:
        self.reference = reference
        self.trouble = ""
        self._lock = threading.Lock()
        self._shelf = Shelf(folder)
        self._hour_path = folder / "hour"
        self._hour: deque[float] = deque(_read_times(self._hour_path))
        newest = sorted(self._shelf, key=lambda kept: float(kept.meta["seen_at"]))[-_REMEMBERED:]
        self._scenes: deque[npt.NDArray[np.float32]] = deque((kept.vector() for kept in newest), maxlen=_REMEMBERED)
        self._waiting: queue.Queue[tuple[Seen, dict[str, Any], float, bytes | Pixels]] = queue.Queue(_WAITING)
        self._settings = KeepSettings()
        self._level = privacy.NOTHING
        self.settings = settings or KeepSettings()
        threading.Thread(target=self._write_all, name="keeper", daemon=True).start()

    def __len__(self) -> int:
        return len(self._shelf)

    @property
    def settings(self) -> KeepSettings:
        """What may be kept; what was kept and may not be any more goes at once."""
        return self._settings

    @settings.setter
    def settings(self, settings: KeepSettings) -> None:
        with self._lock:
            self._settings = settings
            self._level, self.trouble = privacy.allowed(settings.privacy)
            for kept in self._shelf:
                if privacy.stricter(self._level, str(kept.meta["privacy"])):
                    self._shelf.remove(kept.id)

    def __call__(self, seen: Seen) -> None:
        """Look at an answer and keep its picture if it is hard."""
        settings, level = self._settings, self._level
        if level == privacy.NOTHING or not settings.per_hour:
            return
        reason, interest, meta = self._judge(seen, settings.torn_below)
        if not reason:
            return
        picture: bytes | Pixels = seen.pixels
        if level != privacy.FEATURES:
            picture = _take_hold(seen)
        with self._lock:
            if self._is_known(seen.answer.features) or not self._make_room_in_the_hour(seen.at, interest, settings.per_hour):
                return
            try:
                self._waiting.put_nowait((seen, meta, interest, picture))
            except queue.Full:
                return
            self._hour.append(seen.at)
            self._scenes.append(seen.answer.features)

    def take(self, most: int) -> list[Kept]:
        """The most interesting ones, at most so many; each stays until ``done``."""
        with self._lock:
            return sorted(self._shelf, key=lambda kept: -kept.interest)[:most]

    def done(self, name: str) -> None:
        """Take away what was delivered, or refused for good."""
        with self._lock:
            self._shelf.remove(name)

    def wait(self) -> None:
        """Return when everything that was chosen has been written."""
        self._waiting.join()

    def _judge(self, seen: Seen, torn_below: float | None) -> tuple[str, float, dict[str, Any]]:
        """Why an answer is hard (empty if it is not), how interesting that is (torn 0-1, unseen 1-2), and what is told."""
        reference, answer = self.reference, seen.answer
        two = np.sort(answer.probabilities)[-2:]
        margin = float(two[-1] - two[0]) if len(two) == 2 else 1.0
        distance = None
        if reference is not None and reference.centres.shape[1:] == answer.features.shape:
            distance = reference.distance(answer.features)
        if torn_below is None:
            torn_below = reference.torn_below(0.05) if reference is not None else 0.2
        reason, interest = "", 0.0
        if margin < torn_below:
            reason, interest = TORN, 1 - margin / torn_below
        if reference is not None and distance is not None and distance > reference.unseen_beyond:
            reason, interest = UNSEEN, 1 + min(1.0, distance / max(reference.unseen_beyond, 1e-6) - 1)
        best = answer.predictions[0]
        return (
            reason,
            interest,
            {
                "bundle": seen.number,
                "reason": reason,
                "margin": round(margin, 6),
                "distance": None if distance is None else round(distance, 6),
                "label": best.label,
                "confidence": round(best.confidence, 6),
                "seen_at": seen.at,
            },
        )

    def _is_known(self, features: npt.NDArray[np.float32]) -> bool:
        """Whether the same scene was kept not long ago; features have length 1."""
        return any(scene.shape == features.shape and float(scene @ features) >= SAME_SCENE for scene in self._scenes)

    def _make_room_in_the_hour(self, now: float, interest: float, per_hour: int) -> bool:
        """Whether one more may be kept: for one that is clearly less interesting and still here, if the hour is full."""
        while self._hour and not now - _HOUR < self._hour[0] <= now + _HOUR:
            self._hour.popleft()
        if len(self._hour) < per_hour:
            return True
        of_the_hour = [kept for kept in self._shelf if float(kept.meta["seen_at"]) > now - _HOUR]
        if len(self._hour) > per_hour or not of_the_hour:
            return False
        least = min(of_the_hour, key=lambda kept: kept.interest)
        if interest <= least.interest + _CLEARLY:
            return False
        self._shelf.remove(least.id)
        self._hour.popleft()
        return True

    def _write_all(self) -> None:
        while True:
            seen, meta, interest, picture = self._waiting.get()
            try:
                self._write(seen, meta, interest, picture)
            finally:
                self._waiting.task_done()

    def _write(self, seen: Seen, meta: dict[str, Any], interest: float, picture: bytes | Pixels) -> None:
        level = self._level
        image = None
        try:
            if level in (privacy.BLURRED, privacy.IMAGES):
                pixels = picture if isinstance(picture, np.ndarray) else load_rgb(picture, privacy.LONGEST_SIDE // 2)
                image = privacy.portable(pixels, level)
            with self._lock:
                # What was forbidden while the picture was encoded is not written.
                if self._level != level or level == privacy.NOTHING:
                    return
                self._shelf.add({**meta, "privacy": level}, seen.answer.features, interest, image)
                self._shelf.shrink(int(self._settings.megabytes * 1_000_000), seen.at)
                self._hour_path.write_text(json.dumps(list(self._hour)), encoding="utf-8")
                self.trouble = privacy.allowed(self._settings.privacy)[1]
        except UnreadableImage as problem:
            self.trouble = f"A picture could not be kept: {problem.message}"
        except OSError as problem:
            self.trouble = f"Hard pictures cannot be kept ({problem.strerror or problem}); make room on the disk."


def _take_hold(seen: Seen) -> bytes | Pixels:
    """The picture as it came, read now because its file may be moved next; else as small as the model saw it."""
    picture = seen.picture
    if isinstance(picture, str | Path):
        try:
            return Path(picture).read_bytes()
        except OSError:
            return seen.pixels
    return picture


def _read_times(path: Path) -> list[float]:
    """When pictures were kept, also those that have left since: a restart does not begin a new hour."""
    try:
        times = json.loads(path.read_text(encoding="utf-8"))
        return sorted(float(time) for time in times)
    except (OSError, ValueError, TypeError):
        return []
