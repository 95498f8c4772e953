"""A device in the field: a real agent in a process of its own, which reaches its workspace through a meddler."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError

from tests.hardship.asker import Asker
from tests.hardship.meddler import Meddler
from tests.installation import wait_until
from tests.person import Person
from tests.servers import free_port

# Far longer than anything takes on a busy machine.
LONG = 300.0
COMMAND = [sys.executable, "-m", "mlcore.edge.command"]


class Workspace:
    """A project on a running site, with bundles that are ready; each test takes bundles that none had before."""

    def __init__(self, person: Person, project: int, bundles: dict[int, int], meddler: Meddler) -> None:
        self.person, self.project, self.bundles, self.meddler = person, project, bundles, meddler
        self.forged = max(bundles)
        self._next = 0

    def next_bundle(self) -> int:
        """The number of one that is newer than all before."""
        self._next += 1
        assert self._next < self.forged, "make more bundles"
        return self._next

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request about the project that has to work."""
        act = {"GET": lambda: self.person.get(path), "DELETE": lambda: self.person.delete(path)}
        path = f"projects/{self.project}/{path}"
        status, answer = act[method]() if method in act else self.person.post(path, body)
        assert status < 300, (method, path, status, answer)
        return answer

    def code(self, name: str) -> str:
        """A fresh one-time code."""
        return str(self.ask("POST", "devices/codes", {"name": name, "group": ""})["code"])


class Device:
    """One device; `row` is what the workspace's page shows of it, `status` what it says itself."""

    def __init__(self, workspace: Workspace, home: Path, name: str) -> None:
        self.workspace, self.home, self.name = workspace, home, name
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def enrol(self, code: str | None = None) -> subprocess.CompletedProcess[str]:
        """Come in with a code, through the meddler."""
        url, code = self.workspace.meddler.address, code or self.workspace.code(self.name)
        words = [*COMMAND, "enrol", "--home", self.home, "--url", url, "--code", code]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def start(self) -> None:
        """Start the agent and wait until it answers something over HTTP."""
        words = [*COMMAND, "agent", "--home", str(self.home), "--port", str(self.port), "--device", "CPU"]
        log = (self.home / "agent.log").open("ab")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        wait_until(lambda: self._listens() or self.process.poll() is not None, "the agent's port")
        assert self.process.poll() is None, self.log

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, or kill it."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    @property
    def id(self) -> str:
        """As the workspace knows it."""
        return str(json.loads((self.home / "workspace.json").read_text())["device"])

    @property
    def row(self) -> dict[str, Any]:
        """What the device page shows."""
        return dict(self.workspace.ask("GET", f"devices/{self.id}"))

    @property
    def status(self) -> dict[str, Any]:
        """What `edge-annotator status` says at the device."""
        return dict(json.loads((self.home / "status.json").read_text()))

    def told_at_the_device(self) -> str:
        """What the command says to a person who stands there."""
        words = [*COMMAND, "status", "--home", str(self.home)]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout

    @property
    def log(self) -> str:
        """All that its agents said."""
        return (self.home / "agent.log").read_text()

    @property
    def serves(self) -> int:
        """The number of the bundle that answers at this moment."""
        return Asker(self.port).ask()

    def deploy(self, number: int, **more: Any) -> None:
        """As the button does it."""
        body = {"bundle": self.workspace.bundles[number], "target": "devices", "devices": [self.id], **more}
        self.workspace.ask("POST", "deployments", body)

    def wait_for(self, state: str, number: int) -> dict[str, Any]:
        """The device's row, once the page shows that state and that bundle as running."""

        def shown() -> dict[str, Any] | None:
            row = self.row
            running = row["running"] or {"number": None}
            return row if (row["state"], running["number"]) == (state, number) else None

        return dict(wait_until(shown, f"{state} {number}; it is {self.row}", seconds=LONG))

    def bring(self, number: int) -> None:
        """Deploy without hardship, and wait until it serves."""
        self.deploy(number)
        self.wait_for("running", number)
        assert self.serves == number

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def serves_within(device: Device, number: int, seconds: float = LONG) -> None:
    """Wait until the bundle answers; connections that are refused meanwhile are waited out."""

    def answers() -> bool:
        try:
            return device.serves == number
        except (URLError, OSError):
            return False

    wait_until(answers, f"bundle {number} to answer", seconds=seconds)


def still_serves(asker: Asker, number: int, seconds: float = 0.5) -> None:
    """For so long nothing but this bundle answers, and nothing fails."""
    before = len(asker.numbers)
    time.sleep(seconds)
    later = asker.numbers[before:]
    assert later and set(later) == {number}, later
    assert asker.failures == []

