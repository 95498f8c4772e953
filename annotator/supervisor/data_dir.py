"""The data directory: made, checked for writing, and locked so that two instances never share one."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import TextIO

from annotator.supervisor.refusal import Refusal

LOCK = "up.lock"


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
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise Refusal(
            f"Edge Annotator is already running on {path} ({holder}): "
            "use that one ('annotator login-link' signs you in), stop it, or choose another directory with --data."
        ) from error
    return file


def write_holder(lock: TextIO, address: str) -> None:
    """Tell in the lock file who holds it, for the sentence that a second instance prints."""
    lock.truncate(0)
    lock.write(f"process {os.getpid()}, {address}")
    lock.flush()
