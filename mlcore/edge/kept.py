"""Pictures that wait on a device's disk until somebody asks for them: a folder that is whole whenever the power goes."""

import base64
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# So much of a disk is left to everybody else.
SPARED = 100_000_000

_ENDINGS = (".json", ".part", ".jpg")

# After a week something counts half as interesting.
_HALF_LIFE = 7 * 86_400.0


@dataclass(frozen=True)
class Kept:
    """One picture that was kept.

    ``meta`` is what JSON holds of it: ``id`` (UUID), ``bundle`` (number or None), ``reason`` (torn or unseen), ``margin``,
    ``distance`` (None without a reference), ``label``, ``confidence``, ``seen_at`` (seconds since 1970), ``privacy``.
    ``features`` is base64 of float16 (d,); ``image_path`` a JPEG, None where the privacy allows none.
    """

    meta: Mapping[str, Any]
    features: str
    interest: float
    size: int
    image_path: Path | None

    @property
    def id(self) -> str:
        """The name of it, here and where it is sent."""
        return str(self.meta["id"])

    def worth(self, now: float) -> float:
        """How interesting it still is at ``now``, seconds since 1970."""
        age = max(0.0, now - float(self.meta["seen_at"]))
        return float(self.interest * 0.5 ** (age / _HALF_LIFE))

    def vector(self) -> npt.NDArray[np.float32]:
        """The features, (d,)."""
        return np.frombuffer(base64.b64decode(self.features), np.float16).astype(np.float32)


class Shelf:
    """The folder: ``<id>.json`` for each, ``<id>.jpg`` beside it where there is a picture.

    The JSON is written last and renamed into its place, so what has none is a leftover and goes when the shelf is opened.
    Not safe for several threads. Raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._kept: dict[str, Kept] = {}
        for path in sorted(folder.glob("*.json")):
            kept = self._read(path)
            if kept is not None:
                self._kept[kept.id] = kept
        for path in folder.iterdir():
            if path.suffix in _ENDINGS and path.stem not in self._kept:
                path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Kept]:
        return iter(list(self._kept.values()))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(kept.size for kept in self._kept.values())

    def add(self, meta: Mapping[str, Any], features: npt.NDArray[np.floating], interest: float, image: bytes | None) -> Kept:
        """Put one there, under an id of its own. Raises OSError, and then leaves nothing behind."""
        if shutil.disk_usage(self.folder).free < SPARED:
            raise OSError(f"less than {SPARED // 1_000_000} MB are free")
        name = str(uuid.uuid4())
        encoded = base64.b64encode(features.astype(np.float16).tobytes()).decode()
        text = json.dumps({"meta": {"id": name, **meta}, "interest": interest, "features": encoded}).encode()
        try:
            if image is not None:
                (self.folder / f"{name}.jpg").write_bytes(image)
            half = self.folder / f"{name}.part"
            half.write_bytes(text)
            half.replace(self.folder / f"{name}.json")
        except OSError:
            self._unlink(name)
            raise
        kept = self._read(self.folder / f"{name}.json")
        if kept is None:
            raise OSError("what was written cannot be read back")
        self._kept[name] = kept
        return kept

    def remove(self, name: str) -> None:
        """Take one away; does nothing when it has gone."""
        if name in self._kept:
            del self._kept[name]
            self._unlink(name)

    def shrink(self, limit: int, now: float) -> None:
        """Take away what is worth least until the rest has at most ``limit`` bytes."""
        size = self.size
        for kept in sorted(self._kept.values(), key=lambda one: one.worth(now)):
            if size <= limit:
                return
            size -= kept.size
            self.remove(kept.id)

    def _unlink(self, name: str) -> None:
        for ending in _ENDINGS:
            (self.folder / f"{name}{ending}").unlink(missing_ok=True)

    def _read(self, path: Path) -> Kept | None:
        """What a file tells; None when it is damaged."""
        image = path.with_suffix(".jpg")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            size = path.stat().st_size + (image.stat().st_size if image.exists() else 0)
            kept = Kept(data["meta"], data["features"], float(data["interest"]), size, image if image.exists() else None)
            float(kept.meta["seen_at"])
            kept.vector()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept if kept.id == path.stem else None
