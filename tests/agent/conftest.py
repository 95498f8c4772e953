"""A workspace on loopback, an enrolled device, and signed bundles that tell red from green from blue."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mlcore.bundle import Papers
from mlcore.edge.agent.enrol import enrol
from mlcore.edge.agent.home import Home
from mlcore.edge.agent.identity import Identity
from mlcore.edge.agent.link import Link
from tests.agent.workspace import Workspace
from tests.export.tiny import build_colour_bundle, jpeg

KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Three bundles of one project, by their numbers, without the runtime: an enrolled device has its own."""
    folder = tmp_path_factory.mktemp("bundles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlcore.bundle.runtime_files", dict)
        return {
            number: build_colour_bundle(
                folder,
                f"{number}.zip",
                lineage={"project": {"id": 1, "name": "Colours"}, "bundle": number, "model_version": number},
                golden_images=[jpeg("red"), jpeg("blue")],
                papers=Papers(signing_key=KEY),
            ).path
            for number in (1, 2, 3)
        }


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk itself: nobody pulls the plug here."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def workspace(zips: dict[int, Path]) -> Iterator[Workspace]:
    with Workspace() as server:
        server.signing_key = KEY
        server.zips = dict(zips)
        yield server
        server.shutdown()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "device")


@pytest.fixture
def identity(workspace: Workspace, home: Home) -> Identity:
    """A device that has just been enrolled."""
    return enrol(home=home, url=workspace.url, code="abcd-efgh", name="bench", authority="", workspace_key="")


@pytest.fixture
def link(identity: Identity) -> Link:
    return Link(identity, patience=5)


@pytest.fixture
def never() -> Callable[[float], bool]:
    """A wait that takes no time and never asks to stop."""
    return lambda seconds: False


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Call it, and files opened for writing take so many bytes and no more."""
    real_open = Path.open

    def fill(*, after: int) -> None:
        left = after

        class Full(io.FileIO):
            def write(self, data):
                nonlocal left
                left -= len(data)
                if left < 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return super().write(data)

        def open_full(path, mode="r", *more, **options):
            if not set(mode) & set("wxa"):
                return real_open(path, mode, *more, **options)
            return io.BufferedWriter(Full(path, mode.replace("b", "")))

        monkeypatch.setattr(Path, "open", open_full)

    return fill
