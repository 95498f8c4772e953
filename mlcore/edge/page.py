"""A page for somebody who stands before the device: the live picture, answers, times, and how everything is."""

import base64
import hashlib
import io
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mlcore.edge.preprocess import UnreadableImage, load_rgb
from mlcore.edge.station import Missed, Seen, Station

if TYPE_CHECKING:
    from mlcore.edge.work import Work

_RECENT = 14
_TIMES = 90
_LONGEST_SIDE = 960

# Seconds over which answers a second are counted.
_LATELY = 5.0


class Page:
    """What the page shows, gathered by watching a station; ``work`` adds its sources and sinks once it is set."""

    def __init__(self, station: Station) -> None:
        self.work: Work | None = None
        self._station = station
        self._lock = threading.Lock()
        self._last: Seen | None = None
        self._now: dict[str, Any] | None = None
        self._id = 0
        self._answered = self._missed = 0
        self._times: deque[float] = deque(maxlen=_TIMES)
        self._lately: deque[float] = deque(maxlen=10_000)
        self._recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self._jpeg: tuple[int, bytes] = (0, b"")
        self._began = time.time()
        station.observers.append(self._note_seen)
        station.miss_observers.append(self._note_missed)

    def close(self) -> None:
        """Stop watching."""
        self._station.observers.remove(self._note_seen)
        self._station.miss_observers.remove(self._note_missed)

    def state(self, now: float | None = None) -> dict[str, Any]:
        """Everything but the picture, as JSON can hold it; ``now`` is seconds since 1970."""
        now = time.time() if now is None else now
        model = self._station.model
        work = self.work.state() if self.work else {"sources": [], "sinks": []}
        troubles = [one["trouble"] for one in (*work["sources"], *work["sinks"]) if one["trouble"]]
        if model is not None and model.note:
            troubles.append(model.note)
        with self._lock:
            lately = [at for at in self._lately if now - _LATELY < at <= now]
            times = list(self._times)
            state: dict[str, Any] = {
                "now": self._now,
                "recent": list(self._recent),
                "answered": self._answered,
                "missed": self._missed,
                "times": [round(ms, 2) for ms in times],
            }
        quantiles = [round(float(value), 1) for value in np.percentile(times, (50, 95))] if times else [None, None]
        return {
            **state,
            **work,
            "p50_ms": quantiles[0],
            "p95_ms": quantiles[1],
            "per_second": round(len(lately) / _LATELY, 1),
            "up_seconds": int(now - self._began),
            "health": "waiting" if model is None else "trouble" if troubles else "ok",
            "troubles": troubles,
            "model": model
            and {
                "number": model.number,
                "precision": model.precision,
                "device": model.device,
                "runs_on": model.runs_on,
                "project": _project(model.metadata),
                "labels": [{"name": label.name, "color": label.color} for label in model.manifest.labels],
            },
        }

    def picture(self) -> bytes | None:
        """The last picture as a JPEG, 960 pixels long at most; None before there is one."""
        with self._lock:
            if self._last is None or self._now is None:
                return None
            seen, name = self._last, int(self._now["id"])
            if self._jpeg[0] == name:
                return self._jpeg[1]
        jpeg = _encode(seen)
        with self._lock:
            self._jpeg = (name, jpeg)
        return jpeg

    def _note_seen(self, seen: Seen) -> None:
        best = seen.answer.predictions
        line = {
            "at": seen.at,
            "source": seen.source,
            "ms": round(seen.ms, 1),
            "top": [{"label": one.label, "confidence": round(one.confidence, 4)} for one in best[:5]],
        }
        with self._lock:
            self._answered += 1
            self._id += 1
            self._last = seen
            self._times.append(seen.ms)
            self._lately.append(seen.at)
            self._now = {"id": self._id, **line}
            self._recent.appendleft(self._now)

    def _note_missed(self, missed: Missed) -> None:
        with self._lock:
            self._missed += 1
            self._id += 1
            self._recent.appendleft({"id": self._id, "at": missed.at, "source": missed.source, "error": missed.message})


@lru_cache(maxsize=1)
def html() -> tuple[bytes, str]:
    """The page, and the Content-Security-Policy that lets its own script and style run, and nothing else."""
    body = files("mlcore.edge").joinpath("page.html").read_bytes()
    hashes = {}
    for tag in ("script", "style"):
        inside = body.split(f"<{tag}>".encode(), 1)[1].split(f"</{tag}>".encode(), 1)[0]
        hashes[tag] = f"sha256-{_base64(hashlib.sha256(inside).digest())}"
    policy = (
        f"default-src 'none'; script-src '{hashes['script']}'; style-src '{hashes['style']}'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return body, policy


def _encode(seen: Seen) -> bytes:
    picture = seen.picture
    if isinstance(picture, np.ndarray):
        pixels = picture
    else:
        try:
            pixels = load_rgb(Path(picture) if isinstance(picture, str) else picture, _LONGEST_SIDE // 2)
        except UnreadableImage:
            # Its file has been moved on.
            pixels = seen.pixels
    image = Image.fromarray(pixels)
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def _project(manifest: Mapping[str, Any]) -> str:
    project = manifest.get("lineage", {}).get("project", "")
    return str(project.get("name", "") if isinstance(project, dict) else project)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
