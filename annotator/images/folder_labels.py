"""Where an image's class may come from besides people: the name of its folder, or a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path, PurePosixPath

from annotator.projects.errors import Invalid

HEADERS = {("path", "label"), ("filename", "label"), ("file", "label"), ("image", "label"), ("name", "label")}
MOST_BYTES = 200_000_000
# What lies beside pictures in data sets; a folder with nothing else is no class.
BESIDE_PICTURES = frozenset({
    ".md", ".txt", ".rst", ".pdf", ".html", ".htm", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg",
    ".log", ".csv", ".tsv", ".xls", ".xlsx", ".py", ".ipynb", ".sh", ".zip", ".gz", ".tar", ".npy", ".npz", ".pth", ".pt",
    ".onnx", ".bin", ".db", ".sqlite",
})


def folder_of(name: str) -> str:
    """The name of the folder that a file lies in directly (`train/cat/1.jpg` gives `cat`); '' for a file in none."""
    return PurePosixPath(name.replace("\\", "/")).parent.name


def class_folder(name: str) -> str:
    """As `folder_of`, but '' for what is surely no picture, such as a README: it must not make its folder a class."""
    return "" if PurePosixPath(name).suffix.lower() in BESIDE_PICTURES else folder_of(name)


def read_csv(path: Path) -> dict[str, str]:
    """Path (as in the folder, forward slashes) -> class name, from a CSV of two columns, `path,label`; a header is optional.

    Raises Invalid with the number of the line that cannot be read.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid(f"{path.name} has more than {MOST_BYTES:,} bytes: split it.", field="labels")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}): check its path and rights.", field="labels") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path.name} is not UTF-8 text: save it as CSV UTF-8.", field="labels") from error
    found: dict[str, str] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and tuple(cell.lower() for cell in cells) in HEADERS):
            continue
        if len(cells) != 2 or not all(cells):
            raise Invalid(f"Line {number} of {path.name} needs two columns, path and label.", field="labels")
        found[normal(cells[0])] = cells[1]
    if not found:
        raise Invalid(f"{path.name} holds no lines of path,label.", field="labels")
    return found


def normal(name: str) -> str:
    """A path as text that can be compared: forward slashes, no leading './'."""
    return str(PurePosixPath(name.replace("\\", "/")))
