"""The data directory: made, checked for writing, and locked so that two instances never share one."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from pathlib import Path
from typing import TextIO

from annotator.supervisor.refusal import Refusal

LOCK = "up.lock"
GLANCES, GLANCE_SECONDS = 5, 0.1


def prepare_data_dir(path: Path) -> Path:
    """The directory, made where missing. Refuses one that cannot be written."""
    path = path.expanduser().resolve()
    elsewhere = "choose another with --data, or give yourself the right to write there"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (FileExistsError, NotADirectoryError) as error:
        raise Refusal(f"The data directory {path} is a file, not a directory: {elsewhere}.") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Refusal(f"The data directory {path} cannot be written ({reason}): {elsewhere}.") from error
    return path


def lock_data_dir(path: Path) -> TextIO:
    """An exclusive lock on the directory, held until the file is closed or the process ends, however it ends."""
    file = (path / LOCK).open("a+")
    # A command that only looks who is there holds it for a moment.
    for _ in range(GLANCES):
        if _lock(file):
            return file
        time.sleep(GLANCE_SECONDS)
    file.close()
    raise Refusal(
        f"Edge Annotator is already running on {path} ({running_site(path) or 'it is still starting'}): "
        "use that one ('annotator login-link' signs you in), stop it, or choose another directory with --data."
    )


def write_address(lock: TextIO, address: str, devices: str = "") -> None:
    """Tell in the lock file where the site is, and its listener for devices, for other commands on the same directory."""
    lock.truncate(0)
    lock.write(f"{address}\n{devices}\n")
    lock.flush()


def running_site(path: Path) -> str | None:
    """The address of the site that holds the directory; None when none does, or when it has only begun to start."""
    return _line(path, 0)


def running_listener(path: Path) -> str | None:
    """Where the site that holds the directory listens for devices; None when none does, or it does not listen for them."""
    return _line(path, 1)


def _line(path: Path, number: int) -> str | None:
    if not (path / LOCK).exists():
        return None
    with (path / LOCK).open("a+") as file:
        if _lock(file):
            return None
        file.seek(0)
        lines = file.read().splitlines()
        return lines[number] or None if number < len(lines) else None


def _lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
