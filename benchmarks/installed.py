"""How much disk `pip install .` takes, by package: what is installed here of the packages that the application needs."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.common import ROOT

NAMED = 10


def installed_mb() -> dict[str, float]:
    """Megabytes of the largest packages, of the rest together and of all; those that only tests need are not counted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    sizes = {name: size_of(name) for name in needed_by(project["dependencies"])}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:NAMED]
    rest = [size for name, size in sizes.items() if name not in largest]
    return {
        **{name: round(sizes[name] / 2**20, 1) for name in largest},
        f"{len(rest)} others": round(sum(rest) / 2**20, 1),
        "all": round(sum(sizes.values()) / 2**20, 1),
    }


def needed_by(requirements: list[str]) -> set[str]:
    """The names of the packages that these bring, directly or not, among those that are installed."""
    found: set[str] = set()
    waiting = [(Requirement(text), frozenset[str]()) for text in requirements]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement, extras_of_parent = waiting.pop()
        if not _applies(requirement, extras_of_parent):
            continue
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        waiting += [(Requirement(text), extras) for text in needs]
    return found


def size_of(name: str) -> int:
    """Bytes on disk."""
    paths = (file.locate() for file in metadata.files(name) or [])
    return sum(path.stat().st_size for path in map(_as_path, paths) if path.is_file())


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _as_path(located: object) -> Path:
    return Path(str(located))
