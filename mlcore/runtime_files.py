"""The files of mlcore.edge as they leave: inside a bundle and as a wheel."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

# What Python and editors leave beside sources.
_LEFT_BEHIND = ("__pycache__", ".pyc", ".pyo", "~", ".swp")


def runtime_files() -> dict[str, bytes]:
    """The runtime by name, mlcore/edge/..., every package and page of it, sorted; and the empty package around it."""
    found = {f"mlcore/edge/{name}": source.read_bytes() for name, source in _below(files("mlcore.edge"))}
    return dict(sorted({"mlcore/__init__.py": b"", **found}.items()))


def bundle_file(name: str) -> bytes:
    """A file of bundle_files/ as it is."""
    return files("mlcore").joinpath("bundle_files", name).read_bytes()


def _below(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name.endswith(_LEFT_BEHIND):
            continue
        if entry.is_dir():
            yield from ((f"{entry.name}/{name}", source) for name, source in _below(entry))
        else:
            yield entry.name, entry
