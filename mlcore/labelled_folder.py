"""Labelled pictures on disk, one subfolder a class or a list in a CSV file, read into features and labels."""

import csv
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore.backbones import Extractor
from mlcore.edge.preprocess import UnreadableImage
from mlcore.store import FeatureStore
from mlcore.types import Flags, Floats, Ints

# Features computed between two writes to the store: so many are lost at most when stopped.
BATCH = 64
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
# Subfolders that are parts of a split and no classes, and those whose pictures measure.
LEARN_PARTS = {"train", "training"}
TEST_PARTS = {"test", "val", "valid", "validation"}

Progress = Callable[[int, int], None]


class FolderProblem(Exception):
    """The folder cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Picture:
    """A file, its class, and whether its owner keeps it for measuring."""

    path: Path
    name: str
    held_out: bool = False


@dataclass(frozen=True)
class LabelledFolder:
    """gap (n, dim) float32 pooled features, labels (n,) int64 into classes; skipped: (file, reason) left out.

    held_out (n,) bool: what the data themselves keep for measuring; None where they say nothing about it.
    """

    gap: Floats
    labels: Ints
    classes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    held_out: Flags | None = None


def read_labelled_folder(
    source: Path, *, extractor: Extractor, store_root: Path, progress: Progress | None = None
) -> LabelledFolder:
    """Features of every picture in source/CLASS/, in source/train/CLASS/ and source/test/CLASS/, or in a CSV file.

    A CSV has a row a picture with the columns path (beside the file), label and, where there is a split, split (train or
    test). Raises FolderProblem when there is nothing to read or it holds pictures of fewer than two classes.
    """
    if source.suffix.lower() == ".csv" and source.is_file():
        pictures = _listed(source)
    elif source.is_dir():
        pictures = _found(source)
    else:
        raise FolderProblem(f"There is no folder {source}.")
    return read_pictures(pictures, str(source), extractor=extractor, store_root=store_root, progress=progress)


def read_pictures(
    pictures: Iterable[Picture], where: str, *, extractor: Extractor, store_root: Path, progress: Progress | None = None
) -> LabelledFolder:
    """Features of these pictures, from the store where they are known; `where` they are from, for what is wrong with them.

    The same bytes twice count once, so that no picture is both learnt from and tested on: as held out if either is.
    Raises FolderProblem for fewer than two classes, or a split with an empty side.
    """
    first: dict[str, Picture] = {}
    skipped: list[tuple[str, str]] = []
    # Those held out come first, so that it is they who stay.
    for picture in sorted(pictures, key=lambda one: not one.held_out):
        key = hashlib.sha256(picture.path.read_bytes()).hexdigest()
        if key in first:
            skipped.append((str(picture.path), f"the same bytes as {first[key].path}"))
        else:
            first[key] = picture
    store = FeatureStore(store_root, extractor.fingerprint, extractor.dim)
    skipped += _compute_missing(store, extractor, {key: picture.path for key, picture in first.items()}, progress)
    rows = store.rows(list(first))
    there = rows >= 0
    kept = [picture for picture, known in zip(first.values(), there, strict=True) if known]
    classes = tuple(sorted({picture.name for picture in kept}))
    if len(classes) < 2:
        raise FolderProblem(f"{where} needs at least two subfolders with pictures, one for each class.")
    labels = np.asarray([classes.index(picture.name) for picture in kept], np.int64)
    held_out = np.asarray([picture.held_out for picture in kept], np.bool_)
    if held_out.all():
        raise FolderProblem(f"{where} keeps every picture for measuring; some must be there to learn from.")
    return LabelledFolder(
        store.gather(rows[there]), labels, classes, tuple(skipped), held_out if held_out.any() else None
    )


def _found(folder: Path) -> list[Picture]:
    """Pictures of a folder of classes, or of one that is split into parts which each hold the classes."""
    places = [place for place in sorted(folder.iterdir()) if place.is_dir()]
    parts = {place.name.lower() for place in places}
    split = parts <= LEARN_PARTS | TEST_PARTS and bool(parts & LEARN_PARTS) and bool(parts & TEST_PARTS)
    if not split:
        return [picture for place in places for picture in _of_class(place, held_out=False)]
    return [
        picture
        for part in places
        for place in sorted(part.iterdir())
        if place.is_dir()
        for picture in _of_class(place, held_out=part.name.lower() in TEST_PARTS)
    ]


def _of_class(place: Path, *, held_out: bool) -> list[Picture]:
    files = (path for path in sorted(place.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file())
    return [Picture(path, place.name, held_out) for path in files]


def _listed(file: Path) -> list[Picture]:
    """Pictures of a CSV file. Raises FolderProblem that names the row."""
    pictures = []
    with file.open(newline="", encoding="utf-8-sig") as text:
        rows = csv.DictReader(text)
        if not {"path", "label"} <= set(rows.fieldnames or ()):
            raise FolderProblem(f"{file} needs a first row with the columns path and label.")
        for number, row in enumerate(rows, start=2):
            path, part = file.parent / (row["path"] or ""), (row.get("split") or "train").lower()
            if not row["label"] or not path.is_file():
                raise FolderProblem(f"{file}, row {number}: there is no picture {row['path']!r}, or it has no label.")
            if part not in LEARN_PARTS | TEST_PARTS:
                raise FolderProblem(f"{file}, row {number}: split is {part!r}; write train or test.")
            pictures.append(Picture(path, row["label"], part in TEST_PARTS))
    return pictures


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
