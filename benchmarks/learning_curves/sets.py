"""The pictures that are measured on: folders, CSV files, and sets that come in a package; as features and labels."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from mlcore import backbones
from mlcore.labelled_folder import LabelledFolder, Picture, read_labelled_folder, read_pictures
from tests.photos import real_photos, write_digits

# How sure the experts were that a solar cell is defective, in the package's own numbers.
ELPV_CLASSES = {0.0: "functional", 1 / 3: "defective 1 of 3", 2 / 3: "defective 2 of 3", 1.0: "defective"}

# The long tail of digits: test images of each, images to learn from of the first, and how many times fewer of the last.
TAIL_TEST, TAIL_FIRST, TAIL = 50, 124, 20


@dataclass(frozen=True)
class ImageSet:
    """A set by name, what was read of it, and the network that its features are of."""

    name: str
    read: LabelledFolder
    fingerprint: str


def read_set(source: str, cache: Path) -> ImageSet:
    """The set called `source` if it comes in a package, else the folder or CSV file there. Features are kept in cache.

    Raises mlcore's FolderProblem where there is nothing to read.
    """
    extractor = backbones.extractor(backbones.DEFAULT, folder=cache / "ir")
    store = cache / "features"
    if source in PACKAGED:
        read = read_pictures(PACKAGED[source](cache), source, extractor=extractor, store_root=store, progress=_say)
        return ImageSet(source, read, extractor.fingerprint)
    path = Path(source)
    read = read_labelled_folder(path, extractor=extractor, store_root=store, progress=_say)
    return ImageSet(re.sub(r"[^a-z0-9]+", "-", path.resolve().stem.lower()), read, extractor.fingerprint)


def usual_sets() -> list[str]:
    """What is measured when nothing is named: as much as there is on this machine."""
    photos = real_photos()
    found = [str(folder) for folder in (photos, photos and photos.parent / "bsdata") if folder and folder.is_dir()]
    if importlib.util.find_spec("elpv_dataset"):
        found += ["elpv", "elpv-4"]
    return [*found, "digits", "digits-tail"]


def _digits(cache: Path) -> Iterator[Picture]:
    folder = cache / "digits"
    if not folder.is_dir():
        write_digits(folder)
    for path in sorted(folder.glob("*/*.png")):
        yield Picture(path, path.parent.name)


def _digits_tail(cache: Path) -> Iterator[Picture]:
    """The same with a long tail: each digit rarer than the one before, the last TAIL times rarer than the first.

    As Cui et al. 2019 (arXiv 1901.05555) make theirs: numbers fall exponentially, and the test set stays balanced.
    """
    folder = cache / "digits-all"
    if not folder.is_dir():
        write_digits(folder, each=TAIL_TEST + TAIL_FIRST)
    for digit, place in enumerate(sorted(folder.iterdir())):
        files = sorted(place.iterdir())
        order = np.random.default_rng(digit).permutation(len(files))
        learn = round(TAIL_FIRST * TAIL ** (-digit / 9))
        for number, row in enumerate(order[: TAIL_TEST + learn]):
            yield Picture(files[row], place.name, held_out=number < TAIL_TEST)


def _elpv(*, sure_only: bool) -> Iterator[Picture]:
    """Solar cells; only those that the experts were sure of, as the literature's two classes, or all four."""
    data = Path(str(resources.files("elpv_dataset"))) / "data"
    for line in (data / "labels.csv").read_text().splitlines():
        name, probability, _ = line.split()
        share = min(ELPV_CLASSES, key=lambda known: abs(known - float(probability)))
        if not sure_only or share in (0.0, 1.0):
            yield Picture(data / name, ELPV_CLASSES[share])


def _say(done: int, total: int) -> None:
    print(f"features {done} / {total}", flush=True)


PACKAGED: dict[str, Callable[[Path], Iterator[Picture]]] = {
    "digits": _digits,
    "digits-tail": _digits_tail,
    "elpv": lambda cache: _elpv(sure_only=True),
    "elpv-4": lambda cache: _elpv(sure_only=False),
}
