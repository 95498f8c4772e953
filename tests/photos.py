"""Labelled photos for tests: one folder a class."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Of each digit so many images, and so many pixels wide.
DIGITS_EACH, DIGITS_SIZE = 60, 160


def real_photos() -> Path | None:
    """The photos at ANNOTATOR_TEST_DATA, or beside the checkout; None where there are none."""
    named = os.environ.get("ANNOTATOR_TEST_DATA")
    for folder in [Path(named)] if named else [ROOT.parent / "shared" / "data" / "trashnet"]:
        if folder.is_dir():
            return folder
    return None


def write_digits(folder: Path, each: int = DIGITS_EACH) -> Path:
    """scikit-learn's handwritten digits, enlarged, where there are no photos; the first `each` of every digit."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for digit in range(10):
        (folder / str(digit)).mkdir(parents=True)
        for number, pixels in enumerate(digits.images[digits.target == digit][:each]):
            small = Image.fromarray((pixels * 15.9).astype("uint8"))
            image = small.resize((DIGITS_SIZE, DIGITS_SIZE), Image.Resampling.BICUBIC)
            image.save(folder / str(digit) / f"{number:03}.png")
    return folder
