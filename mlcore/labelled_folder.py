"""A folder of classes: one subfolder a class, read into features and labels."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore.backbones import Extractor
from mlcore.edge.preprocess import UnreadableImage
from mlcore.store import FeatureStore
from mlcore.types import Floats, Ints

# Features computed between two writes to the store: so many are lost at most when stopped.
BATCH = 64
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

Progress = Callable[[int, int], None]


class FolderProblem(Exception):
    """The folder cannot be used; the message says what to change."""


@dataclass(frozen=True)
class LabelledFolder:
    """gap (n, dim) float32 pooled features, labels (n,) int64 into classes; skipped: (file, reason) left out."""

    gap: Floats
    labels: Ints
    classes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def read_labelled_folder(
    folder: Path, *, extractor: Extractor, store_root: Path, progress: Progress | None = None
) -> LabelledFolder:
    """Features of every picture in folder/CLASS/, from the store where they are known.

    The same bytes twice count once, so that no picture is both learnt from and tested on. Raises FolderProblem when
    there is no such folder or it holds pictures of fewer than two classes.
    """
    if not folder.is_dir():
        raise FolderProblem(f"There is no folder {folder}.")
    files = [
        (path, place.name)
        for place in sorted(folder.iterdir())
        if place.is_dir()
        for path in sorted(place.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    first: dict[str, tuple[Path, str]] = {}
    skipped: list[tuple[str, str]] = []
    for path, name in files:
        key = hashlib.sha256(path.read_bytes()).hexdigest()
        if key in first:
            skipped.append((str(path), f"the same bytes as {first[key][0]}"))
        else:
            first[key] = (path, name)
    store = FeatureStore(store_root, extractor.fingerprint, extractor.dim)
    skipped += _compute_missing(store, extractor, {key: path for key, (path, _) in first.items()}, progress)
    rows = store.rows(list(first))
    there = rows >= 0
    names = [name for (_, name), known in zip(first.values(), there, strict=True) if known]
    classes = tuple(sorted(set(names)))
    if len(classes) < 2:
        raise FolderProblem(f"{folder} needs at least two subfolders with pictures, one for each class.")
    labels = np.asarray([classes.index(name) for name in names], np.int64)
    return LabelledFolder(store.gather(rows[there]), labels, classes, tuple(skipped))


def _compute_missing(
    store: FeatureStore, extractor: Extractor, paths: dict[str, Path], progress: Progress | None
) -> list[tuple[str, str]]:
    """Bring the store up to date; what cannot be read is answered as (file, reason)."""
    keys = list(paths)
    todo = [key for key, row in zip(keys, store.rows(keys), strict=True) if row < 0]
    unreadable: list[tuple[str, str]] = []
    for start in range(0, len(todo), BATCH):
        batch = todo[start : start + BATCH]
        found = list(extractor.embed_sources([paths[key] for key in batch]))
        unreadable += [(str(paths[batch[i]]), r.message) for i, r in found if isinstance(r, UnreadableImage)]
        good = [(batch[i], vector) for i, vector in found if not isinstance(vector, UnreadableImage)]
        if good:
            store.append([key for key, _ in good], np.stack([vector for _, vector in good]))
        if progress:
            progress(start + len(batch), len(todo))
    return unreadable
