"""What a site makes at its first start, made once a run: the tables of its database, and the network that makes features."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATABASE, NETWORKS = "db.sqlite3", "ir"


def prepared(factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy from. Of the processes of a run that ask at once, one makes it and the others wait."""
    base = factory.getbasetemp()
    # Each process has a folder of its own inside that of the run.
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "prepared"
    with (base / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = base / "preparing"
            _make(making)
            making.rename(folder)
    return folder


def furnish(data: Path, factory: pytest.TempPathFactory) -> Path:
    """Make `data` what it would be after its first start; returns it."""
    source = prepared(factory)
    data.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / DATABASE, data)
    shutil.copytree(source / NETWORKS, data / NETWORKS)
    return data


def _make(folder: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")}
    environment["ANNOTATOR_DATA"] = str(folder)
    for words in (["annotator.cli", "migrate"], ["mlcore.backbones", "--folder", str(folder / NETWORKS)]):
        subprocess.run([sys.executable, "-m", *words], env=environment, capture_output=True, check=True)
    # Written back into the one file that is copied.
    assert not (folder / f"{DATABASE}-wal").exists()
