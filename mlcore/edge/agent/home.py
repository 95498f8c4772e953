"""Where a device keeps its things, and the lock that lets one agent at a time work there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class HomeProblem(Exception):
    """The folder cannot be used; the message is a sentence with the mend."""


@dataclass(frozen=True)
class Home:
    """EDGE_HOME: the device's key and certificate, what it knows of its workspace, its bundles."""

    root: Path

    @classmethod
    def usual(cls) -> "Home":
        """The folder named by EDGE_HOME, else ``~/.edge-annotator-device``."""
        named = os.environ.get("EDGE_HOME")
        return cls(Path(named) if named else Path.home() / ".edge-annotator-device")

    @property
    def key(self) -> Path:
        """The device's private key; it never leaves the device."""
        return self.root / "device.key"

    @property
    def certificate(self) -> Path:
        """What the workspace says of the key, PEM."""
        return self.root / "device.crt"

    @property
    def workspace(self) -> Path:
        """Address, anchors and name: written last when the device enrols."""
        return self.root / "workspace.json"

    @property
    def state(self) -> Path:
        """What runs, what ran before, which order was taken: must survive a power cut."""
        return self.root / "state.json"

    @property
    def settings(self) -> Path:
        """What the owner allows, as last heard of."""
        return self.root / "settings.json"

    @property
    def status(self) -> Path:
        """How the agent is doing, for ``edge-annotator status``; may be lost."""
        return self.root / "status.json"

    @property
    def work(self) -> Path:
        """Where pictures come from and where answers go, as ``edge-annotator agent --help`` lists it; may be absent."""
        return self.root / "work.json"

    @property
    def rollback_wish(self) -> Path:
        """Lies here when somebody at the device wants the version before."""
        return self.root / "rollback.wish"

    @property
    def bundles(self) -> Path:
        """Unpacked bundles, each in a folder named by the first 16 digits of the zip's SHA-256."""
        return self.root / "bundles"

    @property
    def downloads(self) -> Path:
        """Zips that have arrived in part."""
        return self.root / "downloads"

    @property
    def kept(self) -> Path:
        """Pictures and features that wait for being sent home."""
        return self.root / "kept"

    def make(self) -> None:
        """Create the folders, for their owner alone. Raises HomeProblem."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in (self.bundles, self.downloads, self.kept):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as problem:
            raise HomeProblem(
                f"{self.root} cannot be made ({problem.strerror}); give another folder with --home."
            ) from problem

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process; the lock goes with the process. Raises HomeProblem when another holds it."""
        try:
            import fcntl
        except ImportError:  # a system without such locks: nothing warns of two agents
            yield
            return
        self.make()
        with (self.root / "agent.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as problem:
                raise HomeProblem(f"Another agent is at work in {self.root}; stop it, or give another --home.") from problem
            yield
