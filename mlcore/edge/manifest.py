"""What a bundle says about itself, and the check that its files are the ones it was made with."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT = "edge-annotator-bundle"
FORMAT_VERSION = 1

MANIFEST_NAME = "manifest.json"
LABELS_NAME = "labels.json"

# From the most exact to the smallest.
PRECISIONS = ("FP32", "FP16", "INT8")

_CHUNK = 1 << 20


class BundleProblem(Exception):
    """The bundle cannot be used; the message is one sentence that names the file and the mend."""


@dataclass(frozen=True)
class Label:
    """A class as people named it; ``color`` is ``#rrggbb``."""

    name: str
    color: str


@dataclass(frozen=True)
class Manifest:
    """A bundle's manifest.json and labels.json, read and checked for form, not yet for content.

    ``models`` maps a precision to its model.xml, relative to the bundle; ``files`` maps every file
    of the bundle but the manifest to ``{"sha256": hex, "size": bytes}``; ``data`` is the whole manifest.
    """

    root: Path
    recommended: str
    input_size: int
    models: Mapping[str, str]
    files: Mapping[str, Mapping[str, Any]]
    labels: tuple[Label, ...]
    data: Mapping[str, Any]

    @classmethod
    def read(cls, root: Path) -> "Manifest":
        """Read the bundle unpacked at ``root``. Raises BundleProblem."""
        if not root.is_dir():
            mend = "unpack the zip and give the folder" if root.is_file() else "give the folder of an unpacked bundle"
            raise BundleProblem(f"{root} is not a folder; {mend}.")
        data = _read_json(root / MANIFEST_NAME)
        try:
            if data["format"] != FORMAT:
                raise BundleProblem(f"{MANIFEST_NAME} is not of an {FORMAT}; give the folder of an unpacked bundle.")
            if data["format_version"] > FORMAT_VERSION:
                raise BundleProblem(
                    f"The bundle has format {data['format_version']}, this runtime reads up to "
                    f"{FORMAT_VERSION}; use the runtime inside the bundle."
                )
            files = {_inside(name): entry for name, entry in data["files"].items()}
            _verify_file(root, LABELS_NAME, files[LABELS_NAME])
            labels = tuple(Label(row["name"], row["color"]) for row in _read_json(root / LABELS_NAME)["labels"])
            return cls(
                root=root,
                recommended=data["recommended"],
                input_size=int(data["input"]["width"]),
                models={precision: _inside(row["model"]) for precision, row in data["precisions"].items()},
                files=files,
                labels=labels,
                data=data,
            )
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise BundleProblem(
                f"{MANIFEST_NAME} lacks {problem} or has it in the wrong form; unpack the bundle again."
            ) from problem

    def choose(self, precision: str | None) -> str:
        """Give the precision to run: the one asked for, else the recommended one. Raises BundleProblem."""
        chosen = (precision or self.recommended).upper()
        if chosen not in self.models:
            raise BundleProblem(f"precision {chosen} is not in this bundle; choose one of {', '.join(self.models)}.")
        return chosen

    def verify(self, precision: str, digests: Mapping[str, str] | None = None) -> None:
        """Compare size and SHA-256 of every file with the manifest. Raises BundleProblem.

        Folders that `spared` names are left out; what is there must match. ``digests``: SHA-256 of files, by name, that
        were taken just now, so that nothing is read twice.
        """
        spared = self.spared(precision)
        for name, entry in self.files.items():
            if digests and digests.get(name) == entry["sha256"]:
                continue
            if not spared.intersection(PurePosixPath(name).parents):
                _verify_file(self.root, name, entry)

    def spared(self, precision: str) -> set[PurePosixPath]:
        """Folders that have been deleted to save space and may be: the other precisions, and other forms of the model."""
        others = {PurePosixPath(model).parent for name, model in self.models.items() if name != precision}
        optional = {PurePosixPath(_inside(str(name))) for name in self.data.get("optional", ())}
        return {folder for folder in others | optional if not (self.root / folder).exists()}

    @property
    def number(self) -> int | None:
        """The bundle's number in its project, None where its lineage does not tell."""
        number = self.data.get("lineage", {}).get("bundle")
        return number if isinstance(number, int) and not isinstance(number, bool) else None


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BundleProblem(f"{path.name} is missing from {path.parent}; unpack the whole bundle again.") from problem
    except ValueError as problem:
        raise BundleProblem(f"{path.name} is not valid JSON; unpack the bundle again.") from problem
    if not isinstance(data, dict):
        raise BundleProblem(f"{path.name} is not a JSON object; unpack the bundle again.")
    return data


def _inside(name: str) -> str:
    """Refuse a file name that would lead out of the bundle."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise BundleProblem(f"{MANIFEST_NAME} names the file {name!r} outside the bundle; do not use this bundle.")
    return name


def _verify_file(root: Path, name: str, entry: Mapping[str, Any]) -> None:
    path = root / name
    try:
        size = path.stat().st_size
        found = digest(path) if size == entry["size"] else None
    except OSError as problem:
        raise BundleProblem(f"{name} is missing from the bundle; unpack the whole bundle again.") from problem
    if found != entry["sha256"]:
        what = "its SHA-256 differs" if found else f"{size:,} bytes instead of {entry['size']:,}"
        raise BundleProblem(f"{name} is not the file that the bundle was made with ({what}); unpack the bundle again.")
