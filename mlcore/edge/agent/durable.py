"""Files that are whole after a power cut: the old content or the new, never half of one."""

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put ``data`` in place of what ``path`` held, on the disk itself, in one step. Raises OSError."""
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: dict[str, Any], *, mode: int = 0o644) -> None:
    """The same for an object as JSON. Raises OSError."""
    write_whole(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode(), mode=mode)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file, empty when there is no file. Raises OSError, and ValueError for anything but an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{path} is not a JSON object")
    return value


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last: what was created, renamed or deleted there. Does nothing where none can (Windows)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Make every file and folder below ``root`` last. Raises OSError."""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        elif path.is_dir():
            sync_folder(path)
    sync_folder(root)
